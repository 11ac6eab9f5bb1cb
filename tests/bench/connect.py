"""What a connection costs (scripts/bench connect). The client runs under each contestant, the server outside.

native             nothing around the client
cofferdam          local mode: the socket is taken with pidfd_getfd(2) and connected by the launcher
cofferdam broker   container mode: the launcher makes the socket and connects its duplicate
bwrap              everything read-only, a PID namespace, the host's network: rules for files, none for connections
proxychains4       connect(2) replaced by LD_PRELOAD, over a SOCKS proxy of this machine (microsocks)
pasta              a network namespace, joined to the host's by a process in user space (passt)

All destinations are databases by the policy, so the launcher looks up who asks each time.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial

from measure import BINARY, Goals, HERE, PATH, interleaved, machine, medians, memory_of, table, write
from plot import bars

HOST = "127.0.0.1"
BROKER, LOCAL = "cofferdam broker", "cofferdam"
KEPT, NEW_RATIO, NEW_COST = 1.02, 1.6, 60  # the goals; the last in microseconds


@dataclass
class Workload:
    what: str
    command: list
    read: object  # output -> (microseconds of one step, 99th percentile or None)
    kept: bool = False  # connections stay open: the goal is KEPT


def two_numbers(output):
    median, late = output.split()[-2:]
    return float(median), float(late)


def rate_after(word, output):
    """The number that follows `word`, a rate, as microseconds of one step."""
    return 1e6 / float(output.rpartition(word)[2].split()[0]), None


def redis_rate(output):
    # "test","rps",... and then "GET","12345.67",...
    return 1e6 / float(output.splitlines()[-1].split(",")[1].strip('"')), None


def workloads(options, program, quick):
    """One client each, so that what is compared is the way of a connection and not a queue for the processors."""
    part = 5 if quick else 1
    steps = lambda count: str(count // part)
    pg = [f"{options.pgbin}/pgbench", "-h", HOST, "-p", options.postgres, "-U", "app", "-n", "-S", "-c", "1"]
    redis = ["redis-benchmark", "-h", HOST, "-p", options.redis, "-t", "get", "-c", "1", "--csv"]
    wrk = ["wrk", "-t", "1", "-c", "4", "-d", "1s"]
    page = f"http://{HOST}:{options.nginx}/"
    return {
        "open": Workload("connect and close", [program, "open", HOST, options.port, steps(3000)], two_numbers),
        "byte": Workload("connect, one byte from the server, close", [program, "byte", HOST, options.port, steps(3000)],
                         two_numbers),
        "pgbench -C": Workload("pgbench -C: a transaction with a connection of its own",
                               [*pg, "-C", "-t", steps(300)], partial(rate_after, "tps = ")),
        "redis -k 0": Workload("redis-benchmark -k 0: a GET with a connection of its own",
                               [*redis, "-k", "0", "-n", steps(3000)], redis_rate),
        "wrk close": Workload("wrk, Connection: close", [*wrk, "-H", "Connection: close", page],
                              partial(rate_after, "Requests/sec:")),
        "pgbench": Workload("pgbench: a transaction on a kept connection", [*pg, "-t", steps(10000)],
                            partial(rate_after, "tps = "), kept=True),
        "redis": Workload("redis-benchmark: a GET on a kept connection", [*redis, "-n", steps(50000)], redis_rate,
                          kept=True),
        "wrk": Workload("wrk on kept connections", [*wrk, page], partial(rate_after, "Requests/sec:"), kept=True),
    }


class Connect:
    def __init__(self, options):
        self.options, self.place = options, options.place
        self.project = os.path.join(self.place, "project")
        os.makedirs(self.project, exist_ok=True)
        self.program = os.path.join(self.place, "connects")
        subprocess.run(["gcc", "-O2", "-pthread", "-o", self.program, os.path.join(HERE, "connects.c")], check=True)
        self.server = subprocess.Popen([self.program, "serve"], stdout=subprocess.PIPE, text=True)
        options.port, self.full = self.server.stdout.readline().split()
        self.ports = [options.port, self.full, options.postgres, options.redis, options.nginx]
        self.env = {"HOME": self.place, "PATH": PATH, "LANG": "C.UTF-8", "PGPASSWORD": options.password,
                    "PGDATABASE": "app"}
        for name, mode in (("local", "local"), ("broker", "container")):
            allowed = "".join(f'\n    - {{from: any, to: "{HOST}:{port}"}}' for port in self.ports)
            with open(os.path.join(self.place, f"{name}.yaml"), "w", encoding="utf-8") as file:
                file.write(f"version: 1\nextends: twelve-factor\nmode: {mode}\nenforcement: degraded\n"
                           f"database:\n  allow:{allowed}\n")
        proxies = os.path.join(self.place, "proxychains.conf")
        with open(proxies, "w", encoding="utf-8") as file:
            file.write(f"strict_chain\nquiet_mode\n[ProxyList]\nsocks5 {HOST} {options.socks}\n")
        bwrap = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-pid"]
        pasta = ["pasta", "--config-net", "-q", "-t", "none", "-u", "none", "-U", "none", "-T", ",".join(self.ports), "--"]
        self.contestants = {"native": [], LOCAL: self.cofferdam("local"), BROKER: self.cofferdam("broker"), "bwrap": bwrap,
                            "proxychains4": ["proxychains4", "-q", "-f", proxies],
                            "pasta": ["pasta", "--runas", "0", *pasta[1:]] if os.geteuid() == 0 else pasta}

    def cofferdam(self, policy):
        return [BINARY, "run", "--policy", os.path.join(self.place, f"{policy}.yaml"), "--format", "raw", "--"]

    def run(self, command, wrapper):
        # Below a shell: an entry command that is a database client is no app.
        command = [*wrapper, "/bin/sh", "-c", '"$@"; exit $?', "sh", *command]
        result = subprocess.run(command, cwd=self.project, env=self.env, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False, timeout=120)
        if result.returncode:
            sys.exit(f"bench: exit status {result.returncode} of {' '.join(command)[:400]}: "
                     f"{result.stderr[-800:]}{result.stdout[-300:]}")
        return result.stdout

    def workload(self, workload, rounds):
        def once(wrapper):
            return workload.read(self.run(workload.command, wrapper))
        samples = interleaved(rounds, self.contestants, once)
        middle = medians({name: [value for value, _ in values] for name, values in samples.items()})
        late = medians({name: [value for _, value in values] for name, values in samples.items()}
                       ) if samples["native"][0][1] is not None else {}
        return middle, late

    def leftovers(self, policy, count):
        """Descriptors, resident MiB and proportional MiB of the launcher before and after `count` connects."""
        command = [self.program, "stages", HOST, self.options.port, "1000", str(count)]
        process = subprocess.Popen([*self.cofferdam(policy), *command], cwd=self.project, env=self.env,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        states = []
        for _ in range(2):
            if not process.stdout.readline():
                sys.exit(f"bench: the launcher ended early ({policy})")
            time.sleep(1.5)  # the launcher looks after its sockets once a second
            states.append((len(os.listdir(f"/proc/{process.pid}/fd")), memory_of(process.pid)["VmRSS"],
                           proportional(process.pid)))
            process.stdin.write("\n")
            process.stdin.flush()
        process.stdin.close()
        process.wait()
        return states

    def blocked(self, count, rounds, steps):
        """Medians of a connect while `count` others wait, for native and both ways."""
        command = [self.program, "blocked", HOST, self.options.port, steps, self.full, str(count)]
        some = {name: self.contestants[name] for name in ("native", LOCAL, BROKER)}
        samples = interleaved(rounds, some, lambda wrapper: two_numbers(self.run(command, wrapper)))
        return {name: tuple(medians(dict(enumerate(zip(*values)))).values()) for name, values in samples.items()}

    def close(self):
        self.server.kill()
        self.server.wait()


def proportional(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def limits(goals, workload, name, native, ours):
    """The words of the goal for one row and one way."""
    ratio, cost = ours / native, ours - native
    label = f"{workload.what} ({name})"
    if workload.kept:
        return f"{ratio:.3f}, at most {KEPT}: {goals.verdict(label, ratio <= KEPT)}"
    return (f"{cost:+.0f} us, at most +{NEW_COST}: {goals.verdict(label + ', cost', cost <= NEW_COST)}; "
            f"{ratio:.2f}, at most {NEW_RATIO}: {goals.verdict(label + ', ratio', ratio <= NEW_RATIO)}")


def measure_programs(bench, rounds, quick, goals):
    rows, verdicts, tails, ratios = [], [], [], {}
    for workload in workloads(bench.options, bench.program, quick).values():
        print(f"measuring {workload.what} ...", file=sys.stderr)
        middle, late = bench.workload(workload, rounds)
        native = middle["native"]
        ratios[workload.what] = {name: value / native for name, value in middle.items() if name != "native"}
        rows.append([workload.what, f"{native:.1f} us", *(f"{ratio:.2f}" for ratio in ratios[workload.what].values())])
        verdicts.append([workload.what, *(limits(goals, workload, name, native, middle[name]) for name in (LOCAL, BROKER))])
        if late:
            tails.append([workload.what, *(f"{middle[name]:.0f} / {late[name]:.0f}" for name in middle)])
    names = list(bench.contestants)
    return (table(["", *names], rows), table(["", *names], tails), table(["goal", LOCAL, BROKER], verdicts), ratios)


def measure_bounds(bench, rounds, quick, goals):
    count = 2000 if quick else 10000
    rows = []
    for name, policy in ((LOCAL, "local"), (BROKER, "broker")):
        print(f"measuring what {count:,} connects leave behind, {name} ...", file=sys.stderr)
        (fds, resident, share), (fds_after, resident_after, share_after) = bench.leftovers(policy, count)
        label = f"{count:,} connects leave behind ({name})"
        rows.append([label, f"{fds_after - fds:+d} descriptors, {resident_after - resident:+.2f} MiB RSS, "
                     f"{share_after - share:+.2f} MiB PSS of {share_after:.1f}",
                     "no descriptor, less than 0.1 MiB: " +
                     goals.verdict(label, fds_after <= fds and resident_after - resident < 0.1)])
    print("measuring a connect while others wait ...", file=sys.stderr)
    steps = "200" if quick else "2000"
    free, held = (bench.blocked(waiting, rounds, steps) for waiting in (0, 200))
    for name in free:
        label = f"a connect while 200 others wait ({name})"
        late = held[name][0] - free[name][0]
        goal = "" if name == "native" else f"at most +20 us: {goals.verdict(label, late <= 20)}"
        rows.append([label, f"{free[name][0]:.0f} us alone, {held[name][0]:.0f} us with them (p99 {free[name][1]:.0f} "
                     f"and {held[name][1]:.0f})", goal])
    return table(["", "", "goal"], rows)


def main():
    parser = argparse.ArgumentParser()
    for name in ("place", "pgbin", "postgres", "password", "redis", "nginx", "socks"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds = 3 if options.quick else 7
    load = os.getloadavg()[0]
    bench, goals = Connect(options), Goals()
    try:
        programs, tails, verdicts, ratios = measure_programs(bench, rounds, options.quick, goals)
        bounds = measure_bounds(bench, min(rounds, 5), options.quick, goals)
    finally:
        bench.close()
    versions = (("bwrap", "--version"), ("wrk", "-v"), (f"{options.pgbin}/pgbench", "--version"),
                ("redis-benchmark", "--version"), ("pasta", "--version"))
    text = ("# Connect benchmarks\n\nWritten by `scripts/bench connect --write`; figures of different machines are not "
            "comparable, the ratios are.\n\n"
            f"{machine(*versions)} Load of the machine at the start: {load:.1f}.\n\n"
            f"## Programs\n\nMedians of {rounds} interleaved rounds: microseconds of one step of `native`, then ratios to "
            "it. The client runs under the tool, the server outside, both on this machine. `cofferdam` is local mode "
            "(pidfd_getfd), `cofferdam broker` container mode; bwrap has no rules for connections; proxychains4 goes over "
            "a SOCKS proxy, pasta over a network namespace.\n\n"
            "![Ratios to native](connect-benchmarks.svg)\n\n"
            f"{programs}\n\nMicroseconds, median / 99th percentile:\n\n{tails}\n\n## Goals\n\n{verdicts}\n\n"
            f"## Bounds\n\n{bounds}\n\n{goals.summary()}\n")
    print(text)
    if options.write:
        write("connect-benchmarks.md", text)
        write("connect-benchmarks.svg", bars(ratios))


main()
