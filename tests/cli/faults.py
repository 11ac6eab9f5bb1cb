#!/usr/bin/python3
"""Signals, ends and accidents: nothing is left behind, and every end is the one that was asked for."""

import os
import signal
import subprocess
import time

from harness import BINARY, check, contains, equal, main, same_tree, test, tree, wait_for

HEAD = "version: 1\nextends: twelve-factor\n"


def started(place, script, **kwargs):
    """Starts a shell script that prints `ready` when it is; in a session of its own, as from a terminal."""
    process = place.start("/bin/sh", "-c", script, start_new_session=True, **{"options": ["--format", "raw"], **kwargs})
    equal(process.stdout.readline(), b"ready\n", "start")
    return process


@test
def sigkill_of_the_launcher_leaves_nothing(place):
    place.file("kept", "kept")
    before = tree(place.home)
    with open("/proc/mounts", encoding="utf-8") as file:
        mounts = file.read()
    script = "sleep 300 & setsid sleep 300 & (setsid sh -c 'sleep 300 & sleep 300' &) ; echo x > new; echo x > kept; " \
             "sleep 0.3; echo ready; sleep 300"
    process = started(place, script)
    process.kill()
    process.wait()
    place.no_process_left("every process after SIGKILL of the launcher")
    same_tree(before, tree(place.home), "the home directory")
    with open("/proc/mounts", encoding="utf-8") as file:
        equal(file.read(), mounts, "mounts of the host")
    process.stdout.close()
    process.stderr.close()


@test
def sigterm_reaches_the_app(place):
    process = started(place, "trap 'echo got TERM; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
    process.terminate()
    result = place.finish(process)
    equal((result.code, result.out), (3, b"got TERM\n"), f"end by SIGTERM ({result.err})")


@test
def sigterm_without_a_handler(place):
    process = started(place, "echo ready; exec sleep 300")
    process.terminate()
    equal(place.finish(process).code, 143, "exit status")


@test
def grace_time_ends(place):
    place.file("cofferdam.yaml", HEAD + "run: {stop_grace: 1s}\n")
    process = started(place, "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    begin = time.monotonic()
    process.terminate()
    result = place.finish(process, 10)
    equal(result.code, 137, "exit status")
    check(0.8 < time.monotonic() - begin < 4, f"the grace time of 1 s took {time.monotonic() - begin:.1f} s")
    place.no_process_left()


@test
def ctrl_c_reaches_the_group(place):
    script = "trap 'echo got INT; exit 4' INT; sh -c 'trap \"echo child INT; exit 0\" INT; while :; do sleep 0.1; done' & " \
             "sleep 0.3; echo ready; wait; exit 9"
    process = started(place, script)
    process.send_signal(signal.SIGINT)
    result = place.finish(process)
    equal(result.code, 4, f"exit status ({result.err})")
    contains(result.out, b"got INT", "stdout")


@test
def second_ctrl_c_kills(place):
    process = started(place, "trap '' INT TERM; echo ready; while :; do sleep 0.1; done")
    process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    check(process.poll() is None, "the first Ctrl-C ended an app that ignores it")
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = place.finish(process, 10)
    check(result.code in (130, 137), f"exit status {result.code}")
    check(time.monotonic() - begin < 3, "the second Ctrl-C took longer than 3 s")
    place.no_process_left()
    check(result.report["instances"], "the report is written all the same")


@test
def sigquit_reaches_the_app(place):
    process = started(place, "trap 'echo got QUIT; exit 5' QUIT; echo ready; while :; do sleep 0.1; done")
    process.send_signal(signal.SIGQUIT)
    result = place.finish(process)
    equal(result.code, 5, f"exit status ({result.err})")


@test
def sighup_and_sigusr1(place):
    process = started(place, "trap 'echo got USR1' USR1; trap 'exit 6' HUP; echo ready; while :; do sleep 0.1; done")
    process.send_signal(signal.SIGUSR1)
    equal(process.stdout.readline(), b"got USR1\n", "SIGUSR1")
    process.send_signal(signal.SIGHUP)
    equal(place.finish(process).code, 6, "exit status after SIGHUP")


@test
def inherited_signal_state(place):
    result = place.sh("grep -E 'SigBlk|SigIgn' /proc/self/status",
                      preexec_fn=lambda: signal.signal(signal.SIGUSR2, signal.SIG_IGN))
    state = dict(message.split() for message in result.messages())
    equal(int(state["SigBlk:"], 16), 0, "blocked signals")
    equal(int(state["SigIgn:"], 16), 1 << (signal.SIGUSR2 - 1), "ignored signals: what the caller ignored")


@test
def orphans_are_reaped(place):
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c 'true' &) ; done; sleep 0.5; " \
             "for s in /proc/[0-9]*/stat; do cut -d' ' -f3 $s; done 2>/dev/null | grep -c Z"
    result = place.sh(script)
    equal(result.messages(), ["0"], f"zombies ({result.err})")


@test
def stdout_and_stderr_closed(place):
    def close():
        os.close(1)
        os.close(2)

    process = place.start("/bin/sh", "-c", "echo x; echo y >&2; exit 3", preexec_fn=close, stdout=None, stderr=None)
    equal(place.finish(process).code, 3, "exit status")


@test
def inside_of_itself(place):
    """A second listener is not to be had: the inner one refuses with a reason, and does not hang."""
    result = place.run(BINARY, "run", "--", "echo", "inner", options=["--format", "raw"], timeout=20)
    check(result.code == 125 or b"inner" in result.out, f"exit status {result.code}: {result.err}")
    if result.code == 125:
        check(len(result.err) > 20, "no reason is given")


@test
def many_processes(place):
    result = place.sh("i=0; while [ $i -lt 300 ]; do /bin/true & i=$((i+1)); done; wait; echo done", timeout=60)
    equal(result.messages(), ["done"], f"300 processes at once ({result.err[-300:]})")


@test
def many_writes(place):
    code = "import os\nfor i in range(3000):\n    open(f'f{i % 50}', 'w').write(str(i))\nprint('done')"
    result = place.python(code, timeout=60)
    equal(result.messages(), ["done"], f"3000 writes ({result.err[-300:]})")
    equal(sum(event["event"] == "gap" for event in result.events), 0, "gaps")
    counted = sum(writer["count"] for entry in result.report["lost"] for writer in entry["writers"])
    equal(counted, 3000, "writes in the lost list")


@test
def threads_that_connect_and_write(place):
    code = r"""
import socket, threading
server = socket.create_server(("127.0.0.1", 0)); port = server.getsockname()[1]
def accept():
    while True: server.accept()[0].close()
threading.Thread(target=accept, daemon=True).start()
def work(n):
    for i in range(50):
        socket.create_connection(("127.0.0.1", port)).close()
        open(f"t{n}", "a").write("x")
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]; print("done")
"""
    result = place.python(code, timeout=60)
    equal(result.messages(), ["done"], f"8 threads ({result.err[-300:]})")


@test
def stopped_and_continued(place):
    process = started(place, "echo ready; sleep 0.5; echo end")
    process.send_signal(signal.SIGTSTP)
    time.sleep(0.2)
    process.send_signal(signal.SIGCONT)
    result = place.finish(process)
    equal((result.code, result.out), (0, b"end\n"), f"after SIGTSTP and SIGCONT ({result.err})")


@test
def launcher_of_a_dead_terminal(place):
    """The launcher's terminal goes away (SIGHUP to it): nothing is left."""
    process = started(place, "echo ready; exec sleep 300")
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: process.poll() is not None, "the launcher to end", 15)
    place.no_process_left()
    process.stdout.close()
    process.stderr.close()


@test
def in_a_chroot_the_cause_is_named(place):
    """The kernel makes no user namespace for who is in a chroot; the same file system serves as one."""
    root = place.file("root/mark")[:-len("/mark")]
    result = subprocess.run(["unshare", "-m" if os.getuid() == 0 else "-rm", "sh", "-c", 'mount --rbind / "$1" && exec chroot "$1" "$2" run -- true', "sh",
                             root, BINARY], env=place.env, capture_output=True, text=True, timeout=20, check=False)
    equal(result.returncode, 125, "exit status")
    contains(result.stderr, "in a chroot (user_namespaces(7)): start cofferdam outside", "the cause and the way out")


main()
