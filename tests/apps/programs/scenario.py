#!/usr/bin/python3
"""Programs in Python, PHP and Ruby, their workers and the tools that they execute. Called by ./run.

    scenario.py KIT DATABASE_URL REDIS_URL [PART-OF-A-NAME...]

Every program is a row of PROGRAMS: how it is started, with which policy and row, and how its work is asked for. A worker
says what became of what it tried, in an HTTP answer or, after the word `worker`, on standard output or error.
"""

import dataclasses
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "cli"))
sys.dont_write_bytecode = True
import harness  # noqa: E402
from harness import Place, ROOT, check, contains, equal, free_port, wait_for  # noqa: E402

KIT, DATABASE_URL, REDIS_URL, *CHOSEN = sys.argv[1:]
DATABASE_PORT = re.search(r":(\d+)/", DATABASE_URL).group(1)
VARIABLES = {"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL, "PGCONNECT_TIMEOUT": "5"}
PORT = "PORT"  # in a command: a free port of the loopback


# --- how work is asked for: the text that workers answered with, none while they can't yet ------------------------------


def http(place, port):  # pylint: disable=unused-argument
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"status {error.code}: {error.read().decode(errors='replace')}"
    except OSError:
        return ""


def fast_cgi(place, port):
    index = os.path.join(place.project, "index.php")
    done = subprocess.run(["cgi-fcgi", "-bind", "-connect", f"127.0.0.1:{port}"], check=False, capture_output=True,
                          text=True, timeout=20, env={"PATH": harness.PLAIN_PATH, "SCRIPT_FILENAME": index,
                                                      "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/index.php"})
    return done.stdout.replace("\r", "")


def celery_task(place, _):
    """Asks once, from outside; the worker says the rest."""
    marker = os.path.join(place.out, "asked")
    if not os.path.exists(marker):
        subprocess.run(["/usr/bin/python3", "tasks.py"], check=True, cwd=place.project, timeout=20,
                       env={**place.env, **VARIABLES})
        with open(marker, "w", encoding="utf-8"):
            pass
    return said(place)


def said(place, *_):
    with open(os.path.join(place.out, "log"), encoding="utf-8", errors="replace") as file:
        return "".join(line[len("worker "):] for line in file if line.startswith("worker "))


# --- the programs ------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Program:
    """`app`: its name in a lineage. `tools`: what its workers execute. `also`: the one row that it needs, `printed` when
    it is the one that the refusal prints; then the program runs without it first. `reload`: the signal that makes it
    execute itself in its own place, or, with `upgrade`, in a child that takes over (gunicorn)."""

    name: str
    folder: str
    command: list
    app: str
    tools: tuple
    policy: str = "twelve-factor"
    also: str = ""
    printed: bool = False
    ask: object = said
    env: dict = dataclasses.field(default_factory=dict)
    prepare: object = None
    reload: int = 0
    upgrade: bool = False


PYTHON = ("psql", "python")
PHP = ("psql", "php")
RUBY = ("psql", "ruby")


def fpm(place):
    place.file("fpm.conf", "[global]\nerror_log = /dev/stderr\n[www]\nlisten = 127.0.0.1:$PORT\npm = static\n"
                           "pm.max_children = 2\nclear_env = no\n")


def shim(place):
    place.file("shims/python3", '#!/bin/sh\nexec /usr/bin/python3 "$@"\n', 0o755)


def rack_program(place):
    shutil.copy(os.path.join(HERE, "ruby", "config.ru"), os.path.join(place.project, "probe.ru"))


def python(name, *command, **more):
    more.setdefault("app", os.path.basename(command[0]))
    return Program(name, "python", list(command), tools=PYTHON, **more)


def php(name, *command, **more):
    return Program(name, "php", list(command), tools=PHP, **more)


def shape(name):
    return Program(name, "shapes", [f"{KIT}/shapes", name.removeprefix("shape-"), DATABASE_PORT], "shapes", ("psql",))


GUNICORN = ("gunicorn", "-w", "2", "-b", f"127.0.0.1:{PORT}")
PROGRAMS = [
    python("gunicorn-prefork", *GUNICORN, "wsgi:application", ask=http),
    python("gunicorn-upgrade", *GUNICORN, "wsgi:application", ask=http, reload=signal.SIGUSR2, upgrade=True),
    python("gunicorn-module-upgrade", "python3", "-m", *GUNICORN, "wsgi:application", app="python3.11 -m gunicorn",
           ask=http, reload=signal.SIGUSR2, upgrade=True, also='{exe: python3, argv: ["*", "*/gunicorn/__main__.py"]}'),
    python("gunicorn-gthread", *GUNICORN, "-k", "gthread", "--threads", "4", "wsgi:application", ask=http),
    python("uvicorn-reload", "uvicorn", "--reload", "--port", PORT, "asgi:app", ask=http, policy="django"),
    python("uvicorn-workers", "uvicorn", "--workers", "2", "--port", PORT, "asgi:app", ask=http, policy="django"),
    python("multiprocessing-fork", "python3", "pool.py", "fork", app="pool.py"),
    python("multiprocessing-forkserver", "python3", "pool.py", "forkserver", app="pool.py", policy="django"),
    python("multiprocessing-forkserver-printed-row", "python3", "pool.py", "forkserver", app="pool.py", printed=True),
    python("multiprocessing-spawn", "python3", "pool.py", "spawn", app="pool.py", policy="django"),
    python("multiprocessing-spawn-printed-row", "python3", "pool.py", "spawn", app="pool.py", printed=True),
    python("multiprocessing-spawn-options", "python3", "-X", "dev", "-W", "error::DeprecationWarning", "pool.py", "spawn",
           app="pool.py", policy="django", env={"PYTHONDONTWRITEBYTECODE": "1"}),
    python("celery-prefork", "python3", "-m", "celery", "-A", "tasks", "worker", "-c", "2", app="python3.11 -m celery",
           ask=celery_task),
    php("php-fpm", "php-fpm8.2", "-R", "-F", "-y", "fpm.conf", app="php-fpm8.2", ask=fast_cgi, prepare=fpm),
    php("php-fpm-reload", "php-fpm8.2", "-R", "-F", "-y", "fpm.conf", app="php-fpm8.2", ask=fast_cgi, prepare=fpm,
        reload=signal.SIGUSR2),
    php("php-server", "php", "-S", f"127.0.0.1:{PORT}", "index.php", app="index.php", ask=http,
        env={"PHP_CLI_SERVER_WORKERS": "3"}),
    php("php-artisan-serve", "php", "artisan", "serve", PORT, app="artisan", ask=http, printed=True),
    Program("puma-cluster", "ruby", ["puma", "-w", "2", "-b", f"tcp://127.0.0.1:{PORT}"], "puma", RUBY, ask=http),
    Program("puma-restart", "ruby", ["puma", "-b", f"tcp://127.0.0.1:{PORT}"], "puma", RUBY, ask=http,
            reload=signal.SIGUSR2),
    Program("rails-server", "rails", ["bin/rails", "server", "-p", PORT], "rails", RUBY, ask=http, prepare=rack_program),
    Program("rails-server-cluster", "rails", ["bin/rails", "server", "-p", PORT], "rails", RUBY, ask=http,
            prepare=rack_program, env={"WEB_CONCURRENCY": "2"}),
    python("uwsgi", "uwsgi", "--plugin", "python3", "--http-socket", f"127.0.0.1:{PORT}", "--master", "--processes", "2",
           "--die-on-term", "--wsgi-file", "wsgi.py", app="uwsgi-core", ask=http),
    python("uwsgi-reload", "uwsgi", "--plugin", "python3", "--http-socket", f"127.0.0.1:{PORT}", "--master", "--processes",
           "2", "--die-on-term", "--wsgi-file", "wsgi.py", app="uwsgi-core", ask=http, reload=signal.SIGHUP),
    python("reload-in-place", "python3", "reloading.py", PORT, app="reloading.py", ask=http, reload=signal.SIGUSR2),
    python("daemon-reload", "python3", "daemon.py", PORT, app="daemon.py", ask=http, reload=signal.SIGUSR2),
    python("flask-debug", "flask", "--app", "flaskapp", "--debug", "run", "--port", PORT, ask=http),
    python("pytest-xdist", "pytest", "-s", "-n", "2", "-p", "no:cacheprovider", "test_worker.py", policy="django"),
    python("pytest-xdist-printed-row", "pytest", "-s", "-n", "2", "-p", "no:cacheprovider", "test_worker.py", printed=True),
    python("pyenv-shim", "python3", "probe.py", app="probe.py", prepare=shim, env={"PATH": "shims"}),
    python("pyenv-shim-spawn", "python3", "pool.py", "spawn", app="pool.py", policy="django", prepare=shim,
           env={"PATH": "shims"}),
    python("env-script", "./script.py", app="script.py"),
    shape("shape-daemon"),
    shape("shape-thread"),
    shape("shape-dead-leader"),
    shape("shape-vfork"),
]


# --- one run -----------------------------------------------------------------------------------------------------------


def filled(text, port):
    return text.replace(PORT, str(port))


def start_and_ask(program, place, port, row, wanted):
    """Runs the program until a worker has said `wanted`, or its command has ended. Returns the result and what workers
    said."""
    text = f"version: 1\nextends: {program.policy}\n" + (f"app:\n  also:\n    - {row}\n" if row else "")
    env = {**VARIABLES, **program.env}
    if "PATH" in env:
        env["PATH"] = f"{place.project}/{env['PATH']}:{harness.PLAIN_PATH}"
    log = os.path.join(place.out, "log")
    with open(log, "wb") as file:
        process = place.start(*[filled(part, port) for part in program.command], stdout=file, stderr=file, env=env,
                              options=["--policy", place.file("cofferdam.yaml", text), "--format", "raw"])
    answer = ""

    def answered():
        nonlocal answer
        ended = process.poll() is not None
        answer = program.ask(place, port) or answer
        return ended or all(word in answer for word in wanted)
    try:
        wait_for(answered, "a worker's answer", 30, 0.1)
        if program.reload:
            before = images(process.pid)
            process.send_signal(program.reload)
            if program.upgrade:
                wait_for(lambda: stops_old_workers(before, process.pid), "a new master", 10, 0.1)
            else:
                wait_for(lambda: executes_itself(process.pid, before), "a new image", 10, 0.1)
            answer = ""
            wait_for(answered, "an answer after the reload", 30, 0.1)
        for pid in images(process.pid) if program.upgrade else ():
            os.kill(pid, signal.SIGCONT)
        if process.poll() is None and program.ask is not said:
            process.send_signal(signal.SIGTERM)
        result = place.finish(process, 30)
    except Exception:
        with open(log, encoding="utf-8", errors="replace") as file:
            print(file.read()[-3000:], answer, file=sys.stderr)
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    with open(log, encoding="utf-8", errors="replace") as file:
        result.err = file.read()
    return result, answer


def images(launcher):
    """The auxiliary vector of every process below the launcher: another one is another image."""
    parents, found, known = {}, {}, [launcher]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                parents[int(pid)] = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            pass
    for pid in known:
        known += [child for child, parent in parents.items() if parent == pid]
        try:
            with open(f"/proc/{pid}/auxv", "rb") as file:
                found[pid] = file.read()
        except OSError:
            pass
    return found


def executes_itself(launcher, before):
    return any(vector and before.get(pid, vector) != vector for pid, vector in images(launcher).items())


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def stops_old_workers(before, launcher):
    """Once the new master has workers, those of the old one stand still, so that only the new ones answer."""
    now = images(launcher)
    masters = [pid for pid in now.keys() - before.keys() if parent_of(pid) in before and now[pid]]
    masters = [pid for pid in masters if now[pid] not in before.values()]
    if not any(parent_of(pid) in masters for pid in now):
        return False
    for pid in before:
        if parent_of(pid) == parent_of(masters[0]) and pid not in masters:
            os.kill(pid, signal.SIGSTOP)
    return True


def refusals(result):
    return [event for event in result.of("connect") if event["verdict"] == "refused"]


def printed_row(result):
    """The row that the refusal of a look-alike offers, as a developer reads it."""
    found = result.findings("CD202")
    check(found, f"no finding of a worker: {[finding['message'] for finding in result.report['findings']]}")
    return re.search(r"app\.also: (\{.*\})", found[0]["fix"]).group(1)


def try_program(program, place):
    shutil.copytree(os.path.join(HERE, program.folder), place.project, dirs_exist_ok=True)
    port = free_port()
    if program.prepare:
        program.prepare(place)
    conf = os.path.join(place.project, "fpm.conf")
    if os.path.exists(conf):
        with open(conf, encoding="utf-8") as file:
            place.file("fpm.conf", filled(file.read().replace("$", ""), port))
    row = program.also
    if program.printed:
        result, answer = start_and_ask(program, place, port, "", ["postgres refused"])
        contains(answer, "postgres refused", f"a worker without the row ({result.err[-800:]})")
        row = printed_row(result)
    wanted = ["postgres ", *(f"{tool} " for tool in program.tools)]
    result, answer = start_and_ask(program, place, port, row, wanted)
    said_all = answer + result.err[-1500:]
    check("postgres 42" in answer or "postgres answered" in answer, f"no query of a worker: {said_all}")
    for tool in program.tools:
        contains(answer, f"{tool} refused", f"a tool of the worker ({said_all})")
        lineages = [event["process"]["lineage"] for event in refusals(result)]
        check(any(lineage[0].startswith(tool) and lineage[-1] == program.app for lineage in lineages),
              f"no event names {tool} <- ... <- {program.app}: {lineages}")
    equal({event["errno"] for event in refusals(result)}, {errno.ECONNREFUSED}, "errno")
    check("postgres refused" not in answer, f"a worker was refused: {said_all}")


def main():
    good = True
    for program in PROGRAMS:
        name = f"apps/programs/{'root' if ROOT else 'user'}/{program.name}"
        if CHOSEN and not any(part in name for part in CHOSEN):
            continue
        place = Place()
        try:
            good = harness.run_one(name, try_program, program, place) and good
        finally:
            place.remove()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
