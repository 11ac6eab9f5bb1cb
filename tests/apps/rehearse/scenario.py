#!/usr/bin/python3
"""Rehearses real applications: what their second instance misses. Called by ./run.

    scenario.py local|docker --database URL [--image IMAGE --user USER]
"""

import argparse
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, ROOT, check, contains, equal, free_port  # noqa: E402


def missed(result):
    return [entry for entry in result.report["findings"] if entry["code"] in ("CD130", "CD131", "CD132")]


def one_file_is_missed(result, below, program, beside=()):
    """The visitor came back in vain, the rehearsal says for which file, and of nothing else; `beside`: other roles."""
    equal(result.code, 1, f"exit status: the driver's; stderr {result.err}")
    equal(sorted(entry["code"] for entry in missed(result)), sorted(["CD130", *beside]), f"findings; {result.err}")
    finding = result.findings("CD130")[0]
    contains(finding["path"], below, "the file")
    contains(" ".join(finding["process"]["argv"]), program, "who looked")
    contains(finding["message"], "which rehearsal.1 had written ", "who wrote")
    equal([entry["code"] for entry in result.findings("CD134")], ["CD134"], "the driver's failure")
    equal(result.report["rehearsal"]["drives"], [{"instance": "rehearsal.1", "code": 0}, {"instance": "rehearsal.2", "code": 1}],
          "the drives")
    equal(result.report["rehearsal"]["looked_for"], 1 + len(beside), "paths that were looked for")
    contains(result.err, f"rehearsal failed: {1 + len(beside)} of ", "the summary")
    check(result.lost(finding["path"]), "the file is in the list of what was lost")


def gunicorn(port):
    return ["gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{port}", "--pid", "/tmp/gunicorn.pid", "attachments.wsgi"]


def drive(what, port, place, here=HERE):
    return f"/usr/bin/python3 {here}/visit.py {what} {port} {place}/cookie"


def django_upload(place, options):
    shutil.copytree(os.path.join(HERE, "django"), place.project, dirs_exist_ok=True)
    port = free_port()
    result = place.cofferdam("rehearse", "--policy", "django", "--report", place.report_file, "--events", place.events_file,
                             "--drive", drive("upload", port, place.out), "--", *gunicorn(port), timeout=60,
                             env={"DATABASE_URL": options.database})
    one_file_is_missed(result, os.path.join(place.project, "media/attachments/minutes"), "gunicorn")
    check("s3cret" not in str(result.report), "the report holds the database password")
    equal(os.path.exists(os.path.join(place.project, "media")), False, "media on the host")


def php_session(place, _):
    shutil.copytree(os.path.join(HERE, "php"), place.project, dirs_exist_ok=True)
    port = free_port()
    result = place.cofferdam("rehearse", "--report", place.report_file, "--drive", drive("session", port, place.out), "--",
                             "php", "-S", f"127.0.0.1:{port}", timeout=60)
    one_file_is_missed(result, "/tmp/sess_", "php")


def php_session_elsewhere(place, _):
    """The fix works: where sessions are kept outside of the instance, the same visit passes."""
    shutil.copytree(os.path.join(HERE, "php"), place.project, dirs_exist_ok=True)
    sessions = os.path.join(place.out, "sessions")
    os.mkdir(sessions)
    policy = place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nstorage:\n  mounts:\n"
                        f"    - {{path: {sessions}, type: persistent}}\n")
    port = free_port()
    result = place.cofferdam("rehearse", "--policy", policy, "--report", place.report_file,
                             "--drive", drive("session", port, place.out), "--", "php", "-S", f"127.0.0.1:{port}", timeout=60,
                             env={"SESSIONS": sessions})
    equal((result.code, missed(result)), (0, []), f"exit and findings; {result.err}")
    contains(result.err, "rehearsal passed: ", "the summary")


def django_upload_in_docker(place, options):
    """An unmodified `docker run` with one tmpfs, which is emptied between the runs."""
    os.chmod(place.out, 0o777)
    port = free_port()
    user = [] if options.user == "root" else ["--user", options.user]
    process = subprocess.run(
        ["docker", "run", "--rm", "--network", "host", "--read-only", "--tmpfs", "/tmp", "--volume", f"{place.out}:/out",
         "--workdir", "/app", "--env", f"DATABASE_URL={options.database}", "--env", "MEDIA_ROOT=/tmp/media", "--env",
         "HOME=/", *user, options.image, "rehearse", "--policy", "django", "--report", "/out/report.json", "--drive",
         drive("upload", port, "/out", "/app"), "--reader", "/bin/ls /tmp/media/attachments", "--", *gunicorn(port)],
        check=False, capture_output=True, text=True, timeout=90)
    result = harness.Result(process.returncode, process.stdout.encode(), process.stderr, place)
    equal([entry["path"] for entry in result.findings("CD131")], ["/tmp/media/attachments"], f"the reader; {result.err}")
    one_file_is_missed(result, "/tmp/media/attachments/minutes", "gunicorn", beside=["CD131"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("setting", choices=["local", "docker"])
    parser.add_argument("--database", required=True)
    parser.add_argument("--image")
    parser.add_argument("--user")
    options = parser.parse_args()
    who = f"docker-{options.user}" if options.setting == "docker" else "root" if ROOT else "user"
    tests = [django_upload, php_session, php_session_elsewhere] if options.setting == "local" else [django_upload_in_docker]
    good = True
    for function in tests:
        place = Place()
        try:
            good = harness.run_one(f"apps/rehearse/{who}/{function.__name__}", function, place, options) and good
        finally:
            place.remove()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
