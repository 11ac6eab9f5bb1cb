#!/usr/bin/python3
"""Measures several instances: how long their start takes, and the requests a second of nginx and gunicorn with 1, 2 and 4
of them against haproxy before as many plain processes. Called by scripts/bench replicas."""

import argparse
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import measure

WSGI = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
"""
NGINX = """
daemon off; worker_processes 1; pid PLACE/pid; error_log /dev/null;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path PLACE/body; proxy_temp_path PLACE/proxy; fastcgi_temp_path PLACE/fastcgi;
  uwsgi_temp_path PLACE/uwsgi; scgi_temp_path PLACE/scgi;
  server { listen 127.0.0.1:PORT; location / { return 200 "ok"; } }
}
"""
HAPROXY = """
global
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:PORT
  default_backend back
backend back
  balance roundrobin
"""
COUNTS = (1, 2, 4)
STARTS = (1, 2, 10, 100)
MOST_EACH = 8.0  # ms


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def await_port(port):
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listens on {port}")


@contextlib.contextmanager
def running(*commands, **kwargs):
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  stdin=subprocess.DEVNULL, **kwargs) for command in commands]
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait()


def nginx(place, port):
    own = tempfile.mkdtemp(prefix="nginx-", dir=place)
    with open(f"{own}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(NGINX.replace("PLACE", own).replace("PORT", str(port)))
    return ["/usr/sbin/nginx", "-p", own, "-c", f"{own}/nginx.conf"]


def gunicorn(_, port):
    return ["/usr/bin/gunicorn", "--workers", "1", "--bind", f"127.0.0.1:{port}", "app:app"]


def gunicorn_threads(_, port):
    return ["/usr/bin/gunicorn", "--workers", "1", "--threads", "2", "--bind", f"127.0.0.1:{port}", "app:app"]


def requests_per_second(port, kept):
    more = [] if kept else ["-H", "Connection: close"]
    out = subprocess.run(["wrk", "-c", "16", "-t", "1", "-d", "2", *more, f"http://127.0.0.1:{port}/"],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    if "Socket errors" in out or "Non-2xx" in out:
        raise RuntimeError(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def with_cofferdam(server, count, kept, place):
    port = free_port()
    command = [measure.BINARY, "run", "--replicas", str(count), "--format", "raw", "--", *server(place, port)]
    with running(command, cwd=place):
        await_port(port)
        time.sleep(1)
        return requests_per_second(port, kept)


def with_haproxy(server, count, kept, place):
    front, ports = free_port(), [free_port() for _ in range(count)]
    config = HAPROXY.replace("PORT", str(front))
    config += "".join(f"  server s{port} 127.0.0.1:{port}\n" for port in ports)
    with open(f"{place}/haproxy.cfg", "w", encoding="utf-8") as file:
        file.write(config)
    commands = [server(place, port) for port in ports]
    with running(*commands, ["/usr/sbin/haproxy", "-db", "-f", f"{place}/haproxy.cfg"], cwd=place):
        for port in (*ports, front):
            await_port(port)
        time.sleep(1)
        return requests_per_second(front, kept)


def alone(server, kept, place):
    port = free_port()
    with running(server(place, port), cwd=place):
        await_port(port)
        time.sleep(1)
        return requests_per_second(port, kept)


def start_time(count, place):
    """Milliseconds from the first `started` event to the last, all alive: what an instance costs beside the first."""
    events = f"{place}/events"
    command = [measure.BINARY, "run", "--replicas", str(count), "--format", "raw", "--events", events, "--", "sleep", "60"]
    with running(command, cwd=place):
        def started():
            with contextlib.suppress(OSError), open(events, encoding="utf-8") as file:
                return [json.loads(line) for line in file if '"event":"started"' in line and line.endswith("\n")]
            return []
        until = time.monotonic() + 30
        while len(started()) < count:
            if time.monotonic() > until:
                raise RuntimeError(f"{len(started())} of {count} have started")
            time.sleep(0.02)
        def seconds(entry):
            hours, minutes, rest = entry["ts"][11:-1].split(":")
            return int(hours) * 3600 + int(minutes) * 60 + float(rest)
        times = [seconds(entry) for entry in started()]
        return (times[-1] - times[0]) * 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds = 1 if options.quick else 5
    place = f"{options.place}/project"
    os.makedirs(place, exist_ok=True)
    with open(f"{place}/app.py", "w", encoding="utf-8") as file:
        file.write(WSGI)
    goals = measure.Goals()

    starts = {count: statistics.median(start_time(count, place) for _ in range(rounds)) for count in STARTS}
    start_rows = [[str(count), f"{starts[count]:.0f} ms",
                   "" if count == 1 else f"{starts[count] / (count - 1):.1f} ms"] for count in STARTS]
    each = max(starts[count] / (count - 1) for count in STARTS if count > 1)

    rows = []
    for name, server, kept in (("nginx, kept connections", nginx, True), ("nginx, Connection: close", nginx, False),
                               ("gunicorn, a connection each", gunicorn, False),
                               ("gunicorn, threads, kept connections", gunicorn_threads, True)):
        lonely = statistics.median(alone(server, kept, place) for _ in range(rounds))
        for count in COUNTS:
            samples = measure.interleaved(rounds, {"cofferdam": with_cofferdam, "haproxy": with_haproxy},
                                          lambda way, s=server, c=count, k=kept: way(s, c, k, place))
            middle = measure.medians(samples)
            ratio = middle["cofferdam"] / middle["haproxy"]
            rows.append([name, str(count), f"{middle['cofferdam']:,.0f}", f"{middle['haproxy']:,.0f}",
                         f"{lonely:,.0f}" if count == 1 else "", f"{ratio:.2f}",
                         goals.verdict(f"{name} with {count}", ratio > 1)])
    text = f"""# Benchmarks of replicas

Written by `scripts/bench replicas --write`; figures of different machines are not comparable, the ratios are.

{measure.machine()}

## Start

`cofferdam run --replicas N -- sleep`, from the `started` event of the first instance to that of the last, all alive; medians of
{rounds} rounds. Goal: at most {MOST_EACH:.0f} ms for each after the first: {each:.1f} ms, {goals.verdict("start", each <= MOST_EACH)}.

{measure.table(["instances", "until all have started", "each after the first"], start_rows)}

## Requests a second

wrk with 16 connections on the same machine, medians of {rounds} interleaved rounds of 2 s; each server has one worker. haproxy
stands before as many plain processes (round robin). Goal: ahead of it, as there is no hop.

{measure.table(["server", "instances", "cofferdam", "haproxy", "one process alone", "ratio", "goal"], rows)}

A worker of gunicorn tells its arbiter with an fchmod(2) before each request that it lives. That is a write, and cofferdam records
who made it: 7 us each when nothing else runs, several times as much between two busy processes on two processors. With the
heartbeat switched off (`--timeout 0` and an empty `WorkerTmp.notify`) one instance served as many requests as gunicorn alone (12,000
a second each). A page that takes milliseconds does not feel it.

{goals.summary()}
"""
    print(text)
    if options.write:
        measure.write("replicas-benchmarks.md", text)


if __name__ == "__main__":
    main()
