#!/usr/bin/python3
"""connect(2) as clients use it: what a program sees is the same without cofferdam, with sockets taken from the caller
(local mode, pidfd_getfd) and with sockets made for it (container mode, the broker).

The client is C (socket_client/) and brings its own servers; each of its cases runs natively first.
"""

import contextlib
import functools
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import uuid

from harness import check, equal, free_port, main, skip, test, ROOT

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "socket_client")
PATHS = ("local", "container")
CASES = ["blocking", "nonblocking", "registered_before", "refused", "bound_first", "duplicated", "twice", "datagrams",
         "time_limit", "interrupted", "restarted", "storm", "thread_signalled", "cancelled", "killed", "stopped",
         "inherited", "passed", "ends", "ports", "parallel", "unix_names", "unix_full"]
SO_PEERGROUPS = 59


def test_as_root(function):
    """Becomes another user, or looks into the launcher."""
    return test(function) if ROOT else function


@functools.cache
def client():
    """The compiled client, in a directory that goes away with us."""
    if not shutil.which("gcc"):
        skip("a C compiler (gcc)")
    directory = tempfile.TemporaryDirectory(prefix="cofferdam-sockets.")
    os.chmod(directory.name, 0o755)
    binary = os.path.join(directory.name, "sockets")
    sources = sorted(os.path.join(SOURCES, name) for name in os.listdir(SOURCES) if name.endswith(".c"))
    subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-O1", "-pthread", "-o", binary, *sources], check=True)
    return directory, binary


def prepare(place, path):
    """The client in the project and a policy that makes its port a database; returns the environment."""
    shutil.copy(client()[1], os.path.join(place.project, "sockets"))
    port = free_port()
    place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\nmode: {path}\ndatabase: {{ports: [{port}]}}\n")
    return {"DB_PORT": str(port), "SCRATCH": f"/dev/shm/cofferdam-test-{uuid.uuid4().hex}"}


@functools.cache
def natively(case):
    """What the case prints without cofferdam. The cases look at the clock: what a busy machine delays is tried again."""
    scratch = f"/dev/shm/cofferdam-test-{uuid.uuid4().hex}"
    try:
        for _ in range(3):
            result = subprocess.run([client()[1], case], env={"DB_PORT": str(free_port()), "SCRATCH": scratch}, check=False,
                                    capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
            if result.returncode == 0 and "no" not in result.stdout.split():
                break
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    check(result.returncode == 0 and result.stdout and "no" not in result.stdout.split(), f"natively: {result}")
    return result.stdout


def compare(place, path, case):
    wanted = natively(case)
    env = prepare(place, path)
    try:
        for _ in range(2):
            result = place.run("./sockets", case, options=["--format", "raw"], env=env)
            if result.out.decode() == wanted:
                break
    finally:
        shutil.rmtree(env["SCRATCH"], ignore_errors=True)
    equal(result.out.decode(), wanted, f"{case}, wanted as it is natively ({result.err})")
    equal(result.code, 0, "exit status")
    equal(result.findings("CD201"), [], "refusals")


def register(path, case):
    function = functools.partial(compare, path=path, case=case)
    function.__name__ = f"{case}_{path}"
    test(function)


for each_path in PATHS:
    for each_case in CASES:
        register(each_path, each_case)


@test
def let_go_and_connect_again(place):
    """AF_UNSPEC ends a connection. The broker has given the socket up by then, so in container mode it can't."""
    results = {}
    for path in PATHS:
        env = prepare(place, path)
        results[path] = dict(line.split() for line in
                             place.run("./sockets", "disconnected", options=["--format", "raw"], env=env).out.decode().splitlines())
    equal([results["local"][name] for name in ("connect", "let-go", "peer", "again")], ["ok", "ok", "ENOTCONN", "ok"], "local")
    equal([results["container"][name] for name in ("connect", "let-go", "peer", "again")],
          ["ok", "EOPNOTSUPP", "connected", "EISCONN"], "container")


@test
def other_families_do_not_open(place):
    wanted = {"mptcp": "EPROTONOSUPPORT", "sctp": "EPROTONOSUPPORT", "sctp-seqpacket": "EPROTONOSUPPORT",
              "dccp": "EPROTONOSUPPORT", "udplite": "EPROTONOSUPPORT", "raw": "EPERM", "raw6": "EPERM",
              "packet": "EAFNOSUPPORT", "old-packet": "EPERM", "vsock": "EAFNOSUPPORT",
              "netlink-diag": "EPROTONOSUPPORT", "netlink-route": "ok", "io_uring": "ENOSYS", "fast-open": "EOPNOTSUPP"}
    for path in PATHS:
        result = place.run("./sockets", "families", options=["--format", "raw"], env=prepare(place, path))
        equal(dict(line.split() for line in result.out.decode().splitlines()), wanted, path)


# --- what stays behind -----------------------------------------------------------------------------------------------


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid, kind=""):
    """How many of the launcher's descriptors are of this kind. Only root may look: it can't be read by its own user."""
    if not ROOT:
        return 0
    count = 0
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{pid}/fd/{number}").startswith(kind)
    return count


@test
def two_thousand_connections_leave_nothing(place):
    for path in PATHS:
        process = place.start("./sockets", "many", options=["--format", "raw"], env=prepare(place, path),
                              stdin=subprocess.PIPE)
        use = []
        for _ in range(3):
            equal(process.stdout.readline(), b"phase done\n", f"{path}, the client")
            time.sleep(0.1)
            use.append((descriptors(process.pid), resident(process.pid)))
            process.stdin.write(b"x")
            process.stdin.flush()
        result = place.finish(process)
        equal(result.code, 0, f"exit status ({result.err})")
        check(use[2][0] <= use[0][0] + 2, f"{path}: descriptors of the launcher: {use}")
        check(use[2][1] - use[1][1] < 256 * 1024, f"{path}: memory of the launcher, after 250, 2,250 and 4,250: {use}")


@test_as_root
def killed_callers_leave_nothing(place):
    """50 processes are killed while they connect to a host that does not answer."""
    code = """
import os, signal, socket, sys, time
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen(0)
address = server.getsockname()
full = [socket.socket() for _ in range(3)]
for one in full: one.setblocking(False); one.connect_ex(address)
print("ready", flush=True); sys.stdin.readline()
children = []
for _ in range(50):
    child = os.fork()
    if child == 0: socket.socket().connect(address)
    children.append(child)
time.sleep(0.5)
for child in children: os.kill(child, signal.SIGKILL)
for child in children: os.waitpid(child, 0)
print("killed", flush=True); sys.stdin.readline()
"""
    for path in PATHS:
        prepare(place, path)
        process = place.start("/usr/bin/python3", "-c", code, options=["--format", "raw"], stdin=subprocess.PIPE)
        equal(process.stdout.readline(), b"ready\n", f"{path}, the app")
        before = descriptors(process.pid, "socket:")
        process.stdin.write(b"\n")
        process.stdin.flush()
        equal(process.stdout.readline(), b"killed\n", f"{path}, the app")
        time.sleep(0.3)
        after = descriptors(process.pid, "socket:")
        process.stdin.write(b"\n")
        result = place.finish(process)
        equal(result.code, 0, f"exit status ({result.err})")
        check(after <= before + 3, f"{path}: sockets of the launcher, before and after: {before}, {after}")


# --- who the server sees ---------------------------------------------------------------------------------------------

AS_ANOTHER = """
import os, socket, sys
os.setgroups(eval(sys.argv[2])); os.setresgid(60, 60, 60); os.setresuid(5, 5, 5)
with socket.socket(socket.AF_UNIX) as s:
    print(s.connect_ex(sys.argv[1]))
"""


@test_as_root
def server_sees_user_and_groups_of_the_caller(place):
    path = os.path.join(place.base, "service.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        os.chown(path, 0, 50)
        os.chmod(path, 0o660)
        server.listen()
        server.settimeout(5)
        for mode in PATHS:
            place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\nmode: {mode}\ndatabase: {{sockets: [\"{path}\"]}}\n")
            result = place.run("/usr/bin/python3", "-c", AS_ANOTHER, path, "[50, 70]", options=["--format", "raw"])
            equal(result.out, b"0\n", f"{mode}: a member of the socket's group ({result.err})")
            peer, _ = server.accept()
            with peer:
                credentials = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                groups = peer.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 64)
            equal(credentials[1:], (5, 60), f"{mode}: user and group")
            equal(sorted(struct.unpack(f"{len(groups) // 4}I", groups)), [50, 70], f"{mode}: supplementary groups")
            result = place.run("/usr/bin/python3", "-c", AS_ANOTHER, path, "[70]", options=["--format", "raw"])
            equal(result.out, b"13\n", f"{mode}: no member of the socket's group ({result.err})")


main()
