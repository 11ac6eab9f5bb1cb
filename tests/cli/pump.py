#!/usr/bin/python3
"""The pump is a process of its own: when it dies, another takes over and the app does not notice (CD302)."""

import os
import signal

from harness import check, contains, equal, main, pump_of, test, wait_for


@test
def killed_pump_is_replaced(place):
    process = place.start("sh", "-c", "echo before; while [ ! -e go ]; do sleep 0.05; done; seq 1000; echo after")
    wait_for(lambda: pump_of(process.pid), "the pump")
    wait_for(lambda: b"before" in os.read(process.stdout.fileno(), 4096), "the first record")
    os.kill(pump_of(process.pid), signal.SIGKILL)
    place.file("go")
    result = place.finish(process)
    messages = result.messages()
    equal(messages[-1], "after", "last record")
    equal(len(messages), 1001, "records after the crash")
    equal(result.code, 0, "the app does not notice")
    finding = result.findings("CD302")[0]
    contains(finding["message"], "signal 9", "message")
    contains(result.err, "CD302", "stderr")
    check(finding["fix"], "a way out")


if __name__ == "__main__":
    main()
