"""Tiny servers that do what a real one won't do on demand.

A StandIn listens on loopback and does to every connection what its script says, a function of one
Connection. The messages are those of PostgreSQL's protocol 3.0 (manual, chapter "Frontend/Backend
Protocol").

    with StandIn(answer([["t"]])) as server:
        run_as_haproxy("checkpgstandby", server.address, server.port)
"""

import base64
import random
import re
import socket
import struct
import threading
import time

from . import ports, scratch
from .listener import Listener, shut

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104
_CANCEL_REQUEST = 80877102


class Gone(Exception):
    """The other side closed the connection."""


class Connection:
    """One accepted connection, as a script sees it."""

    def __init__(self, accepted, stopping):
        self._socket = accepted
        self._stopping = stopping
        self.received = bytearray()  # everything, in the order it came
        self.closed = threading.Event()  # the script has ended

    def send(self, *messages):
        """Sends bytes."""
        try:
            self._socket.sendall(b"".join(messages))
        except OSError:
            raise Gone from None

    def read(self, size):
        """Exactly `size` bytes."""
        data = b""
        while len(data) < size:
            data += self._receive(size - len(data))
        return data

    def read_some(self):
        """At least one byte."""
        return self._receive(65536)

    def read_message(self):
        """The next message of the client: (type, payload)."""
        kind = self.read(1)
        length, = struct.unpack("!I", self.read(4))
        return kind, self.read(length - 4)

    def read_startup(self):
        """Declines TLS and GSSAPI encryption and returns the startup parameters as a dict."""
        while True:
            length, code = struct.unpack("!II", self.read(8))
            payload = self.read(length - 8)
            if code in (_SSL_REQUEST, _GSS_REQUEST):
                self.send(b"N")
                continue
            if code == _CANCEL_REQUEST:
                raise Gone
            words = payload.rstrip(b"\0").decode().split("\0")
            return dict(zip(words[::2], words[1::2]))

    def hold(self):
        """Keeps the connection open, without a word, until the client closes it."""
        while True:
            self.read_some()

    def reset(self):
        """Drops the connection as a crashed machine does: RST, and what was sent may be lost."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
        raise Gone

    def send_in_bytes(self, *messages):
        """Sends each byte as a packet of its own, as fast as it goes."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"".join(messages):
            self.send(bytes([byte]))

    def wait(self, seconds):
        """Lets time pass, but no longer than the connection is wanted."""
        if self._stopping.wait(seconds):
            raise Gone

    def _receive(self, size):
        try:
            data = self._socket.recv(size)
        except OSError:
            raise Gone from None
        if not data:
            raise Gone
        self.received += data
        return data


class StandIn(Listener):
    """Plays `script` to everybody who connects."""

    def __init__(self, script):
        self.connections = []
        self._script = script
        self._stopping = threading.Event()
        super().__init__()

    def release(self):
        self._stopping.set()

    def connected(self, accepted):
        connection = Connection(accepted, self._stopping)
        self.connections.append(connection)
        try:
            self._script(connection)
        except Gone:
            pass
        finally:
            shut(accepted)
            connection.closed.set()


class BlackHole:
    """A port from which no answer comes at all: the kernel drops every attempt to connect, as a
    firewall that drops packets does, because the listener's queue is full."""

    def __init__(self, address="127.0.0.1", port=None):
        self.address = address
        self.port = port or ports.free_port()
        self._listener = socket.create_server((self.address, self.port), backlog=0)
        self._waiting = []
        while self._fill():
            pass
        scratch.at_end(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Frees the port. Harmless when called again."""
        scratch.forget(self.close)
        for each in (*self._waiting, self._listener):
            each.close()

    def _fill(self):
        client = socket.socket()
        self._waiting.append(client)
        client.settimeout(0.2)
        try:
            client.connect((self.address, self.port))
        except TimeoutError:
            return False
        return True


# Messages

def message(kind, payload=b""):
    """One message of the server."""
    return kind + struct.pack("!I", len(payload) + 4) + payload


def authentication(code, payload=b""):
    """An authentication request: 0 ok, 3 cleartext, 5 md5, 7 GSSAPI, 9 SSPI, 10 SASL."""
    return message(b"R", struct.pack("!I", code) + payload)


def report(kind, severity, sqlstate, text):
    """An error (kind E) or a notice (kind N)."""
    fields = {b"S": severity, b"V": severity, b"C": sqlstate, b"M": text}
    return message(kind, b"".join(name + value.encode() + b"\0"
                                  for name, value in fields.items()) + b"\0")


def error(sqlstate, text, severity="FATAL"):
    """An error message."""
    return report(b"E", severity, sqlstate, text)


def notice(text):
    """A notice."""
    return report(b"N", "NOTICE", "00000", text)


def parameter(name, value):
    """A parameter's value."""
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


READY = message(b"Z", b"I")
BOOLEAN, BIGINT, TEXT = 16, 20, 25


def row_description(columns, type=BOOLEAN):
    """A row's shape: this many columns of one type, or of a list of types."""
    types = type if isinstance(type, list) else [type] * columns
    return message(b"T", struct.pack("!h", columns) + b"".join(
        f"column{n}".encode() + b"\0" + struct.pack("!IhIhih", 0, 0, each, -1, -1, 0)
        for n, each in enumerate(types)))


def data_row(values):
    """A row of texts; None is NULL."""
    return message(b"D", struct.pack("!h", len(values)) + b"".join(
        struct.pack("!i", -1) if value is None
        else struct.pack("!i", len(value.encode())) + value.encode() for value in values))


def result(rows, *, columns=None, type=BOOLEAN):
    """A complete result."""
    columns = len(rows[0]) if columns is None else columns
    return b"".join((row_description(columns, type), *map(data_row, rows),
                     message(b"C", f"SELECT {len(rows)}\0".encode()), READY))


# Scripts

def log_in(connection):
    """Welcomes the client without asking for anything; it may query next."""
    connection.read_startup()
    connection.send(authentication(0), parameter("server_version", "15.0"),
                    parameter("client_encoding", "UTF8"), message(b"K", bytes(8)), READY)


def silent(connection):
    """Accepts and never says anything."""
    connection.hold()


def silent_after_login(connection):
    """Never answers the query."""
    log_in(connection)
    connection.hold()


def http(connection):
    """A web server: what it doesn't understand is a bad request."""
    connection.read_some()
    connection.send(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\n"
                    b"Content-Length: 15\r\nConnection: close\r\n\r\n400 Bad Request")


def ssh(connection):
    """A server that speaks first, and with an S, as one that agrees to TLS. It hangs up at the
    end of the first line or after 255 bytes, as sshd does."""
    connection.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    while b"\n" not in connection.received and len(connection.received) < 255:
        connection.read_some()
    connection.send(b"Invalid SSH identification string.\r\n")


def noise(connection):
    """Random bytes, the same ones every time: others may begin as an answer does."""
    connection.read_some()
    connection.send(random.Random(1).randbytes(4096))
    connection.hold()


def demand(code, payload=b""):
    """Demands an authentication method by its number."""
    def script(connection):
        connection.read_startup()
        connection.send(authentication(code, payload))
        connection.hold()
    return script


def refuse(sqlstate, text="refused"):
    """Refuses the connection with an error."""
    def script(connection):
        connection.read_startup()
        connection.send(error(sqlstate, text))
    return script


def answer(rows, *, notices=0, **shape):
    """Answers the query with these rows, after some notices."""
    def script(connection):
        log_in(connection)
        connection.read_message()
        connection.send(*[notice(f"notice {n}") for n in range(notices)], result(rows, **shape))
        connection.hold()
    return script


def fail_query(sqlstate, severity="ERROR"):
    """Answers the query with an error; a FATAL one ends the connection, too."""
    def script(connection):
        log_in(connection)
        connection.read_message()
        connection.send(error(sqlstate, "query failed", severity))
        if severity == "FATAL":
            return
        connection.send(READY)
        connection.hold()
    return script


def hang_up_at_startup(connection):
    """Closes the connection instead of asking for authentication."""
    connection.read_startup()


def hang_up_at_query(connection):
    """Closes the connection instead of answering the query."""
    log_in(connection)
    connection.read_message()


def hang_up_within_answer(connection):
    """Closes the connection in the middle of the row."""
    log_in(connection)
    connection.read_message()
    connection.send(result([["t"]])[:-20])


def endless(*messages, before=log_in):
    """Sends the same messages without end, after `before`."""
    burst = b"".join(messages) * max(1, 65536 // len(b"".join(messages)))

    def script(connection):
        before(connection)
        while True:
            connection.send(burst)
    return script


def endless_error(connection):
    """An error message of protocol 2, which ends with a NUL that never comes."""
    connection.read_startup()
    connection.send(b"E")
    while True:
        connection.send(b"error " * 10000)


def drip(connection):
    """One byte every now and then: always alive, never done."""
    log_in(connection)
    connection.read_message()
    for byte in notice("x" * 10000):
        connection.send(bytes([byte]))
        connection.wait(0.05)


def drip_fast(connection):
    """One byte after the other, so fast that one always waits."""
    log_in(connection)
    connection.read_message()
    for byte in notice("x" * 60000):
        connection.send_in_bytes(bytes([byte]))
        time.sleep(50e-6)


def scram_iterations(count):
    """Demands SCRAM with this many iterations of the password's hash."""
    def script(connection):
        connection.read_startup()
        connection.send(authentication(10, b"SCRAM-SHA-256\0\0"))
        _, first = connection.read_message()
        nonce = re.search(rb"r=([^,]+)", first)[1]
        salt = base64.b64encode(bytes(16))
        connection.send(authentication(
            11, b"r=" + nonce + b"server,s=" + salt + f",i={count}".encode()))
        connection.hold()
    return script


def repeat_password(connection):
    """Asks for the password in clear text and repeats it in the error message."""
    connection.read_startup()
    connection.send(authentication(3))
    _, password = connection.read_message()
    connection.send(error("28P01", f'wrong password "{password.rstrip(bytes(1)).decode()}"'))
