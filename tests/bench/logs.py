#!/usr/bin/python3
"""What a line of output costs: cofferdam against the loggers that people put behind a pipe, in interleaved rounds.

Run by `scripts/bench logs`. One producer writes lines of 110 bytes, as stdio buffers them and one write a line; each
contestant writes them to a file on a tmpfs. CPU is what the kernel accounts to whole processes: cofferdam's pump, the
logger, or dockerd and containerd with what they have waited for (the shim).
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import measure

TICK = os.sysconf("SC_CLK_TCK")
GIB = 1e9
QUIET_LINES = 300
IDLE_SECONDS = 10


class Sample:
    """One run of one contestant."""

    def __init__(self, lines, wall, consumer, producer, memory, size):
        gigabytes = size / GIB
        self.lines = lines / wall
        self.rate = size / 1e6 / wall
        self.consumer = consumer / gigabytes
        self.producer = producer / gigabytes
        self.memory = memory


def cpu_of(pid):
    """CPU seconds of a process and of its children that it has waited for."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICK


def children_of(pid):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
            found += map(int, file.read().split())
    return found


def pump_of(launcher):
    """The child that is not the instance's init: its children are in the launcher's own pid namespace."""
    own = os.readlink("/proc/self/ns/pid")
    for pid in children_of(launcher):
        try:
            if os.readlink(f"/proc/{pid}/ns/pid_for_children") == own:
                return pid
        except OSError:
            pass
    return None


def run_time(pid):
    """Seconds that the threads of a process ran, from the scheduler."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


class Watch(threading.Thread):
    """Of a process, as long as it lives: the high-water mark in MiB, and how long it ran, to 5 ms."""

    def __init__(self, find):
        super().__init__(daemon=True)
        self.find, self.peak, self.cpu, self.over = find, 0.0, 0.0, False
        self.start()

    def run(self):
        pid = None
        while not self.over:
            try:
                pid = pid or self.find()
                if pid:
                    self.cpu = max(self.cpu, run_time(pid))
                    self.peak = max(self.peak, measure.memory_of(pid).get("VmHWM", 0.0))
            except OSError:
                pass
            time.sleep(0.005)

    def stop(self):
        self.over = True
        self.join()
        return self


def told(text):
    """The producer's own words: lines, seconds, CPU seconds."""
    found = re.search(r"^(\d+) (\d+\.\d+) (\d+\.\d+)$", text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"the producer did not end well: {text[-300:]}")
    return int(found.group(1)), float(found.group(2)), float(found.group(3))


class Bench:
    def __init__(self, place, scratch, size, image):
        self.place, self.scratch, self.size, self.image = place, scratch, size, image
        self.producer = os.path.join(place, "lines")
        subprocess.run(["gcc", "-O2", "-static", "-o", self.producer, os.path.join(measure.HERE, "lines.c")], check=True)

    def empty(self):
        shutil.rmtree(self.scratch, ignore_errors=True)
        os.makedirs(f"{self.scratch}/svlogd")  # it makes none itself

    # cofferdam: a file sink, and the producer's figures through a console that gets stderr only.
    def cofferdam(self, sink, parse=""):
        def run(buffering):
            self.empty()
            policy = os.path.join(self.place, "policy.yaml")
            with open(policy, "w", encoding="ascii") as file:
                file.write("version: 1\nextends: twelve-factor\nlogs:\n" + parse + "  sinks:\n"
                           "    - {type: console, format: raw, match: {streams: [stderr]}}\n"
                           f"    - {{type: file, path: {self.scratch}/log, {sink}, match: {{streams: [stdout]}}}}\n")
            begin = time.monotonic()
            process = subprocess.Popen([measure.BINARY, "run", "--policy", policy, "--", self.producer,
                                        str(self.size), buffering], cwd=self.place, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            watch = Watch(lambda: pump_of(process.pid))
            text = process.stderr.read()
            process.wait()
            wall = time.monotonic() - begin
            pump = watch.stop()
            lines, _, producer = told(text)
            return Sample(lines, wall, pump.cpu, producer, pump.peak, self.size)
        return run

    # A logger that reads its standard input and ends with it.
    def logger(self, *command, output=False):
        def run(buffering):
            self.empty()
            out = open(os.path.join(self.scratch, "log"), "wb") if output else subprocess.DEVNULL
            begin = time.monotonic()
            producer = subprocess.Popen([self.producer, str(self.size), buffering], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
            consumer = subprocess.Popen([part.format(dir=self.scratch) for part in command], stdin=producer.stdout,
                                        stdout=out, stderr=subprocess.DEVNULL)
            producer.stdout.close()
            watch = Watch(lambda: consumer.pid)
            text = producer.stderr.read()
            producer.wait()
            _, _, usage = os.wait4(consumer.pid, 0)
            consumer.returncode = 0
            wall = time.monotonic() - begin
            if output:
                out.close()
            lines, _, cpu = told(text)
            return Sample(lines, wall, usage.ru_utime + usage.ru_stime, cpu, watch.stop().peak, self.size)
        return run

    # rsyslog reads no standard input: the producer's stdout is a connection to it.
    def rsyslog(self, buffering):
        self.empty()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = os.path.join(self.place, "rsyslog.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f'global(workDirectory="{self.scratch}")\nmodule(load="imptcp")\n'
                       f'input(type="imptcp" address="127.0.0.1" port="{port}")\n'
                       'template(name="line" type="string" string="%timegenerated:::date-rfc3339% %rawmsg%\\n")\n'
                       f'action(type="omfile" file="{self.scratch}/log" template="line" asyncWriting="off")\n')
        daemon = subprocess.Popen(["rsyslogd", "-n", "-f", config, "-i", os.path.join(self.place, "rsyslog.pid")],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        connection = None
        for _ in range(100):
            try:
                connection = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.1)
        if connection is None:
            daemon.kill()
            raise RuntimeError("rsyslogd does not listen")
        watch = Watch(lambda: daemon.pid)
        begin = time.monotonic()
        producer = subprocess.Popen([self.producer, str(self.size), buffering], stdout=connection.fileno(),
                                    stderr=subprocess.PIPE, text=True)
        connection.close()
        text = producer.stderr.read()
        producer.wait()
        lines, _, cpu = told(text)
        # Done when the file does not grow any more: counting its lines would cost more than writing them.
        last, wall = -1, 0.0
        while True:
            size = os.path.getsize(f"{self.scratch}/log") if os.path.exists(f"{self.scratch}/log") else 0
            if size == last and size >= self.size:
                break
            if size != last:
                last, wall = size, time.monotonic() - begin
            elif time.monotonic() - begin > wall + 10:
                break
            time.sleep(0.1)
        peak = watch.stop().peak
        daemon.terminate()
        _, _, usage = os.wait4(daemon.pid, 0)
        daemon.returncode = 0
        return Sample(lines, wall, usage.ru_utime + usage.ru_stime, cpu, peak, self.size)

    def docker(self, buffering):
        daemons = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and comm(pid) in ("dockerd", "containerd")]
        before = sum(map(cpu_of, daemons))
        begin = time.monotonic()
        result = subprocess.run(["docker", "run", "--rm", "--log-driver", "json-file", "--network", "none", "-v",
                                 f"{self.producer}:/lines:ro", self.image, "/lines", str(self.size), buffering],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
        wall = time.monotonic() - begin
        lines, _, cpu = told(result.stderr)
        memory = max((measure.memory_of(pid).get("VmHWM", 0.0) for pid in daemons), default=0.0)
        return Sample(lines, wall, sum(map(cpu_of, daemons)) - before, cpu, memory, self.size)


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def quiet_lines(place):
    """Milliseconds from a write to the reader of the console, of lines that come now and then."""
    script = (f"import time\nfor n in range({QUIET_LINES}):\n"
              "  print(time.clock_gettime_ns(time.CLOCK_MONOTONIC), flush=True)\n  time.sleep(0.01)")
    process = subprocess.Popen([measure.BINARY, "run", "--format", "json", "--", "/usr/bin/python3", "-c", script], cwd=place,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    late = []
    for line in process.stdout:
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        late.append((now - int(json.loads(line)["message"])) / 1e6)
    process.wait()
    late.sort()
    return statistics.median(late), late[int(len(late) * 0.99) - 1]


def idle_wakeups(place):
    """Switches of the pump away from its wait, while nobody writes."""
    process = subprocess.Popen([measure.BINARY, "run", "--", "sleep", str(IDLE_SECONDS + 3)], cwd=place,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    pump = pump_of(process.pid)
    counts = []
    for wait in (IDLE_SECONDS, 0):
        with open(f"/proc/{pump}/status", encoding="ascii") as file:
            counts.append(sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", file.read()))))
        time.sleep(wait)
    process.wait()
    return counts[1] - counts[0]


def spread(values):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def show(buffering, samples):
    rows = []
    for name, runs in samples.items():
        rows.append([name.replace("|", "\\|"), spread([run.consumer for run in runs]), spread([run.producer for run in runs]),
                     f"{statistics.median(run.rate for run in runs):.0f}",
                     f"{statistics.median(run.lines for run in runs) / 1e6:.2f}", f"{max(run.memory for run in runs):.1f}"])
    return f"## {buffering}\n\n" + measure.table(
        ["", "logger, CPU s/GB", "producer, CPU s/GB", "MB/s", "million lines/s", "peak memory, MiB"], rows)


def middle(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def verdicts(block, line, quiet, wakeups):
    goals = measure.Goals()
    rows = []

    def goal(what, value, good):
        rows.append([what.replace("|", "\\|"), value, goals.verdict(what, good)])

    ours = middle(block["cofferdam json"], "consumer")
    for name, part in (("s6-log", 4), ("svlogd", 10), ("docker json-file", 20)):
        if name in block:
            ratio = middle(block[name], "consumer") / ours
            goal(f"CPU of JSON at most 1/{part} of {name}", f"1/{ratio:.1f}", ratio >= part)
    more = middle(block["cofferdam json, redaction"], "consumer") - ours
    goal("redaction at most +0.25 CPU s/GB", f"{more:+.2f}", more <= 0.25)
    faster = middle(line["cofferdam json"], "lines") / middle(line["app | cat"], "lines")
    goal("one write a line: at least 1.5 times the lines/s of app | cat", f"{faster:.2f}", faster >= 1.5)
    cheaper = middle(line["cofferdam json"], "producer") / middle(line["app | cat"], "producer")
    goal("one write a line: less CPU of the producer than app | cat", f"{cheaper:.2f}", cheaper < 1)
    # Two read buffers and the memory that the launcher shares are part of the 12 MiB; queues are not used here.
    memory = max(run.memory for run in block["cofferdam json"] + line["cofferdam json"])
    goal("memory of the pump at most 12 MiB", f"{memory:.1f}", memory <= 12)
    goal("a quiet line visible within 5 ms (p99)", f"p50 {quiet[0]:.2f}, p99 {quiet[1]:.2f}", quiet[1] <= 5)
    goal(f"no wake-ups in {IDLE_SECONDS} s without a line", str(wakeups), wakeups == 0)
    return measure.table(["goal", "measured", ""], rows) + f"\n\n{goals.summary()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", required=True)
    parser.add_argument("--image", help="of Docker, empty: docker json-file is measured, too")
    parser.add_argument("--size", type=float, default=1000, help="megabytes a run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--preliminary", action="store_true", help="says in the document that the machine was not quiet")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.size, arguments.rounds = min(arguments.size, 100), min(arguments.rounds, 3)

    scratch = tempfile.mkdtemp(prefix="cofferdam-bench.", dir="/dev/shm")
    bench = Bench(arguments.place, scratch, int(arguments.size * 1e6), arguments.image)
    contestants = {
        "cofferdam raw": bench.cofferdam("format: raw"),
        "cofferdam json": bench.cofferdam("format: json"),
        "cofferdam json, redaction": bench.cofferdam("format: json", "  parse: {redact: all}\n"),
        "cofferdam json, redaction, multi-line": bench.cofferdam("format: json",
                                                                 "  parse: {redact: all, multiline: all}\n"),
        "app | cat": bench.logger("cat", output=True),
        "s6-log": bench.logger("s6-log", "t", "s268435455", "n20", "{dir}/s6"),
        "multilog": bench.logger("multilog", "t", "s16777215", "n99", "{dir}/multilog"),
        "svlogd": bench.logger("svlogd", "-tt", "{dir}/svlogd"),
        "rsyslog": bench.rsyslog,
    }
    if arguments.image:
        contestants["docker json-file"] = bench.docker

    try:
        results = {buffering: measure.interleaved(arguments.rounds, contestants,
                                                  lambda contestant, way=buffering: contestant(way))
                   for buffering in ("block", "line")}
        quiet, wakeups = quiet_lines(arguments.place), idle_wakeups(arguments.place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    note = ("**Preliminary**: other builds ran on the same cores. To be measured again on a quiet machine.\n\n"
            if arguments.preliminary else "")
    text = (f"# What a line costs\n\nMade by `scripts/bench logs`: {arguments.size:.0f} MB in lines of 110 bytes, a file on a tmpfs, "
            f"{arguments.rounds} interleaved rounds, medians (and the range). CPU of cofferdam is its pump's. "
            "rsyslog reads from a TCP connection, Docker writes to its disk.\n\n" + note +
            verdicts(results["block"], results["line"], quiet, wakeups) + "\n\n" +
            show("Block-buffered (4 KiB a write)", results["block"]) + "\n\n" +
            show("One write a line", results["line"]) + "\n\n" +
            "Instructions a byte of input, counted by callgrind, are a test: `tests/bench/instructions.py`.\n\n" +
            measure.machine(("s6-log", "-V"), ("rsyslogd", "-v")) + "\n")
    print(text)
    if arguments.write:
        measure.write("logs-benchmarks.md", text)


if __name__ == "__main__":
    sys.exit(main())
