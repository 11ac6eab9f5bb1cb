"""What many writes cost the launcher: runs many_writes.c bare and under cofferdam and prints one line of JSON a case.

  COFFERDAM=build/release/cofferdam python3 tests/bench/many_writes.py [COUNT] [CASE...]

COUNT is 1000000 unless given; the cases are those of CASES below, all unless named. As a module: measure(binary,
place, count, case) returns the dictionary that is printed:
  rate, median_us   of the application: writes a second, and the median of one open, write and close
  hwm_mib           VmHWM of the launcher, sampled from /proc/PID/status until it is gone
  end_s             from the application's last line to the end of the launcher: scan, report, and the kernel's taking
                    down of the tmpfs; end_cpu_s is what the launcher itself computed in that time
  report_mib, events_mib   sizes of the two files
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# name: arguments of many_writes after the directory's, options of `cofferdam run`; None runs bare
CASES = {
    "bare distinct": ("distinct", 2000, None),
    "bare same": ("same", 1000, None),
    "distinct": ("distinct", 2000, []),
    "distinct --report": ("distinct", 2000, ["--report", "{place}/report.json"]),
    "distinct --events --report": ("distinct", 2000, ["--events", "{place}/events", "--report", "{place}/report.json"]),
    "same": ("same", 1000, []),
    "same --events --report": ("same", 1000, ["--events", "{place}/events", "--report", "{place}/report.json"]),
}

# Inodes are counted with the size: a million files need several GiB of it, not of memory.
POLICY = "version: 1\nstorage:\n  mounts:\n    - {path: /tmp, type: tmpfs, size: 8GiB}\n"


def build(place):
    program = os.path.join(place, "many_writes")
    subprocess.run(["gcc", "-O2", "-static", "-o", program, os.path.join(HERE, "many_writes.c")], check=True)
    return program


def processor_time(pid):
    """Seconds that `pid` itself has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sample(pid, found):
    """VmHWM of `pid` in KiB and its processor time, again and again until it is gone."""
    while True:
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                line = next((line for line in file if line.startswith("VmHWM")), None)
            used = processor_time(pid)
        except OSError:
            return
        if line is None:
            return
        found["hwm"], found["used"] = max(found["hwm"], int(line.split()[1])), used
        time.sleep(0.005)


def measure(binary, place, count, case):
    mode, groups, options = CASES[case]
    program = build(place)
    project = os.path.join(place, "project")
    os.makedirs(project, exist_ok=True)
    with open(os.path.join(project, "cofferdam.yaml"), "w", encoding="utf-8") as file:
        file.write(POLICY)
    target = tempfile.mkdtemp(dir="/dev/shm") if options is None else "/tmp"
    command = [program, mode, target, str(count), str(groups)]
    if options is not None:
        options = [option.format(place=place) for option in options]
        command = [binary, "run", "--format", "raw", *options, "--", *command]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=project, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    found = {"hwm": 0, "used": 0.0}
    thread = threading.Thread(target=sample, args=(process.pid, found))
    thread.start()
    told = json.loads(process.stdout.readline() or "{}")
    ended, used = time.perf_counter(), found["used"]
    problems = process.stderr.read()
    code = process.wait()
    end = time.perf_counter()
    thread.join()
    if options is None:
        subprocess.run(["rm", "-rf", target], check=True)
    if code != 0 or not told:
        sys.exit(f"many_writes: exit status {code} of {' '.join(command)}: {problems[-500:]}")
    result = {"case": case, "count": count, **told, "end_s": round(end - ended, 3), "wall_s": round(end - start, 3)}
    if options is not None:
        result["hwm_mib"] = round(found["hwm"] / 1024, 1)
        result["end_cpu_s"] = round(found["used"] - used, 2)
    for name in ("report.json", "events"):
        path = os.path.join(place, name)
        if os.path.exists(path):
            result[name.removesuffix(".json") + "_mib"] = round(os.path.getsize(path) / (1 << 20), 2)
            os.unlink(path)
    return result


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        for case in sys.argv[2:] or CASES:
            print(json.dumps(measure(os.environ["COFFERDAM"], place, count, case)), flush=True)


if __name__ == "__main__":
    main()
