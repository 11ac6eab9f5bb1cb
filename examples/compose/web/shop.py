"""A small shop: photos in object storage, rows in PostgreSQL, and two mistakes that work on every laptop.

    POST /photos/NAME    keeps the body in object storage and adds a row
    GET  /photos/NAME    the photo
    GET  /               the names of all photos, and who answers
    POST /drafts/NAME    mistake 1: keeps the body in a local file
    GET  /drafts/NAME    the draft, where there is one
    GET  /export         mistake 2: asks the database by a program of its own, psql
"""

import json
import logging
import os
import socket
import subprocess
import sys

import boto3
import psycopg2

BUCKET = "shop"
DRAFTS = "/tmp/drafts"
INSTANCE = socket.gethostname()  # Docker gives each instance a name of its own

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(message)s")
log = logging.getLogger("shop")


def query(statement, *values):
    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def objects():
    return boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"], region_name="us-east-1")


def save_photo(name, body):
    objects().put_object(Bucket=BUCKET, Key=name, Body=body)
    query("insert into photo (name, bytes, instance) values (%s, %s, %s)", name, len(body), INSTANCE)
    log.info("photo %s saved, %d bytes", name, len(body))
    return "201 Created", {"name": name, "instance": INSTANCE}


def show_photo(name):
    return "200 OK", objects().get_object(Bucket=BUCKET, Key=name)["Body"].read()


def save_draft(name, body):
    os.makedirs(DRAFTS, exist_ok=True)
    with open(os.path.join(DRAFTS, name), "wb") as file:
        file.write(body)
    return "201 Created", {"name": name, "instance": INSTANCE}


def show_draft(name):
    try:
        with open(os.path.join(DRAFTS, name), "rb") as file:
            return "200 OK", file.read()
    except FileNotFoundError:
        return "404 Not Found", {"error": "no such draft here", "instance": INSTANCE}


def export():
    result = subprocess.run(["sh", "-c", 'psql "$DATABASE_URL" -c "select * from photo"'], check=False,
                            capture_output=True, text=True)
    if result.returncode != 0:
        log.error("export failed: %s", result.stderr.strip())
        return "502 Bad Gateway", {"error": result.stderr, "instance": INSTANCE}
    return "200 OK", result.stdout.encode()


def answer(method, path, read):
    kind, _, name = path.strip("/").partition("/")
    name = os.path.basename(name)
    if (method, kind) == ("POST", "photos"):
        return save_photo(name, read())
    if (method, kind) == ("GET", "photos"):
        return show_photo(name)
    if (method, kind) == ("POST", "drafts"):
        return save_draft(name, read())
    if (method, kind) == ("GET", "drafts"):
        return show_draft(name)
    if (method, kind) == ("GET", "export"):
        return export()
    if (method, kind) == ("GET", ""):
        rows = query("select name from photo order by id")
        return "200 OK", {"photos": [name for name, in rows], "instance": INSTANCE}
    return "404 Not Found", {"error": f"no {path}", "instance": INSTANCE}


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    try:
        status, body = answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], lambda: environ["wsgi.input"].read(length))
    except Exception:  # the visitor gets an answer, the log the trace
        log.exception("%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"])
        status, body = "500 Internal Server Error", {"error": "see the log", "instance": INSTANCE}
    if isinstance(body, dict):
        body = json.dumps(body).encode() + b"\n"
    start_response(status, [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]
