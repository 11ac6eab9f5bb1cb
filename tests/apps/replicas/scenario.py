#!/usr/bin/python3
"""Replaces the instances of a real server while wrk asks it for pages. Called by ./run.

    scenario.py SERVER...
"""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, ROOT, check, equal, free_port, wait_for  # noqa: E402

WSGI = """
import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.environ["COFFERDAM_INSTANCE"].encode()]
"""
# Its configuration knows no environment: a shell writes the name into it.
NGINX = """
daemon off;
worker_processes 2;
pid /tmp/nginx.pid;
error_log /dev/stderr;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server { listen 127.0.0.1:PORT; location / { return 200 "INSTANCE"; } }
}
"""
START = """
sed "s/INSTANCE/$COFFERDAM_INSTANCE/" nginx.conf > /tmp/nginx.conf
exec /usr/sbin/nginx -p . -c /tmp/nginx.conf
"""
NODE = """
const server = require('http').createServer((_, answer) => answer.end(process.env.COFFERDAM_INSTANCE));
server.listen(PORT, '127.0.0.1');
process.on('SIGTERM', () => server.close());
"""

# Files, command, policy.
SERVERS = {
    "gunicorn": ({"app.py": WSGI}, "gunicorn --workers 2 --bind 127.0.0.1:PORT app:app", ""),
    "gthread": ({"app.py": WSGI}, "gunicorn --threads 4 --bind 127.0.0.1:PORT app:app", ""),
    # As its image says: SIGTERM is nginx's fast end, which drops requests.
    "nginx": ({"nginx.conf": NGINX, "start": START}, "sh start", "run: {stop_signal: SIGQUIT}\n"),
    "node": ({"server.js": NODE}, "node server.js", "run: {readiness: {http: /}}\n"),
}


def load(port, seconds):
    """Each request with a connection of its own: on a kept one a server that stops may close just as a request comes,
    with or without us."""
    return subprocess.Popen(["wrk", "-c", "16", "-t", "2", "-d", str(seconds), "-H", "Connection: close",
                             f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)


def run(name, place):
    files, command, policy = SERVERS[name]
    port = free_port()
    for file, text in files.items():
        place.file(file, text.replace("PORT", str(port)))
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\n" + policy)
    words = command.replace("PORT", str(port)).split()
    process = place.start(*words, options=("--replicas", "2"), env={"PORT": str(port)},
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def answers():
        found = set()
        for _ in range(40):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    found.add(answer.read().decode())
            except OSError:
                return set()
        return found

    try:
        wait_for(lambda: len(answers()) >= 2, "both instances to answer", 20)
        before = answers()
        wrk = load(port, 6)
        time.sleep(0.5)
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(answers()) >= 2 and not answers() & before, "the new instances", 20)
        out = wrk.communicate(timeout=30)[0]
        check("Socket errors" not in out and "Non-2xx" not in out, out)
        count = int(re.search(r"(\d+) requests in", out).group(1))
        check(count > 1000, out)
        process.send_signal(signal.SIGTERM)
        result = place.finish(process)
        equal(len(result.report["instances"]), 4, "instances")
        equal([f["code"] for f in result.report["findings"] if f["code"].startswith("CD5")], [], "findings")
        print(f"# {name}: {count} requests, none failed", flush=True)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main():
    good = True
    for name in sys.argv[1:]:
        place = Place()
        try:
            who = "root" if ROOT else "user"
            good = harness.run_one(f"apps/replicas/{name}-{who}", run, name, place) and good
        finally:
            place.remove()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
