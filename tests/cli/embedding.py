#!/usr/bin/python3
"""What programs that start cofferdam use: a policy as text, and a pipe whose end is the end of the run."""

import os
import signal
import subprocess
import time

from harness import BINARY, check, contains, equal, main, test, wait_for


@test
def policy_text_extends_the_policy(place):
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nlimits: {open_files: 1000}\n")
    equal(place.sh("ulimit -n").messages(), ["1000"], "the policy alone")
    run = place.sh("ulimit -n", options=["--policy-text", "limits: {open_files: 123}"])
    equal(run.messages(), ["123"], "with the text")
    equal(run.report["policy"], "cofferdam.yaml", "the policy's name in the report")


@test
def paths_of_policy_text_are_relative_to_the_working_directory(place):
    os.mkdir(os.path.join(place.project, "sub"))
    run = place.sh("echo x >sub/f && grep -c ' '$PWD/sub' .* tmpfs ' /proc/self/mountinfo",
                   options=["--policy-text", "storage: {mounts: [{path: ./sub, type: tmpfs}]}"])
    equal(run.messages(), ["1"], "tmpfs mounts at ./sub")
    check(run.lost(os.path.join(place.project, "sub/f")), "the file is lost")


@test
def mistakes_of_policy_text_have_a_place(place):
    run = place.sh("true", options=["--policy-text", "limits: {}\nnetwork: {egres: deny}"])
    equal(run.code, 125, "exit code")
    contains(run.err, "(inline policy):2:11: error: unknown key 'egres'", "stderr")
    run = place.cofferdam("doctor", "--policy-text", "network: {egres: deny}")
    equal(run.code, 2, "exit code of doctor")


@test
def doctor_looks_at_the_policy_text(place):
    contains(place.cofferdam("doctor", "--json", "--policy-text", "access: {debug: allow}").out.decode(),
             '{"rule":"database","level":"partial"', "rows")


def with_pipe(place, script, *options):
    read, write = os.pipe()
    process = place.start("/bin/sh", "-c", script, options=["--parent-pipe", str(read), *options], pass_fds=[read])
    os.close(read)
    return process, write


@test
def the_end_of_the_parent_pipe_kills_everything(place):
    process, write = with_pipe(place, 'trap "" TERM INT; echo x >left; setsid sleep 300 & echo ready; sleep 300')
    contains(process.stdout.readline(), b"ready", "first record")
    began = time.monotonic()
    os.close(write)
    run = place.finish(process)
    equal(run.code, 128 + signal.SIGKILL, "exit code")
    check(time.monotonic() - began < 3, "it took its time")
    check(run.lost(os.path.join(place.project, "left")), "the report is written all the same")
    place.no_process_left()


@test
def the_end_of_the_parent_pipe_kills_every_instance(place):
    process, write = with_pipe(place, 'trap "" TERM; echo ready; sleep 300', "--replicas", "2")
    for _ in range(2):
        contains(process.stdout.readline(), b"ready", "record")
    os.close(write)
    run = place.finish(process)
    equal([instance["exit"]["signal"] for instance in run.report["instances"]], [9, 9], "signals")
    place.no_process_left()


@test
def a_program_that_is_killed_takes_its_run_along(place):
    parent = ("import os, subprocess, sys, time\n"
              "r, w = os.pipe()\n"
              "subprocess.Popen([sys.argv[1], 'run', '--parent-pipe', str(r), '--', 'sh', '-c', 'echo ready; sleep 300'],"
              " pass_fds=[r])\n"
              "os.close(r)\ntime.sleep(300)\n")
    process = subprocess.Popen(["/usr/bin/python3", "-c", parent, BINARY], env=place.env, cwd=place.project,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    contains(process.stdout.readline(), b"ready", "first record")
    process.kill()
    process.wait()
    place.no_process_left()
    process.stdout.close()


@test
def a_copy_of_the_program_keeps_its_run_alive(place):
    """SECURITY.md, limit 51: who was forked without an exec holds the pipe, too."""
    read, write = os.pipe()
    process = place.start("/bin/sh", "-c", "echo ready; sleep 300", options=["--parent-pipe", str(read)], pass_fds=[read])
    contains(process.stdout.readline(), b"ready", "first record")
    copy = subprocess.Popen(["/bin/sleep", "300"], pass_fds=[write])
    for end in (read, write):
        os.close(end)
    time.sleep(0.5)
    equal(process.poll(), None, "the run's end")
    copy.kill()
    copy.wait()
    equal(place.finish(process).code, 128 + signal.SIGKILL, "exit code")


@test
def the_app_does_not_get_the_pipe(place):
    process, write = with_pipe(place, "ls /proc/self/fd | wc -l; exec sleep 0.1")
    run = place.finish(process)
    os.close(write)
    equal(run.code, 0, "exit code")
    equal(run.messages(), place.sh("ls /proc/self/fd | wc -l").messages(), "descriptors of the app")


@test
def what_is_no_pipe_is_refused(place):
    run = place.sh("true", options=["--parent-pipe", "77"])
    equal(run.code, 125, "exit code")
    contains(run.err, "--parent-pipe 77: no such descriptor was inherited", "stderr")
    with open("/dev/null", "rb") as nothing:
        number = str(nothing.fileno())
        contains(place.sh("true", options=["--parent-pipe", number], pass_fds=[nothing.fileno()]).err,
                 f"--parent-pipe {number}: is no pipe", "stderr")


if __name__ == "__main__":
    main()
