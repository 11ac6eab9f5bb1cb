#!/usr/bin/python3
"""Each client reaches its server as the application and not as a tool that the application starts; see `run`."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile

from servers import ME, MariaDB, Memcached, PostgreSQL, Redis
from harness import BINARY, ROOT, Place, check, contains, equal, run_one

HERE = os.path.dirname(os.path.abspath(__file__))
PATHS = ("local", "container")
WHO = "root" if ROOT else "user"
SCHEMES = {PostgreSQL: "postgresql", MariaDB: "mysql", Redis: "redis", Memcached: "memcached"}


def url_of(server):
    return f"{SCHEMES[type(server)]}://127.0.0.1:{server.port}"


def prepare(place, path, database="{}"):
    for name in ("app.py", "hiredis.c"):
        shutil.copy(os.path.join(HERE, name), place.project)
    place.file("cofferdam.yaml", f"version: 1\nextends: twelve-factor\nmode: {path}\ndatabase: {database}\n")


def reaches(place, path, server, client, tool, answer, socket=""):
    """The app gets its answer; the tool is refused at once, and a finding names it."""
    prepare(place, path, f"{{sockets: [\"{socket}\"]}}" if socket else "{}")
    variables = {"PORT": str(server.port), "SOCKET": socket, "DATABASE_URL": url_of(server)}
    result = place.run("/usr/bin/python3", "app.py", client, *tool, options=["--format", "raw"], env=variables)
    equal(result.code, 0, f"exit status of the app ({result.err})")
    seen = json.loads(result.out)
    equal(seen["answer"], answer, "what the app got")
    check(seen["status"] != 0, f"the tool was not refused: {seen}")
    check(seen["seconds"] < 1, f"the tool took {seen['seconds']:.2f} s to fail")
    findings = result.findings("CD201")
    check(findings, f"no finding about the tool, which said {seen['said']!r}")
    equal(os.path.basename(findings[0]["process"]["argv"][0]), tool[0], "who was refused")
    # memcping has no words for it; MariaDB's client has a number.
    words = ("denied", "(13)") if socket else ("refused", "(111)", "connection failure")
    check(any(word in seen["said"].lower() for word in words), f"what the tool says: {seen['said']!r}")


def hiredis(place, path, server):
    prepare(place, path)
    subprocess.run(["gcc", "-O1", "-o", "client", "hiredis.c", "-lhiredis"], cwd=place.project, check=True)
    result = place.run("./client", str(server.port), options=["--format", "raw"], env={"REDIS_URL": url_of(server)})
    equal((result.code, result.out), (0, b"42\n"), f"hiredis ({result.err})")
    equal([c["outcome"] for c in result.report["connections"]], ["connected"], "connections of the report")


def shell(place, *command, env):
    """`cofferdam shell -- COMMAND` on a terminal: its exit status and what the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(place.project)
            signal.alarm(20)
            os.execve(BINARY, [BINARY, "shell", "--", *command], {**place.env, "TERM": "dumb", "PAGER": "cat", **env})
        finally:
            os._exit(99)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:  # the other side is gone
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")


def one_off(place, path, server, tool, client):
    """What a one-off may, the same program inside of the app may not; and without a row the one-off may not either."""
    variables = {"DATABASE_URL": url_of(server), "PORT": str(server.port), "PGHOST": "127.0.0.1", "PGPORT": str(server.port)}
    prepare(place, path, "{allow: [\"env:DATABASE_URL\", {from: one-off, to: \"env:DATABASE_URL\"}]}")
    result = place.run("/usr/bin/python3", "app.py", client, *tool, options=["--format", "raw"], env=variables)
    check(json.loads(result.out)["status"] != 0, f"{tool[0]} inside of the app was not refused")
    equal(result.findings("CD201")[0]["policy"]["line"], 4, "policy line of the refusal")
    if path == "local":  # container mode has no one-off: it is another container
        code, shown = shell(place, *tool, env=variables)
        equal(code, 0, f"exit status of the one-off ({shown})")
        contains(shown, "42", "what the one-off shows")
        prepare(place, path, "{allow: [\"env:DATABASE_URL\"]}")
        code, shown = shell(place, *tool, env=variables)
        check(code != 0, f"a one-off without a row reached the database: {shown}")
    prepare(place, path, "{allow: [{from: any, to: \"env:DATABASE_URL\"}]}")
    result = place.run("/usr/bin/python3", "app.py", client, *tool, options=["--format", "raw"], env=variables)
    equal(json.loads(result.out)["status"], 0, f"{tool[0]} with from: any ({result.out})")


SUITE = '''
import glob, os, subprocess, tempfile
import psycopg2, pytest
PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]

@pytest.fixture(scope="session")
def database():
    base = tempfile.mkdtemp(dir=os.environ["BASE"])
    call = lambda *command: subprocess.run([PROGRAMS + "/" + command[0], "-D", base + "/data", *command[1:]], check=True,
                                           stdout=subprocess.DEVNULL, timeout=30)
    call("initdb", "-U", "test", "-A", "trust", "--no-sync")
    call("pg_ctl", "-w", "-t", "20", "-l", base + "/log", "-o", f"-k {base} -p 5432 -c listen_addresses= -c fsync=off", "start")
    yield base
    call("pg_ctl", "-m", "immediate", "stop")

def test_by_library(database):
    with psycopg2.connect(host=database, user="test", dbname="postgres") as connection:
        cursor = connection.cursor()
        cursor.execute("select 6 * 7")
        assert cursor.fetchone() == (42,)

def test_by_tool(database):
    said = subprocess.run(["psql", "-h", database, "-U", "test", "-d", "postgres", "-Atc", "select 6 * 7"], capture_output=True)
    assert said.stdout == b"42\\n", said
'''


def own_database(place, path):
    """A test suite that starts a server of its own, on a tmpfs of the instance, and asks it by a tool as well."""
    base = "/dev/shm"
    place.file("test_suite.py", SUITE)
    prepare(place, path, f"{{allow: [{{from: any, to: \"unix:{base}/**/.s.PGSQL.*\"}}]}}")
    # initdb refuses to run as root.
    options = ["--format", "raw", *(["--user", "nobody"] if ROOT else [])]
    before = set(os.listdir(base))
    try:
        result = place.run("/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_suite.py", options=options,
                           env={"BASE": base, "TMPDIR": base}, timeout=60)
    finally:
        for name in set(os.listdir(base)) - before:
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)
    equal(result.code, 0, f"exit status of pytest ({result.out.decode()[-1500:]} {result.err[-500:]})")
    contains(result.out, b"2 passed", "what pytest says")


class Bench:
    """All servers, with one socket directory below /tmp and one in a project of its own."""

    def __init__(self):
        self.below_tmp = tempfile.mkdtemp(prefix="cofferdam-sockets.", dir="/tmp")
        self.servers = []
        self.projects = Place()
        os.chmod(self.below_tmp, 0o755)

    def start(self, kind, *arguments):
        self.servers.append(kind(*arguments))
        return self.servers[-1]

    def stop(self):
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.below_tmp, ignore_errors=True)
        self.projects.remove()


def tests_of(bench):
    """Name and function of each test; the function takes a Place and a path."""
    in_project = os.path.join(bench.projects.project, "db")
    postgres = bench.start(PostgreSQL, bench.below_tmp, in_project)
    mariadb, redis, memcached = bench.start(MariaDB), bench.start(Redis), bench.start(Memcached)
    psql = ["psql", "-X", "-h", "127.0.0.1", "-p", str(postgres.port), "-d", "postgres", "-Atc", "select 6 * 7"]
    mysql = ["mysql", "--no-defaults", "-h", "127.0.0.1", "-P", str(mariadb.port), "-u", "app", "-papp-secret", "-e", "select 42"]

    def peer(directory):
        tool = ["psql", "-X", "-h", directory, "-p", str(postgres.port), "-d", "postgres", "-Atc", "select 1"]
        socket = f"{directory}/.s.PGSQL.{postgres.port}"
        return lambda place, path: reaches(place, path, postgres, "psycopg2_peer", tool, ME, socket)

    def by_tcp(server, client, tool):
        return lambda place, path: reaches(place, path, server, client, tool, 42)

    return {
        "psycopg2": by_tcp(postgres, "psycopg2_tcp", psql),
        "psycopg2-async": by_tcp(postgres, "psycopg2_async", psql),
        "postgres-peer-below-tmp": peer(bench.below_tmp),
        "postgres-peer-in-the-project": peer(in_project),
        "pymysql": by_tcp(mariadb, "pymysql_tcp", mysql),
        "mariadb-peer": lambda place, path: reaches(
            place, path, mariadb, "pymysql_peer", ["mysql", "--no-defaults", "-S", mariadb.socket, "-e", "select 1"], ME,
            mariadb.socket),
        "redis-py": by_tcp(redis, "redis_py", ["redis-cli", "-p", str(redis.port), "-e", "ping"]),
        "hiredis": lambda place, path: hiredis(place, path, redis),
        "pymemcache": by_tcp(memcached, "pymemcache", ["memcping", f"--servers=127.0.0.1:{memcached.port}"]),
        "one-off-psql": lambda place, path: one_off(place, path, postgres, psql, "psycopg2_tcp"),
        "one-off-mysql": lambda place, path: one_off(place, path, mariadb, mysql, "pymysql_tcp"),
        "suite-with-a-database-of-its-own": own_database,
    }


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` cleans up
    good = True
    bench = Bench()
    try:
        for name, function in tests_of(bench).items():
            if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
                continue
            for path in PATHS:
                place = Place()
                try:
                    good = run_one(f"apps/clients/{WHO}/{name}-{path}", function, place, path) and good
                finally:
                    place.remove()
    finally:
        bench.stop()
    sys.exit(0 if good else 1)


main()
