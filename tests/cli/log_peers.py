"""Servers for the tests of log sinks: one class a protocol, one class a fault, and the lines that they look for."""

import gzip
import re
import socket
import struct
import threading
import time

from harness import equal

BURST, BURSTS = 40, 3
LINES = range(BURST * BURSTS)
X = "x" * 80
# A burst is a batch of its own: what a connection that breaks takes with it can be told.
APP = (f"i=0; while [ $i -lt {len(LINES)} ]; do echo \"line $i {X} end $i.\"; i=$((i + 1)); "
       f"[ $((i % {BURST})) -ne 0 ] || sleep 0.4; done")
WHOLE = re.compile(rb"line (\d+) " + X.encode() + rb" end (\d+)\.")


class Gone(Exception):
    """The connection is of no further use."""


# --- faults ----------------------------------------------------------------------------------------------------------


class Fault:
    """A server that works. Each peer has a fault of its own."""

    def connected(self, peer, connection):
        pass

    def answer(self, _peer, _body):
        """The status of HTTP, and headers."""
        return 200, {}

    def taken(self, peer):
        pass


class Refused(Fault):
    """Nobody listens for a while."""


class Hang(Fault):
    """The first connection is accepted, and not read. Syslog has no answer to wait for: there it is read late."""
    first = True

    def connected(self, peer, connection):
        if not self.first:
            return
        self.first = False
        time.sleep(1.5)
        if peer.acknowledges:
            raise Gone


class Reset(Fault):
    """The first connection is reset in the middle of what is sent."""
    first = True

    def connected(self, peer, connection):
        if not self.first:
            return
        self.first = False
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


class TooMany(Fault):
    """429 once, with the wish to be left alone for a second."""
    at = None

    def answer(self, peer, _body):
        if self.at is None:
            self.at = time.monotonic()
            return 429, {"Retry-After": "1"}
        if time.monotonic() - self.at < 0.95:
            peer.wrong.append("asked again before Retry-After was over")
        return 200, {}


class Unavailable(Fault):
    until = None

    def answer(self, _peer, _body):
        self.until = self.until or time.monotonic() + 1
        return (200 if time.monotonic() > self.until else 503), {}


class BadRecord(Fault):
    def answer(self, _peer, body):
        return (400 if b"line 77 " in body else 200), {}


class Slow(Fault):
    """1 KB/s; `hurry` ends that."""
    pace = 1024


class Restart(Fault):
    """It goes away in the middle, with all connections, and comes back."""
    done = False

    def taken(self, peer):
        if not self.done and len(peer.lines) > BURST:
            self.done = True
            peer.stop()
            timer = threading.Timer(0.7, peer.start)
            timer.daemon = True
            timer.start()
            raise Gone


# --- servers ---------------------------------------------------------------------------------------------------------


class Peer:
    """Takes records of one protocol and remembers the numbers of the lines in the order in which they came."""
    acknowledges = True

    def __init__(self, fault):
        self.fault = fault
        self.lines, self.gaps, self.wrong = [], [], []
        self.last = None
        self.hurry = threading.Event()
        self.lock = threading.RLock()
        self.listener, self.open, self.threads = None, set(), []
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.run(self.accept, self.listener)

    def run(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def stop(self):
        with self.lock:
            for each in [self.listener, *self.open]:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except (OSError, AttributeError):
                    pass
            if self.listener:
                self.listener.close()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.open.add(connection)
            self.run(self.serve, connection)

    def serve(self, connection):
        try:
            self.fault.connected(self, connection)
            stream = Stream(connection, getattr(self.fault, "pace", None), self.hurry)
            while True:
                self.message(stream, connection)
        except (Gone, OSError):
            pass
        finally:
            self.open.discard(connection)
            connection.close()

    def take(self, body):
        """What the peer has and will not lose."""
        with self.lock:
            if body == self.last:  # what was not acknowledged is sent again, byte for byte
                return
            self.last = body
            whole = WHOLE.findall(body)
            if len(whole) != len(re.findall(rb"line \d+ x", body)) or any(first != last for first, last in whole):
                self.wrong.append(f"torn: {body[:300]!r}")
            self.lines += dict.fromkeys(int(first) for first, _ in whole)
            self.gaps += [int(number) for number in re.findall(rb"(\d+) records? lost here", body)]
            self.fault.taken(self)

    def drain(self):
        """Reads what is on its way: nobody sends any more."""
        self.hurry.set()
        end = time.monotonic() + 5
        while self.open and time.monotonic() < end:
            time.sleep(0.01)


class Stream:
    """Whole pieces from a connection, at a pace."""

    def __init__(self, connection, pace, hurry):
        self.connection, self.pace, self.hurry, self.bytes = connection, pace, hurry, b""

    def more(self):
        slow = self.pace and not self.hurry.is_set()
        got = self.connection.recv(self.pace if slow else 1 << 16)
        if not got:
            raise Gone
        if slow:
            self.hurry.wait(1)
        self.bytes += got

    def exactly(self, size):
        while len(self.bytes) < size:
            self.more()
        piece, self.bytes = self.bytes[:size], self.bytes[size:]
        return piece

    def until(self, mark):
        while mark not in self.bytes:
            self.more()
        return self.exactly(self.bytes.index(mark) + len(mark))


class Http(Peer):
    def message(self, stream, connection):
        head = stream.until(b"\r\n\r\n").decode().lower()
        body = stream.exactly(int(re.search(r"content-length: (\d+)", head).group(1)))
        body = gzip.decompress(body) if "content-encoding: gzip" in head else body
        status, headers = self.fault.answer(self, body)
        if status == 200:
            self.take(body)
        rows = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n{rows}\r\n".encode())


class Otlp(Http):
    def sink(self):
        # As text: before a number in protobuf there may be a length that looks like a digit.
        return f'type: otlp, encoding: json, endpoint: "http://127.0.0.1:{self.port}"'


class Sentry(Http):
    def sink(self):
        return f'type: sentry, dsn: "http://key@127.0.0.1:{self.port}/1", match: {{level: ">=debug", streams: [stdout]}}'


class Fluentd(Peer):
    """[tag, entries, {"size", "chunk"}]: PackedForward, as the sink writes it."""

    def sink(self):
        return f'type: fluentd, address: "127.0.0.1:{self.port}"'

    def message(self, stream, connection):
        equal(stream.exactly(1), b"\x93", "the array of a message")
        self.text(stream)
        entries = stream.exactly(int.from_bytes(stream.exactly({0xC4: 1, 0xC5: 2, 0xC6: 4}[stream.exactly(1)[0]]), "big"))
        equal(stream.exactly(1), b"\x82", "the options of a message")
        equal(self.text(stream), b"size", "the first option")
        stream.exactly({0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(stream.exactly(1)[0], 0))
        equal(self.text(stream), b"chunk", "the second option")
        chunk = self.text(stream)
        self.take(entries)
        connection.sendall(b"\x81\xa3ack" + bytes([0xA0 + len(chunk)]) + chunk)

    @staticmethod
    def text(stream):
        kind = stream.exactly(1)[0]
        return stream.exactly(kind & 31 if kind < 0xC0 else stream.exactly(1)[0])


class Syslog(Peer):
    acknowledges = False

    def sink(self):
        return f'type: syslog, address: "tcp://127.0.0.1:{self.port}"'

    def message(self, stream, _connection):
        self.take(stream.exactly(int(stream.until(b" "))))


PEERS = {"otlp": Otlp, "fluentd": Fluentd, "syslog": Syslog, "sentry": Sentry}
