"""What a case of `cofferdam test` costs: many trivial cases, by the number that run side by side."""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time


def generate(folder, cases, files=4):
    """Writes `cases` cases into `files` test files: the shortest command under twelve-factor, one expectation."""
    for number in range(files):
        with open(os.path.join(folder, f"{number}.test.yaml"), "w", encoding="utf-8") as file:
            file.write("version: 1\npolicy: twelve-factor\ncases:\n")
            for case in range(number, cases, files):
                file.write(f"  - {{name: case {case}, command: [/bin/echo, hello], expect: {{stdout: hello}}}}\n")


def measure(binary, folder, jobs, cases):
    done = subprocess.run([binary, "test", "--format", "json", "--jobs", str(jobs), folder], stdout=subprocess.PIPE,
                          check=True)
    assert json.loads(done.stdout)["passed"] == cases


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", default=None, help="a directory that stands for a home directory")
    parser.add_argument("--quick", action="store_true", help="50 cases, 3 rounds")
    options = parser.parse_args()
    binary = os.environ["COFFERDAM"]
    cases, rounds = (50, 3) if options.quick else (200, 7)
    processors = len(os.sched_getaffinity(0))
    if options.place:
        os.environ["HOME"] = options.place
    with tempfile.TemporaryDirectory(dir=options.place) as folder:
        generate(folder, cases)
        print(f"{cases} trivial cases, {processors} processors, median and range of {rounds} rounds\n")
        print("| --jobs | ms a case |\n|---|---|")
        times = {jobs: [] for jobs in sorted({1, processors})}
        for _ in range(rounds):
            for jobs, list_of in times.items():
                begin = time.monotonic()
                measure(binary, folder, jobs, cases)
                list_of.append((time.monotonic() - begin) * 1000 / cases)
        for jobs, list_of in times.items():
            print(f"| {jobs} | {statistics.median(list_of):.1f} ({min(list_of):.1f} to {max(list_of):.1f}) |")


if __name__ == "__main__":
    main()
