"""A server that executes itself in its own place when it is told to, as Tornado's and CherryPy's reloaders do."""

import os
import signal
import sys
import wsgiref.simple_server

import probe
import wsgi


def again(*_):
    os.execv(sys.executable, [sys.executable, *sys.argv])


class Server(wsgiref.simple_server.WSGIServer):
    allow_reuse_address = True


signal.signal(signal.SIGUSR2, again)
probe.query()
wsgiref.simple_server.make_server("127.0.0.1", int(sys.argv[1]), wsgi.application, Server).serve_forever()
