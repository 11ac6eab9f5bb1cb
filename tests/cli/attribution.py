#!/usr/bin/python3
"""Each lost file says who wrote it: process, redacted arguments, lineage up to the entry, times and count; many files
are counted, not named, and what is counted is right."""

import json
import os
import re

from harness import check, equal, main, test

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")


def writer_of(place, result, name):
    entry = result.lost(os.path.join(place.project, name))
    check(entry and entry["writers"], f"{name}: {entry}")
    return entry["writers"][0]


def lineage_of(place, result, name):
    return writer_of(place, result, name)["lineage"]


@test
def chains_of_programs(place):
    """A worker's system(), xargs, a shell script, a module, code on the command line, each by its own name."""
    place.file("a", "x")
    place.file("job.sh", "#!/bin/sh\ncp a by-script\necho done\n", 0o755)
    place.file("pkg/__init__.py")
    place.file("pkg/__main__.py", "import subprocess\nsubprocess.run(['cp', 'a', 'by-module'])\n")
    place.file("manage.py", "#!/usr/bin/python3\n" + r"""
import os, subprocess, sys
open("own", "w").close()
if os.fork() == 0:
    os.system("cp a by-system; true")
    os._exit(0)
os.wait()
subprocess.run("echo a by-xargs | xargs cp", shell=True)
subprocess.run(["./job.sh"])
subprocess.run([sys.executable, "-m", "pkg"])
subprocess.run([sys.executable, "-c", "open('by-code', 'w')"])
subprocess.run(["perl", "-e", "open(my $f, '>', 'by-perl')"])
""")
    result = place.run("python3", "manage.py", "runserver")
    equal(result.code, 0, f"exit status; stderr: {result.err}")
    python = os.path.basename(os.path.realpath("/usr/bin/python3"))
    wanted = {
        "own": ["manage.py"],
        "by-system": ["cp", "sh", "manage.py"],
        "by-xargs": ["cp", "xargs", "sh", "manage.py"],
        "by-script": ["cp", "job.sh", "manage.py"],
        "by-module": ["cp", f"{python} -m pkg", "manage.py"],
        "by-code": [python, "manage.py"],
        "by-perl": ["perl", "manage.py"],
    }
    equal({name: lineage_of(place, result, name) for name in wanted}, wanted, "lineages")


@test
def parents_that_have_ended(place):
    place.file("a", "x")
    place.file("daemon.sh", "#!/bin/sh\n(sleep 0.3; cp a by-orphan; true) &\n(sleep 0.3; exec cp a by-image) &\n", 0o755)
    result = place.sh("./daemon.sh; sleep 1; true")
    equal(lineage_of(place, result, "by-orphan"), ["cp", "daemon.sh", "sh"], "a child of an orphan")
    # The shell that becomes cp called nothing that is seen before; what was between is not known, the entry is.
    lineage = lineage_of(place, result, "by-image")
    equal((lineage[0], lineage[-1]), ("cp", "sh"), f"both ends of {lineage}")


@test
def runners_that_are_scripts_themselves(place):
    """As npm does it: a script by way of env, which runs a shell, which runs a script."""
    runner = place.file("bin/npm", """#!/usr/bin/env python3
import subprocess
subprocess.run("python3 server.py; true", shell=True)
""", 0o755)
    place.file("server.py", "import os; open('upload', 'w').close(); os.system('cp upload b; true')")
    result = place.run(runner, "run", "dev")
    equal(result.code, 0, f"exit status; stderr: {result.err}")
    equal(lineage_of(place, result, "upload"), ["server.py", "sh", "npm"], "lineage of the server")
    equal(lineage_of(place, result, "b"), ["cp", "sh", "server.py", "sh", "npm"], "lineage of its child")


@test
def first_last_and_count(place):
    result = place.python("""
import time
for i in range(5):
    open("x", "w").close()
    time.sleep(0.1)
""")
    entry = result.lost(os.path.join(place.project, "x"))
    writer = entry["writers"][0]
    equal(writer["count"], 5, "count")
    for what in (entry, writer):
        check(TIME.match(what["first"]) and TIME.match(what["last"]), f"times of {what}")
        check(result.report["started"] <= what["first"] < what["last"] <= result.report["ended"], f"order of {what}")
    seconds = [float(time[17:29]) for time in (entry["first"], entry["last"])]
    check(0.3 <= (seconds[1] - seconds[0]) % 60 < 10, f"0.4 s between {entry['first']} and {entry['last']}")


@test
def repeated_writes_are_counted(place):
    """A thousand writes of one file are one event and a count, and the report counts them all."""
    result = place.python("for i in range(1000): open('x', 'w').close()")
    path = os.path.join(place.project, "x")
    writes = {event["seq"]: event for event in result.of("write") if event["path"] == path}
    repeated = [event for event in result.of("repeated") if event["of"] in writes]
    equal(len(writes) + sum(event["count"] for event in repeated), 1000, "writes in the events")
    check(len(writes) + len(repeated) < 50, f"{len(writes)} + {len(repeated)} events")
    equal(result.lost(path)["writers"][0]["count"], 1000, "count in the report")
    equal([event["seq"] for event in result.events], list(range(1, len(result.events) + 1)), "sequence numbers")


@test
def secrets_of_writers_are_redacted(place):
    result = place.python("""
import subprocess
secret = "hunter" + "2"
subprocess.run(["python3", "-c", "open('x', 'w')", "--password", secret, f"postgres://u:{secret}@h/x"])
""")
    writer = writer_of(place, result, "x")
    equal(writer["argv"][-3:], ["--password", "***", "postgres://u:***@h/x"], "argv")
    check("hunter2" not in json.dumps(result.report), "the report holds the secret")


@test
def many_files_are_counted(place):
    """More than a report names: source, deletions and the largest are named, totals are right, keep-writes has all."""
    for i in range(3):
        place.file(f"old/{i}", "x")
    place.file("app.py", "x = 1\n")
    kept = os.path.join(place.base, "kept")
    result = place.run("python3", "-c", """
import os
for d in range(30):
    os.mkdir(f"cards{d}")
    for i in range(300):
        with open(f"cards{d}/{i}", "w") as file:
            file.write("123")
open("cards3/large", "w").write("x" * 100000)
open("app.py", "a").write("y = 2\\n")
for i in range(3):
    os.unlink(f"old/{i}")
""", options=("--keep-writes", kept))
    equal(result.code, 0, f"exit status; stderr: {result.err}")
    report = result.report
    files = [entry for entry in report["lost"] if entry["type"] == "file" and entry["change"] == "created"]
    folded = [entry for entry in report["folded"] if entry["type"] == "file" and entry["change"] == "created"]
    equal(len(files) + sum(entry["count"] for entry in folded), 9001, "files created")
    equal(sum(entry["bytes"] for entry in files + folded), 9000 * 3 + 100000, "bytes created")
    check(folded and all(entry["writers"][0]["lineage"] == [os.path.basename(os.path.realpath("/usr/bin/python3"))]
                         for entry in folded), f"writers of what is folded: {folded[:1]}")
    check(result.lost(os.path.join(place.project, "cards3/large")), "the largest is named")
    equal(result.lost(os.path.join(place.project, "app.py"))["change"], "modified", "the source file")
    for i in range(3):
        equal(result.lost(os.path.join(place.project, f"old/{i}"))["change"], "deleted", "a deletion")
    equal(report["audit"]["disagreements"], 0, "disagreements")
    equal(len({entry["path"] for entry in report["lost"]}), len(report["lost"]), "paths named once")
    check("9002 files lost" in result.err, f"summary: {result.err}")
    copied = sum(len(names) for _, _, names in os.walk(kept))
    equal(copied, 9002, "files kept")


main()
