"""The start of an application, its opens, and the launcher's memory (scripts/bench). Ratios of medians are what counts.

start   the wall time of `true`, from spawn to reaped: bare, under bwrap with a PID namespace, under `cofferdam run`
open    nanoseconds of one open() and close() in a loop of a small C program: bare, under cofferdam, under strace with a
        seccomp filter. Read-only opens of a system file, of a project file, and write-opens of a project file
memory  resident memory of the launcher while an application runs, and its high-water mark after 100,000 writes
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from measure import BINARY, Goals, PATH, compiled, interleaved, machine, medians, memory_of, peak_memory, table, write


class Bench:
    def __init__(self, place, quick):
        self.place = place
        self.rounds = 15 if quick else 60
        self.open_rounds = 3 if quick else 11
        self.project = os.path.join(place, "project")
        os.mkdir(self.project)
        # Beside the project and not below it: an exec through an overlay would be a cost of its own.
        self.files = compiled(place)
        with open(os.path.join(self.project, "data"), "w", encoding="utf-8") as file:
            file.write("data")
        self.env = {"HOME": place, "PATH": PATH, "LANG": "C.UTF-8"}

    def cofferdam(self, *command):
        return [BINARY, "run", "--format", "raw", "--", *command]

    def wall(self, command):
        """Milliseconds from spawn to reaped."""
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=self.project, env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        code = process.wait()
        elapsed = (time.perf_counter() - start) * 1e3
        if code:
            sys.exit(f"bench: exit status {code} of {' '.join(command)}")
        return elapsed

    def output(self, command):
        result = subprocess.run(command, cwd=self.project, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, check=False)
        if result.returncode:
            sys.exit(f"bench: exit status {result.returncode} of {' '.join(command)}: {result.stderr[-500:]}")
        return float(result.stdout)

    def start(self):
        true = "/bin/true"
        contestants = {
            "true alone": [true],
            "bwrap": ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                      "--unshare-pid", true],
            "cofferdam": [BINARY, "run", "--", true],
        }
        interleaved(3, contestants, self.wall)  # warm caches
        return interleaved(self.rounds, contestants, self.wall)

    def open(self, mode, file, count):
        loop = [self.files, mode, file, str(count)]
        few = [self.files, mode, file, str(max(count // 20, 200))]  # each costs strace tens of microseconds
        contestants = {
            "alone": loop,
            "cofferdam": self.cofferdam(*(few if mode == "w" else loop)),
            "strace": ["strace", "-f", "-e", "trace=openat", "--seccomp-bpf", "-o", "/dev/null", *few],
        }
        return interleaved(self.open_rounds, contestants, self.output)

    def memory(self):
        script = f"sleep 1; {self.files} w data 100000 >/dev/null; sleep 1.5"
        process = subprocess.Popen(self.cofferdam("/bin/sh", "-c", script), cwd=self.project, env=self.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.7)
        idle = memory_of(process.pid)["VmRSS"]
        return idle, peak_memory(process)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    bench = Bench(options.place, options.quick)
    goals, parts = Goals(), []
    goal = goals.verdict

    print("measuring start ...", file=sys.stderr)
    start = bench.start()
    peer = statistics.median(start["bwrap"])
    rows = []
    for name, samples in start.items():
        median = statistics.median(samples)
        target = f"at most 0.80: {goal('start', median / peer <= 0.8)}" if name == "cofferdam" else ""
        rows.append([name, f"{median:.2f}", f"{min(samples):.2f}", f"{median / peer:.2f}", target])
    parts.append(f"## Start of `true`\n\nMilliseconds, {bench.rounds} interleaved rounds.\n\n" +
                 table(["", "median", "min", "ratio to bwrap", "goal"], rows))

    rows = []
    for what, mode, file, count in (("read-only, system file", "r", "/usr/bin/env", 200000),
                                    ("read-only, project file", "r", "data", 200000),
                                    ("write, project file", "w", "data", 50000)):
        print(f"measuring open, {what} ...", file=sys.stderr)
        middle = medians(bench.open(mode, file, count))
        alone, ours, peer = middle["alone"], middle["cofferdam"], middle["strace"]
        if mode == "r":
            target = f"at most +2 %: {goal(what, ours <= alone * 1.02)}"
            cost = f"{(ours / alone - 1) * 100:+.1f} %"
        else:
            target = f"at most +20 us: {goal(what, ours - alone <= 20000)}"
            cost = f"{(ours - alone) / 1000:+.2f} us"
        rows.append([what, f"{alone:.0f}", f"{ours:.0f}", f"{peer:.0f}", cost, f"{ours / peer:.3f}", target])
    parts.append(f"## open and close\n\nNanoseconds of one pair, median of {bench.open_rounds} interleaved rounds. strace: "
                 "`-f -e trace=openat --seccomp-bpf -o /dev/null`.\n\n" +
                 table(["", "alone", "cofferdam", "strace", "cost", "ratio to strace", "goal"], rows))

    print("measuring memory ...", file=sys.stderr)
    idle, peak = bench.memory()
    rows = [["while an application runs", f"{idle:.1f}", f"at most 10 MiB: {goal('memory', idle <= 10)}"],
            ["high-water mark after 100,000 write-opens", f"{peak:.1f}", f"at most 10 MiB: {goal('memory peak', peak <= 10)}"]]
    parts.append("## Resident memory of the launcher\n\nMiB.\n\n" + table(["", "MiB", "goal"], rows))

    text = ("# Benchmarks\n\nWritten by `scripts/bench --write`; figures of different machines are not comparable, the "
            f"ratios are. For whole programs that work on files, see [storage-benchmarks.md](storage-benchmarks.md).\n\n"
            f"{machine(('bwrap', '--version'), ('strace', '-V'))}\n\n" + "\n\n".join(parts) + "\n")
    print(text)
    print(goals.summary())
    if options.write:
        write("benchmarks.md", text)


main()
