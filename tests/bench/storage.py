"""Programs that work on files (scripts/bench storage): what does it cost them to be watched and to write to memory?

Each sample is a run of its own: the contestant starts workloads.py, which prepares the workload on the contestant's own
storage and times it from inside, so that the start of the contestant is no part of it. Ratios are those of medians,
against `native`: the same workload in the same directory with nothing around it.

native              the project's directory, on disk
native, tmpfs       the same on a tmpfs: what the memory alone gives
cofferdam           local mode: the project is an overlay on a tmpfs
cofferdam container ENTRYPOINT of a container with a tmpfs: default profile, no added capability, a read-only root
docker              the same container without cofferdam
bwrap               everything read-only, a tmpfs for the work, a PID namespace
strace              strace -f --seccomp-bpf on the calls that open or change files, to /dev/null
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from measure import BINARY, Goals, HERE, PATH, interleaved, machine, medians, peak_memory, table, write
from plot import bars

# name in workloads.py: (how the table names it, the goal for the ratio of cofferdam to native)
WORKLOADS = {
    "untar": ("tar -x of Perl's source, 6,000 files", None),
    "make": ("make -j2 of Lua", 1.03),
    "npm": ("npm install from a local cache, 116 packages", None),
    "clone": ("git clone file:// of Perl", None),
    "find": ("find in {files:,} files", 1.02),
    "grep": ("grep -r in {files:,} files", 1.02),
    "sqlite": ("1,000 SQLite transactions", None),
    "opens": ("10,000 opens for writing", None),
}
SLOW = ("make", "npm", "clone")  # fewer rounds
TRACED = ("open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,"
          "symlinkat,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,truncate,ftruncate,utimensat")


class Storage:
    def __init__(self, options):
        self.place, self.quick = options.place, options.quick
        self.project = os.path.join(self.place, "project")
        self.material = os.path.join(self.project, "material")
        self.env = {"HOME": self.place, "PATH": PATH, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        # Beside the project: what is run from there must not be a cost of the overlay.
        self.workloads = shutil.copy(os.path.join(HERE, "workloads.py"), self.place)
        self.binary = shutil.copy(BINARY, os.path.join(self.place, "cofferdam"))
        self.memory_dir = tempfile.mkdtemp(prefix="cofferdam-bench.", dir="/dev/shm")
        self.files = sum(len(names) for _, _, names in os.walk(os.path.join(self.material, "tree")))
        self.contestants = {
            "native": self.native,
            "native, tmpfs": self.on_tmpfs,
            "cofferdam": self.cofferdam,
            "bwrap": self.bwrap,
            "strace": self.strace,
        }
        if options.image:
            self.image = options.image
            self.contestants |= {"docker": self.docker, "cofferdam container": self.container}

    def script(self, name, work):
        return ["/usr/bin/python3", self.workloads, name, self.material, work]

    # --- the contestants: the command of a workload, and the directory that it leaves ---

    def native(self, name):
        work = os.path.join(self.project, "work")
        return self.script(name, work), work

    def on_tmpfs(self, name):
        work = os.path.join(self.memory_dir, "work")
        return self.script(name, work), work

    def cofferdam(self, name):
        return [self.binary, "run", "--format", "raw", "--", *self.script(name, os.path.join(self.project, "work"))], None

    def bwrap(self, name):
        return ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-pid",
                *self.script(name, "/tmp/work")], None

    def strace(self, name):
        command, work = self.native(name)
        return ["strace", "-f", "--seccomp-bpf", "-e", f"trace={TRACED}", "-o", "/dev/null", *command], work

    def docker(self, name, *entry):
        binds = [part for path in ("/usr", "/etc", self.place) for part in ("--volume", f"{path}:{path}:ro")]
        variables = [part for key, value in {**self.env, "HOME": "/work"}.items() for part in ("--env", f"{key}={value}")]
        return ["docker", "run", "--rm", "--read-only", "--network", "none", "--tmpfs", "/work:exec,size=512m", "--tmpfs",
                "/tmp", "--workdir", "/work", *binds, *variables, self.image, *entry, *self.script(name, "/work/work")], None

    def container(self, name):
        return self.docker(name, self.binary, "run", "--format", "raw", "--")

    # --- measuring ---

    def seconds(self, contestant, name):
        command, work = contestant(name)
        # docker needs its own variables; what it runs gets ours.
        environment = dict(os.environ) if command[0] == "docker" else self.env
        result = subprocess.run(command, cwd=self.project, env=environment, stdin=subprocess.DEVNULL, check=False,
                                capture_output=True, text=True)
        if work:
            shutil.rmtree(work, ignore_errors=True)
        try:
            return float(result.stdout)
        except ValueError:
            sys.exit(f"bench: {name}: exit status {result.returncode} of {' '.join(command)[:300]}: "
                     f"{result.stderr[-800:]}{result.stdout[-300:]}")

    def workload(self, name, rounds):
        if name in SLOW:
            rounds = (rounds + 1) // 2
        else:
            self.seconds(self.native, name)  # warm caches
        return interleaved(rounds, self.contestants, lambda contestant: self.seconds(contestant, name))

    def start(self, script, *options):
        return subprocess.Popen([self.binary, "run", "--format", "raw", *options, "--", "/bin/sh", "-c", script],
                                cwd=self.project, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)

    def memory(self, script):
        """The high-water mark of the launcher in MiB while a script runs."""
        process = self.start(script)
        peak = peak_memory(process)
        if process.returncode:
            sys.exit(f"bench: exit status {process.returncode} of {script}")
        return peak

    def end(self, count):
        """Milliseconds from the app's last step, after it made `count` files, to the last byte of the report, and to
        the end of cofferdam, before which the kernel frees the files' memory."""
        report = os.path.join(self.place, "report.json")
        process = self.start(f"mkdir work && {self.material}/files fill work {count} >&2; exec /usr/bin/python3 -S -c "
                             "'import time; print(time.time())'", "--report", report)
        left = float(process.stdout.read())
        process.wait()
        ended = time.time()
        return (os.stat(report).st_mtime - left) * 1e3, (ended - left) * 1e3

    def close(self):
        shutil.rmtree(self.memory_dir, ignore_errors=True)


def measure_workloads(bench, rounds, goals):
    rows, ratios, middle_of = [], {}, {}
    for name, (what, limit) in WORKLOADS.items():
        label = what.format(files=bench.files)
        print(f"measuring {label} ...", file=sys.stderr)
        middle = middle_of[name] = medians(bench.workload(name, rounds))
        alone = middle["native"]
        ratios[label] = {other: seconds / alone for other, seconds in middle.items() if other != "native"}
        ours = ratios[label]["cofferdam"]
        goal = f"at most {limit}: {goals.verdict(label, ours <= limit)}" if limit else ""
        rows.append([label, f"{alone * 1e3:.1f} ms", *(f"{ratio:.2f}" for ratio in ratios[label].values()), goal])
    head = ["", *(["native"] + list(next(iter(ratios.values())))), "goal for cofferdam"]
    return table(head, rows), ratios, middle_of["opens"]


def measure_bounds(bench, quick, goals, opens):
    count, many = (100_000, 10_000) if quick else (1_000_000, 100_000)
    cost = (opens["cofferdam"] - opens["native"]) / 10_000 * 1e6
    rows = [["cost of one open for writing", f"{cost:.1f} us",
             f"at most 20 us: {goals.verdict('open for writing', cost <= 20)}"]]
    scripts = {
        f"launcher's memory, {count:,} opens of one file for writing": f": >data; {bench.material}/files w data {count} >&2",
        f"launcher's memory, {count:,} files made and unlinked, each with a name of its own":
            f"mkdir work; {bench.material}/files churn work {count} >&2",
        f"launcher's memory, {many:,} files that are there at the end": f"mkdir work; {bench.material}/files fill work {many} >&2",
    }
    for what, script in scripts.items():
        print(f"measuring {what} ...", file=sys.stderr)
        peak = bench.memory(script)
        rows.append([what, f"{peak:.1f} MiB", f"at most 16 MiB: {goals.verdict(what, peak <= 16)}"])
    print("measuring the end ...", file=sys.stderr)
    ends = interleaved(3, {"none": 0, "many": many}, bench.end)
    told, ended = (statistics.median(times) - statistics.median(alone)
                   for times, alone in zip(zip(*ends["many"]), zip(*ends["none"])))
    rows.append([f"end scan and report of a run with {many:,} new files", f"{told:.0f} ms more",
                 f"at most 1,000 ms: {goals.verdict('end scan', told <= 1000)}"])
    rows.append(["the same with the freeing of their memory, by the kernel", f"{ended:.0f} ms more", ""])
    return table(["", "", "goal"], rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--image", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    bench, goals = Storage(options), Goals()
    rounds = 1 if options.quick else 5
    try:
        workloads, ratios, opens = measure_workloads(bench, rounds, goals)
        bounds = measure_bounds(bench, options.quick, goals, opens)
    finally:
        bench.close()
    text = ("# Storage benchmarks\n\nWritten by `scripts/bench storage --write`; figures of different machines are not "
            "comparable, the ratios are.\n\n"
            f"{machine(('bwrap', '--version'), ('strace', '-V'), ('docker', '--version'))}\n\n"
            f"## Programs\n\nMedians of {rounds} interleaved rounds ({(rounds + 1) // 2} of the slow ones): milliseconds of `native`, then ratios to it. "
            "`native` works on the disk, the others but strace on a tmpfs; `native, tmpfs` shows what that alone gives. "
            "`cofferdam container` is to be compared with `docker`.\n\n"
            "![Ratios to native](storage-benchmarks.svg)\n\n"
            f"{workloads}\n\n## Bounds\n\n{bounds}\n")
    print(text)
    print(goals.summary())
    if options.write:
        write("storage-benchmarks.md", text)
        write("storage-benchmarks.svg", bars(ratios))


main()
