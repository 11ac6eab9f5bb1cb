#!/usr/bin/python3
"""The example application of scripts/demo: a photo album. It saves uploads as files, keeps a log file, has its rows in
PostgreSQL, and makes its nightly statistics with psql. Each of these works on a laptop; not all do in production.

    app.py PORT     with DATABASE_URL and MEDIA_ROOT in the environment
"""

import logging
import os
import signal
import subprocess
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import psycopg2

MEDIA_ROOT = os.environ["MEDIA_ROOT"]
os.makedirs(MEDIA_ROOT, exist_ok=True)
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s",
                    handlers=[logging.StreamHandler(sys.stdout), logging.FileHandler(os.path.join(MEDIA_ROOT, "app.log"))])
log = logging.getLogger("album")


def photos():
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("create table if not exists photo (name text)")
        cursor.execute("select count(*) from photo")
        return cursor.fetchone()[0]


def upload(name, data):
    with open(os.path.join(MEDIA_ROOT, os.path.basename(name)), "wb") as file:
        file.write(data)
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("insert into photo values (%s)", (name,))
    log.info("saved %s, %d bytes", name, len(data))
    return f"saved {name}"


def statistics():
    command = ["psql", os.environ["DATABASE_URL"], "-X", "-t", "-A", "-c", "select count(*) from photo"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        log.error("statistics failed: %s", result.stderr.strip().splitlines()[0])
    return result.stdout.strip() or f"psql exits with {result.returncode}: {result.stderr.strip().splitlines()[0]}"


def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/upload":
        body = upload(query, environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    elif path == "/statistics":
        body = statistics()
    else:
        body = f"{photos()} photos in the album"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode() + b"\n"]


class Handler(WSGIRequestHandler):
    def log_message(self, *args):
        log.info(args[0], *args[1:])


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with make_server("127.0.0.1", int(sys.argv[1]), application, handler_class=Handler) as server:
    log.info("album is open on port %s", sys.argv[1])
    server.serve_forever()
