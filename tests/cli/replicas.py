#!/usr/bin/python3
"""Several instances on one port: even spread, storage of their own, crashes, readiness, replacement without a lost
request, and the end of all of them."""

import collections
import contextlib
import errno
import http.client
import os
import signal
import socket
import threading
import time

from harness import Failure, check, contains, equal, free_port, main, test, wait_for

# Answers with the name of its instance; /pid, /crash, /write and /read do what they say, /hang keeps a request a while.
SERVER = r"""
import http.server, os, signal, sys, threading, time
name, port = os.environ["COFFERDAM_INSTANCE"], int(os.environ["PORT"])
time.sleep(float(os.environ.get("SLOW", "0")))
if os.path.exists("broken"):
    sys.exit("broken")
started = time.monotonic()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body, status = name, 200
        if self.path == "/crash":
            os._exit(3)
        elif self.path == "/fault":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif self.path == "/healthz":
            status = 200 if time.monotonic() - started >= float(os.environ.get("WARM", "0")) else 503
        elif self.path == "/write":
            open("state.txt", "w").write(name)
        elif self.path == "/read":
            body = open("state.txt").read() if os.path.exists("state.txt") else "nothing"
        elif self.path == "/hang":
            time.sleep(0.3)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False
server = Server((os.environ.get("ADDRESS", "127.0.0.1"), port), Handler)
def stop(*_):
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, stop)
print("serving", flush=True)
server.serve_forever()
server.server_close()
"""


class Fleet:
    """A run of SERVER with several instances; ended when the block is left."""

    def __init__(self, place, *options, policy="", env=None):
        self.place, self.port = place, free_port()
        if policy:
            place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\n" + policy)
        self.process = place.start("/usr/bin/python3", "-c", SERVER, options=options, start_new_session=True,
                                   env={"PORT": str(self.port), **(env or {})})
        self.result = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.result is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            self.result = self.place.finish(self.process)
            if kind is not None:
                print(self.result.err)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.result = self.place.finish(self.process)
        return self.result

    def get(self, path="/", timeout=5):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.read().decode()
        finally:
            connection.close()

    def spread(self, count=60, path="/"):
        return collections.Counter(self.get(path) for _ in range(count))

    def await_names(self, *names):
        """Until these answer, and nobody else does."""
        def answer():
            with contextlib.suppress(OSError):
                return set(self.spread(40)) == set(names)
        wait_for(answer, f"{names} to answer", 15)

    def instances(self):
        return {entry["name"]: entry for entry in self.result.report["instances"]}


@test
def connections_are_spread_over_all(place):
    with Fleet(place, "--replicas", "3") as fleet:
        fleet.await_names("web.1", "web.2", "web.3")
        got = fleet.spread(300)
        for name in ("web.1", "web.2", "web.3"):
            check(60 <= got[name] <= 140, f"{got}")
        result = fleet.end()
    equal(sorted(fleet.instances()), ["web.1", "web.2", "web.3"], "instances")
    equal(result.code, 0, f"exit status ({result.err})")
    equal({record["instance"] for record in result.records("stdout")}, {"web.1", "web.2", "web.3"}, "names in the log")
    place.no_process_left()


@test
def each_has_storage_of_its_own(place):
    with Fleet(place, "--replicas", "2") as fleet:
        fleet.await_names("web.1", "web.2")
        writer = fleet.get("/write")
        got = fleet.spread(60, "/read")
        equal(set(got), {writer, "nothing"}, "what is read")
        result = fleet.end()
    findings = result.findings("CD135")
    equal(len(findings), 1, f"CD135 ({result.err})")
    other = "web.2" if writer == "web.1" else "web.1"
    contains(findings[0]["message"], f"{other} looked for {place.project}/state.txt", "CD135")
    contains(findings[0]["message"], f"which {writer} had written", "CD135")
    equal([lost["instance"] for lost in result.report["lost"]], [writer], "lost")
    check(not os.path.exists(os.path.join(place.project, "state.txt")), "a file of the host")


@test
def what_each_makes_for_itself_is_no_finding(place):
    code = r"""
import os, time
for name in ("app.pid", "cache/index", ".lock"):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    if not os.path.exists(name):
        open(name, "w").write("x")
    open(name).read()
time.sleep(0.5)
"""
    result = place.python(code, options=("--replicas", "3"))
    equal([finding["code"] for finding in result.report["findings"] if finding["code"].startswith("CD13")], [], result.err)


@test
def the_policy_says_how_many(place):
    with Fleet(place, policy="run: {replicas: 2}\n") as fleet:
        fleet.await_names("web.1", "web.2")
    with Fleet(place, "--replicas", "1", policy="run: {replicas: 2}\n") as fleet:
        fleet.await_names("web.1")


@test
def a_crash_is_started_again_and_told(place):
    with Fleet(place, "--replicas", "2") as fleet:
        fleet.await_names("web.1", "web.2")
        with contextlib.suppress(OSError, http.client.HTTPException):
            fleet.get("/crash")
        fleet.await_names("web.1", "web.2")
        with contextlib.suppress(OSError, http.client.HTTPException):
            fleet.get("/fault")
        fleet.await_names("web.1", "web.2")
        result = fleet.end()
    equal(sum(entry["restarts"] for entry in fleet.instances().values()), 2, "restarts")
    messages = "\n".join(finding["message"] for finding in result.findings("CD510"))
    contains(messages, "exit status 3 and was started again", "CD510")
    contains(messages, "signal 11 (SIGSEGV)", "CD510")
    equal(result.code, 0, "exit status")


@test
def the_others_serve_while_one_is_away(place):
    with Fleet(place, "--replicas", "2", env={"SLOW": "1"}) as fleet:
        fleet.await_names("web.1", "web.2")
        with contextlib.suppress(OSError, http.client.HTTPException):
            fleet.get("/crash")
        time.sleep(0.1)
        equal(len(fleet.spread(40)), 1, "who answers")
        fleet.await_names("web.1", "web.2")


@test
def one_that_never_came_up_ends_the_run(place):
    place.file("broken")
    with Fleet(place, "--replicas", "3") as fleet:
        fleet.result = place.finish(fleet.process)
    equal(fleet.result.code, 1, f"exit status ({fleet.result.err})")
    equal({entry["restarts"] for entry in fleet.instances().values()}, {0}, "restarts")


@test
def restarts_are_as_the_policy_says(place):
    with Fleet(place, policy="run: {replicas: 2, restart: never}\n") as fleet:
        fleet.await_names("web.1", "web.2")
        with contextlib.suppress(OSError, http.client.HTTPException):
            fleet.get("/crash")
        time.sleep(0.5)
        equal(len(fleet.spread(20)), 1, "who answers")
        result = fleet.end()
    equal(result.code, 3, "exit status")
    with Fleet(place, policy="run: {restart: on-failure}\n") as fleet:
        fleet.await_names("web.1")
        with contextlib.suppress(OSError, http.client.HTTPException):
            fleet.get("/crash")
        fleet.await_names("web.1")
    equal(fleet.instances()["web.1"]["restarts"], 1, "restarts")


@test
def an_instance_gets_connections_once_it_is_ready(place):
    policy = "run: {replicas: 2, readiness: {http: /healthz}}\n"
    with Fleet(place, policy=policy, env={"WARM": "1"}) as fleet:
        fleet.await_names("web.1", "web.2")
        time.sleep(1.3)  # both are ready
        with contextlib.suppress(OSError, http.client.HTTPException):
            fleet.get("/crash")
        time.sleep(0.1)
        # The new one listens long before it is ready; nobody gets to it until then.
        first = time.monotonic()
        names = set()
        while time.monotonic() - first < 0.9:
            names |= set(fleet.spread(5))
            time.sleep(0.02)
        equal(len(names), 1, "who answers meanwhile")
        wait_for(lambda: len(fleet.spread(20)) == 2, "both again", 10)


@test
def one_that_is_not_ready_in_time_has_failed(place):
    policy = "run: {replicas: 2, readiness: {http: /healthz, timeout: 1s}}\n"
    with Fleet(place, policy=policy, env={"WARM": "60"}) as fleet:
        fleet.result = place.finish(fleet.process)
    finding = fleet.result.findings("CD511")
    check(finding, f"no CD511: {fleet.result.err}")
    contains(finding[0]["message"], "GET /healthz: HTTP status 503", "CD511")
    check(fleet.result.code != 0, "exit status")


@test
def readiness_by_tcp_and_ipv6(place):
    policy = "run: {replicas: 2, readiness: {timeout: 10s}}\n"
    code = SERVER.replace("server = Server", "Server.address_family = __import__('socket').AF_INET6\nserver = Server")
    port = free_port()
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\n" + policy)
    process = place.start("/usr/bin/python3", "-c", code, env={"PORT": str(port), "ADDRESS": "::"})
    def names():
        found = set()
        for address in ("::1", "127.0.0.1") * 20:
            connection = http.client.HTTPConnection(address, port, timeout=5)
            connection.request("GET", "/", headers={"Connection": "close"})
            found.add(connection.getresponse().read().decode())
        return found
    def both():
        with contextlib.suppress(OSError):
            return names() == {"web.1", "web.2"}
    wait_for(both, "both instances", 10)
    process.send_signal(signal.SIGTERM)
    equal(place.finish(process).code, 0, "exit status")


class Load:
    """Requests from several threads until the block is left; counts what failed."""

    def __init__(self, fleet, threads=4, path="/"):
        self.fleet, self.path, self.failed, self.count, self.names = fleet, path, [], 0, set()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(threads)]

    def work(self):
        while not self.stop.is_set():
            try:
                self.names.add(self.fleet.get(self.path, 10))
                self.count += 1
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@test
def a_hangup_replaces_them_without_a_lost_request(place):
    with Fleet(place, "--replicas", "2", policy="run: {readiness: {http: /healthz}}\n") as fleet:
        fleet.await_names("web.1", "web.2")
        with Load(fleet) as quick, Load(fleet, 2, "/hang") as slow:
            fleet.process.send_signal(signal.SIGHUP)
            fleet.await_names("web.3", "web.4")
        for load in (quick, slow):
            equal(load.failed, [], "failed requests")
            check(load.count > 5, f"{load.count} requests")
        result = fleet.end()
    equal(sorted(fleet.instances()), ["web.1", "web.2", "web.3", "web.4"], "instances")
    equal(result.code, 0, f"exit status ({result.err})")


@test
def a_replacement_that_fails_leaves_the_old_ones(place):
    with Fleet(place, "--replicas", "2") as fleet:
        fleet.await_names("web.1", "web.2")
        place.file("broken")
        with Load(fleet) as load:
            fleet.process.send_signal(signal.SIGHUP)
            time.sleep(1)
        equal(load.failed, [], "failed requests")
        equal(load.names, {"web.1", "web.2"}, "who answers")
        result = fleet.end()
    findings = result.findings("CD512")
    contains(findings[0]["message"], "web.1 was not replaced: web.3: it ended before it was ready", "CD512")
    equal(result.code, 0, f"exit status ({result.err})")


@test
def one_interrupt_ends_all(place):
    with Fleet(place, "--replicas", "3") as fleet:
        fleet.await_names("web.1", "web.2", "web.3")
        before = time.monotonic()
        result = fleet.end(signal.SIGINT)
    check(time.monotonic() - before < 5, "it takes long")
    equal(result.code, 130, f"exit status ({result.err})")
    equal({entry["restarts"] for entry in fleet.instances().values()}, {0}, "restarts")
    place.no_process_left()


@test
def a_killed_launcher_takes_all_with_it(place):
    with Fleet(place, "--replicas", "3") as fleet:
        fleet.await_names("web.1", "web.2", "web.3")
        fleet.process.kill()
        fleet.process.wait()
        place.no_process_left()
        for stream in (fleet.process.stdout, fleet.process.stderr):
            stream.close()
        fleet.result = True


@test
def a_port_that_is_taken_is_told_as_ever(place):
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as stranger:
        port = stranger.getsockname()[1]
        process = place.start("/usr/bin/python3", "-c", SERVER, options=("--replicas", "2"), env={"PORT": str(port)})
        result = place.finish(process)
    check(result.code != 0, "exit status")
    contains("\n".join(result.messages("stderr")), "Address already in use", "what the app says")


@test
def the_second_socket_of_an_instance_is_refused(place):
    code = r"""
import os, socket, sys
port = int(os.environ["PORT"])
first = socket.create_server(("127.0.0.1", port))
try:
    socket.create_server(("127.0.0.1", port))
    sys.exit("bound twice")
except OSError as error:
    print(error.errno, flush=True)
first.close()
again = socket.create_server(("127.0.0.1", port))
print("again", flush=True)
"""
    process = place.start("/usr/bin/python3", "-c", code, options=("--replicas", "2"), env={"PORT": str(free_port())})
    result = place.finish(process)
    equal(sorted(result.messages()), ["98", "98", "again", "again"], f"output ({result.err})")
    equal(result.code, 0, "exit status")


@test
def a_port_that_all_have_closed_is_free_each_time(place):
    """Also after a while without any socket: reloaders close and bind again and again."""
    code = ("import os, socket, time\n"
            "for _ in range(3):\n"
            "    server = socket.socket()\n"
            "    server.bind(('127.0.0.1', int(os.environ['PORT'])))\n"
            "    server.listen()\n"
            "    print('listens', flush=True)\n"
            "    time.sleep(0.4)\n"
            "    server.close()\n"
            "    print('closed', flush=True)\n"
            "    time.sleep(2.6)\n")
    port = free_port()
    process = place.start("/usr/bin/python3", "-c", code, options=("--replicas", "2", "--format", "raw"),
                          env={"PORT": str(port)}, bufsize=0)
    def refused():
        with contextlib.closing(socket.socket()) as client:
            client.settimeout(1)
            return client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
    closed = 0
    while line := process.stdout.readline():
        closed += line == b"closed\n"
        if line == b"closed\n" and closed % 2 == 0:
            wait_for(refused, f"the port to be free after it was closed {closed} times", 3)
    equal(closed, 6, "how often it was closed")
    place.finish(process, 10)


@test
def jobs_that_end_well_end_the_run(place):
    result = place.run("/bin/sh", "-c", "echo $COFFERDAM_INSTANCE", options=("--replicas", "3"))
    equal(sorted(result.messages()), ["web.1", "web.2", "web.3"], "output")
    equal(result.code, 0, "exit status")


@test
def kept_writes_are_kept_apart(place):
    kept = os.path.join(place.out, "kept")
    result = place.run("/bin/sh", "-c", "echo $COFFERDAM_INSTANCE > made", options=("--replicas", "2", "--keep-writes", kept))
    equal(result.code, 0, f"exit status ({result.err})")
    for name in ("web.1", "web.2"):
        with open(f"{kept}/{name}{place.project}/made", encoding="utf-8") as file:
            equal(file.read(), name + "\n", "what was kept")


@test
def several_in_a_container_are_the_engines(place):
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nmode: container\nenforcement: degraded\n")
    result = place.run("/bin/true", options=("--replicas", "2"), report=False)
    equal(result.code, 125, "exit status")
    contains(result.err, "docker compose up --scale", "what to do")


@test
def a_wrong_number_is_refused(place):
    for number in ("0", "101", "two", "-1"):
        result = place.cofferdam("run", "--replicas", number, "--", "/bin/true")
        equal(result.code, 125, f"exit status of {number}")
        contains(result.err, "from 1 to 100", "what is wrong")


if __name__ == "__main__":
    main()
