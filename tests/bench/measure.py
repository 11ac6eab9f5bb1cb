"""What the measurements share: interleaved rounds, memory of a process, tables, goals and the facts of the machine."""

import os
import platform
import statistics
import subprocess
import time

BINARY = os.environ["COFFERDAM"]
HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
PATH = "/usr/local/bin:/usr/bin:/bin"


def compiled(place):
    """Builds files.c into `place`; returns the path of the program."""
    program = os.path.join(place, "files")
    subprocess.run(["gcc", "-O2", "-static", "-o", program, os.path.join(HERE, "files.c")], check=True)
    return program


def interleaved(rounds, contestants, measure):
    """One measurement of each contestant, again and again, so that what else the machine does meets all alike."""
    samples = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            samples[name].append(measure(contestant))
    return samples


def medians(samples):
    return {name: statistics.median(values) for name, values in samples.items()}


def memory_of(pid):
    """VmRSS and VmHWM in MiB; empty when the process is gone."""
    fields = {}
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name in ("VmRSS", "VmHWM"):
                    fields[name] = int(value.split()[0]) / 1024
    except OSError:
        pass
    return fields


def peak_memory(process):
    """Waits for the end of a process; returns its high-water mark in MiB."""
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid).get("VmHWM", 0.0))
        time.sleep(0.02)
    return peak


class Goals:
    def __init__(self):
        self.missed = []

    def verdict(self, what, good):
        if not good:
            self.missed.append(what)
        return "met" if good else "MISSED"

    def summary(self):
        return "all goals met" if not self.missed else f"goals missed: {', '.join(self.missed)}"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([row(head), row(["---"] * len(head)), *map(row, rows)])


def first_line(*command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return (result.stdout.splitlines() or [""])[0].strip()


def machine(*peers):
    """One sentence: processor, memory, kernel, who, and the versions of the contestants (commands that print them)."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = f"{int(file.readline().split()[1]) / 1048576:.0f} GiB"
    who = "root" if os.geteuid() == 0 else "an ordinary user"
    versions = [version for version in (first_line(*peer) for peer in [(BINARY, "--version"), *peers]) if version]
    return (f"{cpu}, {os.cpu_count()} cores, {memory}; Linux {platform.release()}; as {who}; "
            f"{'; '.join(versions)}. {time.strftime('%Y-%m-%d')}.")


def write(name, text):
    """Writes docs/NAME."""
    os.makedirs(os.path.join(REPO, "docs"), exist_ok=True)
    with open(os.path.join(REPO, "docs", name), "w", encoding="utf-8") as file:
        file.write(text)
