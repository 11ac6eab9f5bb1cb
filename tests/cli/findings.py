#!/usr/bin/python3
"""Each finding by its code: what it says, what to do, who did it, by which key of the policy, in the report and on stderr."""

import contextlib
import os
import shutil
import signal
import socket
import threading
import time

from harness import ROOT, check, contains, equal, main, pump_of, skip, test, wait_for

HEAD = "version: 1\nextends: twelve-factor\n"
# Every code that `explain` knows. Those of a refused start or a refused policy are in no report.
CODES = {
    "CD101": "storage.mounts", "CD102": "storage.mounts", "CD103": "storage.mounts", "CD104": "storage",
    "CD105": "storage.mounts", "CD106": "storage.mounts", "CD107": "storage.mounts", "CD108": "storage.mounts",
    **{f"CD{code}": "storage.mounts" for code in [*range(110, 123), *range(130, 136)]},
    "CD201": "database", "CD202": "app.also", "CD203": "database.allow", "CD204": "database",
    "CD205": "database", "CD206": "network.egress",
    "CD301": "logs.sinks", "CD302": "logs.sinks", "CD303": "logs.sinks", "CD304": "logs.sinks",
    "CD305": "logs.sinks", "CD306": "logs.syslog_socket", "CD401": "sockets",
    "CD402": "access.remote_login", "CD403": "access.remote_login", "CD404": "access.remote_login",
    "CD405": "access.debug", "CD503": "run.stop_grace", "CD504": "database",
    "CD510": "run.restart", "CD511": "run.readiness", "CD512": "run.replicas",
    "CD520": "limits.memory", "CD521": "limits.processes", "CD522": "limits.cpu",
    "CD901": "", "CD902": "", "CD903": "", "CD904": "", "CD905": "", "CD906": "", "CD907": "", "CD908": "storage.mounts",
    "CD909": "extends", "CD910": "environment.files", "CD911": "database.allow", "CD912": "logs.sinks",
    "CD914": "limits.memory", "CD950": "", "CD951": "",
}

REACH = r"""
import errno, os, socket, subprocess, sys
def reach(port):
    with socket.socket() as s:
        s.settimeout(5)
        try:
            s.connect(("127.0.0.1", port))
            return s.recv(20).decode().strip()
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))
"""
ATTEMPT = r"""
import errno, os, sys, time
def attempt(function, *args):
    try:
        function(*args)
        print("ok", flush=True)
    except OSError as error:
        print(errno.errorcode.get(error.errno, error.errno), flush=True)
def write(path, data=b"new"):
    with open(path, "wb") as file:
        file.write(data)
"""


class Greeter:
    """Says welcome to whoever connects, and counts them."""

    def __init__(self, path=None):
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.port = 0 if path else self.socket.getsockname()[1]
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

    def url(self):
        return f"postgresql://user:hidden-secret@127.0.0.1:{self.port}/db"


def the_finding(result, code, severity, key):
    """The only finding of this code; its severity and key are as given, and `explain` knows it under the same key."""
    findings = result.findings(code)
    equal(len(findings), 1, f"findings {code} of {[f['code'] + ' ' + f['message'] for f in result.report['findings']]}, "
                            f"stderr {result.err!r}")
    finding = findings[0]
    equal((finding["severity"], finding["policy"]["key"]), (severity, key), f"severity and policy key of {code}")
    equal(finding["instance"], "web.1", f"instance of {code}")
    check(finding["count"] >= 1 and finding["first"], f"count and time of {code}: {finding}")
    equal(CODES[code], key.rstrip("s") if code == "CD204" else CODES[code], f"key of {code} in the catalogue")
    check(finding["fix"], f"{code} says nothing about what to do")
    return finding


def said_at_once(result, finding):
    """An error or a warning is said when it happens: the message with its code, and what to do."""
    contains(result.err, f"cofferdam: {finding['message']} [{finding['code']}]\n", "stderr")
    contains(result.err, finding["fix"], "stderr")


def python3(process):
    check(os.path.basename(process["exe"]).startswith("python3"), f"executable of {process}")
    check(process["pid"] > 1, f"pid of {process}")


@contextlib.contextmanager
def ended(process):
    """Whatever happens, the run is over afterwards."""
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


# --- CD1xx: storage --------------------------------------------------------------------------------------------------


@test
def write_refused(place):
    target = os.path.join(place.out, "new")
    result = place.python(ATTEMPT + "attempt(write, sys.argv[1])", target)
    equal(result.messages(), ["EROFS"], "errno")
    finding = the_finding(result, "CD101", "error", "storage.mounts")
    contains(finding["message"], target, "message")
    contains(finding["message"], "refused", "message")
    contains(finding["fix"], place.out, "the fix names the directory")
    contains(finding["fix"], "storage.mounts", "fix")
    equal(finding["path"], target, "path")
    python3(finding["process"])
    said_at_once(result, finding)
    contains(result.err, "1 refusal", "last line of the summary")


@test
def chmod_refused(place):
    target = os.path.join(place.out, "file")
    with open(target, "w", encoding="utf-8") as file:
        file.write("kept")
    result = place.python(ATTEMPT + "attempt(os.chmod, sys.argv[1], 0o600)", target)
    equal(result.messages(), ["EROFS"], "errno")
    finding = the_finding(result, "CD101", "error", "storage.mounts")
    contains(finding["message"], "chmod", "the call")
    equal(finding["path"], target, "path")
    said_at_once(result, finding)


@test
def the_fix_of_a_refused_write_works(place):
    data = os.path.join(place.out, "data")
    os.mkdir(data)
    result = place.python(ATTEMPT + "attempt(write, sys.argv[1])", os.path.join(data, "new"))
    row = "{path: " + data + ", type: overlay}"
    contains(the_finding(result, "CD101", "error", "storage.mounts")["fix"], row, "fix")
    place.file("cofferdam.yaml", HEAD + f"storage: {{mounts: [{row}]}}\n")
    result = place.python(ATTEMPT + "attempt(write, sys.argv[1])", os.path.join(data, "new"))
    equal((result.code, result.messages(), result.findings("CD101")), (0, ["ok"], []), f"with the row ({result.err})")


@test
def same_refusal_is_one_finding(place):
    result = place.python(ATTEMPT + "for i in range(50): attempt(write, sys.argv[1])", os.path.join(place.out, "new"))
    equal(result.messages(), ["EROFS"] * 50, "errno")
    the_finding(result, "CD101", "error", "storage.mounts")
    live = [line for line in result.err.splitlines() if line.startswith("cofferdam: ") and line.endswith("[CD101]")]
    equal(len(live), 1, "how often it is said while the app runs")


@test
def file_permissions_are_no_finding(place):
    """What the file's own permissions refuse would be refused anywhere, and says nothing about production."""
    change = "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n" if ROOT else ""
    result = place.python(ATTEMPT + change + "attempt(write, '/etc/hostname'); attempt(write, '/usr/bin/new'); "
                                             "attempt(os.chmod, '/etc/hostname', 0o600)")
    check(all(errno in ("EROFS", "EACCES", "EPERM") for errno in result.messages()), f"errno: {result.messages()}")
    equal(result.findings("CD101"), [], "findings")
    check("CD101" not in result.err, f"stderr: {result.err}")


@test
def missing_directory_is_no_finding(place):
    result = place.python(ATTEMPT + "attempt(write, '/etc/no/such/directory/file')")
    equal((result.messages(), result.findings("CD101")), (["ENOENT"], []), "errno and findings")


@test
def files_lost(place):
    result = place.python("open('upload.bin', 'wb').write(b'12345'); open('/tmp/scratch', 'w').write('x')")
    finding = the_finding(result, "CD102", "note", "storage.mounts")
    equal(finding["count"], 2, "files")
    contains(finding["message"], "2 files", "message")
    contains(finding["fix"], "database or an object store", "fix")
    python3(finding["process"])
    contains(result.err, "lost     2 files (6 bytes)", "summary")
    contains(result.err, "upload.bin", "summary")


@test
def storage_full(place):
    place.file("cofferdam.yaml", HEAD + "storage:\n  mounts:\n    - {path: ./data, type: tmpfs, size: 1MiB}\n")
    os.mkdir(os.path.join(place.project, "data"))
    result = place.python(ATTEMPT + "attempt(write, 'data/big', b'x' * 4_000_000)\ntime.sleep(1.2)\n"
                                    "os.unlink('data/big'); attempt(write, 'data/small'); sys.exit(5)")
    equal((result.code, result.messages()), (5, ["ENOSPC", "ok"]), f"the app sees it and goes on ({result.err})")
    finding = the_finding(result, "CD103", "error", "storage.mounts")
    contains(finding["message"], "full", "message")
    contains(finding["message"], os.path.join(place.project, "data"), "message")
    contains(finding["message"], "ENOSPC", "message")
    contains(finding["fix"], "size", "fix")
    contains(finding["policy"]["file"] or "", "cofferdam.yaml", "policy file")
    equal(finding["policy"]["line"], 5, "policy line")
    said_at_once(result, finding)


@test
def storage_full_for_a_moment(place):
    """An app that meets ENOSPC, removes its file and ends at once has met it all the same."""
    place.file("cofferdam.yaml", HEAD + "storage:\n  mounts:\n    - {path: ./data, type: tmpfs, size: 1MiB}\n")
    os.mkdir(os.path.join(place.project, "data"))
    result = place.python(ATTEMPT + "attempt(write, 'data/big', b'x' * 4_000_000); os.unlink('data/big')")
    equal(result.messages(), ["ENOSPC"], "errno")
    the_finding(result, "CD103", "error", "storage.mounts")


@test
def witnesses_agree(place):
    """CD104 is a defect of ours. Nothing that an app does in its own storage may bring it up."""
    result = place.sh("mkdir d; echo 1 > d/a; mv d e; cp -r e f; rm -r e; ln -s f/a l; ln f/a h; : > h; touch -d @0 h; "
                      "chmod 600 h; mkfifo p; mv h i; echo 2 >> i; rm -rf f; truncate -s 1M i; rm l; sed -i s/2/3/ i")
    equal(result.report["audit"]["disagreements"], 0, "disagreements")
    equal(result.findings("CD104"), [], "findings")


@test
def changed_on_both_sides(place):
    path = place.file("settings.py", "old")
    process = place.start("/usr/bin/python3", "-c", ATTEMPT + "attempt(write, 'settings.py', b'by the app')\n"
                          "time.sleep(0.6); print('ready', flush=True)\n"
                          "while not os.path.exists('end'): time.sleep(0.02)\nprint(open('settings.py').read())",
                          options=["--format", "raw"])
    with ended(process):
        equal((process.stdout.readline(), process.stdout.readline()), (b"ok\n", b"ready\n"), "start")
        place.file("settings.py", "by the host")
        time.sleep(0.5)
        place.file("end")
        result = place.finish(process, 10)
    equal(result.out, b"by the app\n", "the app keeps its own version")
    with open(path, encoding="utf-8") as file:
        equal(file.read(), "by the host", "the host keeps its own version")
    finding = the_finding(result, "CD106", "warning", "storage.mounts")
    equal(finding["path"], path, "path")
    contains(finding["message"], path, "message")
    contains(finding["message"], "app", "message")
    contains(finding["fix"], "restart", "fix")
    said_at_once(result, finding)


# --- CD2xx: the database ---------------------------------------------------------------------------------------------


@test
def child_refused(place):
    greeter = Greeter()
    child = f"exec 3<>/dev/tcp/127.0.0.1/{greeter.port}"
    result = place.python("import subprocess; subprocess.run(['bash', '-c', " + repr(child) + "])",
                          env={"DATABASE_URL": greeter.url()})
    equal(greeter.count, 0, "connections that arrived")
    findings = result.findings("CD201")
    equal(len(findings), 1, f"findings ({result.err})")
    finding = findings[0]
    contains(finding["message"], f"127.0.0.1:{greeter.port}", "message")
    contains(finding["message"], "bash <- python3", "the message says who started it")
    contains(finding["fix"], "cofferdam shell -- bash", "fix")
    check(finding["policy"]["key"].startswith("database"), f"policy key: {finding['policy']}")
    said_at_once(result, finding)


@test
def worker_of_the_app(place):
    """The row that the finding prints is the row that admits the worker, and admits it alone."""
    greeter = Greeter()
    place.file("worker.py", REACH + f"print(reach({greeter.port}))")
    place.file("other.py", REACH + f"print(reach({greeter.port}))")
    place.file("main.py", "import subprocess, sys\nsubprocess.run([sys.executable, '-u', sys.argv[1], '--queue', 'mail'])")
    environment = {"DATABASE_URL": greeter.url()}
    result = place.run("/usr/bin/python3", "main.py", "worker.py", env=environment)
    equal((result.messages(), greeter.count), (["ECONNREFUSED"], 0), "without the row")
    finding = [f for f in result.report["findings"] if f["code"] == "CD202"]
    equal(len(finding), 1, f"findings CD202 ({result.err})")
    finding = finding[0]
    contains(finding["message"], "worker.py", "message")
    contains(finding["fix"], "app.also", "fix")
    equal(finding["process"]["lineage"], ["worker.py", "main.py"], "lineage")
    said_at_once(result, finding)

    row = finding["fix"][finding["fix"].index("app.also: ") + len("app.also: "):]
    place.file("cofferdam.yaml", HEAD + f"app:\n  also:\n    - {row}\n")
    result = place.run("/usr/bin/python3", "main.py", "worker.py", env=environment)
    equal((result.code, result.messages()), (0, ["welcome"]), f"with the row {row} ({result.err})")
    equal(result.report["findings"], [], "findings with the row")
    result = place.run("/usr/bin/python3", "main.py", "other.py", env=environment)
    equal(result.messages(), ["ECONNREFUSED"], f"another script, with the row {row}")


@test
def worker_with_code_on_its_command_line(place):
    greeter = Greeter()
    code = REACH + f"print(reach({greeter.port}))"
    place.file("main.py", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}])")
    environment = {"DATABASE_URL": greeter.url()}
    result = place.run("/usr/bin/python3", "main.py", env=environment)
    finding = [f for f in result.report["findings"] if f["code"] == "CD202"]
    equal(len(finding), 1, f"findings CD202 ({result.err})")
    row = finding[0]["fix"].split("app.also: ", 1)[1]
    place.file("cofferdam.yaml", HEAD + f"app:\n  also:\n    - {row}\n")
    result = place.run("/usr/bin/python3", "main.py", env=environment)
    equal((result.code, result.messages()), (0, ["welcome"]), f"with the row {row} ({result.err})")


@test
def destination_not_allowed(place):
    one, two = Greeter(), Greeter()
    place.file("cofferdam.yaml", HEAD + f"database:\n  ports: [{two.port}]\n  allow:\n    - \"127.0.0.1:{one.port}\"\n")
    result = place.python(REACH + f"print(reach({one.port})); print(reach({two.port}))")
    equal(result.messages(), ["welcome", "ECONNREFUSED"], "the allowed one and the other")
    equal((one.count, two.count), (1, 0), "connections that arrived")
    finding = the_finding(result, "CD203", "error", "database.allow")
    contains(finding["message"], f"127.0.0.1:{two.port}", "message")
    contains(finding["message"], "database.allow does not name it", "message")
    contains(finding["fix"], f'"127.0.0.1:{two.port}"', "the row to add")
    equal(finding["destination"], f"127.0.0.1:{two.port}", "destination")
    contains(finding["policy"]["file"] or "", "cofferdam.yaml", "policy file")
    equal(finding["policy"]["line"], 6, "policy line: the first row of the list")
    python3(finding["process"])
    said_at_once(result, finding)

    place.file("cofferdam.yaml", HEAD + f"database:\n  ports: [{two.port}]\n  allow: [\"127.0.0.1:{one.port}\", "
                                        f"\"127.0.0.1:{two.port}\"]\n")
    result = place.python(REACH + f"print(reach({two.port}))")
    equal((result.messages(), result.report["findings"]), (["welcome"], []), "with the row that the fix names")


HIDE = "import ctypes\nassert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0  # PR_SET_DUMPABLE\n"


@test
def caller_that_hides(place):
    """A process that forbids others to look at it. Root looks all the same; an ordinary user's launcher can't."""
    greeter, free = Greeter(), Greeter()
    result = place.python(REACH + HIDE + f"print(reach({greeter.port})); print(reach({free.port}))",
                          env={"DATABASE_URL": greeter.url()})
    if ROOT:
        equal((result.messages(), result.findings("CD204")), (["welcome", "welcome"], []), "as root")
        return
    equal(result.messages(), ["ECONNREFUSED", "welcome"], "the database, and a port that is none")
    equal(greeter.count, 0, "connections that arrived")
    finding = result.findings("CD204")
    equal(len(finding), 1, f"findings CD204 ({result.err})")
    finding = finding[0]
    contains(finding["message"], "can't be identified", "message")
    contains(finding["message"], f"127.0.0.1:{greeter.port}", "message")
    check(finding["fix"], "no fix")
    check(finding["policy"]["key"].startswith("database"), f"policy key: {finding['policy']}")
    said_at_once(result, finding)


@test
def caller_that_can_not_be_read(place):
    """A program that may be executed and not read: nobody knows what it is, and nobody lets it in."""
    greeter = Greeter()
    program = shutil.copy(os.path.realpath("/usr/bin/python3"), os.path.join(place.home, "unreadable"))
    os.chmod(program, 0o711 if ROOT else 0o111)
    os.chmod(place.out, 0o777)
    result = place.run(program, "-c", REACH + f"print(reach({greeter.port}))", env={"DATABASE_URL": greeter.url()},
                       options=["--user", "nobody"] if ROOT else [])
    if result.messages() != ["welcome"]:
        check(result.messages() in (["ECONNREFUSED"], ["EACCES"]), f"{result.messages()} ({result.err})")
        check(result.findings("CD204"), f"findings ({result.err})")
    else:
        check(ROOT, "an ordinary user's launcher can't have known it")


@test
def app_that_changes_its_user(place):
    """A server that starts as root and serves as somebody else, without an exec in between. An ordinary user's can't."""
    greeter = Greeter()
    change = "os.setgroups([]); os.setgid(65534); os.setuid(65534)" if ROOT else "os.setuid(os.getuid())"
    result = place.python(REACH + change + f"\nprint(reach({greeter.port}))", env={"DATABASE_URL": greeter.url()})
    equal((result.messages(), result.report["findings"]), (["welcome"], []), f"it is still the app ({result.err})")


# --- CD3xx: logs -----------------------------------------------------------------------------------------------------


@test
def log_file(place):
    result = place.python("import logging; logging.basicConfig(filename='app.log'); logging.error('trouble')")
    finding = the_finding(result, "CD301", "warning", "logs.sinks")
    path = os.path.join(place.project, "app.log")
    equal(finding["path"], path, "path")
    contains(finding["message"], path, "message")
    contains(finding["fix"], "StreamHandler", "what to do in Python")
    python3(finding["process"])
    contains(result.err, "1 log file", "summary")
    contains(result.err, "app.log", "summary")
    contains(result.err, "stdout", "summary")


@test
def fix_of_a_log_file_is_the_programs_own(place):
    result = place.sh("mkdir logs; echo x > logs/access")
    finding = the_finding(result, "CD301", "warning", "logs.sinks")
    equal(finding["fix"], "let the program log to stdout or stderr", "fix for a shell")


@test
def log_pump_killed(place):
    """Somebody kills the process that carries the output: it is started again, and the run says so."""
    process = place.start("/bin/sh", "-c", "echo ready; while [ ! -e end ]; do sleep 0.05; done; echo last",
                          options=["--format", "raw"])
    with ended(process):
        equal(process.stdout.readline(), b"ready\n", "start")
        time.sleep(0.2)  # until it rests: what it was killed over comes twice
        os.kill(wait_for(lambda: pump_of(process.pid), "the pump"), signal.SIGKILL)
        time.sleep(0.3)
        place.file("end")
        result = place.finish(process, 10)
    equal((result.code, result.out), (0, b"last\n"), f"the app, and its output afterwards ({result.err})")
    finding = the_finding(result, "CD302", "error", "logs.sinks")
    contains(finding["message"], "started again", "message")
    said_at_once(result, finding)


# --- CD4xx: access ---------------------------------------------------------------------------------------------------


@test
def socket_of_the_host(place):
    """A service beside the instance: refused, and let in by its path in `sockets`."""
    path = os.path.join(place.base, "service.sock")
    greeter = Greeter(path)
    code = REACH + r"""
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1]); print(s.recv(20).decode().strip())
except OSError as error:
    print(errno.errorcode.get(error.errno))
"""
    result = place.python(code, path)
    equal((result.messages(), greeter.count), (["EACCES"], 0), f"without `sockets` ({result.err})")
    finding = the_finding(result, "CD401", "error", "sockets")
    contains(finding["message"], path, "message")
    contains(finding["fix"], f'add "{path}" to sockets', "fix")
    equal(finding["destination"], f"unix:{path}", "destination")
    python3(finding["process"])
    said_at_once(result, finding)

    place.file("cofferdam.yaml", HEAD + f"sockets: [\"{path}\"]\n")
    result = place.python(code, path)
    equal((result.code, result.messages(), greeter.count), (0, ["welcome"], 1), f"with `sockets` ({result.err})")
    equal(result.findings("CD401"), [], "findings")
    contains(result.err, path, "a socket that is let in is named at the start")


@test
def socket_of_the_host_in_the_project(place):
    """As a server of an earlier run outside of cofferdam leaves it: below an overlay it is the host's all the same."""
    path = os.path.join(place.project, "service.sock")
    greeter = Greeter(path)
    result = place.python("import socket; print(socket.socket(socket.AF_UNIX).connect_ex('service.sock'))")
    check(result.messages() != ["0"], f"connected ({result.err})")
    equal(greeter.count, 0, "connections that arrived")


# --- CD5xx: process and launcher -------------------------------------------------------------------------------------


@test
def grace_is_over(place):
    place.file("cofferdam.yaml", HEAD + "run:\n  stop_grace: 500ms\n")
    process = place.start("/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done", options=["--format", "raw"])
    with ended(process):
        equal(process.stdout.readline(), b"ready\n", "start")
        begin = time.monotonic()
        process.terminate()
        result = place.finish(process, 10)
    took = time.monotonic() - begin
    equal(result.code, 137, "exit status")
    check(0.4 < took < 3, f"the grace of 0.5 s took {took:.1f} s")
    finding = the_finding(result, "CD503", "warning", "run.stop_grace")
    contains(finding["message"], "SIGTERM", "message")
    contains(finding["message"], "500 ms", "message")
    contains(finding["message"], "killed", "message")
    contains(finding["fix"], "run.stop_grace", "fix")
    said_at_once(result, finding)
    place.no_process_left()


@test
def stop_in_time_is_no_finding(place):
    process = place.start("/bin/sh", "-c", "trap 'sleep 0.3; echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
                          options=["--format", "raw"])
    with ended(process):
        equal(process.stdout.readline(), b"ready\n", "start")
        process.terminate()
        result = place.finish(process, 10)
    equal((result.code, result.out, result.findings("CD503")), (0, b"bye\n", []), f"end ({result.err})")


@test
def database_client_as_entry(place):
    if not shutil.which("psql", path="/usr/bin"):
        skip("psql")
    for command in (["psql", "postgresql://user:hidden-secret@127.0.0.1:1/x"], ["/usr/bin/psql", "-l"]):
        result = place.run(*command)
        equal(result.code, 125, f"exit status of {command}")
        contains(result.err, "CD504", "message")
        contains(result.err, "cofferdam shell -- " + command[0], "the command to use instead")
        check("hidden-secret" not in result.err, f"the password is on stderr: {result.err}")
        equal(result.out, b"", "output")


# --- a start that is refused -----------------------------------------------------------------------------------------


@test
def unset_variable(place):
    place.file("cofferdam.yaml", HEAD + "database:\n  allow:\n    - env:NOT_SET_AT_ALL\n")
    result = place.run("echo", "started")
    equal((result.code, result.out), (125, b""), "exit status and output")
    contains(result.err, "NOT_SET_AT_ALL", "message")
    contains(result.err, "CD911", "code")
    contains(result.err, "cofferdam.yaml:5", "place in the policy")


# --- explain ---------------------------------------------------------------------------------------------------------


@test
def explain_prints_each(place):
    for code, key in CODES.items():
        result = place.cofferdam("explain", code)
        text = result.out.decode()
        equal((result.code, result.err), (0, ""), f"explain {code}")
        check(text.startswith(code + " ("), f"explain {code}: {text!r}")
        contains(text, "what to do", f"explain {code}")
        contains(text, "enforced in", f"explain {code}")
        if key:
            contains(text, key, f"explain {code}")
        if code < "CD900":
            contains(text, "in production", f"explain {code}")


@test
def explain_lists_all(place):
    result = place.cofferdam("explain")
    equal(result.code, 0, "exit status")
    equal([line.split()[0] for line in result.out.decode().splitlines()], sorted(CODES), "codes, sorted")


@test
def explain_of_nothing_known(place):
    for word in ("CD999", "CD", "nonsense", ""):
        result = place.cofferdam("explain", word)
        equal((result.code, result.out), (2, b""), f"explain {word!r}")
        contains(result.err, "no such code", "message")
    contains(place.cofferdam("explain", "CD999").err, "CD999", "message")


@test
def explain_of_several(place):
    result = place.cofferdam("explain", "CD101", "CD999", "CD201")
    equal(result.code, 2, "exit status")
    for code in ("CD101", "CD201"):
        contains(result.out.decode(), code + " (", "the known ones are printed")


@test
def explain_help(place):
    result = place.cofferdam("explain", "--help")
    equal(result.code, 0, "exit status")
    contains(result.out.decode(), "CODE", "usage")


@test
def explain_takes_small_letters(place):
    equal(place.cofferdam("explain", "cd101").code, 0, "exit status")


# --- --fail-on -------------------------------------------------------------------------------------------------------


TROUBLE = "import sys; open('upload.bin', 'w').write('x'); open('app.log', 'w').write('x'); sys.exit(int(sys.argv[1]))"


@test
def fail_on(place):
    for what, code in (("CD301", 3), ("CD101", 0), ("warning", 3), ("error", 0), ("CD101,CD301", 3), ("CD102", 3)):
        equal(place.python(TROUBLE, "0", options=["--fail-on", what]).code, code, f"--fail-on {what}")
    equal(place.python(TROUBLE, "7", options=["--fail-on", "CD301"]).code, 7, "the app's own status comes first")


@test
def fail_on_says_so(place):
    """Whoever sees status 3 in a build's output wants to know where it comes from."""
    result = place.python(TROUBLE, "0", options=["--fail-on", "CD301"])
    equal(result.code, 3, "exit status")
    contains(result.err, "--fail-on", "stderr")


@test
def fail_on_what_can_not_be(place):
    for what in ("CD999", "", "eror", "CD101,,CD102"):
        result = place.python(TROUBLE, "0", options=["--fail-on", what])
        equal(result.code, 125, f"--fail-on {what!r}: what can never match is a mistake ({result.err})")


main()
