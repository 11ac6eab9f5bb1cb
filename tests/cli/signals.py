#!/usr/bin/python3
"""Init duties from outside: which signals reach whom, what the end of a run leaves, and pipes that close early."""

import collections
import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import time

from harness import BINARY, Failure, check, contains, equal, main, processes_with, test, wait_for

HEAD = "version: 1\nextends: twelve-factor\n"
RAW = ("--format", "raw")


@contextlib.contextmanager
def started(place, script, *arguments, python=False, **kwargs):
    """A run that has printed `ready`, in a session of its own as from a terminal; over afterwards, whatever happens."""
    program = ["/usr/bin/python3", "-c"] if python else ["/bin/sh", "-c"]
    process = place.start(*program, script, *arguments, start_new_session=True, **{"options": RAW, **kwargs})
    try:
        line = process.stdout.readline()
        if line != b"ready\n":
            process.kill()
            raise Failure(f"the app did not start: {line!r} {process.stderr.read()!r}")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def statuses():
    """(pid, parent, the pid's numbers from our namespace inwards) of every process."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            status = dict(line.split(":", 1) for line in file if ":" in line)
            yield int(pid), int(status["PPid"]), status["NSpid"].split()


def init_of(process):
    """The host's pid of the process that is PID 1 of the run's instance."""
    found = [pid for pid, parent, numbers in statuses() if parent == process.pid and len(numbers) > 1 and numbers[-1] == "1"]
    equal(len(found), 1, "processes that are PID 1 of the instance")
    return found[0]


class Clock:
    """Fails when the block took longer than so many seconds."""

    def __init__(self, what, seconds):
        self.what, self.seconds = what, seconds

    def __enter__(self):
        self.begin = time.monotonic()
        return self

    def __exit__(self, kind, value, trace):
        took = time.monotonic() - self.begin
        if kind is None:
            check(took < self.seconds, f"{self.what} took {took:.2f} s, not under {self.seconds:g} s")


# --- forwarding ------------------------------------------------------------------------------------------------------


@test
def each_signal_reaches_the_app(place):
    for name in ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "ALRM", "CONT", "WINCH"):
        script = f"trap 'echo got {name}; exit 5' {name}; echo ready; while :; do sleep 0.05; done"
        with started(place, script) as process, Clock(f"SIG{name}", 3):
            process.send_signal(getattr(signal, "SIG" + name))
            result = place.finish(process, 10)
            equal((result.code, result.out), (5, f"got {name}\n".encode()), f"SIG{name} ({result.err})")


@test
def default_action_is_128_plus_n(place):
    for name in ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "ALRM"):
        number = getattr(signal, "SIG" + name)
        with started(place, "echo ready; exec sleep 100") as process, Clock(f"SIG{name}", 3):
            process.send_signal(number)
            result = place.finish(process, 10)
            equal(result.code, 128 + number, f"SIG{name} ({result.err})")
            equal(result.report["instances"][0]["exit"], {"code": None, "signal": int(number)}, f"report of SIG{name}")
        place.no_process_left()


@test
def signal_comes_once(place):
    code = ("import signal, time\ncount = 0\ndef on(*_):\n    global count\n    count += 1\n"
            "signal.signal(signal.SIGUSR1, on)\nprint('ready', flush=True)\n"
            "end = time.monotonic() + 1\nwhile time.monotonic() < end: time.sleep(0.05)\nprint(count)")
    with started(place, code, python=True) as process:
        for _ in range(3):
            process.send_signal(signal.SIGUSR1)
            time.sleep(0.1)
        equal(place.finish(process, 10).out, b"3\n", "how often the handler ran")


@test
def signal_at_the_very_start(place):
    """A stop that comes before the app is up is not lost."""
    for wait in (0.0, 0.002, 0.005, 0.01, 0.02):
        process = place.start("sleep", "100", options=RAW)
        time.sleep(wait)
        process.terminate()
        with Clock(f"SIGTERM after {wait} s", 3):
            equal(place.finish(process, 10).code, 143, f"exit status after {wait} s")
        place.no_process_left()


@test
def ctrl_c_while_it_starts(place):
    """The terminal's Ctrl-C goes to the children that are being made, too; only the launcher's counts."""
    codes = collections.Counter()
    for step in range(60):
        process = place.start("sleep", "100", options=RAW, report=False, start_new_session=True)
        time.sleep(step * 0.0002)
        os.killpg(process.pid, signal.SIGINT)
        result = place.finish(process, 10)
        codes[result.code] += 1
        equal(result.err, "", f"what is said of a Ctrl-C after {step * 0.2:.1f} ms")
    # The first come before cofferdam has begun.
    check(set(codes) <= {130, -2}, f"exit statuses: {codes}")
    check(codes[130] > 10, f"the start was missed: {codes}")


@test
def term_goes_to_the_app_alone(place):
    """The app decides how its workers end, as in production, where only PID 1 of the container gets SIGTERM."""
    script = ("sh -c 'trap \"echo worker got TERM\" TERM; i=0; while [ $i -lt 12 ]; do sleep 0.05; i=$((i+1)); done' & worker=$!; "
              "trap 'wait $worker; echo app ends; exit 0' TERM; sleep 0.2; echo ready; wait $worker; exit 9")
    with started(place, script) as process:
        process.terminate()
        result = place.finish(process, 10)
        equal((result.code, result.out), (0, b"app ends\n"), f"who got SIGTERM ({result.err})")


@test
def app_stops_within_its_grace(place):
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 3s}\n")
    with started(place, "trap 'sleep 1; echo done; exit 0' TERM; echo ready; while :; do sleep 0.05; done") as process:
        process.terminate()
        result = place.finish(process, 10)
        equal((result.code, result.out), (0, b"done\n"), f"an end that takes a second ({result.err})")
        equal(result.findings("CD503"), [], "findings")


@test
def stop_signal_of_the_policy(place):
    place.file("cofferdam.yaml", HEAD + "run: {stop_signal: SIGINT}\n")
    with started(place, "trap 'echo got INT; exit 0' INT; trap 'echo got TERM; exit 1' TERM; echo ready; "
                        "while :; do sleep 0.05; done") as process:
        process.terminate()
        result = place.finish(process, 10)
        equal((result.code, result.out), (0, b"got INT\n"), f"SIGTERM to the launcher ({result.err})")


@test
def stopped_app_ends(place):
    """SIGTERM to an app that somebody stopped: it is ended by the grace at the latest."""
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 1s}\n")
    with started(place, "echo ready; kill -STOP $$; sleep 100") as process:
        time.sleep(0.2)
        process.terminate()
        result = place.finish(process, 10)
        check(result.code in (137, 143), f"exit status {result.code}")
    place.no_process_left()


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


@test
def ctrl_c_reaches_the_whole_group(place):
    """A shell waits for its foreground child before it looks at its own signals: the child must get it too."""
    for script in ("echo ready; sleep 100; echo after", "echo ready; sh -c 'sleep 100; true'; true"):
        with started(place, script) as process, Clock("Ctrl-C", 2):
            time.sleep(0.3)  # a dash that is between fork and exec swallows SIGINT, with us and without
            process.send_signal(signal.SIGINT)
            result = place.finish(process, 10)
            equal((result.code, result.out), (130, b""), f"{script} ({result.err})")
        place.no_process_left()


@test
def ctrl_c_on_a_terminal(place):
    """The terminal's own Ctrl-C goes to the launcher's group; the app gets it once."""
    code = ("import signal, time\ncount = 0\ndef on(*_):\n    global count\n    count += 1\n"
            "signal.signal(signal.SIGINT, on)\nprint('ready', flush=True)\n"
            "end = time.monotonic() + 1\nwhile time.monotonic() < end: time.sleep(0.05)\nprint('count', count, flush=True)")
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(place.project)
        os.execve(BINARY, [BINARY, "run", "--", "/usr/bin/python3", "-c", code], {**place.env, "TERM": "dumb"})
    text = b""
    sent = False
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if not select.select([master], [], [], 0.1)[0]:
                continue
            try:
                got = os.read(master, 4096)
            except OSError:
                break
            if not got:
                break
            text += got
            if b"ready" in text and not sent:
                sent = True
                os.write(master, b"\x03")
        _, status = os.waitpid(pid, 0)
        pid = 0
    finally:
        os.close(master)
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    contains(text, b"count 1", "how often the handler ran")
    equal(os.waitstatus_to_exitcode(status), 0, f"exit status ({text!r})")


@test
def second_ctrl_c_kills_all(place):
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 60s}\n")
    script = "trap '' INT TERM; (trap '' INT TERM; setsid sleep 100) & echo ready; while :; do sleep 0.1; done"
    with started(place, script) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        check(process.poll() is None, "the first Ctrl-C ended an app that ignores it")
        with Clock("the second Ctrl-C", 2):
            process.send_signal(signal.SIGINT)
            result = place.finish(process, 10)
        check(result.code in (130, 137), f"exit status {result.code}")
        check(result.report["instances"], "the report is written all the same")
    place.no_process_left()


@test
def ctrl_c_then_term(place):
    """Whoever waits after Ctrl-C and then stops the launcher is heard."""
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 500ms}\n")
    with started(place, "trap '' INT TERM; echo ready; while :; do sleep 0.1; done") as process, Clock("the end", 4):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.terminate()
        equal(place.finish(process, 10).code, 137, "exit status")
    place.no_process_left()


@test
def one_ctrl_c_that_comes_twice(place):
    """npm and others pass a Ctrl-C on to a child that the terminal has told already. That is no second Ctrl-C."""
    script = "trap 'sleep 0.5; echo clean end; exit 0' INT; echo ready; while :; do sleep 0.05; done"
    with started(place, script) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        result = place.finish(process, 10)
        equal((result.code, result.out), (0, b"clean end\n"), f"end ({result.err})")


@test
def every_term_is_passed_on(place):
    """Some platforms send SIGTERM several times; only the grace, or a second Ctrl-C, forces the end."""
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 60s}\n")
    script = "n=0; trap 'n=$((n+1)); echo term $n; [ $n -lt 2 ] || exit 7' TERM; echo ready; while :; do sleep 0.1; done"
    with started(place, script) as process:
        process.terminate()
        time.sleep(0.5)
        check(process.poll() is None, "the first SIGTERM ended an app that handles it")
        process.terminate()
        equal(place.finish(process, 10).code, 7, "exit status")
    place.no_process_left()


# --- inherited state -------------------------------------------------------------------------------------------------


@test
def nohup_survives(place):
    """What the caller ignored stays ignored: the app under nohup outlives the terminal."""
    with started(place, "echo ready; sleep 1; echo survived",
                 preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGHUP)
        result = place.finish(process, 10)
        equal((result.code, result.out), (0, b"survived\n"), f"end ({result.err})")


@test
def ignored_int_stays_ignored(place):
    """As a shell starts what runs in the background without job control."""
    with started(place, "echo ready; sleep 0.7; echo survived",
                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
        process.send_signal(signal.SIGINT)
        result = place.finish(process, 10)
        equal((result.code, result.out), (0, b"survived\n"), f"end ({result.err})")


@test
def sigpipe_has_its_default(place):
    """Python and others ignore SIGPIPE; a child that inherits that breaks `yes | head`."""
    result = place.sh("yes | head -n 1; grep SigIgn /proc/self/status", options=RAW, restore_signals=True)
    equal((result.code, result.out), (0, b"y\nSigIgn:\t0000000000000000\n"), f"({result.err})")
    result = place.sh("grep SigIgn /proc/self/status", options=RAW, restore_signals=False,
                      preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN))
    check(int(result.out.split()[1], 16) & 1 << (signal.SIGPIPE - 1), "what the caller ignored stays ignored")


@test
def blocked_signals_are_inherited(place):
    result = place.run("grep", "SigBlk", "/proc/self/status", options=RAW,  # a shell would clear its mask
                       preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}))
    equal(int(result.out.split()[1], 16), 1 << (signal.SIGUSR1 - 1), "blocked signals")


@test
def blocked_term_still_stops(place):
    """A caller that blocked SIGTERM (a thread of a build tool) can stop the run all the same."""
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 500ms}\n")
    with started(place, "echo ready; exec sleep 100",
                 preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})) as process, Clock("the end", 4):
        process.terminate()
        check(place.finish(process, 10).code in (137, 143), "exit status")


# --- what is left ----------------------------------------------------------------------------------------------------


@test
def daemons_get_term(place):
    """What the app leaves running when it ends gets SIGTERM, and time to act on it."""
    script = ("setsid sh -c 'trap \"sleep 0.3; echo daemon ends; exit\" TERM; echo daemon runs; while :; do sleep 0.05; done' & "
              "sleep 0.3; echo app ends; exit 3")
    with Clock("the end", 5):
        result = place.sh(script, options=RAW)
    equal(result.code, 3, f"exit status ({result.err})")
    equal(result.out, b"daemon runs\napp ends\ndaemon ends\n", "output")
    place.no_process_left()


@test
def daemons_that_ignore_term_are_killed(place):
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 500ms}\n")
    code = r"""
import os, signal, time
for depth in range(3):
    if os.fork() == 0:
        os.setsid()
        for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(name, signal.SIG_IGN)
        if os.fork() != 0: os._exit(0)
        time.sleep(100); os._exit(0)
time.sleep(0.2)
print("app ends")
"""
    with Clock("the end", 5):
        result = place.python(code, options=RAW, timeout=15)
    equal((result.code, result.out), (0, b"app ends\n"), f"end ({result.err})")
    place.no_process_left()


@test
def daemon_that_keeps_stdout(place):
    """A daemon that holds the app's stdout does not hold up the end of the run."""
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 500ms}\n")
    with Clock("the end", 5):
        result = place.sh("setsid sh -c \"trap '' TERM; sleep 100\" & echo done", options=RAW, timeout=15)
    equal((result.code, result.out), (0, b"done\n"), f"end ({result.err})")
    place.no_process_left()


@test
def nothing_left_means_no_wait(place):
    """An app that leaves nothing behind ends at once, whatever the grace."""
    for script in ("true", "sleep 0.01 & wait", "(true &)"):
        with Clock(script, 1):
            equal(place.sh(script).code, 0, script)


@test
def fork_storm_at_the_end(place):
    """Processes that start others while they are ended are ended too."""
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 500ms}\n")
    code = r"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if os.fork() != 0: os._exit(0)
        time.sleep(0.001)
time.sleep(0.2)
"""
    with Clock("the end", 6):
        equal(place.python(code, timeout=20).code, 0, "exit status")
    place.no_process_left()


@test
def sigkill_of_the_launcher_leaves_nothing(place):
    script = "sleep 100 & setsid sleep 100 & (setsid sh -c 'trap \"\" TERM HUP; sleep 100 & sleep 100' &); sleep 0.2; echo ready; sleep 100"
    with started(place, script) as process:
        check(len(processes_with(place.marker)) >= 5, "the app's processes run")
        process.kill()
        process.wait()
        place.no_process_left("every process after SIGKILL of the launcher", 3)


@test
def sigkill_of_the_inner_init_ends_the_run(place):
    """Somebody outside kills the instance: the launcher notices, reports and ends."""
    with started(place, "echo ready; sleep 100") as process:
        os.kill(init_of(process), signal.SIGKILL)
        with Clock("the end", 3):
            result = place.finish(process, 10)
        equal(result.code, 137, f"exit status ({result.err})")
        check(result.report["instances"], "a report")
    place.no_process_left()


@test
def app_can_not_signal_outside(place):
    """Neither by number nor by group does a signal leave the instance."""
    with started(place, "echo ready; read line", stdin=subprocess.PIPE) as process:
        inner = place.python("import os, sys\n"
                             "for pid in map(int, sys.argv[1:]):\n"
                             "    try: os.kill(pid, 0); print('sent')\n"
                             "    except OSError as error: print(error.errno)\n"
                             "try: os.kill(-1, 0)\nexcept OSError: pass",
                             str(process.pid), str(os.getpid()), str(os.getppid()), options=RAW, report=False)
        equal(inner.out, b"3\n3\n3\n", "ESRCH for each process of the host")


# --- pipes -----------------------------------------------------------------------------------------------------------


def pipeline(place, command, timeout=10):
    """Runs a shell pipeline with `cofferdam` in it; its output, and its statuses."""
    script = f"cofferdam() {{ '{BINARY}' \"$@\"; }}; {command}; echo \"${{PIPESTATUS[@]}}\" >&2"
    result = subprocess.run(["bash", "-c", script], cwd=place.project, env=place.env, capture_output=True, timeout=timeout,
                            check=False)
    return result.stdout, result.stderr.decode()


@test
def reader_that_leaves(place):
    """`cofferdam run -- yes | head -1` ends at once, like `yes | head -1`."""
    for option in ("--format raw", "--format json", "--format pretty"):
        with Clock(f"yes | head -1 with {option}", 3):
            out, err = pipeline(place, f"cofferdam run {option} -- yes | head -n 1")
        check(out.count(b"\n") == 1 and b"y" in out, f"{option}: {out!r} {err}")
        check("CD302" not in err and "rror" not in err, f"{option}: a reader that leaves is no failure: {err}")
    place.no_process_left()


@test
def reader_that_leaves_a_quiet_app(place):
    """An app that ignores the closed pipe and says nothing more goes on, as it would without cofferdam."""
    out, err = pipeline(place, "cofferdam run --format raw -- sh -c 'echo one; sleep 0.5; exit 7' | head -n 1")
    equal(out, b"one\n", "output")
    contains(err, "7 0", f"statuses ({err})")


@test
def slow_reader(place):
    """A reader slower than the app slows the app down; nothing is lost and nothing piles up in memory."""
    process = place.start("/usr/bin/python3", "-c", "import sys\nfor i in range(200000): print(i, 'x' * 100)", options=RAW)
    time.sleep(0.3)
    ours = [process.pid, *(pid for pid, parent, _ in statuses() if parent == process.pid)]
    peak = 0
    lines = 0
    begin = time.monotonic()
    data = b""
    while True:
        chunk = os.read(process.stdout.fileno(), 200000)
        if not chunk:
            break
        data += chunk[-200:]
        lines += chunk.count(b"\n")
        for pid in ours:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="utf-8") as file:
                size = [line.split()[1] for line in file if line.startswith("VmRSS:")]
                peak = max([peak, *map(int, size)])
        time.sleep(0.002)
        check(time.monotonic() - begin < 60, "the run takes too long")
    result = place.finish(process, 10)
    equal((result.code, lines), (0, 200000), f"lines ({result.err})")
    check(1024 < peak < 64 * 1024, f"the launcher or its pump grew to {peak} KiB")


@test
def blocked_reader_does_not_block_the_end(place):
    """Nobody reads: Ctrl-C twice ends the run all the same."""
    process = place.start("yes", options=RAW, report=False, start_new_session=True)
    try:
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        with Clock("the end", 4):
            wait_for(lambda: process.poll() is not None, "the launcher to end", 8)
        check(process.returncode in (130, 137), f"exit status {process.returncode}")
    finally:
        process.kill()
        process.communicate()
    place.no_process_left()


@test
def stdin_from_a_pipe(place):
    out, err = pipeline(place, "seq 1000 | cofferdam run --format raw -- sort -n | tail -n 1")
    equal(out, b"1000\n", f"sort ({err})")
    out, err = pipeline(place, "printf 'no newline' | cofferdam run --format raw -- cat")
    equal(out, b"no newline", f"cat ({err})")


@test
def stdin_from_a_file(place):
    place.file("input", "b\na\n")
    out, err = pipeline(place, "cofferdam run --format raw -- sort < input")
    equal(out, b"a\nb\n", f"sort ({err})")


@test
def stdin_that_stays_open(place):
    """An app that does not read its stdin ends whether or not the writer does."""
    process = place.start("echo", "done", options=RAW, stdin=subprocess.PIPE)
    try:
        with Clock("the end", 3):
            wait_for(lambda: process.poll() is not None, "the end", 5)
    finally:
        result = place.finish(process, 5)
    equal((result.code, result.out), (0, b"done\n"), f"end ({result.err})")


@test
def stdin_is_not_read_by_us(place):
    """What the app leaves unread in a pipe is there for the next command. (A file's content comes through a pipe.)"""
    out, err = pipeline(place, "printf 'first\\nsecond\\n' | { cofferdam run --format raw -- /usr/bin/python3 -c "
                               "'import os; print(os.read(0, 6).decode(), end=\"\", flush=True)'; cat; }")
    equal(out, b"first\nsecond\n", f"the first line by the app, the second by cat ({err})")


@test
def stdout_keeps_its_flags(place):
    """O_NONBLOCK on a pipe that others share would break them after the run."""
    reader, writer = os.pipe()
    try:
        process = place.start("echo", "x", options=RAW, stdout=writer)
        equal(place.finish(process, 10).code, 0, "exit status")
        check(not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK, "stdout of the caller is left non-blocking")
    finally:
        os.close(reader)
        os.close(writer)


@test
def non_blocking_stdout(place):
    """node makes the pipes of its children's stdout non-blocking: EAGAIN loses nothing."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = place.start("seq", "200000", options=RAW, stdout=writer)
    os.close(writer)
    data = []
    with os.fdopen(reader, "rb") as file:
        time.sleep(0.3)
        while chunk := file.read1(65536):
            data.append(chunk)
            time.sleep(0.001)
    equal(place.finish(process, 10).code, 0, "exit status")
    equal(b"".join(data).count(b"\n"), 200000, "lines")


@test
def closed_descriptors(place):
    """Without stdin, stdout or stderr, one or all: no file of ours takes their number."""
    for closed in ((0,), (1,), (2,), (0, 1), (0, 1, 2)):
        def close(numbers=closed):
            for number in numbers:
                os.close(number)

        kwargs = {name: None for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")) if number in closed}
        process = place.start("/bin/sh", "-c", "cat; echo out; echo err >&2; echo x > made; exit 6", preexec_fn=close,
                              options=RAW, **kwargs)
        result = place.finish(process, 10)
        equal(result.code, 6, f"exit status with {closed} closed ({result.err})")
        equal(result.report["logs"]["stdout"]["bytes"], 4, f"stdout in the report with {closed} closed")
        with open(place.report_file, encoding="utf-8") as file:
            check(file.read(1) == "{", "something was written into the report")


main()
