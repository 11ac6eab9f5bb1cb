#!/usr/bin/python3
"""The fluentd sink against a forward server.

The oracle: what the console shows is what the app wrote; each of these records arrived, in order, with the same text,
time and fields, or is announced as missing, or stands in the fallback file. Nothing is torn.
"""

import base64
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


class Server:
    def __init__(self, *options, port=0):
        self.process = subprocess.Popen([NODE, os.path.join(HERE, "server.js"), "--port", str(port), *options],
                                        stdout=subprocess.PIPE, env={"NODE_PATH": MODULES})
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.entries = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.entries.append(json.loads(line))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def received(self, count, seconds=10):
        wait_for(lambda: len(self.entries) >= count, f"{count} entries (there are {len(self.entries)})", seconds)
        return self.entries


def policy(place, port, *keys, parse="", top=(), host="127.0.0.1"):
    row = ", ".join(("type: fluentd", f'address: "{host}:{port}"', *keys))
    text = "version: 1\nlogs:\n" + (f"  parse: {parse}\n" if parse else "")
    text += f"  sinks:\n    - {{type: console, format: json}}\n    - {{{row}}}\n"
    return ["--policy", place.file("cofferdam.yaml", text + "".join(f"  {line}\n" for line in top))]


def lines(count, pause=0):
    return ("import sys, time\n"
            f"for i in range({count}):\n"
            "    print(f'{i:06} a line of the app, with \"quotes\" and \\u20ac', file=sys.stderr if i % 100 == 99 else sys.stdout, "
            "flush=i % 100 >= 98)\n"
            f"    if i % 100 == 99: time.sleep({pause})\n")


def nanoseconds(text):
    seconds = int(time.strftime("%s", time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))) - time.timezone
    return str(seconds * 10**9 + int(text[20:29]))


def check_delivery(result, entries, *, again=False, elsewhere=()):
    """`entries` are the console's records, but for these; `again`: a batch may have come twice."""
    shown = {record["seq"]: record for record in result.records()}
    own = [entry for entry in entries if "gap_count" not in entry["record"]]
    seqs = [entry["record"]["seq"] for entry in own]
    if again:
        seqs = list(dict.fromkeys(seqs))
    equal(seqs, sorted(seqs), "the order of the records")
    equal(len(seqs), len(set(seqs)), "records without those that came twice")
    equal(sorted(set(shown) - set(seqs)), sorted(elsewhere), "records that did not arrive")
    for entry in own:
        original = dict(shown[entry["record"]["seq"]])
        equal(entry["time"], nanoseconds(original.pop("ts")), "time")
        partial = original.pop("partial", None)
        if partial:
            original |= {"partial_id": partial["id"], "partial_n": partial["n"], "partial_last": partial["last"]}
        equal(entry["record"], original | original.pop("fields", {}), "record")
        equal(entry["tag"], "cofferdam.web.1", "tag")


def sink_of(result):
    return next(sink for sink in result.report["logs"]["sinks"] if sink["type"] == "fluentd")


TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def acknowledged(place):
    for compress in ("none", "gzip"):
        with Server() as server:
            result = place.python(lines(5000), options=policy(place, server.port, f"compress: {compress}"))
            equal(result.code, 0, f"exit status ({result.err})")
            check_delivery(result, server.received(5000))
            equal(sink_of(result)["delivered"], 5000, "the report")


@test
def what_is_in_a_record(place):
    program = ("import json, sys, logging\n"
               "print(json.dumps({'level': 'warn', 'msg': 'sold', 'order': 7, 'price': 1.5, 'big': 2**40, 'paid': True,\n"
               "                  'who': {'name': 'a\\u20ac', 'tags': [1, None, 'x']}, 'trace_id': '0af7651916cd43dd8448eb211c80319c'}))\n"
               "print('word ' * 8000)\n"
               "sys.stdout.flush()\n"
               "sys.stdout.buffer.write(b'no utf-8 \\xff\\x00.\\n')\n"
               "sys.stdout.flush()\n"
               "try: {}['x']\n"
               "except KeyError: logging.exception('failed')\n"
               "print('no line feed', end='')\n")
    with Server() as server:
        result = place.python(program, options=policy(place, server.port, parse="{json: merge, multiline: all}"))
        equal(result.code, 0, f"exit status ({result.err})")
        entries = server.received(len(result.records()))
        check_delivery(result, entries)
        first = entries[0]["record"]
        equal((first["message"], first["level"], first["order"], first["big"], first["who"]["tags"]),
              ("sold", "warning", 7, 2**40, [1, None, "x"]), "the JSON line")
        binary = next(entry["record"] for entry in entries if "message_b64" in entry["record"])
        equal(base64.b64decode(binary["message_b64"]), b"no utf-8 \xff\x00.", "bytes")
        trace = next(entry["record"] for entry in entries if entry["record"]["level"] == "error")
        contains(trace["message"], "\nKeyError: 'x'", "the joined trace")


@test
def shared_key_and_tls(place):
    certificate = [os.path.join(CERTIFICATES, name) for name in ("server.crt", "server.key")]
    with Server("--key", "a shared key", "--tls", *certificate) as server:
        authority = os.path.join(CERTIFICATES, "ca.crt")
        result = place.python(lines(1000), env={"FLUENTD_KEY": "a shared key"}, options=policy(
            place, server.port, "shared_key: env:FLUENTD_KEY", f"tls: {{enabled: true, ca_file: {authority}}}",
            host="localhost"))
        equal(result.code, 0, f"exit status ({result.err})")
        check_delivery(result, server.received(1000))


def saved_seqs(file):
    with open(file, encoding="utf-8") as records:
        return [json.loads(line)["seq"] for line in records]


@test
def wrong_and_missing_keys(place):
    saved = os.path.join(place.out, "saved.jsonl")
    for key, part in ((["shared_key: env:FLUENTD_KEY"], "refuses the shared key"), ([], "asks for a shared key")):
        with Server("--key", "a shared key") as server:
            result = place.python(lines(300), env={"FLUENTD_KEY": "another one"}, options=policy(
                place, server.port, *key, f"fallback: {saved}", top=["shutdown_timeout: 1s"]))
            equal(result.code, 0, f"exit status ({result.err})")
            equal(len(result.findings("CD305")), 1, f"findings CD305 ({result.err})")
            contains(result.findings("CD305")[0]["message"], part, "the reason")
            check_delivery(result, server.entries, elsewhere=saved_seqs(saved))
            os.unlink(saved)


@test
def a_required_server(place):
    with Server("--key", "a shared key") as server:
        keys = ["shared_key: env:FLUENTD_KEY", "require: true"]
        result = place.python("print('started')", env={"FLUENTD_KEY": "another one"},
                              options=policy(place, server.port, *keys))
        equal((result.code, result.out), (125, b""), f"exit status and output ({result.err})")
        contains(result.err, "refuses the shared key", "message")
        result = place.python("print('started')", env={"FLUENTD_KEY": "a shared key"},
                              options=policy(place, server.port, *keys))
        equal(result.messages(), ["started"], f"records ({result.err})")
        check_delivery(result, server.received(1))


@test
def a_server_that_restarts(place):
    console = os.path.join(place.out, "console.jsonl")  # a pipe would fill up while the test looks elsewhere
    with Server() as first, open(console, "wb") as stdout:
        process = place.start("/usr/bin/python3", "-c", lines(6000, 0.05), options=policy(place, first.port), stdout=stdout)
        wait_for(lambda: len(first.entries) > 500, "the first entries")
        first.stop()
        time.sleep(0.5)
        with Server(port=first.port) as second:
            result = place.finish(process, 60)
            with open(console, "rb") as file:
                result.out = file.read()
            equal(result.code, 0, f"exit status ({result.err})")
            wait_for(lambda: second.entries and second.entries[-1]["record"]["seq"] == 6000, "the last entry")
            # This server acknowledges a chunk before it gives its entries away: one that is killed in between loses them.
            entries = first.entries + second.entries
            seqs = {entry["record"]["seq"] for entry in entries}
            lost = set(range(1, 6001)) - seqs
            check(not lost or max(lost) < second.entries[0]["record"]["seq"], "records that the second server lost")
            check_delivery(result, entries, again=True, elsewhere=lost)
            check(len(lost) <= 1000, f"{len(lost)} records were lost by the first server")


@test
def nobody_listens(place):
    saved = os.path.join(place.out, "saved.jsonl")
    result = place.python(lines(300) + "sys.exit(7)", options=policy(place, free_port(), f"fallback: {saved}",
                                                                    top=["shutdown_timeout: 500ms"]))
    equal(result.code, 7, "the app's exit status")
    contains(result.findings("CD303")[0]["message"], "connection refused", "the reason")
    check_delivery(result, [], elsewhere=saved_seqs(saved))


if __name__ == "__main__":
    harness.run_all(f"apps/fluentd/{harness.WHO}", TESTS, Place)
