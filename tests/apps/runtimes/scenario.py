#!/usr/bin/python3
"""Programs in Node.js, Go and Java, their workers and the tools that they execute. Called by ./run.

    scenario.py KIT DATABASE_URL REDIS_URL [PART-OF-A-NAME...]

Each program says what became of what it tried, one line each: `WHO WHAT RESULT`. What the launcher says of it in events
and findings is compared with that.
"""

import errno
import os
import re
import shutil
import signal
import sys
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, ROOT, check, contains, equal, free_port, wait_for  # noqa: E402

KIT, DATABASE_URL, REDIS_URL, *CHOSEN = sys.argv[1:]
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{HERE}/java:/usr/share/java/postgresql.jar"]
CLIENTS = ["postgres 42", "redis 41"]
REFUSED = ["psql refused", "node ECONNREFUSED"]
PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


class Run:
    """A program that has ended, or was stopped once it had said all that is expected of it."""

    def __init__(self, place, command, policy, row=None, until=None, env=None, drive=None):
        text = f"version: 1\nextends: {policy}\n"
        if row:
            text += f"app:\n  also:\n    - {row}\n"
        options = ["--policy", place.file("cofferdam.yaml", text), "--format", "raw"]
        log = os.path.join(place.out, "log")
        environment = {"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL, "PGCONNECT_TIMEOUT": "5", **(env or {})}
        with open(log, "wb") as file:
            process = place.start(*command, options=options, env=environment, stdout=file, stderr=file)

        def lines():
            with open(log, encoding="utf-8", errors="replace") as file:
                return file.read().splitlines()
        try:
            if drive:
                drive(process, lines)
            if until:
                wait_for(lambda: process.poll() is not None or until in lines(), f"{until!r}", 30)
                process.send_signal(signal.SIGTERM)
            self.result = place.finish(process, 40)
        except Exception:
            print("\n".join(lines()[-30:]), file=sys.stderr)
            raise
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.lines = lines()

    def says(self, who, *wanted):
        for line in wanted:
            check(f"{who} {line}" in self.lines, f"{who} did not say {line!r}: " + " | ".join(self.lines[-25:]))

    def refused(self, *lineage):
        """An event, a finding of the same destination, and a message that names tool and app."""
        found = [event for event in self.result.of("connect") if event["verdict"] == "refused"]
        lineages = [event["process"]["lineage"] for event in found]
        check(list(lineage) in lineages, f"no refusal of {lineage}: {lineages}")
        equal({event["errno"] for event in found}, {errno.ECONNREFUSED}, "errno")
        messages = [finding["message"] for finding in self.result.report["findings"]]
        contains("\n".join(messages), " <- ".join(lineage), "findings")

    def admitted(self):
        """Nothing was refused that looks like the app."""
        refused = [finding["message"] for finding in self.result.findings("CD202")]
        equal(refused, [], "refused workers")

    def printed_row(self):
        """The row that the finding of a look-alike offers."""
        found = self.result.findings("CD202")
        check(found, f"no finding of a worker: {[finding['message'] for finding in self.result.report['findings']]}")
        return re.search(r"app\.also: (\{.*\})", found[0]["fix"]).group(1)


def node_project(place):
    shutil.copytree(os.path.join(HERE, "node"), place.project, dirs_exist_ok=True)
    os.symlink(os.path.join(KIT, "node_modules"), os.path.join(place.project, "node_modules"))


def pasted(place, command, policy, worker, wanted, **more):
    """Refused without a row, and the row that the finding prints admits it: what the user does."""
    first = Run(place, command, policy, **more)
    row = first.printed_row()
    second = Run(place, command, policy, row=row, **more)
    second.says(worker, *wanted)
    return first, row, second


# --- Node.js ---------------------------------------------------------------------------------------------------------


@program
def node(place):
    node_project(place)
    run = Run(place, ["node", "server.js"], "node", until="server listens")
    run.says("server", *CLIENTS, *REFUSED)
    run.refused("psql", "server.js")
    run.refused("node", "server.js")


@program
def node_cluster(place):
    node_project(place)
    run = Run(place, ["node", "clustered.js"], "node")
    for worker in ("worker1", "worker2"):
        run.says(worker, *CLIENTS, *REFUSED)
    run.refused("psql", "clustered.js", "clustered.js")
    run.admitted()


@program
def node_threads(place):
    node_project(place)
    run = Run(place, ["node", "threaded.js"], "node")
    run.says("thread", *CLIENTS, *REFUSED)
    run.refused("psql", "threaded.js")


@program
def node_fork(place):
    node_project(place)
    first, row, second = pasted(place, ["node", "forking.js"], "node", "child", CLIENTS)
    first.says("parent", *CLIENTS)
    first.says("child", "postgres ECONNREFUSED", "redis refused")
    first.refused("mailer.js", "forking.js")
    equal(row, '{exe: node, argv: ["*", "./jobs/mailer.js"]}', "row")
    second.says("child", *REFUSED)
    second.refused("psql", "mailer.js", "forking.js")


@program
def nodemon(place):
    node_project(place)
    run = Run(place, ["node_modules/.bin/nodemon", "server.js"], "node", until="server listens")
    run.says("server", *CLIENTS, *REFUSED)
    run.refused("psql", "server.js", "nodemon")
    run.admitted()


@program
def shell_in_its_place(place):
    """An entry that only starts the server; the row that the finding prints admits it."""
    node_project(place)
    _, row, second = pasted(place, ["sh", "-c", "node ./jobs/mailer.js; true"], "node", "child", CLIENTS)
    equal(row, '{exe: node, argv: ["*", "./jobs/mailer.js"]}', "row")
    second.refused("psql", "mailer.js", "sh")


@program
def npm_start(place):
    node_project(place)
    run = Run(place, ["npm", "start"], "node", until="server listens")
    run.says("server", *CLIENTS, *REFUSED)
    run.refused("psql", "server.js", "sh", "npm")
    run.admitted()


def visit_vite(port):
    def drive(process, lines):
        def answers():
            check(process.poll() is None, "vite ended: " + " | ".join(lines()))
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=20) as answer:
                    return answer.read() == b"asked"
            except OSError:
                return False
        wait_for(answers, "vite's answer", 30, 0.1)
    return drive


@program
def npm_run_dev_vite(place):
    node_project(place)
    port = free_port()
    run = Run(place, ["npm", "run", "dev"], "node", until="vite node ECONNREFUSED", env={"PORT": str(port)},
              drive=visit_vite(port))
    run.says("vite", *CLIENTS, *REFUSED)
    run.refused("psql", "vite", "sh", "npm")
    run.admitted()


@program
def concurrently_vite_and_api(place):
    node_project(place)
    port = free_port()
    run = Run(place, ["npm", "run", "both"], "node", row='{exe: node, argv: ["*", "api.js"]}',
              until="api node ECONNREFUSED", env={"PORT": str(port)}, drive=visit_vite(port))
    run.says("vite", *CLIENTS, *REFUSED)
    run.says("api", *CLIENTS, *REFUSED)
    run.admitted()


@program
def nvm_like_shim(place):
    """`node` on PATH is a script that executes the real one, as with nodenv, asdf and mise."""
    node_project(place)
    real = os.path.join(place.project, "versions", "node-20", "bin")
    os.makedirs(real)
    shutil.copy(shutil.which("node"), real)
    for name in ("node", "npm"):
        script = shutil.which("npm") if name == "npm" else ""
        place.file(f"shims/{name}", f"#!/bin/sh\nexec '{real}/node' {script} \"$@\"\n", 0o755)
    path = {"PATH": f"{place.project}/shims:{harness.PLAIN_PATH}"}
    run = Run(place, ["node", "server.js"], "node", until="server listens", env=path)
    run.says("server", *CLIENTS, *REFUSED)
    run.admitted()
    run = Run(place, ["npm", "start"], "node", until="server listens", env=path)
    run.says("server", *CLIENTS, *REFUSED)
    run.admitted()


@program
def node_disguises(place):
    """I9: the app's own script, run again with somebody else's code in front of it."""
    node_project(place)
    for how in ("options", "path", "require", "preload"):
        run = Run(place, ["node", "disguised.js", how], "node")
        run.says("app", *CLIENTS)
        run.says("again", "ECONNREFUSED")
        run.refused("disguised.js", "disguised.js")
        variable = {"options": "NODE_OPTIONS", "path": "NODE_PATH", "preload": "LD_PRELOAD"}.get(how)
        messages = [finding["message"] for finding in run.result.findings("CD201")]
        check(not variable or any(f"another {variable} than the app" in text for text in messages),
              f"{variable} is not named: {messages}")
    for how in ("itself", "memory", "modules"):  # rule (b): what the others lack is only the app's own environment
        run = Run(place, ["node", "disguised.js", how], "node")
        run.says("again", "connected")
        run.admitted()


@program
def node_native_engine(place):
    """A program of the project, which an overlay covers: as Prisma's engine, and as a static one."""
    engines = os.path.join(place.project, "node_modules", ".prisma", "client")
    os.makedirs(engines)
    shutil.copy(os.path.join(HERE, "node", "engine.js"), place.project)
    shutil.copy(os.path.realpath("/bin/bash"), os.path.join(engines, "query-engine-debian-openssl-3.0.x"))
    shutil.copy(f"{KIT}/helper", os.path.join(engines, "static-engine"))
    command = ["node", "engine.js"]
    run = Run(place, command, "node")
    run.says("query-engine-debian-openssl-3.0.x", "connected")  # a row of the policy
    run.says("static-engine", "refused")
    first, row, second = pasted(place, command, "twelve-factor", "query-engine-debian-openssl-3.0.x", ["connected"])
    first.says("query-engine-debian-openssl-3.0.x", "refused")
    second.says("static-engine", "refused")
    contains(row, "/client/query-engine-debian-openssl-3.0.x", "row")
    run = Run(place, command, "twelve-factor", row=second.printed_row())
    run.says("static-engine", "connected")


# --- Go --------------------------------------------------------------------------------------------------------------


def go_environment(**more):
    return {"HELPER": f"{KIT}/helper", "GO111MODULE": "off", "GOFLAGS": "-p=2", **more}


GO = ["redis 41", "storm 200"]


@program
def go_static(place):
    run = Run(place, [f"{KIT}/server"], "twelve-factor", env=go_environment())
    run.says("server", *GO, "redis-cli refused", "helper refused")
    run.refused("redis-cli", "server")
    run.refused("helper", "server")


@program
def go_of_the_project(place):
    """A server that was built into the project, which an overlay covers."""
    shutil.copy(f"{KIT}/server", place.project)
    run = Run(place, ["./server"], "twelve-factor", env=go_environment())
    run.says("server", *GO, "redis-cli refused", "helper refused")
    run.refused("helper", "server")


@program
def go_handed_over(place):
    """An entry script that ends by executing the server, as docker-entrypoint.sh does."""
    script = place.file("entrypoint.sh", '#!/bin/sh\necho starts\nexec "$@"\n', 0o755)
    run = Run(place, [script, f"{KIT}/server"], "twelve-factor", env=go_environment())
    run.says("server", *GO, "redis-cli refused", "helper refused")
    run.refused("helper", "server")


@program
def go_built_later(place):
    """A program below a shell, which is the app then: it was built when the row had been read."""
    run = Run(place, ["sh", "-c", f"mkdir tmp; cp {KIT}/server tmp/main-1; tmp/main-1; true"], "go",
              env=go_environment())
    run.says("server", *GO, "redis-cli refused", "helper refused")
    run.refused("helper", "main-1", "sh")
    run.admitted()


@program
def go_run(place):
    shutil.copy(os.path.join(HERE, "go", "main.go"), place.project)
    run = Run(place, ["go", "run", "main.go"], "go", env=go_environment())
    run.says("server", *GO, "redis-cli refused", "helper refused")
    run.refused("redis-cli", "main", "go")
    run.refused("helper", "main", "go")
    run.admitted()
    run = Run(place, ["go", "run", "main.go"], "twelve-factor", env=go_environment())
    contains("\n".join(finding["fix"] for finding in run.result.report["findings"]), "write `extends: go`", "fixes")


@program
def go_run_static(place):
    shutil.copy(os.path.join(HERE, "go", "main.go"), place.project)
    run = Run(place, ["go", "run", "main.go"], "go", env=go_environment(CGO_ENABLED="0"))
    run.says("server", *GO, "redis-cli refused", "helper refused")
    run.refused("redis-cli", "main", "go")
    run.refused("helper", "main", "go")
    run.admitted()


# --- Java ------------------------------------------------------------------------------------------------------------


@program
def java(place):
    run = Run(place, [*JAVA, "app.Server"], "twelve-factor")
    run.says("server", "postgres 42", "psql refused")
    run.says("tool", "java refused")
    run.refused("psql", "java app.Server")
    run.refused("java app.Tool", "java app.Server")


@program
def java_forked(place):
    """A JVM that another one starts, as bootRun does."""
    first, row, second = pasted(place, [*JAVA, "app.Starter"], "twelve-factor", "server", ["postgres 42"])
    first.says("server", "postgres refused")
    first.refused("java app.Server", "java app.Starter")
    contains(row, '"app.Server"]}', "row")
    second.says("server", "psql refused")
    second.says("tool", "java refused")


@program
def java_disguises(place):
    for how in ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "option"):
        run = Run(place, [*JAVA, "app.Disguised", how], "twelve-factor")
        run.says("app", "postgres 42")
        run.says("again", "java refused")
    run = Run(place, [*JAVA, "app.Disguised", "itself"], "twelve-factor")
    run.says("again", "java connected")


def main():
    good = True
    for name, function in PROGRAMS.items():
        name = f"apps/runtimes/{'root' if ROOT else 'user'}/{name.replace('_', '-')}"
        if CHOSEN and not any(part in name for part in CHOSEN):
            continue
        place = Place()
        try:
            good = harness.run_one(name, function, place) and good
        finally:
            place.remove()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
