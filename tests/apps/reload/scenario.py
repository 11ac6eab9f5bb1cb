#!/usr/bin/python3
"""Edits a server's code on the host while it runs under cofferdam behind a real reloader. Called by ./run.

    scenario.py NODE_MODULES RELOADER...
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, ROOT, check, equal, free_port, wait_for  # noqa: E402

NODE = """
const greeting = require('./lib/greeting');
require('http').createServer((_, answer) => answer.end(greeting)).listen(Number(process.env.PORT), '127.0.0.1');
"""
FLASK = """
import flask
from lib.greeting import GREETING
app = flask.Flask(__name__)
app.add_url_rule("/", view_func=lambda: GREETING)
"""
ASGI = """
from lib.greeting import GREETING
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": GREETING.encode()})
"""


class Kind:
    def __init__(self, policy, command, main, greeting_file, greeting, alone=False):
        self.policy, self.command, self.main = policy, command, main
        self.loses_removed_files = alone  # also without cofferdam
        self.greeting_file, self.greeting = greeting_file, greeting


JS = ("lib/greeting.js", "module.exports = '{}';\n")
PY = ("lib/greeting.py", "GREETING = '{}'\n")
KINDS = {
    "nodemon": Kind("node", ["node_modules/.bin/nodemon", "server.js"], ("server.js", NODE), *JS),
    "node": Kind("node", ["node", "--watch", "server.js"], ("server.js", NODE), *JS, True),
    "flask": Kind("twelve-factor", ["python3", "-m", "flask", "--app", "server", "--debug", "run", "--port", "PORT"],
                  ("server.py", FLASK), *PY),
    "uvicorn": Kind("twelve-factor", ["python3", "-m", "uvicorn", "--reload", "--port", "PORT", "server:app"],
                    ("server.py", ASGI), *PY),
}


def run(name, place, modules):
    kind = KINDS[name]
    port = str(free_port())
    if kind.policy == "node":
        shutil.copytree(modules, os.path.join(place.project, "node_modules"), symlinks=True)
    place.file(*kind.main)
    place.file(kind.greeting_file, kind.greeting.format("first"))
    log = os.path.join(place.out, "log")
    with open(log, "wb") as file:
        process = place.start(*[port if part == "PORT" else part for part in kind.command],
                              options=["--policy", kind.policy, "--format", "raw"], env={"PORT": port}, stdout=file,
                              stderr=subprocess.STDOUT)

    def says(greeting):
        check(process.poll() is None, "the server ended")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return answer.read().decode() == greeting
        except OSError:
            return False

    def in_place(text):
        place.file(kind.greeting_file, text)

    def replaced(text):
        os.rename(place.file(kind.greeting_file + ".new", text), os.path.join(place.project, kind.greeting_file))

    def checked_out(text):
        os.unlink(os.path.join(place.project, kind.greeting_file))
        place.file(kind.greeting_file, text)

    def directory_swapped(text):
        library, old = os.path.join(place.project, "lib"), os.path.join(place.project, "old")
        shutil.copytree(library, library + ".new", ignore=shutil.ignore_patterns("__pycache__"))
        place.file(kind.greeting_file.replace("lib/", "lib.new/"), text)
        os.rename(library, old)
        os.rename(library + ".new", library)
        shutil.rmtree(old)

    try:
        wait_for(lambda: says("first"), "the server to answer", 20)
        time.sleep(1)  # reloaders need a moment until they watch
        ways = (in_place, replaced, checked_out, directory_swapped, in_place)
        for save in ways[:2] if kind.loses_removed_files else ways:
            greeting = f"{save.__name__} {time.monotonic()}"
            before = time.monotonic()
            save(kind.greeting.format(greeting))
            wait_for(lambda text=greeting: says(text), f"the page after {save.__name__}", 8, 0.02)
            print(f"# {name}: {save.__name__}: {round((time.monotonic() - before) * 1000)} ms to the page", flush=True)
            time.sleep(1)
        process.send_signal(signal.SIGTERM)
        result = place.finish(process)
        equal([f["code"] for f in result.report["findings"] if f["code"] in ("CD105", "CD106")], [], "findings")
        edited = [entry["path"] for entry in result.report["lost"] if "greeting" in entry["path"]
                  and "__pycache__" not in entry["path"]]
        equal(edited, [], "edits of the host among the lost files")
    except Exception:
        with open(log, encoding="utf-8", errors="replace") as file:
            print(f"--- output of the run\n{file.read()[-3000:]}", file=sys.stderr)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main():
    good = True
    for name in sys.argv[2:]:
        place = Place()
        try:
            who = "root" if ROOT else "user"
            good = harness.run_one(f"apps/reload/{name}-{who}", run, name, place, sys.argv[1]) and good
        finally:
            place.remove()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
