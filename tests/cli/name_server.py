"""A DNS server whose answers a test can change, in a network of its own: `enter()` starts the test file again where only
the loopback address is there, port 53 is free for anybody and /etc/resolv.conf names a host of those below."""

import os
import socket
import struct
import sys
import tempfile
import threading

_INSIDE = "COFFERDAM_TEST_NETWORK"
# What 10.9.0.0/16 leads to is this machine, without being an address of its own: hosts for the tests.
_SETUP = """
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP, RTM_NEWROUTE, NLM_F_REQUEST_ACK_CREATE, RTA_DST, RTA_OIF = 0x8914, 0x1, 24, 0x405, 1, 4
AF_INET, RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL, LO = 2, 255, 4, 254, 2, 1
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
route = struct.pack("BBBBBBBBI", AF_INET, 16, 0, 0, RT_TABLE_LOCAL, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL, 0)
route += struct.pack("HH4sHHi", 8, RTA_DST, bytes([10, 9, 0, 0]), 8, RTA_OIF, LO)
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
    netlink.send(struct.pack("IHHII", 16 + len(route), RTM_NEWROUTE, NLM_F_REQUEST_ACK_CREATE, 1, 0) + route)
    error, = struct.unpack("i", netlink.recv(4096)[16:20])
    assert error == 0, error
"""
_ENTER = ('"$0" -c "$1" && mount --bind "$2" "$(readlink -f /etc/resolv.conf)" && rm -f "$2" && '
          'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start && shift 2 && exec "$@"')


def enter():
    if _INSIDE in os.environ:
        return
    with tempfile.NamedTemporaryFile("w", prefix="resolv.conf.", delete=False) as file:
        file.write("nameserver 10.9.0.53\nsearch test.example\n")
    os.chmod(file.name, 0o644)
    os.environ[_INSIDE] = file.name
    command = ["sh", "-c", _ENTER, sys.executable, _SETUP, file.name]
    if os.geteuid() == 0:
        command = ["unshare", "-mn", *command]
    else:
        own = ["unshare", "-U", f"--map-user={os.getuid()}", f"--map-group={os.getgid()}"]
        command = ["unshare", "-rmn", *command, *own]
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


class NameServer:
    """`records` maps a name to (TTL, addresses); a name that isn't there does not exist. `silent`: no answer at all."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("10.9.0.53", 53))
        self.records = {}
        self.asked = []
        self.silent = False
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            if not query:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += query[at] + 1
            kind, = struct.unpack(">H", query[at + 1:at + 3])
            name = ".".join(labels).lower()
            self.asked.append(name)
            if self.silent:
                continue
            known = name in self.records
            ttl, addresses = self.records.get(name, (0, []))
            answers = [struct.pack(">HHHIH4s", 0xc00c, 1, 1, ttl, 4, socket.inet_aton(a)) for a in addresses if kind == 1]
            header = struct.pack(">2sHHHHH", query[:2], 0x8580 if known else 0x8583, 1, len(answers), 0, 0)
            self.socket.sendto(header + query[12:at + 5] + b"".join(answers), peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            stop.sendto(b"", ("10.9.0.53", 53))
        self.socket.close()
