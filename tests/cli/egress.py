#!/usr/bin/python3
"""`network.egress: deny`: nothing of the instance reaches a host that the policy does not name, by TCP or by datagram."""

import socket
import threading

from harness import check, contains, equal, main, test
from name_server import NameServer, enter

PORT = 8443
POLICY = "version: 1\nextends: twelve-factor\nnetwork:\n  egress: deny\n"
# What the tests below call, in the instance.
APP = f"""
import array, errno, os, socket, subprocess, sys
PORT = {PORT}
def outcome(call):
    try:
        return call() or "sent"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
def tcp(host, port=PORT):
    def call():
        with socket.create_connection((host, port), 5) as s:
            return s.recv(20).decode().strip()
    return outcome(call)
def ask(s, send):
    def call():
        send(s)
        s.settimeout(2)
        return s.recv(2000).decode()
    return outcome(call)
def udp():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
"""


class Host:
    """Every address of 10.9.0.0/16: greets on TCP, echoes datagrams with their sender's port left out."""

    def __init__(self, port=PORT):
        self.tcp = socket.create_server(("0.0.0.0", port))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.IPPROTO_IP, socket.IP_PKTINFO if hasattr(socket, "IP_PKTINFO") else 8, 1)
        self.udp.bind(("0.0.0.0", port))
        self.datagrams = []
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.greet, self.echo)]
        for thread in self.threads:
            thread.start()

    def greet(self):
        while True:
            try:
                peer, _ = self.tcp.accept()
            except OSError:
                return
            with peer:
                peer.sendall(b"welcome\n")

    def echo(self):
        while True:
            data, control, _, peer = self.udp.recvmsg(4096, 256)
            if data == b"stop":
                return
            self.datagrams.append(data)
            # From the address that was asked, or a connected socket would not take it.
            source = control[0][2][4:8]
            self.udp.sendmsg([b"echo " + data],
                             [(socket.IPPROTO_IP, 8, bytes(4) + source + bytes(4))], 0, peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.tcp.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stop:
            stop.sendto(b"stop", ("127.0.0.1", self.udp.getsockname()[1]))
        for thread in self.threads:
            thread.join()
        self.udp.close()


def run(place, code, rows=(), env=None):
    place.file("cofferdam.yaml", POLICY + ("  allow:\n" + "".join(f'    - "{row}"\n' for row in rows) if rows else ""))
    result = place.python(APP + code, env=env)
    check(not result.err or "Traceback" not in "".join(result.messages("stderr")), f"{result.messages('stderr')}")
    return result


@test
def only_what_the_policy_names_is_reached(place):
    with NameServer() as names, Host(), Host(8080):
        names.records["api.test.example"] = (60, ["10.9.1.1"])
        code = """
for host, port in (("api", PORT), ("10.9.1.1", PORT), ("10.9.1.1", 8080), ("10.9.2.7", PORT), ("10.9.2.7", 8080),
                   ("10.9.3.1", 8080), ("10.9.4.1", PORT)):
    print(tcp(host, port))
"""
        result = run(place, code, [f"api:{PORT}", f"10.9.2.0/24:{PORT}", "10.9.3.0/24"])
    equal(result.messages(), ["welcome", "welcome", "ECONNREFUSED", "welcome", "ECONNREFUSED", "welcome", "ECONNREFUSED"],
          "outcomes")
    findings = result.findings("CD206")
    equal({f["destination"] for f in findings}, {"10.9.1.1:8080", "10.9.2.7:8080", f"10.9.4.1:{PORT}"}, "CD206")
    equal((findings[0]["policy"]["key"], findings[0]["policy"]["line"]), ("network.allow", 5), "policy of the finding")
    contains(findings[0]["fix"], '"10.9.1.1:8080"', "fix")
    equal([row["level"] for row in result.report["enforcement"] if row["rule"] == "network"], ["full"], "enforcement")


@test
def the_printed_row_admits(place):
    with Host():
        equal(run(place, "print(tcp('10.9.4.1'))").messages(), ["ECONNREFUSED"], "without the row")
        result = run(place, "print(tcp('10.9.4.1'))", [f"10.9.4.1:{PORT}"])
        equal(result.messages(), ["welcome"], f"with the row ({result.err})")


@test
def the_rule_is_for_the_whole_tree(place):
    with Host():
        code = f"print(subprocess.run(['bash', '-c', ': < /dev/tcp/10.9.4.1/{PORT}'], stderr=-1).returncode)"
        result = run(place, code)
    equal(result.messages(), ["1"], "a child")
    equal(result.findings("CD206")[0]["process"]["lineage"][0], "bash", "who asked")


@test
def this_machine_and_the_name_servers_stay_open(place):
    with NameServer() as names, Host():
        names.records["www.test.example"] = (60, ["10.9.1.1"])
        code = """
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname()); print(client.send(b"x"))
a, b = udp(), udp(); a.bind(("127.0.0.1", 0)); b.sendto(b"own", a.getsockname()); print(a.recv(9).decode())
print(socket.getaddrinfo("www", 80, socket.AF_UNSPEC, socket.SOCK_STREAM)[0][4][0])
s = udp(); s.settimeout(2)
query = b"\\1\\2\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3www\\4test\\7example\\0\\0\\1\\0\\1"
s.sendto(query, ("10.9.0.53", 53)); print(s.recv(512)[:2] == query[:2])
print(outcome(lambda: udp().sendto(b"x", ("10.9.0.54", 53)) and None))
"""
        result = run(place, code)
    equal(result.messages(), ["1", "own", "10.9.1.1", "True", "EPERM"], f"({result.messages('stderr')})")
    equal({f["destination"] for f in result.findings("CD206")} - {"10.9.1.1:80"}, {"10.9.0.54:53"}, "CD206")


@test
def datagrams_are_judged_by_their_address(place):
    with Host() as host:
        code = """
good, bad = ("10.9.1.1", PORT), ("10.9.4.1", PORT)
print(ask(udp(), lambda s: s.sendto(b"a", good)), ask(udp(), lambda s: s.sendto(b"secret", bad)))
print(ask(udp(), lambda s: s.sendmsg([b"b", b"", b"c" * 900], [], 0, good)), ask(udp(), lambda s: s.sendmsg([b"secret"], [], 0, bad)))
s = udp(); s.connect(good); print(ask(s, lambda s: s.send(b"d")), ask(s, lambda s: s.sendmsg([b"e"])))
print(ask(s, lambda s: s.sendto(b"secret", bad)))
print(outcome(lambda: udp().connect(bad)), outcome(lambda: udp().connect(("10.9.4.2", 0))))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
print(ask(six, lambda s: s.sendto(b"f", ("::ffff:10.9.1.1", PORT))), ask(six, lambda s: s.sendto(b"secret", ("::ffff:10.9.4.1", PORT))))
"""
        result = run(place, code, [f"10.9.1.1:{PORT}"])
    equal(result.messages(), ["echo a EPERM", "echo b" + "c" * 900 + " EPERM", "echo d echo e", "EPERM", "ECONNREFUSED ECONNREFUSED",
                              "echo f EPERM"], f"({result.messages('stderr')})")
    check(b"secret" not in host.datagrams, "a datagram went out")
    equal({f["destination"] for f in result.findings("CD206")}, {f"10.9.4.1:{PORT}"}, "CD206")


@test
def several_datagrams_in_one_call(place):
    """sendmmsg: the lengths are written back, and it stops at the first that is refused."""
    with Host() as host:
        code = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(*destinations):
    keep, headers = [], b""
    for text, address in destinations:
        data = ctypes.create_string_buffer(text)
        name = ctypes.create_string_buffer(struct.pack("<H", socket.AF_INET) + struct.pack(">H", PORT) + socket.inet_aton(address) + bytes(8))
        iov = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(data), len(text)))
        keep += [data, name, iov]
        headers += struct.pack("QIxxxxQQQQixxxxIxxxx", ctypes.addressof(name), 16, ctypes.addressof(iov), 1, 0, 0, 0, 77)
    array = ctypes.create_string_buffer(headers, len(headers))
    s = udp()
    sent = libc.sendmmsg(s.fileno(), array, len(destinations), 0)
    return sent, [struct.unpack_from("I", array, 64 * i + 56)[0] for i in range(len(destinations))], ctypes.get_errno() if sent < 0 else 0
print(call((b"one", "10.9.1.1"), (b"three", "10.9.1.1")))
print(call((b"two", "10.9.1.1"), (b"secret", "10.9.4.1"), (b"late", "10.9.1.1")))
print(call((b"secret", "10.9.4.1")))
"""
        result = run(place, code, ["10.9.1.1"])
    equal(result.messages(), ["(2, [3, 5], 0)", "(1, [3, 77, 77], 0)", "(-1, [77], 1)"], f"({result.messages('stderr')})")
    equal(sorted(host.datagrams), [b"one", b"three", b"two"], "datagrams that arrived")


@test
def other_sockets_send_as_ever(place):
    """Streams, unix sockets and passed descriptors are no datagrams to anywhere."""
    with Host():
        code = """
a, b = socket.socketpair()
read, write = os.pipe()
a.sendmsg([b"fd"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [write]))])
data, control, _, _ = b.recvmsg(9, 64)
os.write(array.array("i", control[0][2])[0], b"passed"); print(data.decode(), os.read(read, 9).decode())
c, d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
d.bind("d.sock"); c.sendto(b"path", "d.sock"); print(d.recv(9).decode())
s = socket.create_connection(("10.9.1.1", PORT)); print(s.sendmsg([b"x" * 1000] * 40) > 0)
"""
        result = run(place, code, ["10.9.1.1"])
    equal(result.messages(), ["fd passed", "path", "True"], f"({result.messages('stderr')})")


@test
def databases_have_their_own_rule(place):
    """Named ones are reached without a row of network.allow; the port of a database alone opens nothing."""
    with Host(5432):
        code = "print(tcp('10.9.1.1', 5432), tcp('10.9.4.1', 5432))\n" \
               "print(subprocess.run(['bash', '-c', ': < /dev/tcp/10.9.1.1/5432'], stderr=-1).returncode)"
        result = run(place, code, env={"DATABASE_URL": "postgres://u:p@10.9.1.1/x"})
    equal(result.messages(), ["welcome ECONNREFUSED", "1"], f"({result.messages('stderr')})")
    equal([f["destination"] for f in result.findings("CD206")], ["10.9.4.1:5432"], "CD206")
    equal([f["destination"] for f in result.findings("CD201")], ["10.9.1.1:5432"], "CD201")


@test
def without_the_rule_everything_is_open(place):
    with Host():
        result = place.python(APP + "print(tcp('10.9.4.1'), ask(udp(), lambda s: s.sendto(b'a', ('10.9.4.1', PORT))))")
    equal(result.messages(), ["welcome echo a"], f"({result.messages('stderr')})")
    check(not [row for row in result.report["enforcement"] if row["rule"] == "network"], "there is no row")


enter()
main()
