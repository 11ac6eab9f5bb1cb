#!/usr/bin/python3
"""Losses by class (CD110 to CD122), what the summary says of them, and `cofferdam report`."""

import json
import os
import shutil

from harness import ROOT, check, contains, equal, main, skip, test

WRITE = r"""
import os, sqlite3
def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
"""
APP = WRITE + r"""
write("media/2026/a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 3000)
write("media/cv.pdf", b"%PDF-1.7")
write("flask_session/2029240f6d1128be89ddc32729463129", b"x")
write("web.pid", b"7")
write("whoosh_index/_MAIN_1.toc", b"x")
write("celerybeat-schedule", b"\xcf\x9a\x57\x13 x")
write("job.lock", b"7")
write("node_modules/left-pad/index.js", b"x")
write(os.path.expanduser("~/.cache/matplotlib/fontlist.json"), b"{}")
write("__pycache__/a.cpython-311.pyc", b"x")
data = sqlite3.connect("data.bin")  # known by its first bytes, not by its name
data.execute("create table visits (at)")
data.commit()
"""
SECRET = "s3://key:very-secret@store.example.test/bucket"


def codes(result):
    return sorted(finding["code"] for finding in result.report["findings"])


@test
def one_finding_a_class_with_the_frameworks_own_way(place):
    place.file("manage.py", "")
    result = place.python(APP, env={"DEFAULT_STORAGE_DSN": SECRET})
    equal(codes(result), [f"CD{code}" for code in range(110, 119)], f"codes ({result.err})")
    for code, part in (("CD110", "django-storages"), ("CD110", "DEFAULT_STORAGE_DSN is set already"), ("CD111", "DATABASE_URL"),
                       ("CD113", "Flask-Session"), ("CD114", "Haystack"), ("CD115", "MPLCONFIGDIR"),
                       ("CD116", "django_celery_beat"), ("CD117", "pg_advisory_lock"), ("CD118", "image is built")):
        contains(result.findings(code)[0]["fix"], part, f"fix of {code}")
    uploads = result.findings("CD110")[0]
    equal((uploads["count"], uploads["path"], uploads["severity"]),
          (2, os.path.join(place.project, "media"), "warning"), "the uploads")
    equal(uploads["process"]["exe"].rsplit("/", 1)[-1][:6], "python", "the writer")
    lost = {entry["path"].rsplit("/", 1)[-1]: entry for entry in result.report["lost"]}
    equal((lost["data.bin"]["class"], lost["data.bin"]["content"]), ("database", "sqlite"), "known by its first bytes")
    equal((lost["a.png"]["class"], lost["a.png"]["content"]), ("upload", "image"), "the image")
    check("very-secret" not in result.err + json.dumps(result.report), "the store's password is told")
    lines = result.err.splitlines()
    check(len(lines) <= 15, f"{len(lines)} lines: {result.err}")
    contains(result.err, "lost     2 uploaded files (2.9 KiB) in media: 2026/a.png, cv.pdf", "summary")
    contains(result.err, "[CD110]", "summary")


@test
def what_is_gone_or_a_cache_is_no_loss(place):
    result = place.python(WRITE + r"""
write("media/a.png", b"\x89PNG\r\n\x1a\n")
os.unlink("media/a.png")
write("/tmp/spool.zip", b"PK\x03\x04")
os.unlink("/tmp/spool.zip")
write("__pycache__/a.pyc", b"x")
write(".cache/x.sqlite", b"SQLite format 3\0")
write(".main.py.swp", b"x")
""")
    equal(codes(result), [], f"findings ({result.err})")


@test
def commits_are_told_in_one_line(place):
    if shutil.which("git", path=place.env["PATH"]) is None:
        skip("git")
    place.file("a.py", "x = 1\n")
    result = place.sh("git init -q . && git add a.py && git -c user.name=a -c user.email=a@b.test commit -qm one")
    lines = [line for line in result.err.splitlines() if ".git" in line]
    equal(len(lines), 1, f"lines that name .git of {result.err}")
    contains(lines[0], "commits made in the run are lost", "summary")


@test
def changed_source_comes_first(place):
    place.file("package-lock.json", "{}")
    result = place.sh("mkdir -p media src/__snapshots__; echo x > media/a; echo x > src/__snapshots__/a.test.js.snap; "
                      "echo '{\"x\": 1}' > package-lock.json")
    lines = result.err.splitlines()
    contains(lines[0], "2 source files", "first line")
    contains(lines[1], "package-lock.json (9 bytes, changed", "the changed one comes before the new one")


@test
def a_one_off_is_told_so(place):
    report = os.path.join(place.out, "shell.json")
    result = place.cofferdam("shell", "--report", report, "--", "/bin/sh", "-c", "echo x > export.csv", timeout=20)
    equal(result.code, 0, f"exit status ({result.err})")
    with open(report, encoding="utf-8") as file:
        findings = json.load(file)["findings"]
    equal([finding["code"] for finding in findings], ["CD119"], "findings")
    contains(findings[0]["message"], "written by a one-off", "message")


@test
def configuration_filled_in_at_start_is_refused_with_its_reason(place):
    result = place.sh("echo 'listen 8000;' > /etc/cofferdam-test-write; true")
    fixes = [finding["fix"] for finding in result.findings("CD101")]
    if ROOT:
        contains(fixes[0], "render configuration when the image is built", "fix")
    else:
        equal(fixes, [], "an ordinary user may not write there anyway")


@test
def temporary_files_never_removed_are_told_once(place):
    result = place.python("for i in range(150): open(f'/tmp/t{i}', 'w').close()")
    equal(codes(result), ["CD121"], f"codes ({result.err})")
    lines = result.err.splitlines()
    equal(len([line for line in lines if line.startswith("lost")]), 1, f"lines of {result.err}")
    contains(lines[0], "lost     150 temporary files (0 bytes) in /tmp: t0, t1, t10, ..., never removed, by ", "summary")


@test
def hidden_paths_are_told_when_the_app_fails(place):
    os.mkdir(os.path.join(place.home, ".ssh"))
    failed = place.sh("cat ~/.ssh/id_rsa; exit 4")
    equal(failed.code, 4, "exit status")
    contains(failed.err, "hidden   ~/.ssh; to show one: {path: ~/.ssh, type: read-only} in storage.mounts", "summary")
    check("hidden" not in place.sh("true").err, "hidden paths are told of a run that went well")


@test
def the_summary_says_where_the_copies_are(place):
    copies = os.path.join(place.out, "copies")
    result = place.sh("echo 12345 > a.py", options=["--keep-writes", copies])
    contains(result.err, f"copies are in {copies}", "summary")
    check(os.path.exists(copies + os.path.join(place.project, "a.py")), "the copy is not there")


@test
def report_shows_the_tree(place):
    place.python(APP + "write('x\\x1b[2Jy', b'x')\n")
    result = place.cofferdam("report", place.report_file)
    text = result.out.decode()
    equal((result.code, result.err), (0, ""), "exit status and stderr")
    for part in ("Lost with the instance: ", "media/ (2 files)", "2026/a.png", "database", "CD111  warning", "instead  ",
                 "Enforcement", "storage    full", "x\\x1b[2Jy"):
        contains(text, part, "page")
    check("\x1b" not in text, "a name commands the terminal, or colour without one")
    with open(place.report_file, "rb") as file:
        data = file.read()
    equal(place.cofferdam("report", "-", data=data).out.decode(), text, "the same from stdin")
    shown = place.cofferdam("report", place.report_file, "--format", "json")
    equal(json.loads(shown.out), json.loads(data), "as JSON")


@test
def report_says_what_is_wrong(place):
    place.sh("echo x > a")
    with open(place.report_file, "rb") as file:
        data = file.read()
    for content, why in ((data[:-20], "ends in the middle"), (b"", "is empty"), (b"hello", "no JSON"), (b"{}", "no report"),
                         (b'{"v":2,"lost":[],"instances":[]}', "version 2"), (b"[" * 100000, "ends in the middle")):
        result = place.cofferdam("report", "-", data=content)
        equal((result.code, result.out), (2, b""), f"exit status and stdout for {why}")
        contains(result.err, why, "stderr")
    for arguments, why in ((["/no/such/file"], "No such file"), ([], "no file"), ([place.project], "directory"),
                           (["a", "b"], "one file at a time"), ([place.report_file, "--format", "x"], "must be one of text, json")):
        result = place.cofferdam("report", *arguments)
        equal(result.code, 2, f"exit status of {arguments}")
        contains(result.err, why, f"stderr of {arguments}")


main()
