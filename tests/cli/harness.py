"""What the black-box tests share: a home directory of their own, running the binary, reading its report, counting.

A test is a function marked with @test. It passes when it returns, fails when an assertion of `check` or any exception
is raised, and is skipped by `skip(missing)`. Results are printed one a line, for scripts/test to count:

    ok NAME
    not ok NAME - why
    skip NAME - missing feature

COFFERDAM names the binary (default build/release/cofferdam). Arguments on the command line select tests by substring.
"""

import hashlib
import base64
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("COFFERDAM") or os.path.join(REPO, "build", "release", "cofferdam")
ROOT = os.geteuid() == 0
WHO = "root" if ROOT else "user"
# A file name for writes that must not reach the host; what a broken binary lets through is removed again.
STRAY = "cofferdam-test-write"
STRAY_FOLDERS = ["/etc", "/usr", "/", "/opt", "/boot", "/lib", "/var/lib", "/tmp", "/var/tmp", "/dev/shm"]
PLAIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
sys.dont_write_bytecode = True


class Failure(AssertionError):
    pass


class Skip(Exception):
    pass


def check(condition, why):
    if not condition:
        raise Failure(why)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: wanted {wanted!r}, got {shorten(got)!r}")


def contains(text, part, what):
    check(part in text, f"{what}: {part!r} is not in {shorten(text)!r}")


def shorten(value, limit=600):
    return value[:limit] + type(value)(b"..." if isinstance(value, bytes) else "...") \
        if isinstance(value, (str, bytes)) and len(value) > limit else value


def skip(missing):
    raise Skip(missing)


def wait_for(condition, what, seconds=10.0, step=0.02):
    """Returns the first true value of `condition()`, or fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds:g} s for {what}")
        time.sleep(step)


# --- the machine -----------------------------------------------------------------------------------------------------


def free_port():
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        if port != 5432:
            return port


def tree(directory):
    """Every path below `directory` with its type, mode, owner, size, time of change and content."""
    found = {}
    for folder, folders, files in os.walk(directory):
        for name in [*folders, *files, "."]:
            path = os.path.normpath(os.path.join(folder, name))
            info = os.lstat(path)
            content = ""
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            elif stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            size = 0 if stat.S_ISDIR(info.st_mode) else info.st_size
            found[path] = (info.st_mode, info.st_uid, info.st_gid, size, info.st_mtime_ns, content)
    return found


def same_tree(before, after, what):
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    check(not changed, f"{what} changed on the host: {changed[:5]}")


def processes_with(marker):
    """The pids whose environment holds `marker`. Zombies have none."""
    found = []
    needle = marker.encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if int(pid) != os.getpid() and needle in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def pid_namespaces(pid):
    """How many pid namespaces the process is in. Can be read of processes that can't be looked into."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return len(next(line for line in file if line.startswith("NSpid:")).split()) - 1


def pump_of(launcher):
    """The child that shares the launcher's pid namespace; the other one is the instance's init."""
    for pid in children(launcher):
        try:
            if pid_namespaces(pid) == pid_namespaces(launcher):
                return pid
        except (OSError, StopIteration):
            continue
    return None


# --- running cofferdam -----------------------------------------------------------------------------------------------


class Result:
    """What a run left: exit code as a shell sees it, output bytes, stderr text, report and events when asked for."""

    def __init__(self, code, out, err, place):
        self.code, self.out, self.err = code, out, err
        self._report, self.events, self.event_lines = None, [], []
        if os.path.exists(place.report_file):
            with open(place.report_file, encoding="utf-8") as file:
                self._report = json.load(file)
        if os.path.exists(place.events_file):
            with open(place.events_file, encoding="utf-8") as file:
                self.event_lines = file.read().splitlines()
            self.events = [json.loads(line) for line in self.event_lines]

    @property
    def report(self):
        check(self._report is not None, f"no report was written; stderr: {self.err!r}")
        return self._report

    def records(self, stream=None):
        return [record for record in map(json.loads, self.out.decode().splitlines())
                if stream in (None, record["stream"])]

    def messages(self, stream="stdout"):
        """Bytes that are no UTF-8 come as base64; here they are shown as lone surrogates."""
        return [record["message"] if "message" in record
                else base64.b64decode(record["message_b64"]).decode(errors="surrogateescape")
                for record in self.records(stream)]

    def findings(self, code):
        return [finding for finding in self.report["findings"] if finding["code"] == code]

    def lost(self, path):
        return next((entry for entry in self.report["lost"] if entry["path"] == path), None)

    def of(self, event):
        return [entry for entry in self.events if entry["event"] == event]


class Place:
    """A home directory with a project in it, and beside it a directory for cofferdam's own output."""

    def __init__(self):
        self.base = tempfile.mkdtemp(prefix="cofferdam-test.", dir="/home" if ROOT else os.environ["HOME"])
        os.chmod(self.base, 0o755)
        self.home = os.path.join(self.base, "home")
        self.project = os.path.join(self.home, "project")
        self.out = os.path.join(self.base, "out")
        os.makedirs(self.project)
        os.mkdir(self.out)
        self.report_file = os.path.join(self.out, "report.json")
        self.events_file = os.path.join(self.out, "events.jsonl")
        self.marker = f"COFFERDAM_TEST_ID={uuid.uuid4().hex}"
        name, value = self.marker.split("=")
        self.env = {"HOME": self.home, "PATH": PLAIN_PATH, "LANG": "C.UTF-8", name: value}

    def file(self, name, content="", mode=None):
        path = os.path.join(self.project, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        if mode is not None:
            os.chmod(path, mode)
        return path

    def _options(self, report):
        return ["--report", self.report_file, "--events", self.events_file] if report else []

    def start(self, *command, options=(), report=True, env=None, cwd=None, **kwargs):
        """Starts `cofferdam run OPTIONS -- COMMAND` and returns the Popen; stdout and stderr are pipes."""
        for file in (self.report_file, self.events_file):
            if os.path.exists(file):
                os.unlink(file)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([BINARY, "run", *self._options(report), *options, "--", *command],
                                cwd=cwd or self.project, env={**self.env, **(env or {})}, **kwargs)

    def finish(self, process, timeout=30, data=None):
        try:
            out, err = process.communicate(input=data, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            self.kill_processes()
            try:
                out, err = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                out, err = b"", b""
            raise Failure(f"still running after {timeout} s; stdout {shorten(out)!r}, "
                          f"stderr {shorten(err)!r}") from None
        code = process.returncode
        return Result(128 - code if code < 0 else code, out or b"", (err or b"").decode(errors="replace"), self)

    def run(self, *command, data=None, timeout=30, **kwargs):
        """Runs `cofferdam run OPTIONS -- COMMAND` to its end. `data` is its standard input (none by default)."""
        if data is not None:
            kwargs["stdin"] = subprocess.PIPE
        return self.finish(self.start(*command, **kwargs), timeout, data)

    def sh(self, script, *args, **kwargs):
        return self.run("/bin/sh", "-c", script, *args, **kwargs)

    def python(self, code, *args, **kwargs):
        return self.run("/usr/bin/python3", "-c", code, *args, **kwargs)

    def cofferdam(self, *arguments, data=None, timeout=30, env=None, cwd=None, **kwargs):
        """Runs cofferdam with exactly these arguments."""
        process = subprocess.Popen([BINARY, *arguments], cwd=cwd or self.project, env={**self.env, **(env or {})},
                                   stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        return self.finish(process, timeout, data)

    def no_process_left(self, what="a process of the instance", seconds=5.0):
        wait_for(lambda: not processes_with(self.marker), f"{what} to be gone", seconds)

    def kill_processes(self):
        for pid in processes_with(self.marker):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass

    def remove(self):
        self.kill_processes()
        for folder in STRAY_FOLDERS:
            try:
                os.unlink(os.path.join(folder, STRAY))
            except OSError:
                pass
        shutil.rmtree(self.base, ignore_errors=True)


# --- the tests -------------------------------------------------------------------------------------------------------

_tests = []


def test(function):
    _tests.append(function)
    return function


def report_ok(name):
    print(f"ok {name}", flush=True)


def report_failure(name, why):
    print(f"not ok {name} - {' '.join(str(why).split())}", flush=True)


def report_skip(name, missing):
    print(f"skip {name} - {missing}", flush=True)


def run_one(name, function, *args):
    """Runs one test and prints its line. Returns whether it did not fail."""
    try:
        function(*args)
    except Skip as missing:
        report_skip(name, missing)
    except Failure as why:
        report_failure(name, why)
        return False
    except Exception as error:  # pylint: disable=broad-except  a broken test is a failed test
        frame = traceback.extract_tb(error.__traceback__)[-1]
        report_failure(name, f"{type(error).__name__}: {error} ({os.path.basename(frame.filename)}:{frame.lineno})")
        return False
    else:
        report_ok(name)
    return True


def run_all(prefix, tests, new_place=Place):
    """Runs the tests whose names contain a word of the command line, all without one, and ends the process."""
    good = True
    for function in tests:
        name = f"{prefix}/{function.__name__}"
        if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
            continue
        place = new_place()
        try:
            good = run_one(name, function, place) and good
        finally:
            place.remove()
    sys.exit(0 if good else 1)


def main():
    if not os.access(BINARY, os.X_OK):
        print(f"not ok cli - no binary at {BINARY}; build it with scripts/build or name one in COFFERDAM")
        sys.exit(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` cleans up
    group = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    run_all(f"cli/{WHO}/{group}", _tests)
