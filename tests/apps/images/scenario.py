#!/usr/bin/python3
"""Builds the images of docs/entrypoint.md and runs them in every way of the tables below. Called by ./run.

    scenario.py PREFIX WORK [TEST...]

PREFIX-base-NAME are root file systems that were imported; WORK/KIND/app is the application for a libc.
"""

import concurrent.futures
import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import BINARY, Failure, check, contains, equal, wait_for  # noqa: E402

PREFIX, WORK = sys.argv[1:3]
GUIDE = os.path.join(HERE, "..", "..", "..", "docs", "entrypoint.md")
WORKERS = 3  # containers at a time; a start is mostly the daemon's waiting

EACCES, ENOSYS, ECONNREFUSED = 13, 38, 111

# Image of the guide: the one that stands for it here, the application's libc, the user of the guide's Dockerfile.
IMAGES = {
    "debian": ("debian:bookworm-slim", "glibc", "1000:0"),
    "alpine": ("alpine:3.20", "musl", "1000:0"),
    "distroless": ("gcr.io/distroless/base-debian12:nonroot", "glibc", "65532:65532"),
    "scratch": ("scratch", "static", "1000:0"),
}
STRICT = ["--user", "12345:0", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--init"]

# Name, options of docker run, what the application sees otherwise than in EXPECTED.
WAYS = [
    ("image's user", [], {}),
    ("root", ["--user", "0"], {"uid": "0:0"}),
    ("arbitrary uid", ["--user", "12345:0"], {"uid": "12345:0"}),
    ("arbitrary uid and gid", ["--user", "12345:54321"], {"uid": "12345:54321"}),
    ("read-only", ["--read-only"], {}),
    ("root, read-only", ["--user", "0", "--read-only"], {"uid": "0:0"}),
    ("cap-drop ALL", ["--cap-drop", "ALL"], {}),
    ("root, cap-drop ALL", ["--user", "0", "--cap-drop", "ALL"], {"uid": "0:0"}),
    ("no-new-privileges", ["--security-opt", "no-new-privileges"], {}),
    ("init", ["--init"], {"parent": "other"}),
    ("pid host", ["--pid", "host"], {"parent": "other"}),
    ("terminal", ["--tty"], {}),
    ("terminal and stdin", ["--tty", "--interactive"], {}),
    ("stdin", ["--interactive"], {"stdin": "text"}),
    ("all restrictions", STRICT, {"uid": "12345:0", "parent": "other"}),
    ("bind-mounted", ["--volume", f"{BINARY}:/bound:ro", "--entrypoint", "/bound"], {}),
]
# EXPECTED: nothing lands on a disk; the app and its forks reach the database, what it executes does not; each of its 50
# orphans is adopted, and none stays a zombie.
EXPECTED = {"cwd": "/", "tmp": "0", "shm": "0", "disk": str(EACCES), "listens": "1", "app": "0", "forked": "0",
            "executed": str(ECONNREFUSED), "adopted": "50", "zombies": "0", "stdin": "empty", "parent": "init"}


def docker(*arguments, timeout=60, **kwargs):
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=timeout, **kwargs)


# --- the images ------------------------------------------------------------------------------------------------------


def dockerfiles():
    """The guide's Dockerfiles by the image that they start from."""
    with open(GUIDE, encoding="utf-8") as file:
        blocks = re.findall(r"^```dockerfile\n(.*?)^```", file.read(), re.M | re.S)
    return {re.search(r"^FROM (\S+)", block, re.M).group(1): block for block in blocks}


def build(image, text, context):
    result = docker("build", "--quiet", "--tag", image, "--file", "-", context, input=text,
                    env={**os.environ, "DOCKER_BUILDKIT": "0"})  # the builder that every Docker has
    equal(result.returncode, 0, f"docker build of {image} ({result.stderr})")


def build_images():
    files = dockerfiles()
    equal(sorted(files), sorted(base for base, _, _ in IMAGES.values()), "images that docs/entrypoint.md starts from")
    for name, (base, libc, _) in IMAGES.items():
        text = files[base].replace("--from=cofferdam", f"--from={PREFIX}-binary")
        if base != "scratch":
            text = text.replace(f"FROM {base}", f"FROM {PREFIX}-base-{name}")
        build(f"{PREFIX}-{name}", text, os.path.join(WORK, libc))


def app_of(name):
    return "/usr/local/bin/app" if name in ("debian", "alpine") else "/app"


def cofferdam_of(name):
    return "/usr/local/bin/cofferdam" if name in ("debian", "alpine") else "/cofferdam"


# --- every way of every image ----------------------------------------------------------------------------------------


def seen_by_the_app(output):
    line = re.search(r"probe: (.*?)\.(?=[\"\r\n\\])", output)
    check(line, f"the application printed nothing: {output[-1500:]}")
    return dict(part.split("=", 1) for part in line.group(1).split(" "))


def on_a_terminal(command):
    """The command with a terminal as its standard streams, as somebody at a keyboard starts it."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, close_fds=True)
    os.close(slave)
    output = b""
    with contextlib.suppress(OSError):
        while part := os.read(master, 4096):
            output += part
    os.close(master)
    return process.wait(60), output.decode(errors="replace")


def run_in(name, options, disk):
    command = ["docker", "run", "--rm", "--network", "none", "--tmpfs", "/tmp:mode=1777", "--volume", f"{disk}:/data",
               *options, f"{PREFIX}-{name}"]
    if "--entrypoint" in options:
        command += ["run", "--", app_of(name)]
    if "--tty" in options and "--interactive" in options:
        return on_a_terminal(command)
    text = "text\n" if "--interactive" in options else None
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, input=text,
                            **({} if text else {"stdin": subprocess.DEVNULL}))
    return result.returncode, result.stdout + result.stderr


def each_way_works(name, options, differences):
    # Not below /tmp: there it might be a tmpfs.
    with tempfile.TemporaryDirectory(prefix="cofferdam-test.", dir="/var/tmp") as disk:
        os.chmod(disk, 0o1777)
        code, output = run_in(name, options, disk)
        equal(code, 0, f"exit status ({output[-1500:]})")
        expected = {"uid": IMAGES[name][2], **EXPECTED, **differences}
        seen = seen_by_the_app(output)
        equal({key: seen.get(key) for key in expected if seen.get(key) != expected[key]}, {}, "what it saw otherwise")
        equal(os.listdir(disk), [], "files on the disk")
        contains(output, "CD202", "the finding about the program that was refused")
        contains(output, "/tmp/written", "the file in the list of what is lost")


# --- the duties of an init -------------------------------------------------------------------------------------------

ROLES = {"PID 1": [], "--init": ["--init"], "--pid host": ["--pid", "host"]}


class Container:
    """A container of the Alpine-like image that runs in the background; removed when the block ends."""

    def __init__(self, options, *command, entrypoint=None):
        self.options = [*options, *(["--entrypoint", entrypoint] if entrypoint else [])]
        self.command = command
        self.name = ""

    def __enter__(self):
        started = docker("run", "--detach", "--network", "none", "--read-only", "--tmpfs", "/tmp:mode=1777",
                         *self.options, f"{PREFIX}-alpine", *self.command)
        equal(started.returncode, 0, f"docker run ({started.stderr})")
        self.name = started.stdout.strip()
        return self

    def __exit__(self, *exception):
        docker("rm", "--force", self.name)

    def output(self):
        result = docker("logs", self.name)
        return result.stdout + result.stderr

    def says(self, text, seconds=10):
        wait_for(lambda: text in self.output(), f"the container to say {text!r}: {self.output()[-800:]}", seconds)

    def runs(self):
        return self.inspect("{{.State.Running}}") == "true"

    def inspect(self, what):
        return docker("inspect", "--format", what, self.name).stdout.strip()

    def exit_status(self, seconds=20):
        return int(docker("wait", self.name, timeout=seconds).stdout)

    def execute(self, *command, options=()):
        return docker("exec", *options, self.name, *command)

    def process(self, command):
        """The first process with this command line, as the container numbers it."""
        rows = [line.split(None, 1) for line in self.execute("ps", "-o", "pid,args").stdout.splitlines()]
        found = [int(pid) for pid, words in rows if words.startswith(command)]
        check(found, f"no {command!r} among {rows}")
        return str(min(found))

    def launcher(self):
        return self.process("/usr/local/bin/cofferdam run")


def stop_is_graceful(role):
    with Container(ROLES[role], "app", "serve") as container:
        container.says("serving")
        begin = time.monotonic()
        docker("stop", "--time", "10", container.name)
        took = time.monotonic() - begin
        equal(container.exit_status(), 7, f"exit status ({container.output()})")
        contains(container.output(), "ends well", "the words of the application's own handler")
        check(0.3 <= took < 5, f"docker stop took {took:.1f} s")


def each_signal_reaches_the_app(role):
    with Container(ROLES[role], "app", "serve") as container:
        container.says("serving")
        for name, number in (("HUP", 1), ("USR1", 10), ("USR2", 12), ("ALRM", 14)):
            docker("kill", "--signal", name, container.name)
            container.says(f"signal {number:02}")
        check(container.runs(), "the application goes on")
        equal(container.output().count("signal 01"), 1, "how often SIGHUP came")


def grace_is_the_policys(role):
    """An application that ignores SIGTERM is killed by cofferdam, with a finding, before Docker loses its patience."""
    with tempfile.TemporaryDirectory(prefix="cofferdam-test.", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "policy.yaml"), "w", encoding="utf-8") as file:
            file.write("version: 1\nextends: twelve-factor\nrun: {stop_grace: 1s}\n")
        with Container([*ROLES[role], "--volume", f"{folder}:/policy:ro"], "run", "--policy", "/policy/policy.yaml", "--",
                       "sh", "-c", "trap '' TERM; echo serving; while :; do sleep 0.1; done",
                       entrypoint="/usr/local/bin/cofferdam") as container:
            container.says("serving")
            docker("stop", "--time", "10", container.name)
            equal(container.exit_status(), 137, f"exit status ({container.output()})")
            contains(container.output(), "CD503", "finding")


def ctrl_c_on_a_terminal(role):
    """The first goes to the application, the second ends all."""
    master, slave = pty.openpty()
    name = f"{PREFIX}-terminal{'-init' if ROLES[role] else ''}"
    process = subprocess.Popen(["docker", "run", "--rm", "--interactive", "--tty", "--name", name, "--network", "none",
                                *ROLES[role], f"{PREFIX}-alpine", "app", "serve"], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    output = b""

    def read_until(text):
        nonlocal output
        while text not in output:
            output += os.read(master, 4096)

    try:
        with contextlib.suppress(OSError):
            read_until(b"serving")
            os.write(master, b"\x03")
            read_until(b"signal 02")
            time.sleep(0.5)  # what follows at once is the same key press
            os.write(master, b"\x03")
        check(process.wait(20) in (130, 137), f"exit status {process.returncode}: {output}")
        contains(output, b"signal 02", "output")
    finally:
        os.close(master)
        docker("rm", "--force", name)
        process.kill()
        process.wait()


def stop_before_the_app_is_there():
    """The kernel drops what PID 1 neither blocks nor handles: a stop while the policy is read is held, not lost."""
    name = f"{PREFIX}-early-stop"
    process = subprocess.Popen(["docker", "run", "--rm", "--interactive", "--name", name, "--network", "none",
                                "--entrypoint", "/usr/local/bin/cofferdam", f"{PREFIX}-alpine", "run", "--policy",
                                "/dev/stdin", "--", "app", "serve"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for(lambda: docker("inspect", "--format", "{{.State.Running}}", name).stdout.strip() == "true", "the start", 20)
        time.sleep(0.3)
        docker("kill", "--signal", "TERM", name)
        output, _ = process.communicate("version: 1\nextends: twelve-factor\n", timeout=20)
    finally:
        docker("rm", "--force", name)
        process.kill()
        process.wait()
    check(process.returncode in (7, 143), f"exit status {process.returncode}: {output}")


def ends_of_the_app(role):
    for command, status, words in ((("app", "exit", "0"), 0, ""), (("app", "exit", "77"), 77, ""),
                                   (("app", "kill", "15"), 143, ""), (("app", "kill", "9"), 137, ""),
                                   (("nowhere",), 127, "nowhere"), (("/etc/passwd",), 126, "/etc/passwd"),
                                   (("--nonsense",), 126, "")):
        result = docker("run", "--rm", "--network", "none", "--tmpfs", "/tmp", *ROLES[role], f"{PREFIX}-alpine", *command)
        if command[0] == "--nonsense":
            check(result.returncode in (126, 127), f"what docker passes on is the command: {result.returncode}")
            continue
        equal(result.returncode, status, f"exit status of {command} ({result.stderr})")
        contains(result.stderr, words, f"message for {command}")


def what_remains_is_ended(role):
    """Daemons get SIGTERM, time to act on it, and SIGKILL after two seconds."""
    with Container(ROLES[role], "app", "daemons") as container:
        equal(container.exit_status(), 3, f"exit status ({container.output()})")
        text = container.output()
        contains(text, "app ends", "output")
        equal(text.count("daemon ends"), 2, "daemons that handle SIGTERM, one of them stopped")
        took = container.inspect("{{.State.StartedAt}} {{.State.FinishedAt}}").split()
        seconds = [float(moment[17:-1]) + 60 * float(moment[14:16]) for moment in took]
        check(1.9 <= (seconds[1] - seconds[0]) % 3600 < 6, f"the stubborn daemon had its two seconds: {took}")


def inherited_signals(role):
    """The mask and what is ignored are the caller's; the launcher's own are not."""
    with Container(ROLES[role], "inherit", "/usr/local/bin/cofferdam", "run", "--", "app", "inherited",
                   entrypoint="/usr/local/bin/app") as container:
        equal(container.exit_status(), 0, f"exit status ({container.output()})")
        contains(container.output(), "probe: blocked 10 ignored 1.", "signals")
    with Container(ROLES[role], "app", "inherited") as container:
        container.exit_status()
        contains(container.output(), "probe: blocked ignored.", "signals without anything inherited")


def nothing_inherited_at_all(role):
    """No standard input and no variable: neither HOME nor PATH."""
    with Container([*ROLES[role], "--user", "12345:0"], "bare", "/usr/local/bin/cofferdam", "run", "--",
                   "/usr/local/bin/app", entrypoint="/usr/local/bin/app") as container:
        equal(container.exit_status(), 0, f"exit status ({container.output()})")
        seen = seen_by_the_app(container.output())
        equal((seen["stdin"], seen["home"], seen["tmp"], seen["executed"]), ("empty", "unset", "0", str(ECONNREFUSED)),
              "what it saw")


def listening_sockets_are_passed_on(role):
    """LISTEN_PID is rewritten, and the socket at descriptor 3 is the application's."""
    with Container(ROLES[role], "activate", "/usr/local/bin/cofferdam", "run", "--", "app", "answer",
                   entrypoint="/usr/local/bin/app") as container:
        equal(container.exit_status(), 0, f"exit status ({container.output()})")
        contains(container.output(), "a visitor came, connect=0.", "output")


def sigkill_of_the_launcher_ends_the_container(role):
    with Container(ROLES[role], "app", "survivor") as container:
        container.says("serving")
        processes = docker("top", container.name, "-o", "pid").stdout.split()[1:]
        check(len(processes) >= 3, f"processes of the container: {processes}")
        if role == "--init":
            container.execute("kill", "-9", container.launcher(), options=["--user", "0"])
        else:
            docker("kill", "--signal", "KILL", container.name)
        equal(container.exit_status(10), 137, "exit status")
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in processes), "every process to end", 5)


def sigkill_of_a_launcher_below_another_program():
    """Neither PID 1 nor below an init that ends with it: the application dies, the rest lives on and gets nowhere."""
    script = "/usr/local/bin/cofferdam run -- /usr/local/bin/app survivor & wait; echo launcher ended; exec sleep 60"
    with Container([], "-c", script, entrypoint="/bin/sh") as container:
        container.says("serving")

        def survivor():
            return container.execute("cat", "/tmp/survivor").stdout

        wait_for(lambda: "app=there open=0 connect=0." in survivor(), f"the daemon to work: {survivor()}", 5)
        container.execute("kill", "-9", container.launcher(), options=["--user", "0"])
        container.says("launcher ended")
        wait_for(lambda: "app=gone" in survivor(), "the application to die", 5)
        wait_for(lambda: survivor().startswith(f"app=gone open={ENOSYS} connect={ENOSYS}."),
                 f"the daemon's calls to fail: {survivor()}", 5)


# --- beside the application ------------------------------------------------------------------------------------------


def without_a_tmpfs():
    """Nothing can be written but /dev/shm, which every container has as a tmpfs."""
    for options in ([], ["--read-only"]):
        result = docker("run", "--rm", "--network", "none", *options, f"{PREFIX}-alpine")
        seen = seen_by_the_app(result.stdout)
        equal((seen["tmp"] != "0", seen["shm"]), (True, "0"), f"/tmp can't be written, /dev/shm can ({options})")


def one_inside_another_is_refused():
    """The kernel allows one listener. The inner one says so and ends, whatever the outer one's filter denies it."""
    result = docker("run", "--rm", "--network", "none", "--tmpfs", "/tmp", f"{PREFIX}-alpine", "cofferdam", "run", "--", "app",
                    timeout=20)
    equal(result.returncode, 125, f"exit status ({result.stdout})")
    contains(result.stdout, "can't load the seccomp filter", "message")


def no_command_is_explained():
    """Compose's `entrypoint:` and docker's --entrypoint clear the image's CMD."""
    result = docker("run", "--rm", "--network", "none", "--entrypoint", "/usr/local/bin/cofferdam", f"{PREFIX}-alpine", "run", "--")
    equal(result.returncode, 125, "exit status")
    for words in ("no command", "compose's `entrypoint:`", "`command:`"):
        contains(result.stderr, words, "message")


def status_of(container, process, *names):
    text = container.execute("cat", f"/proc/{process}/status").stdout
    rows = dict(line.split(":", 1) for line in text.splitlines())
    return [rows[name].strip() for name in names]


def docker_exec_is_outside():
    """SECURITY.md, limit 43: a program of docker exec is under the container's profile and under none of our rules."""
    with tempfile.TemporaryDirectory(prefix="cofferdam-test.", dir="/var/tmp") as disk, \
            Container(["--volume", f"{disk}:/data", "--entrypoint", "/usr/local/bin/cofferdam"], "run", "--report",
                      "/dev/stderr", "--", "app", "survivor") as container:
        os.chmod(disk, 0o1777)
        container.says("serving")
        app = container.process("app survivor")
        ours, theirs = (status_of(container, process, "Seccomp_filters", "NoNewPrivs") for process in (app, "self"))
        equal(int(ours[0]) - int(theirs[0]), 1, "filters of the application beyond those of the container")
        equal([ours[1], theirs[1]], ["1", "0"], "no_new_privs")
        equal(container.execute("app", "connect").returncode, 0, "a connection to the database")
        equal(container.execute("sh", "-c", "echo x >/data/x && echo x >/tmp/from-exec").returncode, 0, "files written")
        equal(os.listdir(disk), ["x"], "files on the disk")
        equal(container.execute("cofferdam", "run", "--", "sh", "-c", "app connect; exit $?").returncode, ECONNREFUSED,
              "the same connection below `cofferdam run` in docker exec")
        docker("stop", container.name)
        report = json.loads(next(line for line in container.output().splitlines() if line.startswith('{"v":1')))
        equal([entry["writers"] for entry in report["lost"] if entry["path"] == "/tmp/from-exec"], [[]], "writers")
        found = [finding for finding in report["findings"] if finding["code"] == "CD104"]
        check(found and "docker exec" in found[0]["fix"], f"the finding that somebody else wrote it: {found}")


def healthcheck_is_outside():
    """It is a docker exec of the daemon's."""
    health = ["--health-cmd", "app connect", "--health-interval", "500ms", "--health-retries", "1"]
    with Container(health, "app", "survivor") as container:
        wait_for(lambda: container.inspect("{{.State.Health.Status}}") in ("healthy", "unhealthy"), "a health check", 10)
        equal(container.inspect("{{.State.Health.Status}}"), "healthy", "status")
        check("CD201" not in container.output(), "a finding about the health check")


def orphans_of_docker_exec_are_reaped():
    with Container([], "app", "serve") as container:
        container.says("serving")
        container.execute("sh", "-c", "(sleep 0.2 &) ; (sleep 0.2 &) ; true")
        time.sleep(0.5)
        states = container.execute("sh", "-c", "grep -h State /proc/[0-9]*/status").stdout
        check("zombie" not in states, f"a zombie: {states}")


TESTS = [
    *((f"{role}: {function.__name__}", function, role) for role in ("PID 1", "--init")
      for function in (stop_is_graceful, grace_is_the_policys, ctrl_c_on_a_terminal, each_signal_reaches_the_app, ends_of_the_app, what_remains_is_ended,
                       inherited_signals, nothing_inherited_at_all, listening_sockets_are_passed_on,
                       sigkill_of_the_launcher_ends_the_container)),
    ("--pid host: sigkill_of_the_launcher_ends_the_container", sigkill_of_the_launcher_ends_the_container, "--pid host"),
    ("sigkill_of_a_launcher_below_another_program", sigkill_of_a_launcher_below_another_program),
    ("stop_before_the_app_is_there", stop_before_the_app_is_there),
    ("without_a_tmpfs", without_a_tmpfs),
    ("one_inside_another_is_refused", one_inside_another_is_refused),
    ("no_command_is_explained", no_command_is_explained),
    ("docker_exec_is_outside", docker_exec_is_outside),
    ("healthcheck_is_outside", healthcheck_is_outside),
    ("orphans_of_docker_exec_are_reaped", orphans_of_docker_exec_are_reaped),
    *((f"{name}: {way}", each_way_works, name, options, differences) for name in IMAGES
      for way, options, differences in WAYS),
]


def main():
    if not harness.run_one("apps/images/the guide's Dockerfiles are built", build_images):
        sys.exit(1)
    wanted = [test for test in TESTS if not sys.argv[3:] or any(part in test[0] for part in sys.argv[3:])]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(lambda test: harness.run_one(f"apps/images/{test[0]}", *test[1:]), wanted))
    sys.exit(0 if all(results) else 1)


main()
