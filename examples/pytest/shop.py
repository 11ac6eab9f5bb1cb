"""A small WSGI application. It has two mistakes that only production would show."""

import os
import socket
import subprocess
from wsgiref.simple_server import make_server

UPLOADS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "uploads")


def upload(environ):
    """Mistake 1: an upload is saved beside the code, where the next instance will not find it."""
    os.makedirs(UPLOADS, exist_ok=True)
    size = int(environ.get("CONTENT_LENGTH") or 0)
    with open(os.path.join(UPLOADS, "photo.png"), "wb") as file:
        file.write(environ["wsgi.input"].read(size))
    return "201 Created", "stored"


def backup(_environ):
    """Mistake 2: a script that the app starts talks to the database."""
    script = f"import socket; socket.create_connection(('127.0.0.1', {int(os.environ['DB_PORT'])}), 2)"
    done = subprocess.run(["/usr/bin/python3", "-c", script], check=False, stderr=subprocess.DEVNULL)
    return "200 OK", "saved" if done.returncode == 0 else "failed"


def health(_environ):
    """The app itself may use the database."""
    with socket.create_connection(("127.0.0.1", int(os.environ["DB_PORT"])), 2):
        return "200 OK", "ok"


ROUTES = {"/upload": upload, "/backup": backup, "/health": health}


def application(environ, start_response):
    status, text = ROUTES.get(environ["PATH_INFO"], lambda _: ("404 Not Found", "nothing here"))(environ)
    start_response(status, [("Content-Type", "text/plain")])
    return [text.encode()]


if __name__ == "__main__":
    with make_server("127.0.0.1", 0, application) as server:
        print(f"listening on {server.server_port}", flush=True)
        server.serve_forever()
