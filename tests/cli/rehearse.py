#!/usr/bin/python3
"""The rehearsal from outside: what a second instance, or another role, misses of the first one's files; and what is no
loss although it was looked for."""

import os
import signal
import subprocess
import time

from harness import BINARY, check, contains, equal, free_port, main, test

# A server that does what its visitors say, in Python; and what its first argument says, at its start.
APP = """
import http.server, os, sys
exec(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            exec(self.rfile.read(int(self.headers["Content-Length"])).decode(), {"os": os})
            status = 200
        except OSError as error:
            print(error, flush=True)
            status = 404
        self.send_response(status)
        self.end_headers()
    def log_message(self, *what):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# Sends what is meant for this run; fails as curl -f would when `strict`.
DRIVER = """
import os, sys, urllib.error, urllib.request
code = sys.argv[2 + (os.environ["COFFERDAM_REHEARSAL"] == "2")]
try:
    urllib.request.urlopen("http://127.0.0.1:" + sys.argv[1], data=code.encode(), timeout=20)
except urllib.error.HTTPError as error:
    sys.exit(22 if sys.argv[4] == "strict" else 0)
"""
WRITE = "os.makedirs('media', exist_ok=True); open('media/a.txt', 'x').write('hello')"


def quoted(*words):
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


def rehearse(place, first, second, *options, at_start="pass", strict=False, wait=True):
    """Rehearses APP, driven by `first` in run 1 and `second` in run 2; both are Python, run inside the app."""
    app, driver, port = place.file("app.py", APP), place.file("drive.py", DRIVER), str(free_port())
    drive = quoted("/usr/bin/python3", driver, port, first, second, "strict" if strict else "")
    return place.cofferdam("rehearse", "--report", place.report_file, "--events", place.events_file, "--drive", drive,
                           *options, "--", "/usr/bin/python3", app, port, at_start, timeout=40)


def codes(result):
    return sorted(entry["code"] for entry in result.report["findings"] if entry["code"].startswith("CD13"))


def path_in(place, name):
    return os.path.join(place.project, name)


# --- what is missed ----------------------------------------------------------------------------------------------------


@test
def a_file_of_the_first_instance_is_missed_by_the_second(place):
    result = rehearse(place, WRITE, "os.stat('media/a.txt')")
    equal(sorted(os.listdir(place.project)), ["app.py", "drive.py"], "the project on the host")
    equal((result.code, codes(result)), (0, ["CD130"]), f"exit and findings; {result.err}")
    finding = result.findings("CD130")[0]
    equal((finding["path"], finding["severity"], finding["instance"]),
          (path_in(place, "media/a.txt"), "error", "rehearsal.2"), "the finding")
    contains(finding["message"], "rehearsal.2 looked for " + path_in(place, "media/a.txt") + " (", "who looked, by which call")
    contains(finding["message"], "which rehearsal.1 had written ", "who wrote")
    contains(finding["message"], " s before (openat, ", "when, by which call")
    contains(finding["process"]["argv"], path_in(place, "app.py"), "the process that looked")
    contains(finding["fix"], "object store", "the fix")
    equal(result.report["rehearsal"],
          {"written": 1, "looked_for": 1, "drives": [{"instance": "rehearsal.1", "code": 0},
                                                     {"instance": "rehearsal.2", "code": 0}], "stopped": None}, "the result")
    equal([entry["name"] for entry in result.report["instances"]], ["rehearsal.1", "rehearsal.2"], "the instances")
    equal(result.lost(path_in(place, "media/a.txt"))["instance"], "rehearsal.1", "whose file was lost")
    contains(result.err, "rehearsal failed: 1 of 1 file that run 1 wrote was looked for later\nmissed ", "the summary")
    equal([entry["seq"] for entry in result.events], list(range(1, len(result.events) + 1)), "the numbers of the events")


@test
def fail_on_decides_the_exit_status(place):
    equal(rehearse(place, WRITE, "os.stat('media/a.txt')", "--fail-on", "error").code, 3, "with an error")
    equal(rehearse(place, WRITE, "pass", "--fail-on", "error").code, 0, "without one")
    equal(rehearse(place, WRITE, "os.stat('media/a.txt')", "--fail-on", "CD132").code, 0, "with another one")


@test
def every_way_to_look_is_seen(place):
    place.file("there/keep", "")
    os.symlink("there", path_in(place, "link"))
    looks = {"open": "open('there/a')", "stat": "os.stat('there/a')", "lstat": "os.lstat('there/a')",
             "access": "os.access('there/a', 0)", "readlink": "os.readlink('there/a')", "chdir": "os.chdir('there/a')",
             "through a linked directory": "os.stat('link/a')", "by '..'": "os.stat('link/../there/./a')",
             "by descriptor": "os.stat('a', dir_fd=os.open('there', os.O_RDONLY))",
             "absolute": f"open({path_in(place, 'there/a')!r})", "O_PATH": "os.open('there/a', os.O_PATH)"}
    for name, code in looks.items():
        result = rehearse(place, "open('there/a', 'w').write('x')", code)
        equal([entry["path"] for entry in result.findings("CD130")], [path_in(place, "there/a")], f"{name}: {result.err}")


@test
def a_file_below_a_lost_directory_is_named_and_not_the_directory(place):
    result = rehearse(place, WRITE, "os.path.isdir('media'); os.stat('media/a.txt')")
    equal([entry["path"] for entry in result.findings("CD130")], [path_in(place, "media/a.txt")], "what is named")
    result = rehearse(place, WRITE, "os.listdir('media')")
    equal([entry["path"] for entry in result.findings("CD130")], [path_in(place, "media")], "a listing")
    result = rehearse(place, "os.mkdir('empty')", "os.listdir('empty')")
    equal(codes(result), [], "an empty directory")


@test
def what_is_opened_to_go_on_with_is_missed(place):
    again = "os.close(os.open('sess_gen3r4isr0n49vijnbfcborg0b', os.O_RDWR | os.O_CREAT))"
    result = rehearse(place, again + "; open('sess_gen3r4isr0n49vijnbfcborg0b', 'w').write('user=7')", again)
    equal(codes(result), ["CD130"], f"a session; {result.err}")
    contains(result.findings("CD130")[0]["fix"], "sessions", "the fix")
    contains(result.findings("CD130")[0]["message"], "to go on with it and found nothing", "the message")


@test
def the_old_version_of_a_changed_file_is_told(place):
    place.file("settings.json", "{}")
    place.file("spool", "x")
    result = rehearse(place, "open('settings.json', 'w').write('{1}'); os.unlink('spool')",
                      "open('settings.json').read(); open('spool').read(); os.stat('app.py')")
    equal(codes(result), ["CD132", "CD132"], f"findings; {result.err}")
    equal({entry["path"] for entry in result.findings("CD132")}, {path_in(place, "settings.json"), path_in(place, "spool")},
          "the paths")
    equal(codes(rehearse(place, "open('settings.json', 'w').write('{1}')", "open('settings.json', 'w').write('{2}')")), [],
          "written over")


@test
def audit_ignore_is_obeyed(place):
    policy = place.file("policy.yaml", "version: 1\nextends: twelve-factor\nstorage:\n  audit:\n    ignore: ['**/media/**']\n")
    equal(codes(rehearse(place, WRITE, "os.stat('media/a.txt')", "--policy", policy)), [], "findings")


# --- what is not missed ------------------------------------------------------------------------------------------------


@test
def nothing_looked_for_passes(place):
    result = rehearse(place, WRITE, "os.stat('/etc/passwd'); os.path.exists('media/b.txt')")
    equal((result.code, codes(result)), (0, []), "exit and findings")
    contains(result.err, "rehearsal passed: 1 file written by run 1, none was looked for later\n", "the summary")


@test
def what_an_instance_makes_itself_is_not_missed(place):
    pid = "import os; os.path.exists('/tmp/app.pid'); open('/tmp/app.pid', 'w').write(str(os.getpid()))"
    upload = "os.makedirs('media', exist_ok=True); os.path.exists('media/a'); open('media/a', 'x').write('1'); open('media/a').read()"
    log = "open('app.log', 'a').write('line')"
    lock = "os.close(os.open('lock', os.O_RDWR | os.O_CREAT))"
    swap = "os.path.exists('state'); open('state.tmp', 'w').write('1'); os.replace('state.tmp', 'state')"
    everything = "; ".join((upload, log, lock, swap))
    result = rehearse(place, everything, everything, at_start=pid)
    equal(codes(result), [], f"findings; {result.err}")


@test
def caches_and_looks_at_the_start_are_notes(place):
    result = rehearse(place, "open('/tmp/warm', 'w').write('1'); open('/tmp/page', 'w').write('1')",
                      "os.path.exists('/tmp/page') or 0\ntry: open('/tmp/page')\nexcept OSError: open('/tmp/page', 'w').write('2')",
                      at_start="import os; os.path.exists('/tmp/warm')")
    equal(codes(result), ["CD133", "CD133"], f"findings; {result.err}")
    equal({entry["severity"] for entry in result.findings("CD133")}, {"note"}, "their severity")
    contains(result.err, "rehearsal passed", "the summary")
    cache = "os.makedirs('node_modules/.cache'); open('node_modules/.cache/m', 'w').write('1')"
    equal(codes(rehearse(place, cache, "open('node_modules/.cache/m')")), ["CD133"], "a cache that nobody makes anew")


@test
def many_looks_cost_no_memory_and_little_time(place):
    begin = time.monotonic()
    result = rehearse(place, WRITE, "[os.path.exists(f'no/such/{i}') for i in range(20000)]; os.stat('media/a.txt')")
    equal(codes(result), ["CD130"], f"findings; {result.err}")
    check(time.monotonic() - begin < 20, f"20,000 looks took {time.monotonic() - begin:.1f} s")


# --- other roles -------------------------------------------------------------------------------------------------------


@test
def another_role_has_no_file_of_the_app(place):
    result = rehearse(place, "open('/tmp/job', 'w').write('x')", "pass", "--reader", "/bin/cat /tmp/job")
    equal((result.code, codes(result)), (0, ["CD131"]), f"exit and findings; {result.err}")
    finding = result.findings("CD131")[0]
    equal((finding["path"], finding["instance"], finding["process"]["argv"]), ("/tmp/job", "reader.1", ["/bin/cat", "/tmp/job"]),
          "the finding")
    equal([entry["name"] for entry in result.report["instances"]], ["rehearsal.1", "reader.1", "rehearsal.2"], "the instances")
    contains(result.err, "reader.1 ended with status 1", "what became of the reader")


@test
def a_reader_runs_beside_the_app_and_is_stopped(place):
    port = free_port()
    place.file("reader.py", "import time, urllib.request\nurllib.request.urlopen('http://127.0.0.1:%d', data=b'print(\"asked\", flush=True)')\n"
               "time.sleep(60)\n" % port)
    app, driver = place.file("app.py", APP), place.file("drive.py", DRIVER)
    begin = time.monotonic()
    result = place.cofferdam("rehearse", "--report", place.report_file, "--drive", quoted("/usr/bin/python3", driver, str(port), "pass", "pass", ""),
                             "--reader", "/usr/bin/python3 reader.py", "--reader", "/bin/true", "--reader-for", "1.5",
                             "--", "/usr/bin/python3", app, str(port), "pass", timeout=40)
    check(time.monotonic() - begin < 15, "the reader was not stopped")
    equal(result.code, 0, f"exit; {result.err}")
    equal([record["instance"] for record in result.records() if record["message"] == "asked"], ["rehearsal.1"], "the app was up")
    equal([entry["name"] for entry in result.report["instances"]], ["rehearsal.1", "reader.1", "reader.2", "rehearsal.2"],
          "the instances")


@test
def a_second_run_that_cannot_start_leaves_the_report_of_the_first(place):
    app = place.file("app.sh", "#!/bin/sh\necho x > written\nexec sleep 30\n", mode=0o755)
    result = place.cofferdam("rehearse", "--report", place.report_file, "--events", place.events_file, "--drive",
                             f"sleep 0.5; rm {app}", "--", "./app.sh", timeout=40)
    check(result.code in (125, 126, 127), f"exit status {result.code}: {result.err}")
    contains(result.err, "app.sh", "what is told")
    check(result.lost(path_in(place, "written")), f"lost: {result.report['lost']}")
    check(result.of("exited"), "the first run's end is not among the events")


# --- drivers, ends -------------------------------------------------------------------------------------------------------


@test
def a_driver_that_fails_on_the_second_instance_is_evidence(place):
    result = rehearse(place, WRITE, "open('media/a.txt')", strict=True)
    equal((result.code, codes(result)), (22, ["CD130", "CD134"]), f"exit and findings; {result.err}")


@test
def a_driver_that_fails_on_the_first_ends_the_rehearsal(place):
    result = rehearse(place, "open('none')", "pass", strict=True)
    equal((result.code, codes(result)), (125, []), f"exit and findings; {result.err}")
    contains(result.err, "rehearsal not carried out: the driver failed in run 1 (exit 22)", "the summary")
    equal([entry["name"] for entry in result.report["instances"]], ["rehearsal.1"], "the instances")


@test
def an_app_that_fails_is_not_run_again(place):
    result = rehearse(place, WRITE, "pass", at_start="import sys; sys.exit(7)")
    equal(result.code, 7, f"exit; {result.err}")
    contains(result.err, "rehearsal not carried out: the app of run 1 ended by itself (exit 7) before it had been driven", "why")
    equal(result.report["rehearsal"]["drives"], [], "drives")
    result = rehearse(place, WRITE, "pass", at_start="import os; os.fork() and os._exit(0); os.setsid()")
    equal(result.code, 125, f"an app that goes to the background; {result.err}")
    contains(result.err, "a server must stay in the foreground", "why")


@test
def an_app_that_does_not_start_again_is_told(place):
    result = rehearse(place, WRITE, "pass", at_start="import os, sys; os.environ['COFFERDAM_INSTANCE'] == 'rehearsal.2' and sys.exit(98)")
    equal(result.code, 98, f"exit; {result.err}")
    contains(result.err, "the app of run 2 ended by itself (exit 98)", "why")
    contains(result.err, "address is in use", "what may be the reason")


@test
def without_a_driver_the_command_runs_twice(place):
    script = "cat /tmp/count 2>/dev/null || echo none; test -e /tmp/flag || echo no flag; echo 1 > /tmp/count; touch /tmp/mark"
    result = place.cofferdam("rehearse", "--report", place.report_file, "--", "/bin/sh", "-c", script)
    equal((result.code, result.messages()), (0, ["none", "no flag", "none", "no flag"]), f"a batch; {result.err}")
    equal(codes(result), ["CD133"], "what it wanted to read and made anew")
    failing = place.cofferdam("rehearse", "--report", place.report_file, "--", "/bin/sh", "-c", "echo x; exit 4")
    equal((failing.code, failing.messages()), (4, ["x"]), "a batch that fails")
    contains(failing.err, "rehearsal not carried out: run 1 failed (exit 4)", "why")


@test
def an_app_that_does_not_listen_is_driven_after_a_while(place):
    result = place.cofferdam("rehearse", "--report", place.report_file, "--ready-after", "0.3", "--drive", "echo driven >&2",
                             "--", "/bin/sleep", "30")
    equal((result.code, result.err.count("driven\n")), (0, 2), f"exit and drives; {result.err}")


@test
def the_driver_knows_its_run_and_is_no_part_of_the_records(place):
    result = place.cofferdam("rehearse", "--report", place.report_file, "--ready-after", "0.1", "--drive",
                             "echo run $COFFERDAM_REHEARSAL of $COFFERDAM_INSTANCE; cat; id -u", "--", "/bin/sleep", "30")
    equal(result.out, b"", "records")
    for number in (1, 2):
        contains(result.err, f"run {number} of rehearsal.{number}\n{os.getuid()}\n", "the driver's output")


@test
def ctrl_c_ends_all_of_it(place):
    for drive, line in (("echo started >&2; sleep 50", b"started\n"), (None, b"up\n")):
        app = ["/bin/sh", "-c", "echo up >&2; sleep 51"]
        options = ["--ready-after", "0.1", "--drive", drive] if drive else []
        process = subprocess.Popen([BINARY, "rehearse", "--format", "raw", "--report", place.report_file, *options, "--", *app],
                                   cwd=place.project, env=place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
        while process.stderr.readline() != line:
            check(process.poll() is None, "ended too early")
        time.sleep(0.2)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        result = place.finish(process, 10)
        check(time.monotonic() - begin < 5, "Ctrl-C took long")
        equal(result.code, 130, f"exit; {result.err}")
        contains(result.err, "run 1 was interrupted", "why")
        place.no_process_left()
        equal([entry["name"] for entry in result.report["instances"]], ["rehearsal.1"], "the instances")


@test
def mistakes_are_told(place):
    for arguments, text in (((), "no command"), (("--ready-after", "soon", "--", "true"), "must be a number of seconds"),
                            (("--reader-for", "-1", "--", "true"), "must be a number of seconds"),
                            (("--fail-on", "CD999", "--", "true"), "--fail-on"), (("--drives", "x"), "did you mean --drive?")):
        result = place.cofferdam("rehearse", *arguments)
        equal(result.code, 125, f"{arguments}")
        contains(result.err, text, f"{arguments}")
    equal(place.cofferdam("rehearse", "--", "/no/such/program").code, 127, "a command that is not there")
    contains(place.cofferdam("rehearse", "--help").out.decode(), "COFFERDAM_REHEARSAL=1 or 2", "the help")


if __name__ == "__main__":
    main()
