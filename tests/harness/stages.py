"""The stages of a conversation: functions that lead a hostile.Connection so far and return what
the rest is said over. What comes then is up to the test: silence, a reset, a signal.
"""

import base64
import functools
import os
import re
import ssl
import struct
import subprocess

from . import certificates, scratch
from .hostile import (READY, Gone, authentication, data_row, message, parameter, result,
                      row_description)


@functools.cache
def authority():
    """Who signed the certificate for db1 that is shown here."""
    return certificates.Authority()


@functools.cache
def _tls_context():
    issued = authority().issue("server", names=["db1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    return context


class Tls:
    """The inside of a TLS connection: what hostile.Connection has, but encrypted."""

    def __init__(self, connection):
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _tls_context().wrap_bio(self._incoming, self._outgoing, server_side=True)

    def first_flight(self):
        """Our part of the handshake up to where the client's next word is needed."""
        self._incoming.write(self._connection.read_some())
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self._outgoing.read()

    def shake_hands(self):
        self._carry(self._tls.do_handshake)
        return self

    def send(self, *messages):
        self._carry(lambda: self._tls.write(b"".join(messages)))

    def read(self, size):
        data = b""
        while len(data) < size:
            data += self._carry(lambda: self._tls.read(size - len(data)))
        return data

    def hold(self):
        self._connection.hold()

    def reset(self):
        self._connection.reset()

    def send_in_clear(self, data):
        self._connection.send(data)

    def _carry(self, step):
        while True:
            try:
                done = step()
                self._connection.send(self._outgoing.read())
                return done
            except ssl.SSLWantReadError:
                self._connection.send(self._outgoing.read())
                self._incoming.write(self._connection.read_some())
            except ssl.SSLError:
                raise Gone from None


# Stages without TLS

def accepted(connection):
    return connection


def startup(connection):
    connection.read_startup()
    return connection


def sasl_asked(connection):
    startup(connection).send(authentication(10, b"SCRAM-SHA-256\0\0"))
    connection.read_message()
    return connection


def server_first(client_first, *, nonce=None, salt=bytes(16), iterations=4096):
    """SCRAM's server-first-message (RFC 5802); raw bytes as salt are encoded."""
    ours = re.search(rb"r=([^,]+)", client_first)[1] + b"server" if nonce is None else nonce
    return b"r=%s,s=%s,i=%d" % (ours, base64.b64encode(salt), iterations)


def sasl_continued(connection):
    startup(connection).send(authentication(10, b"SCRAM-SHA-256\0\0"))
    _, first = connection.read_message()
    connection.send(authentication(11, server_first(first)))
    connection.read_message()
    return connection


def authenticated(connection):
    startup(connection).send(authentication(0))
    return connection


def parameters_sent(connection):
    authenticated(connection).send(parameter("server_version", "15.0"),
                                   parameter("client_encoding", "UTF8"))
    return connection


def key_sent(connection):
    parameters_sent(connection).send(message(b"K", bytes(8)))
    return connection


def ready(connection):
    key_sent(connection).send(READY)
    return connection


def asked(connection):
    ready(connection).read_message()
    return connection


def described(connection):
    asked(connection).send(row_description(1))
    return connection


def half_a_row(connection):
    described(connection).send(data_row(["t"])[:-1])
    return connection


def row_sent(connection):
    described(connection).send(data_row(["f"]))
    return connection


def without_ready(connection):
    asked(connection).send(result([["f"]])[:-len(READY)])
    return connection


PLAIN = [accepted, startup, sasl_asked, sasl_continued, authenticated, parameters_sent, key_sent,
         ready, asked, described, half_a_row, row_sent, without_ready]


# Stages with TLS

def tls_asked(connection):
    connection.read(8)
    return connection


def tls_agreed(connection):
    tls_asked(connection).send(b"S")
    return connection


def within_handshake(connection):
    flight = Tls(tls_agreed(connection)).first_flight()
    connection.send(flight[:len(flight) // 2])
    return connection


def encrypted(connection):
    return Tls(tls_agreed(connection)).shake_hands()


def encrypted_startup(connection):
    tls = encrypted(connection)
    tls.read(struct.unpack("!I", tls.read(4))[0] - 4)
    return tls


def encrypted_ready(connection):
    tls = encrypted_startup(connection)
    tls.send(authentication(0), parameter("server_version", "15.0"), READY)
    return tls


def encrypted_row(connection):
    tls = encrypted_ready(connection)
    tls.send(row_description(1), data_row(["f"]))
    return tls


ENCRYPTED = [tls_asked, tls_agreed, within_handshake, encrypted, encrypted_startup,
             encrypted_ready, encrypted_row]
EVERY = PLAIN + ENCRYPTED


def mode_of(stage):
    """The sslmode with which a client gets there."""
    return "require" if stage in ENCRYPTED else "disable"


def name_of(value):
    """For pytest: a stage's name as the test's."""
    return getattr(value, "__name__", None)


def settings_that_block():
    """Lines of checkpg.conf with which a check waits for ever inside one call, when it verifies the
    certificate of a server that reaches encrypted(): its revocation list is a FIFO."""
    directory = scratch.directory("crls")
    issuer = subprocess.run(
        ["openssl", "x509", "-noout", "-hash", "-in", authority().certificate],
        check=True, capture_output=True, text=True).stdout.strip()
    os.mkfifo(directory / f"{issuer}.r0")
    return (f"sslmode = verify-full\nsslrootcert = {authority().certificate}\n"
            f"sslcrldir = {directory}\n")
