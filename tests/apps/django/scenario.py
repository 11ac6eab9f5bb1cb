#!/usr/bin/python3
"""Runs the guest book under cofferdam as its users would, and checks what they would see. Called by ./run.

    scenario.py SETTING --database URL --database-log FILE [--image IMAGE --user USER]

SETTING: native (without cofferdam: is the application itself right?), server (gunicorn, local mode),
runserver (manage.py with its reloader, local mode), docker (gunicorn in a container whose ENTRYPOINT is cofferdam).
"""

import argparse
import json
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.dont_write_bytecode = True
from server import Docker, Server, harness, request  # noqa: E402
from harness import ROOT, check, contains, equal, same_tree, tree, wait_for  # noqa: E402

PAYLOAD = bytes(range(256)) * 40
PSQL_REACHED = "application_name=psql"


class Guestbook(Server):
    """The application, running in one of the settings. Its files go where it may write."""

    policy = "django"
    ready = "/media/none"

    def __init__(self, options):
        super().__init__(os.path.join(HERE, "project"), options)

    @property
    def media(self):
        return os.path.join(self.writable, "media")

    @property
    def log_file(self):
        return os.path.join(self.writable, "log", "app.log")

    @property
    def pid_file(self):
        return os.path.join(self.writable, "gunicorn.pid")

    def variables(self):
        return {"DATABASE_URL": self.options.database, "MEDIA_ROOT": self.media, "LOG_FILE": self.log_file}

    def gunicorn(self):
        return ["gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{self.port}", "--pid", self.pid_file,
                "--access-logfile", "-", "guestbook.wsgi"]

    def runserver(self):
        return ["python3", "manage.py", "runserver", f"127.0.0.1:{self.port}"]


class GuestbookInDocker(Docker, Guestbook):
    pass


# --- what must be true -----------------------------------------------------------------------------------------------


class Checks:
    """The steps share one running server; each is one test line, and a failed step does not hide the next."""

    def __init__(self, name, server, database_log):
        self.name, self.server, self.database_log = name, server, database_log
        self.failed = False

    def step(self, what, function, *args):
        self.failed = not harness.run_one(f"apps/django/{self.name}/{what}", function, *args) or self.failed

    def psql_logins(self):
        with open(self.database_log, encoding="utf-8", errors="replace") as file:
            return file.read().count(PSQL_REACHED)


def queries_succeed(server):
    counts, pids = [], set()
    for _ in range(20):
        status, body = request(server.port, "/")
        equal(status, 200, f"GET / ({body})")
        counts.append(body["notes"])
        pids.add(body["pid"])
    equal(sorted(set(counts)), sorted(counts), "the notes must grow with each visit")
    return pids


def upload_is_saved(server, seen):
    status, body = request(server.port, "/upload?name=picture.bin", data=PAYLOAD)
    equal(status, 200, f"POST /upload ({body})")
    equal(body["bytes"], len(PAYLOAD), "size of the upload")
    equal(body["path"], os.path.join(server.media, "picture.bin"), "path of the upload")
    seen["upload"] = body
    equal(request(server.port, "/media/picture.bin"), (200, {"exists": True, "bytes": len(PAYLOAD)}),
          "the upload as the next request sees it")


def psql_is_refused(checks):
    before = checks.psql_logins()
    status, body = request(checks.server.port, "/psql")
    equal(status, 200, f"GET /psql ({body})")
    check(body["code"] not in (0, 126, 127), f"psql ran and must fail: {body}")
    check("refused" in body["stderr"].lower() or "permission denied" in body["stderr"].lower(),
          f"psql must see its connection refused: {body['stderr']}")
    equal(body["stdout"], "", "what psql printed")
    equal(checks.psql_logins(), before, "logins of psql in the database's own log")


def slow_request_is_answered(server, seen):
    """Stops the server while a request is under way."""
    import threading  # pylint: disable=import-outside-toplevel

    def ask():
        try:
            seen["slow"] = request(server.port, "/slow")
        except OSError as error:
            seen["slow"] = (0, str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.5)
    started = time.monotonic()
    server.terminate()
    seen["exit"] = server.wait(25)
    seen["seconds"] = time.monotonic() - started
    thread.join(25)
    equal(seen.get("slow", (0,))[0], 200, f"the request that was under way ({seen.get('slow')})")


def ends_well(seen):
    equal(seen.get("exit"), 0, "exit status after SIGTERM")
    check(seen["seconds"] < 10, f"the end took {seen['seconds']:.1f} s, longer than the grace time")


def names_psql(result, port, secret):
    findings = [f for f in result.findings("CD201") if os.path.basename(f["process"]["exe"]) == "psql"]
    check(findings, f"no CD201 names psql: {json.dumps(result.report['findings'])[:800]}")
    finding = findings[0]
    contains(finding["destination"], f"127.0.0.1:{port}", "destination of the finding")
    equal(finding["severity"], "error", "severity")
    lineage = finding["process"]["lineage"]
    check(lineage and lineage[0] == "psql", f"lineage starts with psql: {lineage}")
    check("sh" in lineage and any("gunicorn" in name or "manage.py" in name or "python" in name for name in lineage),
          f"lineage goes through sh to the app: {lineage}")
    check(any("psql" in part for part in finding["process"]["argv"]), f"argv: {finding['process']['argv']}")
    check(finding["fix"] and finding["message"] and finding["policy"]["key"].startswith("database"), f"{finding}")
    check(secret not in json.dumps(result.report), "the report holds the database password")
    check(not any(secret in line for line in result.event_lines), "the events hold the database password")


def lineage_has_gunicorn(lineage):
    names = [name for name in lineage if "gunicorn" in name]
    check(names, f"lineage goes through sh to gunicorn: {lineage}")


def app_is_allowed(result, port):
    allowed = [c for c in result.report["connections"] if c["verdict"] == "allowed" and
               c["destination"] == f"127.0.0.1:{port}"]
    check(allowed and all(c["outcome"] == "connected" for c in allowed),
          f"the app's connections: {result.report['connections']}")


def lost_lists(result, path, size, pid, server):
    entry = result.lost(path)
    check(entry, f"{path} is not in the lost list: {[e['path'] for e in result.report['lost']][:20]}")
    equal(entry["change"], "created", "change")
    equal(entry["type"], "file", "type")
    if size is not None:
        equal(entry["bytes"], size, "bytes")
    check(entry["bytes"] > 0, "bytes")
    writers = entry["writers"]
    check(writers, "it has no writer")
    check(any(server in name for writer in writers for name in writer["lineage"] + writer["argv"]),
          f"{server} is no writer: {writers}")
    if pid is not None:
        check(pid in [writer["pid"] for writer in writers], f"the worker {pid} is no writer: {writers}")


def events_are_whole(result, pid_file):
    check(result.events, "no events were written")
    equal([event["seq"] for event in result.events], list(range(1, len(result.events) + 1)), "sequence numbers")
    equal(result.events[0]["event"], "started", "first event")
    equal(result.events[-1]["event"], "exited", "last event")
    if pid_file:
        check(any(pid_file in (e.get("path"), e.get("to")) for e in result.of("write")),
              "no write event names the pid file")
    check(result.of("exec"), "no exec event")
    equal(result.report["audit"]["disagreements"], 0, "disagreements between the events and the scan")


def rules_are_full(result, mode):
    equal(result.report["mode"], mode, "mode")
    levels = {row["rule"]: row["level"] for row in result.report["enforcement"]}
    for rule in ("storage", "database", "logs"):
        equal(levels.get(rule), "full", f"level of {rule} ({levels})")


def requests_are_records(server):
    records = []
    for line in server.text("stdout").splitlines():
        record = json.loads(line)
        check({"ts", "seq", "instance", "stream", "level", "message"} <= record.keys(), f"keys of {line}")
        records.append(record)
    messages = "\n".join(record["message"] for record in records)
    for part in ("GET / ", "POST /upload", "GET /psql", "home page with"):
        contains(messages, part, "log records")
    equal([r["seq"] for r in records], sorted(r["seq"] for r in records), "order of the records")


def summary_explains(server):
    text = server.text("stderr")
    for part in ("CD201", "psql", "picture.bin"):
        contains(text, part, "summary on stderr")


def nothing_on_the_host(server, before):
    same_tree(before, tree(server.place.home), "the home directory")
    server.place.no_process_left("every process of the instance")


# --- the settings ----------------------------------------------------------------------------------------------------


def after_the_end(checks, seen, before, mode, server_name="gunicorn"):
    server = checks.server
    result = server.result()
    database_port = int(checks.server.options.database.rsplit(":", 1)[1].split("/")[0])
    secret = checks.server.options.database.split("@")[0].rsplit(":", 1)[1]
    checks.step("rules are full", rules_are_full, result, mode)
    checks.step("psql is named in the report", names_psql, result, database_port, secret)
    if server_name == "gunicorn":
        checks.step("lineage of psql goes to gunicorn",
                    lambda: lineage_has_gunicorn(result.findings("CD201")[0]["process"]["lineage"]))
    checks.step("the app's connections are allowed", app_is_allowed, result, database_port)
    upload = seen.get("upload", {})
    checks.step("upload is in the lost list", lost_lists, result, os.path.join(server.media, "picture.bin"),
                len(PAYLOAD), upload.get("pid"), server_name)
    checks.step("log file is in the lost list", lost_lists, result, server.log_file, None, None, server_name)
    checks.step("events are whole", events_are_whole, result, server.pid_file if server_name == "gunicorn" else None)
    checks.step("requests are in the log records", requests_are_records, server)
    checks.step("summary explains", summary_explains, server)
    checks.step("host is unchanged and no process is left", nothing_on_the_host, server, before)


def serve(name, server, options, mode, command):
    """gunicorn with two workers: the main job, from start to report."""
    checks = Checks(name, server, options.database_log)
    seen = {}
    before = tree(server.place.home)
    try:
        server.start(command)
    except harness.Failure as why:
        harness.report_failure(f"apps/django/{name}/starts", why)
        return False
    harness.report_ok(f"apps/django/{name}/starts")
    checks.step("queries succeed from the workers", queries_succeed, server)
    checks.step("upload is saved", upload_is_saved, server, seen)
    checks.step("psql is refused", psql_is_refused, checks)
    checks.step("queries still succeed", queries_succeed, server)
    checks.step("request under way at SIGTERM is answered", slow_request_is_answered, server, seen)
    checks.step("SIGTERM ends it with 0 within the grace time", ends_well, seen)
    after_the_end(checks, seen, before, mode)
    return not checks.failed


def reload(name, server, options):
    """manage.py runserver: its reloader is the app, too, and an edit on the host reaches the page."""
    checks = Checks(name, server, options.database_log)
    seen = {}
    before = tree(server.place.home)
    try:
        server.start(server.cofferdam() + server.runserver())
    except harness.Failure as why:
        harness.report_failure(f"apps/django/{name}/starts", why)
        return False
    harness.report_ok(f"apps/django/{name}/starts")

    def edit_reaches_the_page():
        views = os.path.join(server.place.project, "guestbook", "views.py")
        with open(views, encoding="utf-8") as file:
            text = file.read()
        with open(views + ".new", "w", encoding="utf-8") as file:  # as most editors save: a new file, renamed over
            file.write(text.replace('GREETING = "hello"', 'GREETING = "good evening"'))
        os.rename(views + ".new", views)
        now = tree(os.path.dirname(views))
        before.update({path: now[path] for path in (views, os.path.dirname(views))})  # the edit is the host's own

        def changed():
            try:
                return request(server.port, "/")[1].get("greeting") == "good evening"
            except OSError:
                return False

        wait_for(changed, "the edited page", 5, 0.1)

    def ctrl_c_ends_it():
        server.process.send_signal(signal.SIGINT)
        code = server.wait(15)
        check(code in (0, 130), f"exit status after SIGINT: {code}")

    checks.step("queries succeed", queries_succeed, server)
    checks.step("upload is saved", upload_is_saved, server, seen)
    checks.step("psql is refused", psql_is_refused, checks)
    checks.step("an edit on the host reaches the page within 5 s", edit_reaches_the_page)
    checks.step("queries succeed after the reload", queries_succeed, server)
    checks.step("psql is refused after the reload", psql_is_refused, checks)
    checks.step("Ctrl-C ends it", ctrl_c_ends_it)
    after_the_end(checks, seen, before, "local", "manage.py")
    return not checks.failed


def native(server, options):
    """Without cofferdam: every freedom that the other settings take away must be there."""
    checks = Checks("native", server, options.database_log)
    server.start(server.gunicorn())
    seen = {}

    def psql_works():
        before = checks.psql_logins()
        status, body = request(server.port, "/psql")
        equal((status, body["code"], body["stdout"]), (200, 0, "42\n"), f"GET /psql ({body})")
        wait_for(lambda: checks.psql_logins() == before + 1, "psql in the database's log")

    def files_are_kept():
        with open(os.path.join(server.media, "picture.bin"), "rb") as file:
            equal(file.read(), PAYLOAD, "the upload on disk")
        with open(server.log_file, encoding="utf-8") as file:
            contains(file.read(), "saved picture.bin", "the log file")
        server.place.no_process_left()

    checks.step("queries succeed from the workers", queries_succeed, server)
    checks.step("both workers answer", lambda: wait_for(lambda: len(queries_succeed(server)) == 2, "2 workers"))
    checks.step("upload is saved", upload_is_saved, server, seen)
    checks.step("psql works", psql_works)
    checks.step("request under way at SIGTERM is answered", slow_request_is_answered, server, seen)
    checks.step("SIGTERM ends it with 0 within the grace time", ends_well, seen)
    checks.step("files are kept", files_are_kept)
    server.close()

    again = Guestbook(options)
    try:
        again.start(again.runserver())
        checks.step("runserver answers", queries_succeed, again)
        again.process.send_signal(signal.SIGINT)
        again.wait(15)
    finally:
        again.close()
    return not checks.failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("setting", choices=["native", "server", "runserver", "docker"])
    parser.add_argument("--database", required=True)
    parser.add_argument("--database-log", required=True)
    parser.add_argument("--image")
    parser.add_argument("--user", default="root")
    options = parser.parse_args()
    server = (GuestbookInDocker if options.setting == "docker" else Guestbook)(options)
    who = "root" if ROOT else "user"
    good = False
    try:
        if options.setting == "native":
            good = native(server, options)
        elif options.setting == "server":
            good = serve(who, server, options, "local", server.cofferdam() + server.gunicorn())
        elif options.setting == "runserver":
            good = reload(f"runserver-{who}", server, options)
        else:
            good = serve(f"docker-{options.user}", server, options, "container", server.gunicorn())
        if not good and options.setting != "native":
            print(f"--- stderr of the run\n{server.text('stderr')[-3000:]}", file=sys.stderr)
    finally:
        server.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
