#!/usr/bin/python3
"""The sentry sink against Spotlight's sidecar: what of an app becomes an event, and what is in it."""

import base64
import http.client
import json
import os
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, check, contains, equal, free_port, wait_for  # noqa: E402


def events_of(envelope):
    """The events of an envelope, whose lengths have to be right."""
    header, rest = envelope.split(b"\n", 1)
    identity = json.loads(header)["event_id"]
    while rest:
        line, rest = rest.split(b"\n", 1)
        item = json.loads(line)
        payload, end, rest = rest[:item["length"]], rest[item["length"]:item["length"] + 1], rest[item["length"] + 1:]
        equal(end, b"\n", "the end of an item")
        event = json.loads(payload)
        equal((item["type"], event["event_id"]), ("event", identity), "an item")
        yield event


class Sidecar:
    """Spotlight's sidecar, and somebody who looks at it."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([os.environ["NODE"], os.environ["SIDECAR"], str(self.port)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, "Spotlight to listen", 30)
        self.events = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.dsn = f"http://abcdef0123456789@127.0.0.1:{self.port}/1"

    def answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def read(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/stream?base64", headers={"Accept": "text/event-stream"})
        try:
            for line in connection.getresponse():
                if line.startswith(b"data:"):
                    self.events += events_of(base64.b64decode(line[5:]))
        except (OSError, http.client.HTTPException):
            pass

    def received(self, count, seconds=10):
        wait_for(lambda: len(self.events) >= count, f"{count} events (there are {len(self.events)})", seconds)
        return sorted(self.events, key=lambda event: event["extra"]["seq"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def policy(place, dsn, *keys, top=()):
    row = ", ".join(("type: sentry", f'dsn: "{dsn}"', *keys))
    text = f"version: 1\nextends: twelve-factor\nlogs:\n  sinks:\n    - {{type: console, format: json}}\n    - {{{row}}}\n"
    return ["--policy", place.file("cofferdam.yaml", text + "".join(f"  {line}\n" for line in top))]


TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def errors_and_stack_traces(place):
    program = ("import logging\n"
               "logging.basicConfig(format='%(asctime)s %(levelname)s %(name)s: %(message)s', level='INFO')\n"
               "log = logging.getLogger('shop')\n"
               "def total(order): return order['items']\n"
               "log.info('an ordinary line')\n"
               "log.warning('a warning')\n"
               "log.error('no such order')\n"
               "try: total({})\n"
               "except KeyError: log.exception('failed')\n")
    place.file("shop.py", program)
    with Sidecar() as sidecar:
        result = place.run("/usr/bin/python3", "shop.py",
                           options=policy(place, sidecar.dsn, "environment: dev", "release: shop@1.4"))
        equal(result.code, 0, f"exit status ({result.err})")
        plain, trace = sidecar.received(2)
        equal(len(sidecar.events), 2, "events: errors only")
        contains(plain["logentry"]["formatted"], "no such order", "message")
        equal((plain["level"], plain["environment"], plain["release"]), ("error", "dev", "shop@1.4"), "the event")
        equal((plain["tags"]["instance"], plain["tags"]["stream"]), ("web.1", "stderr"), "tags")
        exception = trace["exception"]["values"][-1]
        equal((exception["type"], exception["value"]), ("KeyError", "'items'"), "the exception")
        frame = exception["stacktrace"]["frames"][-1]
        equal((frame["function"], frame["lineno"], frame["in_app"]), ("total", 4, True), "the innermost call")
        contains(frame["context_line"], "return order['items']", "its source")
        equal(trace["platform"], "python", "platform")


@test
def a_crash(place):
    with Sidecar() as sidecar:
        result = place.sh("echo alive; kill -SEGV $$", options=policy(place, sidecar.dsn))
        equal(result.code, 139, f"exit status ({result.err})")
        event = sidecar.received(1)[0]
        exception = event["exception"]["values"][0]
        equal((exception["type"], exception["mechanism"]["handled"], event["level"]), ("SIGSEGV", False, "fatal"), "crash")
        equal(event["tags"]["signal"], "SIGSEGV", "tag")


@test
def findings(place):
    with Sidecar() as sidecar:
        result = place.sh("mkdir -p media; echo picture > media/a.png",
                          options=policy(place, sidecar.dsn, 'match: {level: ">=info", streams: [cofferdam]}'))
        equal(result.code, 0, f"exit status ({result.err})")
        codes = [event["tags"]["code"] for event in sidecar.received(1)]
        equal(sorted(set(codes)), sorted({finding["code"] for finding in result.report["findings"]}), "codes")
        equal({event["logger"] for event in sidecar.events}, {"cofferdam"}, "logger")
        check(all("fix" in event["extra"] for event in sidecar.events), "the fix of each")


@test
def nobody_listens(place):
    saved = os.path.join(place.out, "saved.jsonl")
    result = place.sh("echo ERROR one >&2; exit 7", options=policy(
        place, f"http://abc@127.0.0.1:{free_port()}/1", f"fallback: {saved}", top=["shutdown_timeout: 500ms"]))
    equal(result.code, 7, "the app's exit status")
    contains(result.findings("CD303")[0]["message"], "connection refused", "the reason")
    with open(saved, encoding="utf-8") as file:
        contains(file.read(), "ERROR one", "the fallback file")


if __name__ == "__main__":
    harness.run_all(f"apps/sentry/{harness.WHO}", TESTS, Place)
