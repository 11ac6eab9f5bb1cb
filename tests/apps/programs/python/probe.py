"""What every Python worker tries: a query of its own, and two tools that it executes."""

import os
import subprocess
import sys

import psycopg2

URL = os.environ["DATABASE_URL"]
CODE = "import os, psycopg2; psycopg2.connect(os.environ['DATABASE_URL'])"


def query():
    try:
        connection = psycopg2.connect(URL)
    except psycopg2.OperationalError as error:
        return "refused" if "Connection refused" in str(error) else repr(str(error))
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 40 + 2")
            return cursor.fetchone()[0]
    finally:
        connection.close()


def tool(*command):
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        return "connected"
    return "refused" if "Connection refused" in done.stderr else repr(done.stderr)


def tried():
    psql = tool("psql", URL, "-X", "-c", "select 1")
    return f"postgres {query()}\npsql {psql}\npython {tool('python3', '-c', CODE)}\n"


def say(_=None):
    """To standard error and past every buffer and capture."""
    os.write(2, "".join(f"worker {line}\n" for line in tried().splitlines()).encode())


if __name__ == "__main__":
    say()
    sys.exit(0)
