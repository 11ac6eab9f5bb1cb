#!/usr/bin/python3
"""`limits` of a policy: memory, processes and cpu by a cgroup where one can be made, open_files by rlimit; what doctor, the
start and the report say, and the findings when a limit is reached (CD520, CD521, CD522).

Whether this machine gives an unprivileged user (or root) a cgroup is asked of doctor; each test then asserts what must
hold: the limit, or that the app runs without it and that this was said."""

import json
import os
import signal

from harness import check, children, contains, equal, main, pump_of, test, wait_for

MIB = 1 << 20
# What shows a process where it is: /proc/self/cgroup as {controllers: path}.
WHERE = "dict(line.rstrip().split(':', 2)[1:] for line in open('/proc/self/cgroup'))"


def policy(place, limits, more=""):
    """`limits` are in line 3; the mounts are small, so that no note tells of them."""
    place.file("cofferdam.yaml", "version: 1\nextends: none\n"
                                 f"limits: {{{limits}}}\n{more}"
                                 "storage:\n  mounts:\n    - {path: ., type: overlay, size: 4MiB}\n"
                                 "    - {path: /dev/shm, type: tmpfs, size: 64MiB}\n")


def row_of(rows):
    return next(row for row in rows if row["rule"] == "limits")


def doctor(place):
    return json.loads(place.cofferdam("doctor", "--json").out)


def is_given(place):
    """Whether the policy's limits hold here. What is said where they don't is a test of its own."""
    level = row_of(doctor(place)["enforcement"])["level"]
    check(level in ("full", "none"), f"level {level}: one controller alone is missing here")
    return level == "full"


def cgroups_named(prefix):
    return [os.path.join(folder, name) for folder, folders, _ in os.walk("/sys/fs/cgroup")
            for name in folders if name.startswith(prefix)]


def cgroup_of(pid):
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        return dict(line.rstrip().split(":", 2)[1:] for line in file)


def only(result, code):
    findings = result.findings(code)
    equal(len(findings), 1, f"number of {code}: {result.report['findings']}; {result.err}")
    return findings[0]


@test
def doctor_start_and_report_agree(place):
    policy(place, "memory: 64MiB, processes: 40, cpu: 1.5, open_files: 100")
    said = row_of(doctor(place)["enforcement"])
    result = place.run("true")
    equal(result.code, 0, f"it starts in any case ({result.err})")
    row = row_of(result.report["enforcement"])
    equal((row["level"], row["mechanism"]), (said["level"], said["mechanism"]), "row")
    started = row_of(result.of("started")[0]["enforcement"])
    equal(started["level"], said["level"], "event")
    contains(row["mechanism"], "RLIMIT_NOFILE: open_files 100", "mechanism")
    if said["level"] == "full":
        contains(row["mechanism"], ": memory 64MiB, processes 40, cpu 1.5; ", "mechanism")
        equal((said["advice"], result.err), ("", ""), "nothing to say")
    else:
        equal(row["level"], "partial", "open_files holds")
        contains(result.err, f"rule limits is partial here ({said['mechanism']}): ", "notice")
        contains(said["advice"], "memory, processes, cpu are not limited: /sys/fs/cgroup", "advice")
        check("systemd-run --user" in said["advice"] or "sudo cofferdam run" in said["advice"], said["advice"])


@test
def without_the_key_there_is_no_rule(place):
    check(all(row["rule"] != "limits" for row in place.run("true").report["enforcement"]), "a row")
    probe = next(row for row in doctor(place)["probes"] if row["probe"].startswith("cgroups"))
    check(probe["detail"], f"{probe}")


@test
def open_files_are_limited_for_good(place):
    for mode in ("local", "container"):
        policy(place, "open_files: 40", f"mode: {mode}\nenforcement: degraded\n")
        result = place.python("import os, resource as r, errno\nprint(r.getrlimit(r.RLIMIT_NOFILE))\ntry:\n"
                              "    while True: last = os.open('/dev/null', 0)\nexcept OSError as error:\n"
                              "    print(errno.errorcode[error.errno], last)\ntry:\n"
                              "    r.setrlimit(r.RLIMIT_NOFILE, (99, 99)); print('raised')\n"
                              "except (ValueError, PermissionError): print('refused')")
        # In container mode on a bare host root keeps CAP_SYS_RESOURCE from nobody: it is dropped at the start.
        equal(result.messages(), ["(40, 40)", "EMFILE 39", "refused"], mode)


@test
def an_app_that_needs_more_memory_is_killed_with_a_finding(place):
    policy(place, "memory: 64MiB")
    given = is_given(place)
    result = place.python("held = bytearray(100 << 20); print('alive', flush=True)")
    if not given:
        equal((result.code, result.messages(), result.findings("CD520")), (0, ["alive"], []), "no limit")
        return
    equal((result.code, result.messages()), (137, []), "killed")
    finding = only(result, "CD520")
    contains(finding["message"], "the limit of 64 MiB was reached (peak 6", "message")
    check("python3" in finding["message"] or "the app itself" in finding["message"], finding["message"])
    contains(finding["message"], "tmpfs mounts held nothing", "message")
    contains(finding["fix"], "raise limits.memory in cofferdam.yaml:3", "fix")
    contains(finding["fix"], "exit 137, OOMKilled", "fix")
    equal((finding["policy"]["key"], finding["policy"]["line"]), ("limits.memory", 3), "policy")
    contains(result.err, "limit    out of memory: ", "summary")
    peak = result.report["instances"][0]["memory_peak"]
    check(60 * MIB <= peak <= 64 * MIB, f"peak {peak / MIB:.1f} MiB")


@test
def what_tmpfs_mounts_hold_counts(place):
    policy(place, "memory: 64MiB")
    given = is_given(place)
    result = place.python("with open('/dev/shm/big', 'wb') as file:\n    for _ in range(40): file.write(bytes(1 << 20))\n"
                          "held = bytearray(40 << 20); print('alive', flush=True)")
    if not given:
        equal((result.code, result.messages()), (0, ["alive"]), "no limit")
        return
    equal((result.code, result.messages()), (137, []), "killed")
    finding = only(result, "CD520")
    contains(finding["message"], "40 MiB of it were in tmpfs mounts and shared memory, 40 MiB in /dev/shm", "message")
    contains(finding["fix"], "write less to tmpfs mounts, which count as memory", "fix")


@test
def a_child_that_is_killed_is_told_while_the_app_goes_on(place):
    policy(place, "memory: 64MiB")
    given = is_given(place)
    result = place.python("import os, signal, time\npid = os.fork()\nif pid == 0:\n    held = bytearray(100 << 20); os._exit(0)\n"
                          "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])); time.sleep(1.9); print('done')")
    equal((result.code, result.messages()), (0, ["-9" if given else "0", "done"]), f"the app ({result.err})")
    if not given:
        return
    finding = next(event for event in result.of("finding") if event["code"] == "CD520")
    check(finding["ts"] < result.of("exited")[0]["ts"], "told before the end")
    ended = next(record for record in result.records() if record["message"] == "done")
    check(finding["ts"] < ended["ts"], f"{finding['ts']} is told while the app runs, until {ended['ts']}")
    only(result, "CD520")


@test
def processes_count_with_their_threads(place):
    policy(place, "processes: 10")
    given = is_given(place)
    result = place.python("import errno, os, time\nfor number in range(1, 30):\n    try:\n        pid = os.fork()\n"
                          "    except OSError as error:\n        print(errno.errorcode[error.errno], number); break\n"
                          "    if pid == 0: time.sleep(5); os._exit(0)\nelse: print('all')\n"
                          "import threading\ntry: threading.Thread(target=print, args=('thread',)).start()\n"
                          "except RuntimeError: print('no thread')\n")
    if not given:
        equal(result.messages(), ["all", "thread"], "no limit")
        return
    equal(result.messages(), ["EAGAIN 10", "no thread"], "the app and nine children are ten")
    findings = result.findings("CD521")
    contains(findings[0]["message"], "the limit of 10 was reached, and fork fails with EAGAIN", "message")
    contains(findings[0]["fix"], "raise limits.processes in cofferdam.yaml:3", "fix")
    contains(result.err, "limit    a process or thread could not be started (2 times)", "summary")


@test
def waiting_for_processors_is_a_note(place):
    policy(place, "cpu: 0.2")
    given = is_given(place)
    result = place.python("import time\nend = time.monotonic() + 2.6\nwhile time.monotonic() < end: pass\n"
                          "print(round(time.process_time(), 1))")
    if not given:
        equal(result.findings("CD522"), [], "no limit")
        return
    check(float(result.messages()[0]) < 1.6, f"of 2.6 s it ran {result.messages()[0]} s")
    finding = only(result, "CD522")
    equal(finding["severity"], "note", "severity")
    contains(finding["message"], "the limit is 0.2", "message")
    contains(finding["fix"], "raise limits.cpu in cofferdam.yaml:3", "fix")


@test
def only_the_instance_is_in_its_cgroup(place):
    policy(place, "memory: 64MiB, processes: 40")
    given = is_given(place)
    before = cgroup_of(os.getpid())
    process = place.start("/usr/bin/python3", "-c", f"print({WHERE}, flush=True); import time; time.sleep(30)")
    try:
        line = json.loads(process.stdout.readline())
        inside = eval(line["message"])  # pylint: disable=eval-used  what the test's own line printed
        name = f"cofferdam-{process.pid}-web.1"
        held = [path for path in inside.values() if path.endswith(name)]
        equal(bool(held), given, f"cgroup of the app: {inside}")
        launcher, pump = cgroup_of(process.pid), cgroup_of(wait_for(lambda: pump_of(process.pid), "the pump"))
        check(not any(path.endswith(name) for path in [*launcher.values(), *pump.values()]), "launcher and pump are outside")
        equal(launcher, pump, "launcher and pump")
        check(given or launcher == before, "nothing was moved")
        init = next(pid for pid in children(process.pid) if pid != pump_of(process.pid))
        equal(bool([path for path in cgroup_of(init).values() if path.endswith(name)]), given, "the init is inside")
    finally:
        process.terminate()
    place.finish(process)
    equal(cgroups_named(f"cofferdam-{process.pid}-"), [], "left at the end")


@test
def what_a_killed_launcher_leaves_goes_with_the_next_start(place):
    policy(place, "memory: 64MiB, processes: 40, cpu: 1")
    given = is_given(place)
    process = place.start("/bin/sh", "-c", "echo ready; exec sleep 30", report=False)
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    place.finish(process)
    place.no_process_left()
    prefix = f"cofferdam-{process.pid}-"
    equal(bool(cgroups_named(prefix)), given, "left by the killed one")
    place.run("true")
    equal(cgroups_named(prefix), [], "left after the next run")


@test
def the_app_can_not_change_its_limits(place):
    policy(place, "memory: 64MiB, processes: 40")
    code = ("import os, errno\nfor folder, folders, files in os.walk('/sys/fs/cgroup'):\n"
            "    for name in files:\n        if name not in ('cgroup.procs', 'tasks', 'memory.max', 'pids.max',"
            " 'memory.limit_in_bytes'): continue\n"
            "        try:\n            with open(folder + '/' + name, 'w') as file: file.write('0')\n"
            "            print('written', folder, name)\n        except OSError: pass\n"
            "    try: os.mkdir(folder + '/cofferdam-escape'); print('made', folder)\n    except OSError: pass\n"
            "print('tried')")
    result = place.python(code)
    equal(result.messages(), ["tried"], "what could be changed")


@test
def each_instance_of_a_rehearsal_has_its_own(place):
    policy(place, "memory: 64MiB, open_files: 50")
    result = place.cofferdam("rehearse", "--report", place.report_file, "--", "/bin/sh", "-c", "ulimit -n")
    equal(result.code, 0, f"exit status ({result.err})")
    equal(result.messages(), ["50", "50"], "both")


@test
def each_replica_has_its_own(place):
    policy(place, "memory: 64MiB", "run: {replicas: 2}\n")
    given = is_given(place)
    result = place.sh("echo $COFFERDAM_INSTANCE; cat /proc/self/cgroup; sleep 0.5")
    equal(result.code, 0, f"exit status ({result.err})")
    for name in ("web.1", "web.2"):
        check(name in result.messages(), f"{name} has run: {result.messages()}")
        equal(any(message.endswith(f"-{name}") for message in result.messages()), given, f"cgroup of {name}")


@test
def in_a_container_its_own_limits_hold(place):
    """On a host the cgroup of this process is taken for the container's; what it is limited to is not known here."""
    policy(place, "memory: 1TiB, cpu: 0.01", "mode: container\nenforcement: degraded\n")
    row = row_of(doctor(place)["enforcement"])
    contains(row["mechanism"], "the container's cgroup", "mechanism")
    contains(row["advice"], "docker run --cpus 0.01 (compose: cpus: 0.01; Kubernetes: resources: {limits: {cpu: 10m}})",
             "advice")


@test
def check_tells_mistakes_and_sizes_above_the_memory(place):
    place.file("cofferdam.yaml", "version: 1\nextends: none\nlimits: {memory: 512, cpu: half, procs: 3}\n")
    result = place.cofferdam("check")
    equal(result.code, 2, "exit status")
    text = result.out.decode()
    contains(text, "cofferdam.yaml:3:18: error: '512' is no size [CD903]", "memory")
    contains(text, "memory is a whole number and MiB, GiB or TiB, such as 512MiB", "hint")
    contains(text, "cofferdam.yaml:3:28: error: 'half' is no number of processors [CD903]", "cpu")
    contains(text, "cofferdam.yaml:3:34: error: unknown key 'procs' in 'limits' [CD902]", "key")
    place.file("cofferdam.yaml", "version: 1\nextends: none\nlimits: {memory: 16MiB}\nstorage:\n  mounts:\n"
                                 "    - {path: ./data, type: tmpfs, size: 32MiB}\n")
    result = place.cofferdam("check")
    equal(result.code, 1, "a warning")
    contains(result.out.decode(), "cofferdam.yaml:6:14: warning: the mount of './data' may hold 32MiB, more than the "
             "limits.memory of 16MiB at cofferdam.yaml:3", "warning")
    contains(result.out.decode(), "[CD914]", "code")


main()
