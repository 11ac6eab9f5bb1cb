#!/usr/bin/python3
"""Programs that raise exceptions, and the records of the console. Called by ./run.

    scenario.py PROGRAMS LOGBACK [PART-OF-A-NAME...]
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, ROOT, check, contains, equal  # noqa: E402

PROGRAMS, LOGBACK, *CHOSEN = sys.argv[1:]
POLICY = "version: 1\nextends: twelve-factor\nlogs:\n  parse:\n    multiline: all\n"
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{PROGRAMS}:{LOGBACK}"]


def program(name):
    return f"{PROGRAMS}/{name}"


# Runtime, case, command, and what the first and the last line of each of the console's records hold. Empty lines that
# a program writes before or after its trace are records of their own, and left out here.
CASES = [
    ("python", "uncaught", ["python3", program("trace.py"), "uncaught"], [("Traceback", "AttributeError: ")]),
    ("python", "three in a chain", ["python3", program("trace.py"), "caused"], [("Traceback", "RuntimeError: ")]),
    ("python", "a group", ["python3", program("trace.py"), "group"], [("Exception Group Traceback", "+------")]),
    ("python", "logging.exception", ["python3", program("trace.py"), "logged"],
     [("ERROR:root:the job failed", "RuntimeError")]),
    ("python", "a thread", ["python3", program("trace.py"), "thread"], [("Exception in thread", "AttributeError: ")]),
    ("python", "a task", ["python3", program("trace.py"), "task"], [("Task exception", "AttributeError: ")]),
    ("java", "uncaught", [*JAVA, "Trace", "uncaught"], [("Exception in thread \"main\"", "at Trace.main")]),
    ("java", "suppressed and caused", [*JAVA, "Trace", "suppressed"], [("Exception in thread \"main\"", "... 2 more")]),
    ("java", "printed", [*JAVA, "Trace", "printed"], [("Trace$Refused: could not", "... 2 more")]),
    ("java", "a message of two lines", [*JAVA, "Trace", "message"],
     [("Exception in thread \"main\"", "at Trace.main")]),
    ("java", "logback", [*JAVA, "Logged"],
     [("started", "started"), ("ERROR Logged - the order failed", "at Logged.main"),
      ("WARN Logged - trying again", "at Logged.main"), ("goes on", "goes on")]),
    ("go", "uncaught", [program("trace-go"), "uncaught"], [("panic: ", "main.go")]),
    ("go", "all goroutines", [program("trace-go"), "goroutines"], [("panic: with others", "main.go")]),
    ("go", "a signal", [program("trace-go"), "nil"], [("panic: runtime error", "main.go")]),
    ("go", "asleep", [program("trace-asleep")], [("fatal error: all goroutines are asleep", "main.go")]),
    ("node", "uncaught with a cause", ["node", program("trace.js"), "cause"], [("trace.js:", "Node.js v")]),
    ("node", "printed", ["node", program("trace.js"), "printed"], [("Refused: could not", "}")]),
    ("node", "several", ["node", program("trace.js"), "aggregate"], [("node:internal", "Node.js v")]),
    ("node", "an assertion", ["node", program("trace.js"), "assertion"], [("node:assert", "Node.js v")]),
    ("ruby", "uncaught", ["ruby", program("trace.rb"), "uncaught"], [("(ArgumentError)", "from ")]),
    ("ruby", "a cause", ["ruby", program("trace.rb"), "cause"], [("(Refused)", "from ")]),
    ("ruby", "Logger", ["ruby", program("trace.rb"), "logged"], [("ERROR -- : could not (Refused)", "trace.rb:")]),
    ("rust", "a panic", [program("trace-rust"), "uncaught"], [("thread 'main' panicked at", "note: ")]),
    ("rust", "a message of lines", [program("trace-rust"), "message"], [("thread 'main' panicked at", "note: ")]),
    ("dotnet", "printed", ["mono", program("trace.exe"), "printed"], [("Refused: could not", "at Shop.Main")]),
    ("dotnet", "uncaught", ["mono", program("trace.exe"), "wrapped"], [("Unhandled Exception:", "at Shop.Main"),
                                                                      ("FATAL UNHANDLED EXCEPTION", "at Shop.Main")]),
    ("php", "uncaught", ["php", program("trace.php"), "wrapped"], [("Fatal error:  Uncaught", "thrown in")]),
    ("php", "a message of lines", ["php", program("trace.php"), "message"], [("Fatal error:  Uncaught", "thrown in")]),
    ("elixir", "uncaught", ["elixir", program("trace.exs"), "uncaught"], [("** (ArgumentError)", "Code.require_file")]),
    ("elixir", "a server", ["elixir", program("trace.exs"), "server"], [("[error] GenServer", "State: ")]),
    ("sanitizer", "address", [program("trace-address"), "freed"], [("======", "ABORTING")]),
    ("sanitizer", "undefined", [program("trace-undefined"), "overflow"], [("runtime error", "in _start")]),
]


def shows(place, command, wanted):
    policy = place.file("cofferdam.yaml", POLICY)
    environment = {"RUST_BACKTRACE": "1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    result = place.run(*command, options=["--policy", policy, "--format", "json"], env=environment, timeout=40)
    messages = [*result.messages("stdout"), *result.messages("stderr")]
    records = [message for message in messages if message]
    equal(len(records), len(wanted), f"records, which are {[record[:60] for record in records]}")
    for record, (first, last) in zip(records, wanted):
        lines = record.split("\n")
        contains(lines[0], first, "the first line")
        contains(lines[-1], last, "the last line")
    check(any("\n" in record for record in records), "no record has several lines")


def main():
    good = True
    for runtime, case, command, wanted in CASES:
        name = f"apps/traces/{'root' if ROOT else 'user'}/{runtime}/{case}"
        if CHOSEN and not any(part in name for part in CHOSEN):
            continue
        place = Place()
        try:
            good = harness.run_one(name, shows, place, command, wanted) and good
        finally:
            place.remove()
    sys.exit(0 if good else 1)


main()
