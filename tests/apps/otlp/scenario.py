#!/usr/bin/python3
"""The OTLP sink against OpenTelemetry's own decoder (collector.js), and the faults of a server.

The oracle of every test: what the console shows is what the app wrote; each of these records is delivered, in order,
with the same text and time, or announced as missing, or in the fallback file. Nothing is torn.
"""

import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, check, contains, equal, free_port, wait_for  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
NODE, MODULES, CERTIFICATES = os.environ["NODE"], os.environ["NODE_PATH"], os.environ["CERTIFICATES"]


class Collector:
    """collector.js with these steps (see there)."""

    def __init__(self, *steps, tls=False, port=0, poison=None):
        command = [NODE, os.path.join(HERE, "collector.js"), "--port", str(port), *steps]
        if tls:
            command += ["--tls", os.path.join(CERTIFICATES, "server.crt"), os.path.join(CERTIFICATES, "server.key")]
        if poison:
            command += ["--poison", poison]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={"NODE_PATH": MODULES})
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.requests = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.endpoint = f"{'https' if tls else 'http'}://localhost:{self.port}"

    def read(self):
        for line in self.process.stdout:
            self.requests.append(json.loads(line))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def accepted(self):
        """All records of all requests that were answered with 200, as they came."""
        for request in self.requests:
            check("error" not in request, f"the decoder: {request.get('error')}")
        return [record for request in self.requests if request["status"] == 200 for record in request["records"]]


def policy(place, endpoint, *lines, top=()):
    """A policy with the console and one OTLP sink with these lines."""
    sink = "".join(f"\n      {line}" for line in (f"endpoint: {endpoint}", *lines))
    text = f"version: 1\nlogs:\n  sinks:\n    - {{type: console, format: json}}\n    - type: otlp{sink}\n"
    return ["--policy", place.file("cofferdam.yaml", text + "".join(f"  {line}\n" for line in top))]


def seq_of(record):
    return int(record["attributes"]["cofferdam.seq"])


def is_gap(record):
    return "cofferdam.gap.count" in record["attributes"]


def nanoseconds(text):
    seconds = int(time.strftime("%s", time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))) - time.timezone
    return str(seconds * 10**9 + int(text[20:29]))


def check_delivery(result, delivered, *, again=False, announced=(), saved=()):
    """`delivered` are the console's records, but for these; `again`: a batch may have come twice, byte for byte."""
    shown = {record["seq"]: record for record in result.records()}
    own = [record for record in delivered if not is_gap(record)]
    seqs = [seq_of(record) for record in own]
    if again:
        seqs = list(dict.fromkeys(seqs))
    equal(seqs, sorted(seqs), "the order of the records")
    equal(len(seqs), len(set(seqs)), "records without those that came twice")
    missing = set(shown) - set(seqs)
    equal(sorted(missing), sorted({*announced, *saved}), "records that were not delivered")
    for record in own:
        original = shown[seq_of(record)]
        equal(record["body"], original["message"], "text")
        equal(record["time"], nanoseconds(original["ts"]), "time")
        equal(record["observed"], record["time"], "observed time")
        equal(record["attributes"]["log.iostream"], original["stream"], "stream")


def sink_of(result):
    return next(sink for sink in result.report["logs"]["sinks"] if sink["type"] == "otlp")


def lines(count, pause=0):
    """A program that prints so many lines, every hundredth to stderr."""
    return ("import sys, time\n"
            f"for i in range({count}):\n"
            "    print(f'{i:06} a line of the app, with \"quotes\" and \\u20ac', file=sys.stderr if i % 100 == 99 else sys.stdout, "
            "flush=i % 100 >= 98)\n"
            f"    if i % 100 == 99: time.sleep({pause})\n")


TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def protobuf(place):
    with Collector() as collector:
        result = place.python(lines(5000), options=policy(place, collector.endpoint, "resource: {service.name: shop}"))
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted())
        request = collector.requests[0]
        equal(request["type"], "application/x-protobuf", "type")
        equal(request["scope"]["name"], "cofferdam", "scope")
        equal(request["resource"]["service.name"], "shop", "service.name")
        equal(request["resource"]["service.instance.id"], "web.1", "service.instance.id")
        check(request["headers"]["user-agent"].startswith("cofferdam/"), "User-Agent")
        equal(sink_of(result)["delivered"], 5000, "the report")


@test
def json_and_gzip(place):
    with Collector() as collector:
        keys = ["encoding: json", "compress: gzip", "headers: {X-Scope-OrgID: team, Authorization: env:TOKEN}"]
        result = place.python(lines(5000), options=policy(place, collector.endpoint, *keys), env={"TOKEN": "Bearer s3cret"})
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted())
        request = collector.requests[0]
        equal((request["type"], request["encoding"]), ("application/json", "gzip"), "type and encoding")
        equal(request["headers"]["x-scope-orgid"], "team", "a header of the policy")
        equal(request["headers"]["authorization"], "Bearer s3cret", "a header of the environment")
        check("s3cret" not in result.err + json.dumps(result.report), "the header's value is shown")


@test
def fields_and_bytes(place):
    app = ("import sys\n"
           "print('{\"message\":\"hi\",\"level\":\"error\",\"n\":9007199254740993,\"f\":1.5,\"b\":true,\"z\":null,\"s\":\"\\u20ac\",'\n"
           "      '\"a\":[1,\"x\",{\"k\":[]}],\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":\"b7ad6b7169203331\"}', flush=True)\n"
           "sys.stdout.buffer.write(b'\\xff\\x00\\x80\\n' + b'x' * 40000 + b'\\n' + b'the end')\n")
    for encoding in ("protobuf", "json"):
        with Collector() as collector:
            result = place.python(app, options=policy(place, collector.endpoint, f"encoding: {encoding}",
                                                      top=["parse: {json: merge}"]))
            equal(result.code, 0, f"exit status ({result.err})")
            first, binary, *parts, last = collector.accepted()
            equal(first["body"], "hi", "message")
            equal((first["severity"], first["text"]), (17, "error"), "severity")
            equal((first["trace"], first["span"]), ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"), "ids")
            fields = {key: value for key, value in first["attributes"].items() if len(key) == 1}
            equal(fields, {"n": "9007199254740993", "f": 1.5, "b": True, "z": None, "s": "\u20ac",
                           "a": ["1", "x", {"k": []}]}, "fields")
            equal(binary["body"], {"base64": "/wCA"}, "bytes that are no UTF-8")
            equal("".join(part["body"] for part in parts), "x" * 40000, "a long line")
            equal([part["attributes"]["cofferdam.partial.n"] for part in parts],
                  [str(n + 1) for n in range(len(parts))], "its parts")
            equal(parts[-1]["attributes"]["cofferdam.partial.last"], True, "its last part")
            equal((last["body"], last["attributes"]["cofferdam.eol"]), ("the end", False), "the end without a line feed")


@test
def tls_of_an_own_authority(place):
    with Collector(tls=True) as collector:
        ca = os.path.join(CERTIFICATES, "ca.crt")
        result = place.python(lines(1000), options=policy(place, collector.endpoint, f"tls: {{ca_file: {ca}}}"))
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted())


@test
def tls_of_an_unknown_authority(place):
    saved = os.path.join(place.out, "saved.jsonl")
    with Collector(tls=True) as collector:
        result = place.python(lines(300), options=policy(place, collector.endpoint, f"fallback: {saved}",
                                                         top=["shutdown_timeout: 4s"]))
        equal(result.code, 0, "exit status")
        contains(result.err, "is of an authority that is not in", "what is said")
        check_delivery(result, collector.accepted(), saved=saved_seqs(saved, 300))


def saved_seqs(path, count):
    with open(path, encoding="utf-8") as file:
        seqs = [record["seq"] for record in map(json.loads, file) if "seq" in record]
    equal(seqs, sorted(set(seqs)), "the order of the fallback file")
    equal(len(seqs), count, "records in the fallback file")
    return seqs


@test
def asked_to_wait(place):
    with Collector("429:1", "503", "ok") as collector:
        result = place.python(lines(200), options=policy(place, collector.endpoint))
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted())
        first, second, third = collector.requests[:3]
        equal([request["status"] for request in (first, second, third)], [429, 503, 200], "answers")
        equal({request["sha256"] for request in (first, second, third)}, {first["sha256"]}, "the same bytes again")
        check(second["at"] - first["at"] >= 950, f"Retry-After: {second['at'] - first['at']} ms")


@test
def unavailable_for_some_time(place):
    with Collector(*["503"] * 6) as collector:
        result = place.python(lines(20000, 0.01), options=policy(place, collector.endpoint, "buffer: 64KiB", "when_full: block"),
                              timeout=60)
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted())


@test
def one_record_is_refused(place):
    app = "for i in range(1000): print('poison' if i == 617 else f'good {i}')"
    with Collector(poison="poison") as collector:
        result = place.python(app, options=policy(place, collector.endpoint))
        equal(result.code, 0, f"exit status ({result.err})")
        delivered = collector.accepted()
        check_delivery(result, delivered, announced=[618])
        gap = next(record for record in delivered if is_gap(record))
        equal((gap["attributes"]["cofferdam.gap.count"], gap["attributes"]["cofferdam.gap.first"]), ("1", "618"), "the gap")
        contains(gap["attributes"]["cofferdam.gap.reason"], "400", "its reason")
        equal(sink_of(result)["delivered"], 999, "the report")


@test
def part_of_a_batch_is_refused(place):
    with Collector("partial:3") as collector:
        result = place.python("for i in range(100): print(i)", options=policy(place, collector.endpoint))
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted())  # which three, only the server knows
        equal(sink_of(result)["delivered"], 97, "the report")
        gaps = [record for record in collector.accepted() if is_gap(record)]
        equal(sum(int(gap["attributes"]["cofferdam.gap.count"]) for gap in gaps), 3, "announced")


@test
def broken_connections(place):
    with Collector("reset", "cut", "ok", "reset") as collector:
        result = place.python(lines(3000, 0.02), options=policy(place, collector.endpoint), timeout=60)
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted(), again=True)
        by_content = {}
        for request in collector.requests:
            by_content.setdefault(request["records"][0]["attributes"]["cofferdam.seq"], set()).add(request["sha256"])
        check(all(len(contents) == 1 for contents in by_content.values()), "a batch came again with other bytes")


@test
def accepts_and_hangs(place):
    with Collector("hang") as collector:
        started = time.monotonic()
        result = place.python(lines(200), options=policy(place, collector.endpoint, "timeout: 500ms"))
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted(), again=True)
        check(time.monotonic() - started < 6, "the time it took")


@test
def reads_slowly(place):
    with Collector(*["slow:60000"] * 3) as collector:
        result = place.python(lines(2000), options=policy(place, collector.endpoint), timeout=60)
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, collector.accepted())


@test
def nobody_listens(place):
    saved = os.path.join(place.out, "saved.jsonl")
    result = place.python(lines(300) + "sys.exit(7)", options=policy(place, f"http://127.0.0.1:{free_port()}",
                                                                    f"fallback: {saved}", top=["shutdown_timeout: 1s"]))
    equal(result.code, 7, "the app's exit status")
    contains(result.err, "connection refused", "what is said")
    check_delivery(result, [], saved=saved_seqs(saved, 300))


@test
def restarts(place):
    console = os.path.join(place.out, "console.jsonl")  # a pipe would fill up while the test looks elsewhere
    with Collector() as first, open(console, "wb") as stdout:
        process = place.start("/usr/bin/python3", "-c", lines(6000, 0.05), options=policy(place, first.endpoint),
                              stdout=stdout)
        wait_for(lambda: len(first.requests) > 2, "the first requests")
        first.stop()
        time.sleep(0.5)
        with Collector(port=first.port) as second:
            result = place.finish(process, 60)
            with open(console, "rb") as file:
                result.out = file.read()
            equal(result.code, 0, f"exit status ({result.err})")
            check(second.requests, "nothing came after the restart")
            check_delivery(result, first.accepted() + second.accepted(), again=True)


@test
def wrong_credentials(place):
    saved = os.path.join(place.out, "saved.jsonl")
    with Collector(*["401"] * 50) as collector:
        result = place.python(lines(300), options=policy(place, collector.endpoint, f"fallback: {saved}",
                                                         top=["shutdown_timeout: 1s"]))
        equal(result.code, 0, "exit status")
        contains(result.err, "401", "what is said")
        contains(result.err, "credentials", "what is said")
        check_delivery(result, collector.accepted(), saved=saved_seqs(saved, 300))


if __name__ == "__main__":
    harness.run_all(f"apps/otlp/{harness.WHO}", TESTS, Place)
