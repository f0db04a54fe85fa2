"""Servers that misbehave at every stage of a conversation. Whatever they do, a check ends in time
with the code that says what happened, and costs little.
"""

import base64
import hashlib
import hmac
import re
import struct

import pytest
from harness import stages
from harness.checks import Code, PeakMemory, ask, is_instrumented
from harness.hostile import (READY, StandIn, authentication, error, message, notice, parameter,
                             result)
from harness.stages import (EVERY, Tls, asked, authenticated, described, encrypted,
                            encrypted_ready, encrypted_startup, key_sent, mode_of, name_of,
                            sasl_asked, sasl_continued, server_first, startup, tls_agreed,
                            tls_asked, within_handshake)
from harness.waiting import PATIENCE

TIMEOUT = 0.3
SECRET = "a secret"


def check(script, *codes, sslmode="disable", settings="", timeout=TIMEOUT):
    """Runs a check against `script`: it must end with one of `codes`, in time and cheaply."""
    memory = PeakMemory()
    configuration = f"sslmode = {sslmode}\ntimeout = {timeout * 1000:.0f}ms\n{settings}"
    with StandIn(script) as server:
        run = ask("checkpgprimary", server, passwords=f"*:*:*:*:{SECRET}\n",
                  configuration=configuration, prefix=memory.prefix)
    assert run.code in codes and run.output == "", run
    assert run.seconds <= timeout + 1.0 * PATIENCE
    if not is_instrumented():  # whose own CPU time and memory exceed this
        assert run.cpu_seconds < 0.1
        assert memory.bytes() < 32 * 2**20
    return run


# Silence and resets

@pytest.mark.parametrize("stage", EVERY, ids=name_of)
def test_silence(stage):
    run = check(lambda connection: stage(connection).hold(), Code.TIMED_OUT, sslmode=mode_of(stage))
    assert run.seconds >= TIMEOUT - 0.01


@pytest.mark.parametrize("stage", EVERY[1:], ids=name_of)
def test_a_reset(stage):
    check(lambda connection: stage(connection).reset(), Code.UNEXPECTED_ANSWER,
          sslmode=mode_of(stage))


def test_a_reset_before_the_first_word():
    """The kernel tells of it as a failed connect or as a lost connection: whichever is first."""
    check(lambda connection: connection.reset(), Code.UNREACHABLE, Code.UNEXPECTED_ANSWER)


@pytest.mark.parametrize("stage", [tls_asked, tls_agreed, within_handshake], ids=name_of)
def test_silence_where_tls_is_only_preferred(stage):
    check(lambda connection: stage(connection).hold(), Code.TIMED_OUT, sslmode="prefer")


# Good answers in bad shape

def test_one_byte_at_a_time():
    def script(connection):
        startup(connection).send_in_bytes(authentication(10, b"SCRAM-SHA-256\0\0"))
        _, first = connection.read_message()
        challenge = server_first(first)
        connection.send_in_bytes(authentication(11, challenge))
        _, final = connection.read_message()
        connection.send_in_bytes(
            authentication(12, b"v=" + signature(first, challenge, final)), authentication(0),
            parameter("server_version", "15.0"), message(b"K", bytes(8)), READY)
        connection.read_message()
        connection.send_in_bytes(notice("in pieces"), result([["f"]]))
        connection.hold()
    check(script, Code.OK, timeout=5)


def test_one_byte_at_a_time_within_tls():
    def script(connection):
        tls = encrypted_startup(connection)
        for byte in authentication(0) + parameter("server_version", "15.0") + READY:
            tls.send(bytes([byte]))
        tls.read(5)
        for byte in result([["f"]]):
            tls.send(bytes([byte]))
        connection.hold()
    check(script, Code.OK, sslmode="require", timeout=5)


def signature(first, challenge, final):
    """What proves that the server knows the password (RFC 5802, section 3)."""
    bare = first[first.index(b"n,,") + 3:]
    key = hashlib.pbkdf2_hmac("sha256", SECRET.encode(), bytes(16), 4096)
    server_key = hmac.digest(key, b"Server Key", "sha256")
    said = b",".join((bare, challenge, final[:final.index(b",p=")]))
    return base64.b64encode(hmac.digest(server_key, said, "sha256"))


# Around the deadline

def answer_after(seconds):
    def script(connection):
        asked(connection).wait(seconds)
        connection.send(result([["f"]]))
        connection.hold()
    return script


def test_an_answer_well_before_the_deadline():
    check(answer_after(1.0), Code.OK, timeout=1.0 + 2.0 * PATIENCE)


@pytest.mark.parametrize("early", [40, 20, 10, 5, 2, 1, 0, -5, -20])
def test_an_answer_at_the_edge_of_the_deadline(early):
    run = check(answer_after(TIMEOUT - early / 1000), Code.OK, Code.TIMED_OUT)
    assert run.code == Code.OK or run.seconds >= TIMEOUT - 0.01


def test_an_answer_after_the_deadline():
    check(answer_after(TIMEOUT + 0.2), Code.TIMED_OUT)


# Lengths of a gibibyte

def huge(kind, payload=b"x" * 100):
    return kind + struct.pack("!I", 2**30) + payload


@pytest.mark.parametrize("kind", "R S N K Z T D A v".split())
@pytest.mark.parametrize("stage", [startup, sasl_asked, authenticated, key_sent, asked, described],
                         ids=name_of)
def test_a_message_of_a_gibibyte(stage, kind):
    def script(connection):
        stage(connection).send(huge(kind.encode()))
        connection.hold()
    # The sanitizers' memory is not bounded: there it is waited for.
    check(script, Code.UNEXPECTED_ANSWER, *([Code.TIMED_OUT] if is_instrumented() else []))


@pytest.mark.parametrize("stage", [startup, sasl_asked], ids=name_of)
def test_an_error_of_a_gibibyte_before_the_log_in(stage):
    """To libpq this is an error of protocol 2, which ends with a NUL that never comes."""
    def script(connection):
        stage(connection).send(huge(b"E"))
        connection.hold()
    check(script, Code.TIMED_OUT, Code.UNEXPECTED_ANSWER)


def test_a_value_of_a_gibibyte():
    def script(connection):
        described(connection).send(message(b"D", struct.pack("!hi", 1, 2**30) + b"t"), READY)
        connection.hold()
    check(script, Code.UNEXPECTED_ANSWER)


# TLS that is none

@pytest.mark.parametrize("garbage", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64, b"\xff" * 64, READY, authentication(0),
    b"\x16\x03\x03\x3f\xff" + b"x" * 100 + b"\0" * 20000],
    ids=["http", "zeros", "ones", "ready", "authentication", "a record of nonsense"])
def test_garbage_instead_of_tls(garbage):
    def script(connection):
        tls_agreed(connection)
        connection.read_some()
        connection.send(garbage)
        connection.hold()
    check(script, Code.UNEXPECTED_ANSWER, sslmode="require")


@pytest.mark.parametrize("sslmode", ["prefer", "require", "verify-full"])
@pytest.mark.parametrize("injected", [error("28P01", "no"), authentication(0) + READY, b"x"],
                         ids=["error", "authentication", "byte"])
def test_plaintext_injected_behind_the_agreement_to_tls(injected, sslmode):
    """Somebody in between: what it says must never be taken for the server's own words, even
    where the handshake behind it is a good one."""
    def script(connection):
        tls_asked(connection).send(b"S" + injected)
        Tls(connection).shake_hands().send(authentication(0), READY)
        connection.hold()
    verified = sslmode == "verify-full"
    check(script, Code.UNEXPECTED_ANSWER, sslmode=sslmode, settings=(
        f"sslrootcert = {stages.authority().certificate}\n" if verified else ""))


@pytest.mark.parametrize("stage", [encrypted, encrypted_startup, encrypted_ready], ids=name_of)
def test_plaintext_injected_into_a_tls_connection(stage):
    def script(connection):
        stage(connection).send_in_clear(result([["f"]]))
        connection.hold()
    check(script, Code.UNEXPECTED_ANSWER, sslmode="require")


@pytest.mark.parametrize("reply", [b"X", b"\0", b"R", b"\xff"])
def test_a_reply_to_the_request_for_tls_that_does_not_exist(reply):
    def script(connection):
        tls_asked(connection).send(reply)
        connection.hold()
    check(script, Code.UNEXPECTED_ANSWER, sslmode="require")


# SCRAM

@pytest.mark.parametrize("challenge", [
    lambda first: server_first(first, nonce=b"theirs"),
    lambda first: server_first(first, nonce=b""),
    lambda first: server_first(first, nonce=re.search(rb"r=([^,]+)", first)[1][:-1]),
    lambda first: server_first(first).replace(b"s=", b"s=!garbage!"),
    lambda first: server_first(first).replace(b",i=4096", b""),
    lambda first: server_first(first).replace(b"i=4096", b"i=x"),
    lambda first: server_first(first).replace(b"i=4096", b"i=99999999999999999999"),
    lambda first: server_first(first, salt=bytes(5000)),
    lambda first: b"", lambda first: b"\0" * 100, lambda first: b"r=" + b"x" * 1900],
    ids=["another nonce", "no nonce", "half our nonce", "no base64", "no iterations",
         "iterations no number", "iterations no int", "a salt of 5000 bytes",
         "empty", "zeros", "only a nonce"])
def test_an_absurd_scram_challenge(challenge):
    def script(connection):
        startup(connection).send(authentication(10, b"SCRAM-SHA-256\0\0"))
        _, first = connection.read_message()
        connection.send(authentication(11, challenge(first)))
        connection.hold()
    check(script, Code.UNEXPECTED_ANSWER)


def test_the_longest_salt_that_fits_is_only_a_salt():
    def script(connection):
        startup(connection).send(authentication(10, b"SCRAM-SHA-256\0\0"))
        _, first = connection.read_message()
        connection.send(authentication(11, server_first(first, salt=bytes(1350))))
        connection.read_message()
        connection.send(error("28P01", "no"))
    check(script, Code.ACCESS_DENIED)


@pytest.mark.parametrize("mechanisms, code", [
    (b"\0", Code.ACCESS_DENIED), (b"SCRAM-SHA-9999\0\0", Code.ACCESS_DENIED),
    (b"SCRAM-SHA-256-PLUS\0\0", Code.ACCESS_DENIED), (b"SCRAM-SHA-256", Code.ACCESS_DENIED),
    (b"x" * 1900, Code.ACCESS_DENIED), (b"x" * 3000, Code.UNEXPECTED_ANSWER)],
    ids=["none", "unknown", "plus without TLS", "no end", "long", "too long"])
def test_absurd_scram_mechanisms(mechanisms, code):
    def script(connection):
        startup(connection).send(authentication(10, mechanisms))
        connection.hold()
    check(script, code)


@pytest.mark.parametrize("final", [
    b"v=" + base64.b64encode(bytes(32)), b"v=!", b"", b"e=other-error"],
    ids=["wrong", "no base64", "empty", "error"])
def test_a_server_that_can_not_prove_it_knows_the_password(final):
    def script(connection):
        sasl_continued(connection).send(authentication(12, final), authentication(0),
                                        parameter("server_version", "15.0"), READY)
        connection.hold()
    check(script, Code.ACCESS_DENIED)
