"""Listens in many ways and says what came of each; the argument is a directory for a socket's path."""

import ctypes, errno, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def said(name, attempt):
    try:
        attempt()
        print(name, "ok", flush=True)
    except OSError as error:
        print(name, errno.errorcode[error.errno], flush=True)
def listen(family, address, port, *options):
    s = socket.socket(family)
    for option in options: s.setsockopt(socket.SOL_SOCKET, option, 1)
    s.bind((address, port))
    s.listen()
    return s
four, six = socket.AF_INET, socket.AF_INET6
said("ssh", lambda: listen(four, "127.0.0.1", 22))
said("telnet", lambda: listen(four, "0.0.0.0", 23))
said("shared", lambda: listen(four, "127.0.0.1", 22, socket.SO_REUSEPORT, socket.SO_REUSEADDR))
said("six", lambda: listen(six, "::", 22))
said("mapped", lambda: listen(six, "::ffff:127.0.0.1", 22))
def without_family(port):
    s = socket.socket(four)
    if libc.bind(s.fileno(), struct.pack("=H", 0) + struct.pack("!H", port) + bytes(12), 16) != 0:
        raise OSError(ctypes.get_errno(), "bind")
    s.listen()
said("no-family", lambda: without_family(23))
said("no-family-free", lambda: without_family(0))
s = listen(four, "127.0.0.1", 0)
print("free", "ok" if s.getsockname()[1] > 1023 else s.getsockname())
t = socket.socket(four); t.listen()
print("unbound", "ok" if t.getsockname()[1] > 1023 else t.getsockname())
said("six-free", lambda: listen(six, "::1", 0))
said("taken", lambda: listen(four, "127.0.0.1", s.getsockname()[1]))
said("twice", lambda: s.bind(("127.0.0.1", 0)))
said("elsewhere", lambda: listen(four, "192.0.2.1", 0))
said("datagram", lambda: socket.socket(four, socket.SOCK_DGRAM).bind(("127.0.0.1", 0)))
said("path", lambda: (os.makedirs(sys.argv[1], exist_ok=True), socket.socket(socket.AF_UNIX).bind(sys.argv[1] + "/s")))
u = socket.socket(four)
u.setblocking(False)
u.bind(("127.0.0.1", 0)); u.listen()
c = socket.create_connection(u.getsockname())
print("accepts", "ok" if u.accept() else "")
