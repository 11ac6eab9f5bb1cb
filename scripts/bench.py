"""The measurements of scripts/bench. Rounds are interleaved (one of each, again and again), so that what else the
machine does meets all contestants alike; ratios of medians are what counts.

start   the wall time of `true`, from spawn to reaped: bare, under bwrap with a PID namespace, under `cofferdam run`
open    nanoseconds of one open() and close() in a loop of a small C program: bare, under cofferdam, under strace with a
        seccomp filter. Read-only opens of a system file, of a project file, and write-opens of a project file
memory  resident memory of the launcher while an application runs, and its high-water mark after 100,000 writes
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time

BINARY = os.environ["COFFERDAM"]
REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

OPENS_C = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* opens r|w FILE COUNT: prints the nanoseconds of one open and close. */
int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int flags = (argv[1][0] == 'w' ? O_WRONLY : O_RDONLY) | O_CLOEXEC;
  long count = atol(argv[3]);
  struct timespec a, b;
  for (long i = -20; i < count; i++) {
    if (i == 0) clock_gettime(CLOCK_MONOTONIC, &a);
    int fd = open(argv[2], flags);
    if (fd < 0) { perror(argv[2]); return 1; }
    close(fd);
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.1f\n", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / count);
  return 0;
}
"""


class Bench:
    def __init__(self, place, quick):
        self.place = place
        self.rounds = 15 if quick else 60
        self.open_rounds = 3 if quick else 11
        self.project = os.path.join(place, "project")
        os.mkdir(self.project)
        # Beside the project and not below it: an exec through an overlay would be a cost of its own.
        self.opens = os.path.join(place, "opens")
        source = os.path.join(place, "opens.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(OPENS_C)
        subprocess.run(["gcc", "-O2", "-static", "-o", self.opens, source], check=True)
        with open(os.path.join(self.project, "data"), "w", encoding="utf-8") as file:
            file.write("data")
        self.env = {"HOME": place, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

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

    @staticmethod
    def interleaved(rounds, contestants, measure):
        samples = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, command in contestants.items():
                samples[name].append(measure(command))
        return samples

    def start(self):
        true = "/bin/true"
        contestants = {
            "true alone": [true],
            "bwrap": ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                      "--unshare-pid", true],
            "cofferdam": [BINARY, "run", "--", true],
        }
        self.interleaved(3, contestants, self.wall)  # warm caches
        return self.interleaved(self.rounds, contestants, self.wall)

    def open(self, mode, file, count):
        loop = [self.opens, mode, file, str(count)]
        few = [self.opens, mode, file, str(max(count // 20, 200))]  # each costs strace tens of microseconds
        contestants = {
            "alone": loop,
            "cofferdam": self.cofferdam(*(few if mode == "w" else loop)),
            "strace": ["strace", "-f", "-e", "trace=openat", "--seccomp-bpf", "-o", "/dev/null", *few],
        }
        return self.interleaved(self.open_rounds, contestants, self.output)

    @staticmethod
    def memory_of(pid):
        fields = {}
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in ("VmRSS", "VmHWM"):
                    fields[name] = int(value.split()[0]) / 1024
        return fields

    def memory(self):
        script = f"sleep 1; {self.opens} w data 100000 >/dev/null; sleep 1.5"
        process = subprocess.Popen(self.cofferdam("/bin/sh", "-c", script), cwd=self.project, env=self.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.7)
        idle = self.memory_of(process.pid)["VmRSS"]
        peak = 0.0
        while process.poll() is None:
            try:
                peak = max(peak, self.memory_of(process.pid).get("VmHWM", 0.0))
            except (OSError, KeyError):
                break
            time.sleep(0.02)
        process.wait()
        return idle, peak


def verdict(good):
    return "met" if good else "MISSED"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([row(head), row(["---"] * len(head)), *map(row, rows)])


def machine():
    facts = {"cpu": "unknown", "memory": "unknown"}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                facts["cpu"] = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as file:
        facts["memory"] = f"{int(file.readline().split()[1]) / 1048576:.0f} GiB"
    bwrap = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    strace = subprocess.run(["strace", "-V"], capture_output=True, text=True, check=False).stdout.splitlines()[0]
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    return (f"{facts['cpu']}, {os.cpu_count()} cores, {facts['memory']}; Linux {platform.release()}; as {who}; "
            f"{version}; {bwrap}; {strace}. {time.strftime('%Y-%m-%d')}.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    bench = Bench(options.place, options.quick)
    missed = []
    parts = []

    def goal(what, good):
        if not good:
            missed.append(what)
        return verdict(good)

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
        medians = {name: statistics.median(samples) for name, samples in bench.open(mode, file, count).items()}
        alone, ours, peer = medians["alone"], medians["cofferdam"], medians["strace"]
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
            f"ratios are.\n\n{machine()}\n\n" + "\n\n".join(parts) + "\n")
    print(text)
    print("all goals met" if not missed else f"goals missed: {', '.join(missed)}")
    if options.write:
        os.makedirs(os.path.join(REPO, "docs"), exist_ok=True)
        with open(os.path.join(REPO, "docs", "benchmarks.md"), "w", encoding="utf-8") as file:
            file.write(text)


main()
