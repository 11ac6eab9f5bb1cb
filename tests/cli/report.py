#!/usr/bin/python3
"""`--report`, `--events` and the summary: their shape is a contract."""

import os
import re
import subprocess

from harness import check, contains, equal, main, test, wait_for

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d)")
WORK = "echo out; echo err >&2; echo x > file; cp file copy; echo y > /etc/cofferdam-test-write; bash -c ': > /dev/tcp/127.0.0.1/5432'; exit 0"


@test
def shape_of_the_report(place):
    report = place.sh(WORK).report
    wanted = {"v", "cofferdam", "command", "policy", "mode", "started", "ended", "instances", "enforcement", "lost", "kept",
              "findings", "connections", "logs", "storage", "audit"}
    check(wanted <= report.keys(), f"keys that are missing: {wanted - report.keys()}")
    equal((report["v"], report["mode"], report["policy"]), (1, "local", "twelve-factor"), "v, mode, policy")
    check(TIME.fullmatch(report["started"]) and TIME.fullmatch(report["ended"]), f"{report['started']} {report['ended']}")
    check(report["started"] < report["ended"], "started before ended")
    equal(report["instances"][0]["name"], "web.1", "instance")
    for row in report["enforcement"]:
        check({"rule", "level", "mechanism"} <= row.keys() and row["level"] in ("full", "partial", "none"), f"{row}")
    levels = {row["rule"]: row["level"] for row in report["enforcement"]}
    equal({rule: levels.get(rule) for rule in ("storage", "database", "logs")},
          {"storage": "full", "database": "full", "logs": "full"}, "levels")
    for entry in report["lost"]:
        check({"instance", "path", "type", "change", "bytes", "class", "writers"} <= entry.keys(), f"{entry}")
        for writer in entry["writers"]:
            check({"pid", "exe", "argv", "lineage", "count"} <= writer.keys(), f"{writer}")
    for finding in report["findings"]:
        check({"code", "severity", "message", "fix", "policy", "count", "first", "instance"} <= finding.keys(), f"{finding}")
        check(re.fullmatch(r"CD[1-9]\d\d", finding["code"]), f"{finding}")
        check({"key", "file", "line"} <= finding["policy"].keys(), f"{finding}")
    codes = {finding["code"][:3] for finding in report["findings"]}
    check({"CD1", "CD2"} <= codes, f"codes {codes}")
    for connection in report["connections"]:
        check({"instance", "destination", "engine", "verdict", "outcome", "count", "process"} <= connection.keys(),
              f"{connection}")
    equal(report["logs"]["stdout"]["records"], 1, "records on stdout")
    check({"path", "size", "peak"} <= report["storage"][0].keys(), f"{report['storage']}")


@test
def the_timeline_counts_what_happened_when(place):
    timeline = place.sh("echo one; echo x > a; sleep 0.5; echo y > b; echo two").report["timeline"]
    points = timeline["points"]
    check(timeline["width_ms"] == 100 and 5 <= len(points) <= 240, f"{timeline['width_ms']} ms, {len(points)} points")
    equal(sum(point["writes"] for point in points), 2, "writes")
    equal(sum(point["log_bytes"] for point in points), len("one\ntwo\n"), "bytes of output")
    check(points[0]["writes"] == 1, f"the first write: {points}")


@test
def the_report_becomes_a_file(place):
    place.sh(WORK)
    for form, part in (("text", b"finding"), ("json", b'"findings"'), ("html", b"<!DOCTYPE html>"), ("sarif", b"2.1.0"),
                       ("junit", b"<testsuites")):
        target = os.path.join(place.out, "page")
        result = place.cofferdam("report", place.report_file, "--format", form, "--output", target)
        equal((result.code, result.out), (0, b""), f"{form}: {result.err}")
        with open(target, "rb") as file:
            page = file.read()
        check(part in page and b"\x1b" not in page, f"{form}: {page[:200]}")
        equal(place.cofferdam("report", place.report_file, "--format", form).out, page, f"{form} on stdout")
    result = place.cofferdam("report", place.report_file, "-o", "/no/such/file")
    equal(result.code, 2, "exit status")
    contains(result.err, "--output /no/such/file can't be written", "stderr")


@test
def shape_of_the_events(place):
    result = place.sh(WORK)
    equal([event["seq"] for event in result.events], list(range(1, len(result.events) + 1)), "sequence numbers")
    for event in result.events:
        check(event["v"] == 1 and TIME.fullmatch(event["ts"]) and event["instance"] == "web.1", f"{event}")
    kinds = [event["event"] for event in result.events]
    equal((kinds[0], kinds[-1]), ("started", "exited"), "first and last")
    check({"exec", "write", "connect", "finding"} <= set(kinds), f"kinds {set(kinds)}")
    check(result.of("started")[0]["enforcement"], "enforcement of the started event")
    for event in result.of("write"):
        check({"call", "path", "outcome", "by", "process"} <= event.keys(), f"{event}")
        check(event["outcome"] in ("landed", "refused", "failed"), f"{event}")
    for event in result.of("exec"):
        check({"process", "parent"} <= event.keys(), f"{event}")
    equal(result.events[-1]["code"], 0, "code of the exited event")


@test
def counts_of_equal_findings(place):
    result = place.sh("for i in 1 2 3 4 5; do bash -c ': > /dev/tcp/127.0.0.1/5432'; done; true")
    findings = result.findings("CD201")
    equal(sum(finding["count"] for finding in findings), 5, f"counts of {len(findings)} findings")
    check(len(findings) == 1, "equal findings are one with a count")


@test
def summary_is_short_and_says_it(place):
    result = place.sh(WORK + "; seq 30 | while read i; do echo x > file$i; done; seq 30 | while read i; do echo > /etc/cofferdam-test-write; done",
                      options=["--format", "json"])
    lines = [line for line in result.err.splitlines() if line.strip()]
    check(0 < len(lines) <= 15, f"the summary has {len(lines)} lines: {result.err}")
    for part in ("CD201", "bash", "5432"):
        contains(result.err, part, "summary")
    check("\x1b" not in result.err, "colours without a terminal")


@test
def quiet_run_is_quiet(place):
    result = place.sh("true")
    check(len(result.err.splitlines()) <= 3, f"a run without anything to say says: {result.err}")


@test
def secrets_are_redacted(place):
    url = "postgresql://user:very-secret@db.example.test:5432/x"
    result = place.sh("cp /dev/null \"$0\" 2>/dev/null; bash -c 'true' -- \"$DATABASE_URL\"; true",
                      env={"DATABASE_URL": url})
    text = str(result.report) + "\n".join(result.event_lines) + result.err
    check("very-secret" not in text, "the password is in the report, the events or the summary")


@test
def report_is_complete_after_a_crash(place):
    result = place.sh("echo x > file; kill -SEGV $$")
    equal(result.code, 139, "exit status")
    check(result.lost(place.project + "/file"), f"lost: {result.report['lost']}")
    equal(result.events[-1]["event"], "exited", "last event")
    equal(result.events[-1]["signal"], 11, "signal of the exited event")


@test
def verbose_tells_what_happens(place):
    for arguments in (("-v", "run"), ("run", "-v")):
        result = place.cofferdam(*arguments, "--", "/bin/sh", "-c", ": '\x1b[31m'; " + WORK)
        for line in ("policy twelve-factor", "web.1 started in local mode, storage full", "web.1 exec cp file copy (pid ",
                     "web.1 openat /etc/cofferdam-test-write: refused (Read-only file system), by /bin/sh",
                     "web.1 connect to 127.0.0.1:5432 (postgres): refused, by bash", "web.1 exited 0"):
            contains(result.err, "cofferdam: " + line, " ".join(arguments))
        check("copy: landed" not in result.err and "\x1b" not in result.err, f"too much is told: {result.err}")
    every = place.cofferdam("run", "--", "/bin/sh", "-c", "echo x > file", env={"COFFERDAM_LOG": "trace"})
    contains(every.err, "/file: landed, by /bin/sh", "trace")
    quiet = place.cofferdam("run", "--", "/bin/sh", "-c", "exit 0")
    equal(quiet.err, "", "without -v")


@test
def who_follows_the_events_sees_them_at_once(place):
    process = place.start("/bin/sh", "-c", "echo x > file; echo done; exec sleep 20", stdout=subprocess.PIPE)
    wait_for(lambda: os.path.exists(place.events_file) and '"event":"write"' in open(place.events_file, encoding="utf-8").read(),
             "the write in the events of an app that goes on", 5)
    check(process.poll() is None, "the app has ended")
    process.terminate()
    place.finish(process)


@test
def reader_of_the_events_that_stands_still_holds_nobody_up(place):
    pipe = os.path.join(place.out, "events.fifo")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    script = ("import os\nfor i in range(2000):\n  os.close(os.open('f%04d' % i, os.O_WRONLY | os.O_CREAT))\n"
              "print('written', flush=True)")
    result = place.run("/usr/bin/python3", "-c", script, report=False, options=("--events", pipe), timeout=20)
    equal((result.code, result.messages()), (125, ["written"]), "exit status and output")
    contains(result.err, "the reader took none for 2 seconds", "what is told about the events")
    os.close(reader)


main()
