#!/usr/bin/python3
"""`logs` of a policy from outside: what is refused before anything starts, what `logs test` and `doctor` say, and what a
run says about a sink that does not take its records."""

import contextlib
import http.server
import json
import os
import signal
import socket
import threading
import time

from harness import check, contains, equal, free_port, main, test

HEAD = "version: 1\nextends: twelve-factor\n"


def sinks(*rows, more=""):
    return HEAD + "logs:\n" + more + "  sinks:\n" + "".join(f"    - {row}\n" for row in rows)


def refused(place, text, *parts, env=None):
    """Neither `check` nor `run` takes it, and both say all of `parts`."""
    place.file("bad.yaml", text)
    result = place.cofferdam("check", "bad.yaml", env=env)
    equal(result.code, 2, f"exit status of check ({result.out.decode()})")
    run = place.run("echo", "started", options=["--policy", "bad.yaml"], env=env)
    equal(run.code, 125, f"exit status of run ({run.err})")
    equal(run.out, b"", "output of the app, which must not start")
    for part in parts:
        contains(result.out.decode(), part, "message of check")
        contains(run.err, part, "message of run")


@test
def unknown_sinks_and_keys(place):
    refused(place, sinks("{type: fluent, address: a}"), "bad.yaml:5:14", "did you mean 'fluentd'?")
    refused(place, sinks("{type: otlp, endpont: \"http://a\"}"), "bad.yaml:5:20", "did you mean 'endpoint'?")
    refused(place, sinks("{type: otlp, endpoint: \"http://a\", framing: lf}"), "it belongs to a sink of type syslog")
    refused(place, sinks("{type: console, match: {level: \">=eror\"}}"), "did you mean '>=error'?")


@test
def addresses_that_are_none(place):
    refused(place, sinks("{type: otlp, endpoint: \"collector:4318\"}"), "bad.yaml:5:30", "http://127.0.0.1:4318")
    refused(place, sinks("{type: sentry, dsn: \"https://sentry.example/1\"}"), "bad.yaml:5:27", "https://KEY@HOST/PROJECT")


@test
def servers_that_the_policy_denies(place):
    refused(place, sinks("{type: fluentd, address: \"log.example:24224\"}") + "network: {egress: deny}\n",
            "bad.yaml:5:7", 'add "log.example:24224" to network.allow')
    refused(place, sinks("{type: fluentd, address: \"127.0.0.1:5432\"}"), "bad.yaml:5:7", "postgres")


@test
def variables_that_are_not_set(place):
    place.file("cofferdam.yaml", sinks("{type: otlp, endpoint: env:NO_SUCH_ENDPOINT, headers: {Authorization: env:NO_TOKEN}}"))
    equal(place.cofferdam("check").code, 0, "the policy itself is right")
    result = place.run("echo", "started")
    equal(result.code, 125, "exit status")
    for part in ("cofferdam.yaml:5:7", "NO_SUCH_ENDPOINT is not set", "NO_TOKEN is not set"):
        contains(result.err, part, "message")
    result = place.run("echo", "started", env={"NO_SUCH_ENDPOINT": "hunter2", "NO_TOKEN": "t"})
    equal(result.code, 125, "exit status for a value that is no address")
    check("hunter2" not in result.err, f"the value is shown: {result.err}")


@test
def secrets_in_clear_text(place):
    place.file("cofferdam.yaml", sinks("{type: fluentd, address: 127.0.0.1, shared_key: hunter2}"))
    result = place.cofferdam("check")
    equal(result.code, 1, "exit status")
    contains(result.out.decode(), "5:55: warning: the shared key stands in the policy in clear text [CD912]", "message")
    check(b"hunter2" not in result.out, "the secret is shown")


@test
def logs_test_shows_what_each_sink_gets(place):
    place.file("p.yaml", sinks("{type: console, format: json}",
                               "{type: otlp, endpoint: \"http://127.0.0.1:1\", match: {level: \">=error\"}}",
                               "{type: file, path: ./records.jsonl, match: {contains: two}}",
                               more="  parse: {multiline: [python]}\n"))
    sample = b"one\n[error] two\nthree\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nKeyError: 1\n"
    result = place.cofferdam("logs", "test", "--policy", "p.yaml", data=sample)
    equal(result.code, 0, f"exit status ({result.err})")
    text = result.out.decode()
    headings = [line for line in text.splitlines() if line.startswith("==")]
    equal([heading.split(":")[0] for heading in headings], ["== console", "== otlp", "== file"], "headings")
    equal(headings[0], "== console: 4 records", "first heading")
    equal(headings[2], "== file: 1 record", "last heading")
    only = place.cofferdam("logs", "test", "--policy", "p.yaml", "--sink", "file", "--stderr", data=sample)
    records = [json.loads(line) for line in only.out.decode().splitlines()]
    equal([(r["message"], r["stream"], r["level"]) for r in records], [("[error] two", "stderr", "error")], "of one sink")
    joined = place.cofferdam("logs", "test", "--policy", "p.yaml", "--sink", "console", data=sample).out.decode()
    contains(json.loads(joined.splitlines()[-1])["message"], "\nKeyError: 1", "the joined trace")
    check(not os.path.exists(os.path.join(place.project, "records.jsonl")), "a file was written")


@test
def logs_test_says_what_is_wrong(place):
    for arguments, part in ((["logs"], "logs test < SAMPLE"), (["logs", "tail"], "there is: test"),
                            (["logs", "test", "app.log"], "the sample comes from stdin"),
                            (["logs", "test", "--sink", "x"], "no sink x")):
        result = place.cofferdam(*arguments)
        equal(result.code, 2, f"exit status of {arguments}")
        contains(result.err, part, f"message of {arguments}")
    place.file("bad.yaml", HEAD + "logs: {capture: tty}\n")
    result = place.cofferdam("logs", "test", "-p", "bad.yaml", data=b"")
    equal(result.code, 2, "exit status")
    contains(result.err, "bad.yaml:3:17", "message")


@test
def doctor_names_capture_and_sinks(place):
    place.file("cofferdam.yaml", sinks("{type: console}", "{type: sentry, dsn: env:SENTRY_DSN}",
                                       "{type: syslog, address: \"udp://log:514\", when_full: block}",
                                       more="  capture: pty\n"))
    document = json.loads(place.cofferdam("doctor", "--json").out)
    row = next(row for row in document["enforcement"] if row["rule"] == "logs")
    contains(row["mechanism"], "pseudoterminals", "mechanism")
    contains(row["mechanism"], "the policy says capture: pty", "its reason")
    equal([(sink["sink"], sink["to"], sink["when_full"]) for sink in document["logs"]],
          [("console", "standard output", "block"), ("sentry", "env:SENTRY_DSN", "drop-oldest"),
           ("syslog", "log:514", "block")], "sinks")
    contains(place.cofferdam("doctor").out.decode(), "log:514; delivered when it is sent: UDP may lose it", "table")


@test
def unreachable_and_lossy_sinks_are_findings(place):
    place.file("cofferdam.yaml", sinks("{type: console}", f"{{type: otlp, endpoint: \"http://127.0.0.1:{free_port()}\"}}",
                                       more="  shutdown_timeout: 300ms\n"))
    result = place.sh("echo one; echo two")
    equal(result.code, 0, f"exit status: the app is not stopped ({result.err})")
    equal(result.messages(), ["one", "two"], "records on the console")
    for code in ("CD303", "CD304"):
        equal(len(result.findings(code)), 1, f"findings {code}")
        equal(result.findings(code)[0]["policy"], {"key": "logs.sinks", "file": "cofferdam.yaml", "line": 7}, "its place")
    contains(result.findings("CD303")[0]["message"], "connection refused", "the reason")
    contains(result.findings("CD304")[0]["message"], "2 records of 2 did not reach the log sink otlp", "the count")
    counts = next(sink for sink in result.report["logs"]["sinks"] if sink["type"] == "otlp")
    equal(counts["delivered"] + counts["dropped"] + counts["pending"], 2, "produced = delivered + announced")


class Refusing(http.server.BaseHTTPRequestHandler):
    """A server that takes nothing, as with a wrong token."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def http_server(handler):
    """A server on a port of its own, which it yields."""
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@test
def refusing_sinks_are_findings(place):
    with http_server(Refusing) as port:
        place.file("cofferdam.yaml", sinks("{type: console}", f"{{type: otlp, endpoint: \"http://127.0.0.1:{port}\"}}"))
        result = place.sh("echo one")
    equal(result.code, 0, f"exit status ({result.err})")
    equal(len(result.findings("CD305")), 1, f"findings CD305 ({result.err})")
    contains(result.findings("CD305")[0]["message"], "401", "the reason")


@test
def a_required_sink_that_is_not_there(place):
    place.file("cofferdam.yaml", sinks("{type: console}",
                                       f"{{type: otlp, endpoint: \"http://127.0.0.1:{free_port()}\", require: true}}"))
    result = place.sh("echo started")
    equal(result.code, 125, f"exit status ({result.err})")
    equal(result.out, b"", "output of the app, which must not start")
    for part in ("cofferdam.yaml:6", "the log sink otlp is required", "connection refused"):
        contains(result.err, part, "message")


@test
def a_required_sink_that_refuses(place):
    with http_server(Refusing) as port:
        place.file("cofferdam.yaml", sinks(f"{{type: otlp, endpoint: \"http://127.0.0.1:{port}\", require: true}}"))
        result = place.sh("echo started")
    equal(result.code, 125, f"exit status ({result.err})")
    contains(result.err, "takes nothing: 401", "message")


class Taking(Refusing):
    bodies = []

    def do_POST(self):
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


@test
def a_required_sink_that_is_there(place):
    for encoding in ("protobuf", "json"):
        Taking.bodies.clear()
        with http_server(Taking) as port:
            place.file("cofferdam.yaml", sinks("{type: console}", f"{{type: otlp, endpoint: \"http://127.0.0.1:{port}\", "
                                               f"encoding: {encoding}, require: true}}"))
            result = place.sh("echo started")
        equal(result.messages(), ["started"], f"records on the console ({result.err})")
        equal(Taking.bodies[0], b"{}" if encoding == "json" else b"", "the request that asks whether it is there")
        check(b"started" in Taking.bodies[1], "the record")


@test
def waiting_for_a_required_sink_can_be_interrupted(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        place.file("cofferdam.yaml", sinks(f"{{type: otlp, endpoint: \"http://127.0.0.1:{port}\", require: true}}"))
        begin = time.monotonic()
        process = place.start("sh", "-c", "echo started")
        connection = server.accept()[0]  # which stays open, and silent
        connection.recv(1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
        connection.close()
    equal(out, b"", "output of the app, which must not start")
    contains(err.decode(), "interrupted", "message")
    check(time.monotonic() - begin < 5, "it waited for the sink's timeout")


main()
