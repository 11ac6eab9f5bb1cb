#!/usr/bin/python3
"""Where the app's output is taken from (pipes, terminals, /dev/log), and what `logs.parse` makes of it."""

import json
import os
import signal
import time

from harness import check, contains, equal, main, pump_of, test, wait_for


def policy(place, *lines, sinks=("{type: console, format: json}",)):
    text = "version: 1\nextends: twelve-factor\nlogs:\n" + "".join(f"  {line}\n" for line in lines) + "  sinks:\n"
    place.file("cofferdam.yaml", text + "".join(f"    - {sink}\n" for sink in sinks))


@test
def a_pty_is_a_terminal(place):
    policy(place, "capture: pty")
    result = place.python("import os, sys\n"
                          "print(os.isatty(0), os.isatty(1), os.isatty(2), tuple(os.get_terminal_size(1)))\n"
                          "sys.stdout.write('10%\\r20%\\rdone\\n\\x1b[31mred\\x1b[0m\\ttab\\n')\n"
                          "print('to stderr', file=sys.stderr)\n"
                          "try: open('/dev/tty')\n"
                          "except OSError: print('no controlling terminal')\n"
                          "print('no line feed', end='')\n")
    equal(result.code, 0, f"exit status ({result.err})")
    equal(result.messages(), ["False True True (80, 24)", "10%\r20%\rdone", "\x1b[31mred\x1b[0m\ttab",
                              "no controlling terminal", "no line feed"], "stdout, byte for byte")
    equal(result.messages("stderr"), ["to stderr"], "stderr")
    equal(result.records()[-1]["eol"], False, "the end")


@test
def a_pty_shows_lines_of_programs_that_buffer_in_pipes(place):
    policy(place, "capture: pty")
    process = place.start("/usr/bin/python3", "-c", "import time; print('soon'); time.sleep(60)")
    contains(os.read(process.stdout.fileno(), 4096).decode(), '"soon"', "the line, while the app goes on")
    process.terminate()
    place.finish(process)


@test
def a_pty_carries_everything(place):
    policy(place, "capture: pty")
    result = place.sh("seq 200000; yes 'a line of stderr' | head -20000 >&2")
    equal(result.code, 0, f"exit status ({result.err})")
    equal(result.messages(), [str(i) for i in range(1, 200001)], "stdout")
    equal(len(result.messages("stderr")), 20000, "lines of stderr")


@test
def a_left_over_child_does_not_hold_a_pty(place):
    policy(place, "capture: pty")
    begin = time.monotonic()
    result = place.sh("(sleep 30; echo late) & echo early")
    equal(result.messages(), ["early"], "records")
    check(time.monotonic() - begin < 10, "the run waited for the child")


SYSLOG = """import logging, logging.handlers, os, syslog
syslog.openlog('shop', syslog.LOG_PID, syslog.LOG_DAEMON)
syslog.syslog(syslog.LOG_ERR, 'by the library')
log = logging.getLogger('x')
log.addHandler(logging.handlers.SysLogHandler('/dev/log'))
log.warning('by the handler')
os.system('logger -p local3.crit -t prog by the program')
for i in range(500): syslog.syslog('line %d' % i)
"""


@test
def dev_log_is_a_stream_of_records(place):
    policy(place, "syslog_socket: true")
    result = place.python(SYSLOG)
    equal(result.code, 0, f"exit status ({result.err})")
    records = result.records("syslog")
    wanted = [("error", "by the library", {"ident": "shop", "facility": "daemon"}),
              ("warning", "by the handler", {"facility": "user"}),
              ("critical", "by the program", {"ident": "prog", "facility": "local3"})]
    for record, (level, message, fields) in zip(records, wanted):
        equal((record["level"], record["message"]), (level, message), "record")
        equal({key: value for key, value in record["fields"].items() if key != "pid"}, fields, "fields")
    equal([record["message"] for record in records[3:]], [f"line {i}" for i in range(500)], "many lines")
    equal(result.report["logs"]["syslog"]["records"], 503, "the report")


@test
def without_the_key_there_is_no_dev_log(place):
    result = place.python("import os; print(os.path.exists('/dev/log'))")
    equal(result.messages(), ["False"], "whether the app sees the host's /dev/log")


@test
def a_full_dev_log_makes_nobody_wait_for_ever(place):
    policy(place, "syslog_socket: true")
    process = place.start("/usr/bin/python3", "-c",
                          "import syslog\nprint('begin', flush=True)\nfor i in range(3000): syslog.syslog('line %d' % i)\n")
    pump = wait_for(lambda: pump_of(process.pid), "the pump")
    os.kill(pump, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(pump, signal.SIGCONT)
    result = place.finish(process)
    equal(result.code, 0, f"exit status ({result.err})")
    equal(result.messages("syslog"), [f"line {i}" for i in range(3000)], "lines")


TRACE = "Traceback (most recent call last):\n  File \"shop.py\", line 4, in total\n    return order['items']\nKeyError: 'items'"


@test
def what_is_joined_is_one_record_in_every_format(place):
    place.file("trace.txt", "ERROR failed\n" + TRACE + "\nINFO goes on\n")
    for form in ("json", "pretty", "raw"):
        policy(place, "parse: {multiline: all}", sinks=(f"{{type: console, format: {form}}}",))
        result = place.sh("cat trace.txt >&2")
        equal(result.code, 0, f"exit status ({result.err})")
        if form == "json":
            equal(result.messages("stderr"), ["ERROR failed\n" + TRACE, "INFO goes on"], "records")
            equal([record["level"] for record in result.records()], ["error", "info"], "levels")
        equal(result.report["logs"]["stderr"]["records"], 2, f"records ({form})")
        if form == "raw":
            contains(result.err, "ERROR failed\n" + TRACE + "\nINFO goes on\n", "the app's bytes on stderr")
        if form == "pretty":
            for line in TRACE.splitlines():
                contains(result.out.decode(), line, "a line of the trace")


@test
def structured_lines(place):
    lines = ('{"level":"warn","msg":"sold","order":7,"trace_id":"0af7651916cd43dd8448eb211c80319c"}\n'
             'ts=2026-01-31T12:00:00Z level=error msg="no such order" order=8\n'
             '{"broken": \nplain\n')
    place.file("lines.txt", lines)
    policy(place, "parse: {json: merge, logfmt: nest}")
    result = place.sh("cat lines.txt")
    records = result.records()
    equal([(record["level"], record["message"]) for record in records],
          [("warning", "sold"), ("error", "no such order"), ("info", '{"broken": '), ("info", "plain")], "records")
    equal(records[0]["fields"], {"order": 7}, "merged")
    equal(records[0]["trace_id"], "0af7651916cd43dd8448eb211c80319c", "trace")
    equal(records[1]["fields"]["data"]["order"], "8", "nested: logfmt has no types")
    policy(place)
    result = place.sh("cat lines.txt")
    equal("".join(message + "\n" for message in result.messages()), lines, "without parse: the app's bytes")
    equal([record["level"] for record in result.records()], ["warning", "error", "info", "info"], "levels all the same")


@test
def escapes_are_stripped_and_never_reach_a_terminal(place):
    place.file("text.txt", "\x1b]0;evil\x07\x1b[31mred\x1b[0m \x1b[8mhidden\x1b[0m\n")
    policy(place, "parse: {ansi: strip}")
    equal(place.sh("cat text.txt").messages(), ["red hidden"], "stripped")
    policy(place, sinks=("{type: console, format: pretty}",))
    shown = place.sh("cat text.txt").out
    check(b"\x1b]0" not in shown and b"\x07" not in shown, f"a title sequence on the console: {shown}")


@test
def rates_and_samples_say_what_they_left_out(place):
    policy(place, "parse: {rate: 100, burst: 100}")
    result = place.sh("seq 5000")
    messages = result.messages()
    equal(messages[:100], [str(i) for i in range(1, 101)], "the burst")
    left_out = sum(record["fields"]["suppressed"] for record in result.records() if "suppressed" in record.get("fields", {}))
    kept = sum(1 for record in result.records() if "suppressed" not in record.get("fields", {}))
    equal(kept + left_out, 5000, "kept and announced")
    policy(place, "parse: {sample: 10}")
    result = place.sh("seq 1000; echo ERROR one")
    kept = [message for message in result.messages() if message.isdigit()]
    equal(len(kept), 100, "one in ten")
    check("ERROR one" in result.messages(), "an error is always kept")


@test
def each_sink_gets_what_matches(place):
    names = [os.path.join(place.out, name) for name in ("errors", "stderr", "orders")]
    policy(place, sinks=("{type: console, format: json}",
                         f'{{type: file, name: e, path: {names[0]}, match: {{level: ">=error"}}}}',
                         f'{{type: file, name: s, path: {names[1]}, match: {{streams: [stderr]}}}}',
                         f'{{type: file, name: o, path: {names[2]}, match: {{contains: order}}}}'))
    result = place.sh("echo ERROR order; echo fine; echo WARN order >&2; echo ERROR other >&2")
    equal(len(result.records()), 4, f"on the console ({result.err})")
    contents = []
    for name in names:
        with open(name, encoding="utf-8") as file:
            contents.append(sorted(json.loads(line)["message"] for line in file))
    equal(contents, [["ERROR order", "ERROR other"], ["ERROR other", "WARN order"], ["ERROR order", "WARN order"]], "files")


@test
def a_pump_that_is_killed_in_a_trace_loses_nothing(place):
    policy(place, "parse: {multiline: all}")
    place.file("begin.txt", TRACE.rsplit("\n", 1)[0] + "\n")
    place.file("end.txt", TRACE.rsplit("\n", 1)[1] + "\n")
    process = place.start("sh", "-c", "cat begin.txt; while [ ! -e go ]; do sleep 0.05; done; cat end.txt; echo after")
    wait_for(lambda: pump_of(process.pid), "the pump")
    for _ in range(3):
        pump = pump_of(process.pid)
        if pump:
            os.kill(pump, signal.SIGKILL)
        time.sleep(0.02)
    place.file("go")
    result = place.finish(process)
    equal("\n".join(result.messages()), TRACE + "\nafter", "all lines, in order")


@test
def a_pump_that_crashes_is_told_and_replaced(place):
    process = place.start("sh", "-c", "echo before; while [ ! -e go ]; do sleep 0.05; done; echo after")
    pump = wait_for(lambda: pump_of(process.pid), "the pump")
    wait_for(lambda: b"before" in os.read(process.stdout.fileno(), 4096), "the first record")
    os.kill(pump, signal.SIGSEGV)
    place.file("go")
    result = place.finish(process)
    equal(result.messages()[-1], "after", "the last record")
    contains(result.findings("CD302")[0]["message"], "signal 11 and was started again", "the finding")


if __name__ == "__main__":
    main()
