#!/usr/bin/python3
"""Host names of databases: resolved by the launcher, followed while the app runs, never through the app's resolver."""

import socket
import threading
import time

from harness import check, contains, equal, main, test, wait_for
from name_server import NameServer, enter

PORT = 15432  # no engine's own: only the name makes it a database
URL = f"postgresql://user:hidden-secret@db:{PORT}/db"
# Reads "who address" a line and tries to connect, as itself or as a child that is no app.
APP = f"""
import errno, socket, subprocess, sys
def reach(address):
    with socket.socket() as s:
        s.settimeout(10)
        try:
            s.connect((address, {PORT}))
            return s.recv(20).decode().strip()
        except OSError as error:
            return errno.errorcode[error.errno]
def child(address):
    script = f"exec 3<>/dev/tcp/{{address}}/{PORT} && read -r -t 5 -u 3 line && echo $line"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    return result.stdout.strip() or "refused"
for line in sys.stdin:
    who, address = line.split()
    print(who, address, reach(address) if who == "app" else child(address), flush=True)
"""


class Database:
    """Greets whoever connects to one of the machine's addresses."""

    def __init__(self, address):
        self.socket = socket.create_server((address, PORT))
        self.count = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            with peer:
                peer.sendall(b"welcome\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Dialogue:
    """A running app that is asked to connect here and there."""

    def __init__(self, place, policy="", url=URL):
        self.place = place
        if policy:
            place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\n" + policy)
        self.process = place.start("/usr/bin/python3", "-u", "-c", APP, options=["--format", "raw"],
                                   env={"DATABASE_URL": url} if url else {}, stdin=-1)

    def ask(self, who, address):
        self.process.stdin.write(f"{who} {address}\n".encode())
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().split()[-1]

    def end(self):
        return self.place.finish(self.process)


@test
def a_database_that_moves_is_followed(place):
    """The new address is a database at the first connect to it, and the old one stays one."""
    with NameServer() as names, Database("0.0.0.0"):
        names.records["db.test.example"] = (1, ["10.9.0.1"])
        run = Dialogue(place)
        equal(run.ask("app", "10.9.0.1"), "welcome", "the app and the address of the start")
        equal(run.ask("child", "10.9.0.1"), "refused", "a child and the address of the start")
        names.records["db.test.example"] = (1, ["10.9.0.2"])
        time.sleep(1.1)
        equal(run.ask("child", "10.9.0.2"), "refused", "a child and the new address")
        equal(run.ask("app", "10.9.0.2"), "welcome", "the app and the new address")
        equal(run.ask("child", "10.9.0.1"), "refused", "a child and the old address")
        equal(run.ask("child", "10.9.0.3"), "welcome", "a child and another host with this port")
        result = run.end()
    equal({finding["destination"] for finding in result.findings("CD201")}, {f"10.9.0.1:{PORT}", f"10.9.0.2:{PORT}"},
          "destinations of the findings")


@test
def an_allowed_name_that_moves_is_followed(place):
    """With database.allow the app reaches the name's addresses only, old and new."""
    with NameServer() as names, Database("0.0.0.0"):
        names.records["db.test.example"] = (300, ["10.9.0.1"])
        run = Dialogue(place, f"database: {{ports: [{PORT}], allow: [\"db:{PORT}\"]}}\n", url="")
        equal(run.ask("app", "10.9.0.1"), "welcome", "the address of the start")
        equal(run.ask("app", "10.9.0.2"), "ECONNREFUSED", "another address")
        names.records["db.test.example"] = (300, ["10.9.0.2"])
        time.sleep(1.1)
        equal(run.ask("app", "10.9.0.2"), "welcome", "the new address, before the TTL has passed")
        equal(run.ask("app", "10.9.0.1"), "welcome", "the old one, which gets a grace")
        equal(run.ask("app", "10.9.0.3"), "ECONNREFUSED", "a third one")
        run.end()


@test
def a_name_that_is_unknown_at_the_start_is_asked_for_again(place):
    with NameServer() as names, Database("0.0.0.0"):
        run = Dialogue(place, f"database: {{allow: [\"db:{PORT}\"]}}\n", url="")
        equal(run.ask("app", "10.9.0.1"), "ECONNREFUSED", "an address while the name is unknown")
        names.records["db.test.example"] = (60, ["10.9.0.1"])
        wait_for(lambda: run.ask("app", "10.9.0.1") == "welcome", "the name to be known", 10, 0.5)
        equal(run.ask("child", "10.9.0.1"), "refused", "a child")
        result = run.end()
    contains(result.err, "can't resolve 'db'", "notice at the start")
    contains(result.err, "asked for again", "notice at the start")


@test
def a_silent_name_server_delays_only_who_depends_on_it(place):
    with NameServer() as names, Database("0.0.0.0"), socket.create_server(("127.0.0.1", 8000)):
        names.records["db.test.example"] = (1, ["10.9.0.1"])
        code = f"""
import socket, threading, time
time.sleep(1.2)
def slow():
    start = time.monotonic(); result = socket.socket().connect_ex(("10.9.0.7", {PORT}))
    print("slow", result, 1 < time.monotonic() - start < 4, flush=True)
waiting = threading.Thread(target=slow); waiting.start(); time.sleep(0.2)
start = time.monotonic(); socket.create_connection(("127.0.0.1", 8000)); print("quick", time.monotonic() - start < 0.5, flush=True)
waiting.join()
"""
        process = place.start("/usr/bin/python3", "-c", code, options=["--format", "raw"], env={"DATABASE_URL": URL})
        wait_for(lambda: "db.test.example" in names.asked, "the question of the start")
        time.sleep(0.3)
        names.silent = True
        result = place.finish(process)
    equal(result.out.decode().split("\n")[:2], ["quick True", "slow 0 True"], f"({result.err})")


@test
def a_run_without_connections_asks_once(place):
    with NameServer() as names:
        names.records["db.test.example"] = (1, ["10.9.0.1"])
        place.sh("sleep 2.5", env={"DATABASE_URL": URL})
        check(names.asked.count("db.test.example") <= 2, f"questions: {names.asked}")  # A and AAAA


enter()
main()
