#!/usr/bin/python3
"""A gate: instructions per byte of input from the app's pipe to JSON, counted by callgrind on lines of 110 bytes.

Counts, not times: the same on a busy machine. What starting costs is left out (the difference of two sizes of input).
COFFERDAM_PUMP_DRIVER names the driver, build/release/tests/bench/pump_driver without it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DRIVER = os.environ.get("COFFERDAM_PUMP_DRIVER", f"{REPO}/build/release/tests/bench/pump_driver")
LINE = 110
LINES = 20_000
LEVELS = ("INFO ", "ERROR", "DEBUG", "WARN ")

# What a line is made of, and the limit: what was reached and 2 % more. The goal is 6.
SHAPES = {
    "plain lines": ("{time}Z {level} [worker-{small}] request done path=/items/{n:06d} status=200 ms={small} user=", 6.12),
    "lines with quotes": ("{time}Z {level} [worker-{small}] request done path=\"/items/{n:06d}\" status=200 ms={small} user=",
                          6.45),
    "lines without a level": ("{time}Z GET /items/{n:06d} HTTP/1.1 200 {small} - request done in time - user ", 6.12),
}


def lines(shape, count):
    for n in range(count):
        time = f"2026-01-31T12:{n // 60_000 % 60:02d}:{n // 1000 % 60:02d}.{n % 1000:03d}"
        text = shape.format(time=time, level=LEVELS[n * 7 % 4], small=n % 8, n=n)
        yield text + "0123456789" * 8


def instructions(directory, shape, count):
    path = os.path.join(directory, "lines")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(line[:LINE] + "\n" for line in lines(shape, count))
    run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", DRIVER, path],
                         capture_output=True, text=True, check=False, timeout=120)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not collected:
        raise RuntimeError(run.stderr[-400:] or f"{DRIVER} exited with {run.returncode}")
    return int(collected.group(1))


def has_avx2():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return "avx2" in file.read()


def main():
    if not shutil.which("valgrind"):
        print("skip instructions - valgrind is not installed")
        return 0
    if not has_avx2():
        print("skip instructions - the limits hold for processors with AVX2")
        return 0
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        for name, (shape, limit) in SHAPES.items():
            counts = [instructions(directory, shape, count) for count in (LINES, 3 * LINES)]
            per_byte = (counts[1] - counts[0]) / (2 * LINES * (LINE + 1))
            good = per_byte <= limit
            failed = failed or not good
            print(f"{'ok' if good else 'not ok'} instructions: {name}: {per_byte:.2f} a byte (at most {limit})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
