#!/usr/bin/python3
"""Rule 2 from outside, with a listener of the test's own in the place of a database: who reaches it, who is refused.

The app is Python; what it starts is bash with its /dev/tcp, a different program. Real databases are in tests/apps.
"""

import contextlib
import os
import shutil
import socket
import threading

from harness import check, contains, equal, free_port, main, skip, test

APP = r"""
import errno, os, socket, subprocess, sys
def reach(host, port, family=socket.AF_INET):
    with socket.socket(family) as s:
        s.settimeout(5)
        try:
            s.connect((host, port))
            return s.recv(20).decode().strip()
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))
def child(host, port):
    script = f"exec 3<>/dev/tcp/{host}/{port} && read -r -t 5 -u 3 line && echo $line"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    return result.stdout.strip() or "refused" if "refused" in result.stderr or "denied" in result.stderr else result.stdout.strip() or result.stderr
"""


class Listener:
    """Greets whoever connects, and counts."""

    def __init__(self, host="127.0.0.1", family=socket.AF_INET, path=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(path)
        else:
            self.socket = socket.socket(family)
            self.socket.bind((host, free_port()))
            self.port = self.socket.getsockname()[1]
        self.socket.listen(16)
        self.count = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                self.count += 1
                with peer:
                    peer.sendall(b"welcome\n")

    def url(self, scheme="postgresql"):
        return f"{scheme}://user:hidden-secret@127.0.0.1:{self.port}/db"


def refused(outcome):
    return outcome in ("refused", "ECONNREFUSED", "EACCES")


@test
def app_reaches_and_child_does_not(place):
    listener = Listener()
    result = place.python(APP + f"print(reach('127.0.0.1', {listener.port})); print(child('127.0.0.1', {listener.port}))",
                          env={"DATABASE_URL": listener.url()})
    messages = result.messages()
    equal(messages[0].strip(), "welcome", "the app")
    check(refused(messages[-1]), f"the child: {messages}")
    equal(listener.count, 1, "connections that arrived")
    finding = result.findings("CD201")[0]
    check(finding["process"]["exe"].endswith("/bash"), f"{finding}")
    equal(finding["process"]["argv"][:2], ["bash", "-c"], "argv")
    equal(finding["process"]["lineage"][0], "bash", "lineage")
    check(len(finding["process"]["lineage"]) == 2 and finding["process"]["lineage"][1].startswith("python3"), f"{finding}")
    equal(finding["destination"], f"127.0.0.1:{listener.port}", "destination")
    check("hidden-secret" not in str(result.report) and "hidden-secret" not in result.err, "the password is in the report")
    verdicts = {(c["verdict"], c["outcome"]) for c in result.report["connections"]}
    equal(verdicts, {("allowed", "connected"), ("refused", "failed")}, "connections of the report")


@test
def client_that_the_entry_becomes_is_no_app(place):
    """Hand-over in place is for `sh -c "exec gunicorn"`; psql does not become the app that way."""
    listener = Listener()
    place.file("psql", f"#!/bin/bash\n: > /dev/tcp/127.0.0.1/{listener.port}\n", 0o755)
    result = place.run("bash", "-c", "exec ./psql", env={"DATABASE_URL": listener.url()})
    equal(listener.count, 0, "connections that arrived")
    check(result.findings("CD201"), f"findings: {result.report['findings']}")


@test
def own_abstract_sockets_work_and_the_hosts_do_not(place):
    name = f"cofferdam-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as host:
        host.bind("\0" + name)
        host.listen()
        code = f"""
import socket
own = socket.socket(socket.AF_UNIX); own.bind("\\0{name}-own"); own.listen()
socket.socket(socket.AF_UNIX).connect("\\0{name}-own"); print("own")
try:
    socket.socket(socket.AF_UNIX).connect("\\0{name}"); print("the host's")
except PermissionError:
    print("refused")
"""
        result = place.python(code)
    equal(result.messages(), ["own", "refused"], "sockets")
    equal(len(result.findings("CD401")), 1, "findings")


@test
def fork_of_the_app_is_the_app(place):
    listener = Listener()
    code = APP + f"""
import multiprocessing
if os.fork() == 0:
    print(reach('127.0.0.1', {listener.port})); sys.stdout.flush(); os._exit(0)
os.wait()
"""
    result = place.python(code, env={"DATABASE_URL": listener.url()})
    equal([m for m in result.messages() if m], ["welcome"], f"the fork ({result.err})")


@test
def default_ports_need_no_url(place):
    """5432 and 6379 are databases by their port; the refusal comes before anything touches them."""
    result = place.python(APP + "print(child('127.0.0.1', 5432)); print(child('127.0.0.1', 6379)); print(child('localhost', 3306))")
    check(all(refused(m) for m in result.messages()), f"{result.messages()}")
    destinations = {finding["destination"] for finding in result.findings("CD201")}
    check({"127.0.0.1:5432", "127.0.0.1:6379"} <= destinations, f"findings: {destinations}")
    engines = {c["engine"] for c in result.report["connections"]}
    check("redis" in engines and any(engine.startswith("postgres") for engine in engines), f"engines: {engines}")


@test
def other_ports_are_free(place):
    listener = Listener()
    result = place.python(APP + f"print(child('127.0.0.1', {listener.port}))")
    equal(result.messages(), ["welcome"], "a child and a port that is no database")
    equal(result.findings("CD201"), [], "findings")


@test
def spellings_of_loopback_are_one(place):
    listener = Listener("0.0.0.0")
    code = APP + f"for host in ('127.0.0.1', '0.0.0.0', '127.9.9.9', 'localhost'): print(child(host, {listener.port}))"
    result = place.python(code, env={"DATABASE_URL": listener.url()})
    check(all(refused(m) for m in result.messages()), f"{result.messages()}")
    equal(listener.count, 0, "connections that arrived")


@test
def mapped_address_is_the_same(place):
    listener = Listener()
    script = f"import socket; socket.create_connection(('::ffff:127.0.0.1', {listener.port}))"
    place.file("child.py", script)
    place.file("main.py", "import subprocess; print(subprocess.run(['/usr/bin/python3', 'child.py'], stderr=-1).returncode)")
    result = place.run("/usr/bin/python3", "main.py", env={"DATABASE_URL": listener.url()})
    equal(result.messages(), ["1"], "exit status of the child")
    equal(listener.count, 0, "connections that arrived")


@test
def non_blocking_connect(place):
    listener = Listener()
    code = APP + f"""
import asyncio
async def main():
    reader, writer = await asyncio.open_connection('127.0.0.1', {listener.port})
    print((await reader.readline()).decode().strip())
asyncio.run(main())
"""
    result = place.python(code, env={"DATABASE_URL": listener.url()})
    equal(result.messages(), ["welcome"], f"asyncio ({result.err})")


@test
def connect_to_nobody_fails_as_usual(place):
    port = free_port()
    result = place.python(APP + f"print(reach('127.0.0.1', {port}))", env={"DATABASE_URL": f"postgresql://127.0.0.1:{port}/x"})
    equal(result.messages(), ["ECONNREFUSED"], "errno")
    equal(result.findings("CD201"), [], "findings")
    outcome = [(c["verdict"], c["outcome"]) for c in result.report["connections"]]
    equal(outcome, [("allowed", "failed")], "connection in the report")


@test
def allow_list(place):
    one, two = Listener(), Listener()
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\ndatabase:\n"
                                 f"  ports: [{one.port}, {two.port}]\n  allow:\n    - \"127.0.0.1:{one.port}\"\n")
    result = place.python(APP + f"print(reach('127.0.0.1', {one.port})); print(reach('127.0.0.1', {two.port}))")
    messages = [message for message in result.messages() if message]
    equal(messages[0], "welcome", "the allowed one")
    check(refused(messages[1]), f"the other one: {messages}")
    equal((one.count, two.count), (1, 0), "connections that arrived")
    finding = [f for f in result.report["findings"] if f["destination"] == f"127.0.0.1:{two.port}"][0]
    equal(finding["policy"]["line"], 6, "policy line of the finding")
    contains(finding["policy"]["file"], "cofferdam.yaml", "policy file of the finding")


@test
def allow_by_environment_and_cidr(place):
    one, two = Listener(), Listener()
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\ndatabase:\n"
                                 f"  ports: [{two.port}]\n  allow: [\"env:MY_DATABASE\", \"127.0.0.0/8:{two.port}\"]\n")
    result = place.python(APP + f"print(reach('127.0.0.1', {one.port})); print(reach('127.0.0.1', {two.port}))",
                          env={"MY_DATABASE": one.url()})
    equal([m for m in result.messages() if m], ["welcome", "welcome"], f"both ({result.err})")


@test
def unset_variable_of_allow_is_an_error(place):
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\ndatabase:\n  allow: [\"env:NOT_SET_AT_ALL\"]\n")
    result = place.run("echo", "started")
    equal(result.code, 125, "exit status")
    contains(result.err, "NOT_SET_AT_ALL", "message")
    equal(result.out, b"", "output of the app, which must not start")


@test
def variable_from_a_dotenv_file(place):
    listener = Listener()
    place.file(".env", f"# database\nMY_DATABASE={listener.url()}\n")
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nenvironment: {files: [.env]}\n"
                                 "database: {allow: [\"env:MY_DATABASE\"]}\n")
    code = APP + f"print(reach('127.0.0.1', {listener.port})); print(os.environ.get('MY_DATABASE'))"
    result = place.python(code)
    equal([m for m in result.messages() if m], ["welcome", "None"], f"reached; not exported ({result.err})")


@test
def app_also(place):
    listener = Listener()
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\napp: {also: [bash]}\n")
    result = place.python(APP + f"print(child('127.0.0.1', {listener.port}))", env={"DATABASE_URL": listener.url()})
    equal(result.messages(), ["welcome"], f"bash as part of the app ({result.err})")


@test
def hand_over_in_place(place):
    listener = Listener()
    place.file("main.py", APP + f"print(reach('127.0.0.1', {listener.port}))")
    result = place.sh("exec env -u X /usr/bin/python3 main.py", env={"DATABASE_URL": listener.url()})
    equal([m for m in result.messages() if m], ["welcome"], f"sh that execs the app ({result.err})")


@test
def self_re_exec(place):
    """Like a reloader: the app starts its own script again."""
    listener = Listener()
    place.file("main.py", APP + f"""
if "CHILD" in os.environ:
    print(reach('127.0.0.1', {listener.port}))
else:
    reach('127.0.0.1', {listener.port})
    sys.exit(subprocess.run([sys.executable, *sys.argv, *[]], env=dict(os.environ, CHILD="1")).returncode)
""")
    result = place.run("/usr/bin/python3", "main.py", "serve", env={"DATABASE_URL": listener.url()})
    equal([m for m in result.messages() if m], ["welcome"], f"the same script, started by itself ({result.err})")


@test
def other_script_is_not_the_app(place):
    listener = Listener()
    place.file("other.py", APP + f"print(reach('127.0.0.1', {listener.port}))")
    place.file("main.py", "import subprocess, sys; subprocess.run([sys.executable, 'other.py'])")
    result = place.run("/usr/bin/python3", "main.py", env={"DATABASE_URL": listener.url()})
    check(refused(result.messages()[0]), f"another script of the same interpreter: {result.messages()}")
    equal(listener.count, 0, "connections that arrived")


@test
def unix_sockets(place):
    """The instance's own sockets work; a database socket by the policy's path is for the app alone."""
    directory = os.path.join(place.base, "db")
    os.mkdir(directory)
    path = os.path.join(directory, "x.sock")
    listener = Listener(path=path)
    place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\ndatabase:\n  sockets: [\"{directory}/*.sock\"]\n"
                                 f"  allow: [\"unix:{path}\"]\n")
    code = APP + f"""
own = socket.socket(socket.AF_UNIX); own.bind("own.sock"); own.listen()
client = socket.socket(socket.AF_UNIX); client.connect("own.sock"); print("own")
s = socket.socket(socket.AF_UNIX); s.connect({path!r}); print(s.recv(20).decode().strip())
child = "import socket, sys; s = socket.socket(socket.AF_UNIX); print(s.connect_ex(sys.argv[1]) != 0)"
print(subprocess.run(["/usr/bin/python3", "-c", child, {path!r}], capture_output=True, text=True).stdout.strip())
"""
    result = place.python(code)
    equal(result.messages(), ["own", "welcome", "True"], f"own socket, the app, a child ({result.err})")
    equal(listener.count, 1, "connections that arrived")
    check([f for f in result.report["findings"] if f["destination"] == f"unix:{path}"], "no finding names the socket")


@test
def localhost_in_the_code_is_a_finding(place):
    """CD205 (V18): the environment names a database, and the app asks this machine for one."""
    code = APP + "reach('127.0.0.1', 6379); reach('127.0.0.1', 6379)"
    hidden = "hidden-secret"
    for name, value in (("CACHE_URL", f"redis://u:{hidden}@192.0.2.9:6379/0"), ("BROKER_URI", f"redis://:{hidden}@192.0.2.9"),
                        ("REDIS_HOST", "192.0.2.9")):
        result = place.python(code, env={name: value, "REDIS_PASSWORD": hidden})
        findings = result.findings("CD205")
        equal(len(findings), 1, f"findings with {name} ({result.err})")
        contains(findings[0]["message"], f"redis at 127.0.0.1:6379 while {name} names 192.0.2.9:6379", "message")
        equal(findings[0]["severity"], "warning", "severity")
        equal(len([e for e in result.of("finding") if e["code"] == "CD205"]), 1, "events for two connections")
        check(hidden not in str(result.report) + result.err + "".join(result.event_lines), "the password is shown")
    for env in ({}, {"CACHE_URL": "redis://localhost:6379"}, {"CACHE_URL": "redis://localhost:7000"},
                {"CACHE_URL": "redis://192.0.2.9", "QUEUE_URL": "redis://127.0.0.1"}, {"DATABASE_URL": "postgres://192.0.2.9/x"}):
        equal(place.python(code, env=env).findings("CD205"), [], f"findings with {env}")
    # What is not the app is refused, and that is enough.
    result = place.python(APP + "child('127.0.0.1', 6379)", env={"CACHE_URL": "redis://192.0.2.9"})
    equal((len(result.findings("CD205")), len(result.findings("CD201"))), (0, 1), "findings about a child")


@test
def database_client_is_no_app(place):
    if not shutil.which("psql", path="/usr/bin"):
        skip("psql")
    result = place.run("psql", "postgresql://127.0.0.1:1/x")
    check(result.code != 0, "exit status")
    contains(result.err, "cofferdam shell", "message")


main()
