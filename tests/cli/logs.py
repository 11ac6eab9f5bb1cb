#!/usr/bin/python3
"""Rule 3 from outside: stdout and stderr as records or raw bytes, whole, whatever the app writes and however it ends."""

import os
import subprocess
import time

from harness import check, contains, equal, main, test, wait_for

KEYS = {"ts", "seq", "instance", "stream", "level", "message"}


@test
def json_lines_by_default(place):
    result = place.sh("echo one; echo two >&2; echo three")
    equal(result.code, 0, "exit status")
    for record in result.records():
        check(KEYS <= record.keys(), f"keys of {record}")
        equal(record["instance"], "web.1", "instance")
    equal(result.messages("stdout"), ["one", "three"], "stdout")
    equal(result.messages("stderr"), ["two"], "stderr")


@test
def raw_is_unchanged(place):
    data = bytes(range(256)) * 64 + b"no newline at the end"
    place.file("data", data)
    result = place.sh("cat data; printf 'error text' >&2", options=["--format", "raw"])
    equal(result.out, data, "stdout")
    contains(result.err, "error text", "stderr")


@test
def pretty_is_for_people(place):
    result = place.sh("echo hello; echo trouble >&2", options=["--format", "pretty"])
    text = result.out.decode()
    contains(text, "hello", "stdout")
    contains(text, "trouble", "stderr's record")
    check("\x1b" not in text, "colours without a terminal")
    check(not text.startswith("{"), "JSON")


@test
def fast_exit_loses_nothing(place):
    wanted = [str(number) for number in range(1, 100001)]
    result = place.sh("seq 100000", timeout=60)
    equal(len(result.messages()), 100000, "records")
    check(result.messages() == wanted, "records are in order and whole")
    equal(result.report["logs"]["stdout"], {"records": 100000, "bytes": 588895}, "counts in the report")
    equal(result.report["logs"]["dropped"], 0, "dropped")


@test
def fast_exit_loses_nothing_raw(place):
    result = place.sh("seq 100000; seq 100000 >&2", options=["--format", "raw"], timeout=60)
    equal(result.out, subprocess.run(["seq", "100000"], check=True, capture_output=True).stdout, "stdout")
    contains(result.err, "\n99999\n100000\n", "stderr")


@test
def killed_app_loses_nothing(place):
    code = "import os\nfor i in range(5000): os.write(1, b'line %d\\n' % i)\nos.kill(os.getpid(), 9)"
    result = place.python(code)
    equal(result.code, 137, "exit status")
    equal(result.messages(), [f"line {i}" for i in range(5000)], "records")


@test
def partial_last_line(place):
    result = place.sh("printf 'first\\nlast without newline'")
    equal(result.messages(), ["first", "last without newline"], "records")


@test
def empty_lines_are_records(place):
    equal(place.sh("printf 'a\\n\\nb\\n'").messages(), ["a", "", "b"], "records")


@test
def no_output_is_no_record(place):
    result = place.sh("true")
    equal(result.out, b"", "stdout")
    equal(result.report["logs"]["stdout"], {"records": 0, "bytes": 0}, "counts")


@test
def line_of_1_mib(place):
    result = place.python("print('x' * (1 << 20)); print('after')")
    messages = result.messages()
    equal(messages[-1], "after", "the next line")
    equal("".join(messages[:-1]) == "x" * (1 << 20), True, "the long line, put together")
    if len(messages) > 2:
        check(all("partial" in record for record in result.records()[:-2]), "pieces of a line say that they are partial")


@test
def line_of_1_mib_raw(place):
    result = place.python("print('x' * (1 << 20), end='')", options=["--format", "raw"])
    equal(len(result.out), 1 << 20, "bytes")


@test
def nul_and_invalid_utf8(place):
    place.file("data", b"a\x00b\nc\xff\xfe\xc3(d\n\xe2\x82\nend\n")
    result = place.run("cat", "data")
    messages = result.messages()
    equal(len(messages), 4, f"records ({messages})")
    equal(messages[0], "a\x00b", "NUL")
    check(messages[1].startswith("c") and messages[1].endswith("(d"), f"invalid UTF-8: {messages[1]!r}")
    equal(messages[3], "end", "the line after")


@test
def text_of_the_world(place):
    text = 'größer "quoted" \\ back\ttab \u2028 漢字 🦀'
    place.file("data", text + "\n")
    equal(place.run("cat", "data").messages(), [text], "record")


@test
def carriage_returns(place):
    equal([m.rstrip("\r") for m in place.sh("printf 'a\\r\\nb\\r\\n'").messages()], ["a", "b"], "records")


@test
def stdout_can_be_reopened(place):
    script = ("echo one > /dev/stdout; echo two > /dev/stderr; echo three >> /proc/self/fd/1; "
              "echo four > /dev/fd/2; echo five > /proc/$$/fd/1")
    result = place.sh(script)
    equal(result.code, 0, f"exit status ({result.err})")
    equal(result.messages("stdout"), ["one", "three", "five"], "stdout")
    equal(result.messages("stderr"), ["two", "four"], "stderr")


@test
def slow_reader_gets_everything(place):
    process = place.start("/bin/sh", "-c", "seq 50000")
    time.sleep(1)
    result = place.finish(process)
    equal(len(result.messages()), 50000, "records")


@test
def reader_that_goes_away(place):
    process = place.start("/bin/sh", "-c", "seq 1000000; exit 4", report=False)
    process.stdout.read(100)
    process.stdout.close()
    wait_for(lambda: process.poll() is not None, "the run to end without its reader", 20)
    place.no_process_left()


@test
def background_output_until_the_end(place):
    result = place.sh("(for i in 1 2 3; do echo bg $i; sleep 0.1; done) & wait; echo main")
    equal(result.messages(), ["bg 1", "bg 2", "bg 3", "main"], "records")


@test
def left_over_child_does_not_hold_the_end(place):
    started = time.monotonic()
    result = place.sh("sleep 60 & echo done")
    equal(result.code, 0, "exit status")
    equal(result.messages(), ["done"], "records")
    check(time.monotonic() - started < 8, "the run waited for a process that outlived the app")
    place.no_process_left()


@test
def stdin_pipe_passes(place):
    result = place.run("cat", data=b"one\ntwo\x00\n", options=["--format", "raw"])
    equal(result.out, b"one\ntwo\x00\n", "stdout")


@test
def stdin_file_passes(place):
    path = place.file("input", b"from a file\n")
    with open(path, "rb") as file:
        result = place.run("cat", stdin=file)
    equal(result.messages(), ["from a file"], "records")


@test
def large_stdin_passes(place):
    result = place.run("wc", "-c", data=b"x" * 5_000_000, options=["--format", "raw"])
    equal(result.out.strip(), b"5000000", "bytes")


@test
def stdin_closed(place):
    result = place.run("cat", preexec_fn=lambda: os.close(0), stdin=None)
    equal(result.code, 0, f"exit status ({result.err})")


@test
def stdin_terminal_is_dev_null(place):
    master, slave = os.openpty()
    try:
        result = place.sh("if [ -t 0 ]; then echo terminal; else readlink /proc/self/fd/0; fi", stdin=slave)
    finally:
        os.close(master)
        os.close(slave)
    equal(result.messages(), ["/dev/null"], "stdin of the app")


@test
def file_sink_lies_outside_of_the_instance(place):
    sink = os.path.join(place.out, "app.log")
    place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\nlogs:\n  sinks:\n    - {{type: console}}\n"
                                 f"    - {{type: file, path: {sink}}}\n")
    result = place.sh(f"echo record; echo forged > {sink} || echo refused")
    equal(result.code, 0, f"exit status ({result.err})")
    equal(result.messages(), ["record", "refused"], "console")
    with open(sink, encoding="utf-8") as file:
        text = file.read()
    contains(text, "record", "file sink")
    check("forged" not in text, "the app wrote into the sink")
    equal(sorted(sink["type"] for sink in result.report["logs"]["sinks"]), ["console", "file"], "sinks of the report")


@test
def log_file_is_a_finding(place):
    result = place.python("import logging; logging.basicConfig(filename='app.log'); logging.error('trouble')")
    entry = result.lost(os.path.join(place.project, "app.log"))
    check(entry and entry["bytes"] > 0, f"lost: {result.report['lost']}")
    check([f for f in result.report["findings"] if f["code"].startswith("CD3")],
          f"no CD3xx finding names the log file: {result.report['findings']}")


main()
