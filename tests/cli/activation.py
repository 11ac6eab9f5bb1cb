#!/usr/bin/python3
"""Sockets of a service manager (sd_listen_fds(3)): LISTEN_FDS from descriptor 3 on reach the app, and nothing else does."""

import contextlib
import os
import socket
import subprocess

from harness import BINARY, check, contains, equal, main, test, wait_for

SERVE = """
import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid()), (os.environ["LISTEN_PID"], os.getpid())
listeners = [socket.socket(fileno=3 + number) for number in range(int(os.environ["LISTEN_FDS"]))]
for number, listener in enumerate(listeners):
    visitor, _ = listener.accept()
    visitor.sendall(f"{os.environ['LISTEN_FDNAMES']} {number}".encode())
    visitor.close()
print(sorted(int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 2)[:-1], flush=True)
"""
MODES = ("local", "container")


def started(place, descriptors, *command, pid="$$", mode="local"):
    """As systemd does between fork and exec: the sockets from 3 on, LISTEN_PID the process that becomes the program."""
    place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\nmode: {mode}\n"
                                 + ("enforcement: degraded\n" if mode == "container" else ""))

    def place_them():
        copies = [os.dup2(fd, 100 + number, inheritable=True) for number, fd in enumerate(descriptors)]
        for number, copy in enumerate(copies):
            os.dup2(copy, 3 + number, inheritable=True)
            os.close(copy)

    environment = {**place.env, "LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": "web"}
    return subprocess.Popen(["/bin/sh", "-c", f'LISTEN_PID={pid} exec "$@"', "sh", BINARY, "run", "--format", "raw", "--", *command],
                            cwd=place.project, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, close_fds=False, preexec_fn=place_them)


def visit(address):
    with contextlib.closing(socket.create_connection(address, 10)) as visitor:
        return visitor.recv(100)


@test
def sockets_reach_the_app(place):
    for mode in MODES:
        with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
            process = started(place, [first.fileno(), second.fileno()], "/usr/bin/python3", "-c", SERVE, mode=mode)
            answers = [visit(listener.getsockname()) for listener in (first, second)]
            result = place.finish(process, 10)
        equal(answers, [b"web 0", b"web 1"], f"what the visitors got ({mode}, {result.err})")
        equal((result.code, result.out), (0, b"[3, 4]\n"), f"descriptors of the app ({mode}, {result.err})")


@test
def unix_socket_reaches_the_app(place):
    path = os.path.join(place.out, "web.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as visitor:
        listener.bind(path)
        listener.listen()
        process = started(place, [listener.fileno()], "/usr/bin/python3", "-c", SERVE)
        visitor.connect(path)
        answer = visitor.recv(100)
        result = place.finish(process, 10)
    equal((answer, result.code), (b"web 0", 0), f"answer ({result.err})")


@test
def other_descriptors_are_refused(place):
    read_end, write_end = os.pipe()
    directory = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    with socket.socket() as silent, socket.create_server(("127.0.0.1", 0)) as listener:
        for what, fd in (("is no socket", directory), ("is no socket", write_end), ("does not listen", silent.fileno())):
            result = place.finish(started(place, [listener.fileno(), fd], "echo", "started"), 10)
            equal((result.code, result.out), (125, b""), f"a descriptor that {what} ({result.err})")
            contains(result.err, "descriptor 4 " + what.replace("does", "is a socket that does"), "message")
    for fd in (read_end, write_end, directory):
        os.close(fd)


@test
def sockets_of_another_process_are_closed(place):
    """LISTEN_PID names somebody else (a parent that did not exec): the descriptors are nobody's business here."""
    show = "import os; print(os.environ['LISTEN_PID'], len(os.listdir('/proc/self/fd')))"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for pid, descriptors in (("$$", 5), ("1", 4)):  # 0, 1, 2, that of the listing, and the socket
            result = place.finish(started(place, [listener.fileno()], "/usr/bin/python3", "-c", show, pid=pid), 10)
            equal(result.out, f"{2 if pid == '$$' else 1} {descriptors}\n".encode(), f"LISTEN_PID={pid} ({result.err})")


@test
def port_is_free_after_the_end(place):
    """cofferdam keeps the sockets as long as it runs, as the service manager does; not longer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        process = started(place, [listener.fileno()], "true")
    equal(place.finish(process, 10).code, 0, "exit status")

    def refused():
        try:
            visit(address)
        except ConnectionRefusedError:
            return True
        return False

    wait_for(refused, "the port to be free", 5)
    check(refused(), "the port is free")


main()
