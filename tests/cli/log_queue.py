#!/usr/bin/python3
"""What waits for a sink, and files that are rotated: nothing is missing without being announced, nothing comes twice."""

import gzip
import http.server
import json
import os
import re
import signal
import threading
import time

from harness import check, contains, equal, free_port, main, pump_of, test, wait_for

LINES = 20000
# `seq`, with lines long enough to fill buffers.
COUNT = f"i=0; while [ $i -lt {LINES} ]; do echo \"line $i {'x' * 100}\"; i=$((i + 1)); done"


class Collector:
    """Takes OTLP over HTTP and remembers the numbers of the lines, in the order in which they came."""

    def __init__(self, port=0, answer=lambda body: 200):
        self.lines, self.gaps = [], []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = answer(body)
                if status == 200:
                    collector.lines += [int(number) for number in re.findall(rb"line (\d+) x", body)]
                    collector.gaps += [int(number) for number in re.findall(rb"(\d+) records? lost here", body)]
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def policy(place, sinks, rest=""):
    rows = "".join(f"    - {{{row}}}\n" for row in sinks)
    place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\nlogs:\n{rest}  sinks:\n    - {{type: console}}\n{rows}")


def sink_of(result, kind):
    sink = next(sink for sink in result.report["logs"]["sinks"] if sink["type"] == kind)
    equal(sink["records"] + sink.get("adopted", 0), sink["delivered"] + sink["dropped"] + sink["pending"], f"sum of {sink}")
    return sink


def messages_in(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        return [json.loads(line)["message"] for line in file]


def log_files(place):
    """app.log and what was rotated, oldest first."""
    def age(name):
        number = re.search(r"\.log\.(\d+)", name)
        return -int(number.group(1)) if number else 0
    return [os.path.join(place.out, name) for name in sorted((n for n in os.listdir(place.out) if n.startswith("app.log")), key=age)]


@test
def a_file_is_rotated_and_compressed(place):
    log = os.path.join(place.out, "app.log")
    policy(place, [f"type: file, path: {log}, rotate: {{size: 500KiB, keep: 50, compress: gzip}}"])
    result = place.sh(COUNT + "; sleep 3.5")
    equal(result.code, 0, f"exit status ({result.err})")
    files = log_files(place)
    check(len(files) > 5, f"files: {files}")
    equal([file for file in files[:-1] if not file.endswith(".gz")], [], "files that are not compressed")
    for file in files[-1:]:
        check(os.path.getsize(file) <= 500 << 10, f"{file} is too large")
    messages = [message for file in files for message in messages_in(file)]
    equal([int(message.split()[1]) for message in messages], list(range(LINES)), "lines of the files")


@test
def a_logrotate_that_renames_is_followed(place):
    log = os.path.join(place.out, "app.log")
    policy(place, [f"type: file, path: {log}"])
    process = place.start("sh", "-c", "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two")
    wait_for(lambda: os.path.exists(log) and os.path.getsize(log), "the first record")
    time.sleep(1.1)  # it is looked at once a second
    os.rename(log, log + "-old")
    place.file("go")
    equal(place.finish(process).code, 0, "exit status")
    equal(messages_in(log + "-old"), ["one"], "the file that was renamed")
    equal(messages_in(log), ["two"], "the new file")


@test
def the_next_run_sends_what_is_left(place):
    spool = os.path.join(place.out, "spool")
    port = free_port()
    policy(place, [f'type: otlp, endpoint: "http://127.0.0.1:{port}", when_full: spill, buffer: 1MiB'],
           f"  spill: {{path: {spool}}}\n  shutdown_timeout: 1s\n")
    result = place.sh(COUNT)
    sink = sink_of(result, "otlp")
    equal(sink["pending"], LINES, "records that are left")
    check(os.listdir(spool), "segments")
    check(result.findings("CD303"), "a finding says that the server can't be reached")

    collector = Collector(port)
    result = place.sh("echo line 777777 xyz; sleep 0.5")
    collector.close()
    equal(result.code, 0, f"exit status ({result.err})")
    sink = sink_of(result, "otlp")
    equal(sink["adopted"], LINES, "records of the run before")
    equal(sink["delivered"], LINES + 1, "records that were sent")
    equal(collector.lines, [*range(LINES), 777777], "lines at the server")
    equal(os.listdir(spool), [], "segments that are left")


@test
def a_pump_that_is_killed_loses_nothing_of_a_queue(place):
    spool = os.path.join(place.out, "spool")
    port = free_port()
    policy(place, [f'type: otlp, endpoint: "http://127.0.0.1:{port}", when_full: spill, buffer: 1MiB'],
           f"  spill: {{path: {spool}}}\n")
    process = place.start("sh", "-c", COUNT + "; echo ready; while [ ! -e go ]; do sleep 0.05; done; echo line 777777 xyz",
                          stdout=open(os.path.join(place.out, "stdout"), "wb"))
    wait_for(lambda: "ready" in open(os.path.join(place.out, "stdout"), encoding="utf-8").read()[-300:], "all lines", 30)
    os.kill(wait_for(lambda: pump_of(process.pid), "the pump"), signal.SIGKILL)
    collector = Collector(port)
    place.file("go")
    result = place.finish(process)
    collector.close()
    equal(result.code, 0, f"exit status ({result.err})")
    equal(collector.lines, [*range(LINES), 777777], "lines at the server")
    equal(sink_of(result, "otlp").get("adopted", 0), 0, "records of another run")


@test
def a_refused_record_is_found_and_kept(place):
    fallback = os.path.join(place.out, "fallback.jsonl")
    collector = Collector(answer=lambda body: 400 if b"line 77 x" in body else 200)
    policy(place, [f'type: otlp, endpoint: "http://127.0.0.1:{collector.port}", fallback: {fallback}'])
    result = place.sh("i=0; while [ $i -lt 200 ]; do echo line $i xyz; i=$((i + 1)); done; sleep 0.5")
    collector.close()
    equal(result.code, 0, f"exit status ({result.err})")
    equal(collector.lines, [number for number in range(200) if number != 77], "lines at the server")
    equal(collector.gaps, [1], "records that are announced as lost")
    equal(messages_in(fallback), ["line 77 xyz"], "the fallback")
    sink = sink_of(result, "otlp")
    equal((sink["dropped"], sink["delivered"]), (1, 199), "dropped and delivered")


@test
def a_blocking_sink_that_is_down_ends_in_time(place):
    fallback = os.path.join(place.out, "fallback.jsonl")
    policy(place, [f'type: otlp, endpoint: "http://127.0.0.1:{free_port()}", when_full: block, buffer: 1MiB, fallback: {fallback}'],
           "  shutdown_timeout: 1s\n")
    started = time.monotonic()
    result = place.sh(f"timeout 2 sh -c '{COUNT}'; exit 0")
    check(time.monotonic() - started < 8, "the end came late")
    sink = sink_of(result, "otlp")
    equal(sink["pending"], 0, "records that wait")
    equal(sink["dropped"], sink["records"], "records that were given up")
    with open(fallback, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    kept = [line for line in lines if "gap" not in line]
    lost = sum(line["gap"]["count"] for line in lines if "gap" in line)
    equal(len(kept) + lost, sink["records"], "records in the fallback, and those that it says are lost")
    contains(lines[0]["reason"], "connection refused", "reason")


if __name__ == "__main__":
    main()
