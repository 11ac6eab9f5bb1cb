"""Tries every way to a terminal and says what came of each."""

import errno, fcntl, os, struct, termios
def said(name, attempt):
    try:
        attempt()
        print(name, "ok", flush=True)
    except OSError as error:
        print(name, errno.errorcode[error.errno], flush=True)
def slave(flags):
    master = os.open("/dev/ptmx", flags | os.O_NOCTTY)
    fcntl.ioctl(master, 0x40045431, struct.pack("i", 0))  # TIOCSPTLCK
    os.close(fcntl.ioctl(master, 0x5441, os.O_RDWR | os.O_NOCTTY))  # TIOCGPTPEER
print("session", "own" if os.getsid(0) == os.getpid() else "shared")
print("terminals", sum(map(os.isatty, range(3))))
said("tty", lambda: os.open("/dev/tty", os.O_RDWR))
said("openpty", os.openpty)
said("read-only", lambda: slave(os.O_RDONLY))
said("pts", lambda: os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY))
said("take", lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
said("type", lambda: fcntl.ioctl(0, termios.TIOCSTI, b"x"))
