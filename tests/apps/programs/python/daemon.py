"""A server that is a daemon, its parents gone but for the entry, and executes itself in its own place on SIGUSR2."""
import os
import signal
import sys
from wsgiref.simple_server import make_server

from wsgi import application


def again(*_):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "AGAIN": "1"})


def serve():
    signal.signal(signal.SIGUSR2, again)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()


if os.environ.get("AGAIN"):
    serve()
ready, told = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(told, f"{os.getpid()}\n".encode())
        serve()
    os._exit(0)
os.wait()
daemon = int(os.read(ready, 20))
signal.signal(signal.SIGUSR2, lambda *_: os.kill(daemon, signal.SIGUSR2))
signal.signal(signal.SIGTERM, lambda *_: (os.kill(daemon, signal.SIGTERM), os._exit(0)))
while True:
    signal.pause()
