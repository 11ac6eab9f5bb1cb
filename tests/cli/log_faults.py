#!/usr/bin/python3
"""Servers that misbehave, each fault against all sinks at once: what was delivered and what was announced is what the app wrote."""

import json
import os
import shlex
import subprocess
import threading
import time

from harness import BINARY, PLAIN_PATH, ROOT, Result, check, contains, equal, main, skip, test
from log_peers import (APP, BURST, LINES, PEERS, WHOLE, BadRecord, Fault, Hang, Otlp, Refused, Reset, Restart, Slow, TooMany,
                       Unavailable)

# --- the matrix ------------------------------------------------------------------------------------------------------


def run_against(place, fault, kinds=tuple(PEERS), late=None, rest=""):
    """Runs the app with a sink for each peer, all with the fault. Returns the result and the peers by kind."""
    peers = {kind: PEERS[kind](fault()) for kind in kinds}
    rows = "".join(f"    - {{{peer.sink()}, timeout: 1s, fallback: {fallback_of(place, kind)}}}\n" for kind, peer in peers.items())
    place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\nlogs:\n{rest}  sinks:\n    - {{type: console}}\n{rows}")
    for peer in peers.values():
        timer = threading.Timer(late or 0, peer.start)
        timer.daemon = True
        timer.start() if late else peer.start()
    try:
        result = place.sh(APP)
        for peer in peers.values():
            if not peer.acknowledges:
                peer.drain()
    finally:
        for peer in peers.values():
            peer.stop()
    equal(result.code, 0, f"exit status ({result.err})")
    produced = [int(number) for message in result.messages() for number, _ in WHOLE.findall(message.encode())]
    equal(produced, list(LINES), "lines of the console")
    return result, peers


def fallback_of(place, kind):
    return os.path.join(place.out, kind + ".fallback")


def saved_in(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return [int(WHOLE.fullmatch(record["message"].encode()).group(1)) for record in records if "gap" not in record]


def sums_of(result, kind):
    sink = next(sink for sink in result.report["logs"]["sinks"] if sink["type"] == kind)
    equal(sink["records"], len(LINES), f"{kind}: records of {sink}")
    equal(sink["delivered"] + sink["dropped"] + sink["pending"], len(LINES), f"{kind}: sum of {sink}")
    return sink


def holds(place, result, kind, peer, dropped=0, breaks=False, twice=False):
    """The oracle. `breaks`: a connection broke under a protocol without answers; what was in it is gone, and nobody can
    know. `twice`: the server may have taken what it could not acknowledge."""
    sink = sums_of(result, kind)
    saved = saved_in(fallback_of(place, kind))
    equal(peer.wrong, [], f"{kind}: what the server saw")
    equal(peer.lines, sorted(set(peer.lines)), f"{kind}: order")
    equal(saved, sorted(set(saved)), f"{kind}: order of the fallback")
    equal(sink["pending"], 0, f"{kind}: pending")
    equal(sink["dropped"], len(saved), f"{kind}: what was dropped is in the fallback")
    if dropped is not None:
        equal(len(saved), dropped, f"{kind}: dropped")
    if not twice:
        equal(sorted(set(peer.lines) & set(saved)), [], f"{kind}: delivered and dropped")
    missing = sorted(set(LINES) - set(peer.lines) - set(saved))
    if breaks and not peer.acknowledges:
        check(len(missing) <= BURST, f"{kind}: more is missing than was in the connection: {missing}")
        equal(missing, list(range(missing[0], missing[-1] + 1)) if missing else [], f"{kind}: one piece is missing")
        return
    equal(missing, [], f"{kind}: neither delivered nor announced")


# Fault, the sinks that it can happen to, when the servers start, what the oracle allows.
MATRIX = [
    ("refused", Refused, tuple(PEERS), 1.2, {}),
    ("accepts_and_hangs", Hang, tuple(PEERS), None, {}),
    ("resets_in_the_middle", Reset, tuple(PEERS), None, {"breaks": True}),
    ("is_unavailable_for_a_while", Unavailable, ("otlp", "sentry"), None, {}),
    ("restarts", Restart, tuple(PEERS), None, {"breaks": True}),
]


def row(name, fault, kinds, late, allowed):
    def a_row(place):
        result, peers = run_against(place, fault, kinds, late)
        for kind, peer in peers.items():
            holds(place, result, kind, peer, **allowed)
    a_row.__name__ = "a_server_that_" + name if name != "refused" else "a_server_that_is_not_there_yet"
    return a_row


for each in MATRIX:
    test(row(*each))


@test
def a_server_that_asks_to_wait(place):
    """OTLP keeps the records; Sentry's protocol asks to drop them. The announcement may fall under the limit, too: then
    the fallback and the finding are what tells."""
    result, peers = run_against(place, TooMany, ("otlp", "sentry"))
    holds(place, result, "otlp", peers["otlp"])
    holds(place, result, "sentry", peers["sentry"], dropped=None)
    dropped = sums_of(result, "sentry")["dropped"]
    check(0 < dropped < len(LINES), f"sentry: {dropped} dropped")
    check(sum(peers["sentry"].gaps) <= dropped, f"sentry: gaps at the server: {peers['sentry'].gaps}, dropped: {dropped}")
    contains(str(result.findings("CD304")), str(dropped), "the count of the finding")


@test
def a_server_that_refuses_one_record(place):
    result, peers = run_against(place, BadRecord, ("otlp", "sentry"))
    for kind, peer in peers.items():
        holds(place, result, kind, peer, dropped=1)
        equal(saved_in(fallback_of(place, kind)), [77], f"{kind}: the record in the fallback")
        equal(peer.gaps, [1], f"{kind}: gaps at the server")


@test
def a_server_that_reads_a_kilobyte_a_second(place):
    """It never catches up: the end comes in time, and what the server has not acknowledged is in the fallback."""
    started = time.monotonic()
    result, peers = run_against(place, Slow, rest="  shutdown_timeout: 2s\n")
    check(time.monotonic() - started < 8, "the end came late")
    for kind, peer in peers.items():
        holds(place, result, kind, peer, dropped=None, twice=True)
    check(saved_in(fallback_of(place, "otlp")), "the server was too fast for this test")


# --- disks -----------------------------------------------------------------------------------------------------------


def run_on_small_disk(place, size, before="", after=""):
    """As `place.sh(APP)`, with a file system of `size` at OUT/disk that only this run sees; its files are in OUT/kept."""
    disk, kept = os.path.join(place.out, "disk"), os.path.join(place.out, "kept")
    os.mkdir(disk)
    command = shlex.join([BINARY, "run", "--report", place.report_file, "--", "/bin/sh", "-c", APP])
    # In a user namespace of its own a user has the user's id again, as outside.
    inner = command if ROOT else shlex.join(["unshare", "-U", f"--map-user={os.getuid()}", f"--map-group={os.getgid()}",
                                             "sh", "-c", command])
    script = (f"mount -t tmpfs -o size={size},mode=0777 none {disk} || exit 99; {before}\n{inner}; code=$?; {after}\n"
              f"cp -r {disk} {kept}; exit $code")
    done = subprocess.run(["unshare", "-m" if ROOT else "-rm", "sh", "-c", script], cwd=place.project, check=False,
                          env={**place.env, "PATH": PLAIN_PATH}, capture_output=True, timeout=30)
    if done.returncode in (1, 99) and b"unshare" in done.stderr + done.stdout:
        skip("mount namespaces")
    return Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"), place), kept


def numbers_in(path):
    """Of a file of JSON Lines: the numbers of its lines, and how many records its gaps announce."""
    with open(path, encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return ([int(WHOLE.fullmatch(record["message"].encode()).group(1)) for record in records if "gap" not in record],
            sum(record["gap"]["count"] for record in records if "gap" in record))


@test
def a_disk_that_is_full_for_a_while(place):
    """Once behind a queue, which waits, and once written at once, which can't."""
    disk = os.path.join(place.out, "disk")
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nlogs:\n  sinks:\n    - {type: console}\n"
               f"    - {{type: file, name: waits, path: {disk}/waits, when_full: drop-oldest}}\n"
               f"    - {{type: file, name: direct, path: {disk}/direct}}\n")
    result, kept = run_on_small_disk(place, "128k", f"head -c 116k /dev/zero > {disk}/ballast; (sleep 0.9; rm {disk}/ballast) &", "wait")
    equal(result.code, 0, f"exit status ({result.err})")
    for name in ("waits", "direct"):
        sink = next(sink for sink in result.report["logs"]["sinks"] if sink["name"] == name)
        numbers, lost = numbers_in(os.path.join(kept, name))
        equal(sink["delivered"] + sink["dropped"] + sink["pending"], len(LINES), f"{name}: sum of {sink}")
        equal(numbers, sorted(set(numbers)), f"{name}: order")
        equal(len(numbers), sink["delivered"], f"{name}: delivered")
        equal(lost, sink["dropped"], f"{name}: announced")
        check(name == "direct" or numbers == list(LINES), f"{name}: a queue loses nothing, but here are {len(numbers)}")


@test
def a_spill_on_a_full_disk(place):
    """The server is not there, and the place for what is left is full: all of it is counted, nothing is written half."""
    disk = os.path.join(place.out, "disk")
    peer = Otlp(Fault())
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nlogs:\n"
               f"  shutdown_timeout: 1s\n  spill: {{path: {disk}/spool}}\n  sinks:\n    - {{type: console}}\n    - {{{peer.sink()}}}\n")
    result, _ = run_on_small_disk(place, "64k", f"mkdir -m 0777 {disk}/spool; head -c 60k /dev/zero > {disk}/ballast")
    equal(result.code, 0, f"exit status ({result.err})")
    sink = sums_of(result, "otlp")
    equal(sink["delivered"], 0, "delivered")
    check(sink["dropped"] > 0, f"the disk was not full: {sink}")
    check(result.findings("CD304"), "a finding says that records are lost")
    contains(str(result.findings("CD304")[0]), str(sink["dropped"]), "the count of the finding")


if __name__ == "__main__":
    main()
