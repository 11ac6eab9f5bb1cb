#!/usr/bin/python3
"""The syslog sink against rsyslog and syslog-ng.

What the console shows is what the app wrote. Of each sink's records: every one arrived once, whole and in order, or is
one of those that a stated limit of syslog explains.
"""

import base64
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, check, contains, equal, wait_for  # noqa: E402
from servers import SERVERS, Rsyslog, SyslogNg  # noqa: E402


def policy(place, address, *keys, parse="", top=()):
    row = ", ".join(("type: syslog", f'address: "{address}"', *keys))
    text = "version: 1\nlogs:\n" + (f"  parse: {parse}\n" if parse else "")
    text += f"  sinks:\n    - {{type: console, format: json}}\n    - {{{row}}}\n"
    return ["--policy", place.file("cofferdam.yaml", text + "".join(f"  {line}\n" for line in top))]


def address_of(server, transport):
    return f"unix:{server.socket}" if transport == "unix" else f"{transport}://127.0.0.1:{server.port}"


def message_of(record):
    text = record.get("message")
    return text if text is not None else base64.b64decode(record["message_b64"]).decode("utf-8", "replace")


def seq_of(record):
    return int(re.search(r'sequenceId="?\\?"?(\d+)', str(record["data"])).group(1))


def whole(records):
    """The texts of the records, those of several parts in one piece, by sequence number."""
    texts = {}
    for record in records:
        texts[seq_of(record)] = texts.get(seq_of(record), "") + record["text"]
    return texts


def lines(count, pause=0):
    return ("import sys, time\n"
            f"for i in range({count}):\n"
            "    print(f'{i:06} a line of the app, with \"quotes\" and \\u20ac', file=sys.stderr if i % 100 == 99 else sys.stdout, "
            "flush=i % 100 >= 98)\n"
            f"    if i % 100 == 99: time.sleep({pause})\n")


def sink_of(result):
    return next(sink for sink in result.report["logs"]["sinks"] if sink["type"] == "syslog")


TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def every_line_arrives_over_tcp(place):
    for kind in SERVERS:
        with kind() as server:
            result = place.python(lines(5000), options=policy(place, address_of(server, "tcp")))
            equal(result.code, 0, f"exit status ({result.err})")
            received = server.received(5000)
            equal([seq_of(record) for record in received], list(range(1, 5001)), f"the order in {kind.name}")
            shown = {record["seq"]: record for record in result.records()}
            for record in received:
                original = shown[seq_of(record)]
                equal(record["text"], original["message"], "text")
                equal(record["stream"], original["stream"], "stream")
                equal(record["instance"], "web.1", "instance")
            equal(sink_of(result)["delivered"], 5000, "the report")


WAYS = {"tcp": SERVERS, "unix": SERVERS, "udp": [Rsyslog]}


@test
def what_is_in_a_record(place):
    program = ("import sys\n"
               "print('level=warning msg=\"quotes \\\\\" and \\u20ac\" order=7')\n"
               "print('\\x1b[31mred\\x1b[0m\\ttab ] \\\\ end')\n"
               "sys.stdout.flush()\n"
               "sys.stdout.buffer.write(b'no utf-8 \\xff\\xfe.\\n')\n"
               "print('word ' * 4000)\n")
    for transport, kinds in WAYS.items():
        for kind in kinds:
            with kind() as server:
                result = place.python(program, options=policy(place, address_of(server, transport),
                                                              parse="{logfmt: merge}"))
                where = f"{kind.name} over {transport}"
                equal(result.code, 0, f"exit status ({result.err})")
                records = server.received(6)
                shown = [message_of(record) for record in result.records()]
                if transport == "unix":  # the form of syslog(3): fields follow the message, no numbers
                    texts = [record["text"].removeprefix(" ") for record in records]
                    contains(texts[0], 'quotes " and €', where)
                    contains(texts[0], 'order="7"', where)
                    equal(texts[1], shown[1], where)
                    own = re.compile(r' partial_\w+="\w+"')
                    equal(own.sub("", "".join(texts[3:])).count("word"), 4000, f"the long line in {where}")
                    contains(texts[-1], 'partial_last="true"', where)
                else:
                    for seq, text in whole(records).items():
                        # syslog-ng's JSON has escapes for what is no UTF-8.
                        equal(text.replace("\\xff\\xfe", "\ufffd" * 2), shown[seq - 1], f"record {seq} in {where}")
                    equal(len(whole(records)), len(shown), f"records in {where}")
                    contains(str(records[0]["data"]), 'order="7"', f"the fields in {where}")
                    contains(str(records[3]["data"]), 'more="true"', f"a part in {where}")
                equal(int(records[0]["pri"]) % 8, 4, f"severity in {where}")
                equal(records[0]["app"], "python3", f"program in {where}")


@test
def a_stack_trace_is_one_record(place):
    program = "import logging\ntry: {}['x']\nexcept KeyError: logging.exception('failed')\n"
    for transport in ("tcp", "udp"):
        with Rsyslog() as server:
            result = place.python(program, options=policy(place, address_of(server, transport), parse="{multiline: all}"))
            record = server.received(1)[0]
            equal(record["text"], result.records()[0]["message"], "the trace")
            equal(record["text"].count("\n"), 3, "its lines")
            equal(int(record["pri"]) % 8, 3, "severity")
    # Framed by line feeds, a record has to be one line: as rsyslog itself writes it.
    with SyslogNg() as server:
        result = place.python(program, options=policy(place, address_of(server, "unix"), parse="{multiline: all}"))
        contains(server.received(1)[0]["text"], "KeyError: 'x'", "the trace on a local socket")


@test
def a_server_that_starts_later(place):
    for kind in SERVERS:
        for transport in ("tcp", "unix"):
            with kind() as server:
                server.stop()
                if os.path.exists(server.socket):
                    os.unlink(server.socket)
                process = place.start("/usr/bin/python3", "-c", lines(500, 0.5),
                                      options=policy(place, address_of(server, transport)))
                time.sleep(1.3)
                server.start()
                result = place.finish(process, 60)
                equal(result.code, 0, f"exit status ({result.err})")
                equal(len(result.findings("CD303")), 1, f"findings CD303 ({result.err})")
                received = [record["text"].removeprefix(" ") for record in server.received(500)]
                shown = [message_of(record) for record in result.records()]
                check(received == shown, f"{kind.name} over {transport}: {len(received)} records, the first difference is "
                      f"{next((pair for pair in zip(received, shown) if pair[0] != pair[1]), None)}")


@test
def a_server_that_restarts(place):
    """Nothing acknowledges a syslog message: of a connection that breaks, what the peer had not read is lost, and at most
    one batch comes twice. Never torn, never out of order, and everything after the restart arrives."""
    for kind in SERVERS:
        with kind() as server:
            console = os.path.join(place.out, "console.jsonl")  # a pipe would fill up while the test looks elsewhere
            with open(console, "wb") as stdout:
                process = place.start("/usr/bin/python3", "-c", lines(3000, 0.1), stdout=stdout,
                                      options=policy(place, address_of(server, "tcp")))
            wait_for(lambda: len(server.records()) > 500, "the first records")
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(20)
            time.sleep(0.5)
            server.start()
            result = place.finish(process, 60)
            with open(console, "rb") as file:
                result.out = file.read()
            equal(result.code, 0, f"exit status ({result.err})")
            wait_for(lambda: server.records() and seq_of(server.records()[-1]) == 3000, "the last record", 10)
            records = server.records()
            seqs = list(dict.fromkeys(seq_of(record) for record in records))
            equal(seqs, sorted(seqs), f"the order in {kind.name}")
            missing = 3000 - len(seqs)
            check(missing <= 512, f"{missing} records are missing in {kind.name}")
            check(len(records) - len(seqs) <= 256, "records that came twice")
            shown = {record["seq"]: record["message"] for record in result.records()}
            for record in records:
                equal(record["text"], shown[seq_of(record)], "text")


@test
def nobody_listens(place):
    saved = os.path.join(place.out, "saved.jsonl")
    for address in (f"tcp://127.0.0.1:{harness.free_port()}", "unix:/var/tmp/no-such-socket"):
        result = place.python(lines(300) + "sys.exit(7)", options=policy(
            place, address, f"fallback: {saved}", top=["shutdown_timeout: 500ms"]))
        equal(result.code, 7, "the app's exit status")
        equal(len(result.findings("CD303")), 1, f"findings CD303 ({result.err})")
        with open(saved, encoding="utf-8") as file:
            equal(sum(1 for _ in file), 300, "records in the fallback file")
        os.unlink(saved)


if __name__ == "__main__":
    harness.run_all(f"apps/syslog/{harness.WHO}", TESTS, Place)
