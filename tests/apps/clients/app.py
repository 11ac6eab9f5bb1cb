"""An application that asks its database by one client library, then lets a tool ask: python3 app.py CLIENT TOOL...

The places come from the environment: PORT, SOCKET. Prints one JSON line."""

import json
import os
import select
import subprocess
import sys
import time

PORT = int(os.environ["PORT"])
SOCKET = os.environ.get("SOCKET", "")


def psycopg2_tcp():
    import psycopg2
    with psycopg2.connect(host="127.0.0.1", port=PORT, dbname="postgres", connect_timeout=5) as database:
        cursor = database.cursor()
        cursor.execute("select 6 * 7")
        return cursor.fetchone()[0]


def psycopg2_async():
    """libpq without blocking: connect, then poll until the connection is there."""
    import psycopg2
    import psycopg2.extensions as extensions
    database = psycopg2.connect(host="127.0.0.1", port=PORT, dbname="postgres", async_=True)

    def settle():
        while True:
            state = database.poll()
            if state == extensions.POLL_OK:
                return
            writes = state == extensions.POLL_WRITE
            ready = select.select([] if writes else [database], [database] if writes else [], [], 5)
            if not ready[0] and not ready[1]:
                raise TimeoutError("no answer")

    settle()
    cursor = database.cursor()
    cursor.execute("select 6 * 7")
    settle()
    return cursor.fetchone()[0]


def psycopg2_peer():
    """By the socket, as whom the kernel says."""
    import psycopg2
    with psycopg2.connect(host=os.path.dirname(SOCKET), port=PORT, dbname="postgres") as database:
        cursor = database.cursor()
        cursor.execute("select current_user")
        return cursor.fetchone()[0]


def pymysql_tcp():
    import pymysql
    with pymysql.connect(host="127.0.0.1", port=PORT, user="app", password="app-secret", connect_timeout=5) as database:
        cursor = database.cursor()
        cursor.execute("select 6 * 7")
        return cursor.fetchone()[0]


def pymysql_peer():
    import getpass
    import pymysql
    with pymysql.connect(unix_socket=SOCKET, user=getpass.getuser()) as database:
        cursor = database.cursor()
        cursor.execute("select current_user()")
        return cursor.fetchone()[0].split("@")[0]


def redis_py():
    import redis
    client = redis.Redis(host="127.0.0.1", port=PORT, socket_connect_timeout=5)
    client.set("answer", "42")
    return int(client.get("answer"))


def pymemcache():
    from pymemcache.client.base import Client
    client = Client(("127.0.0.1", PORT), connect_timeout=5, timeout=5)
    client.set("answer", "42")
    return int(client.get("answer"))


def main():
    answer = globals()[sys.argv[1]]()
    begin = time.monotonic()
    tool = subprocess.run(sys.argv[2:], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    print(json.dumps({"answer": answer, "status": tool.returncode, "seconds": time.monotonic() - begin,
                      "said": tool.stdout + tool.stderr}))


if __name__ == "__main__":
    main()
