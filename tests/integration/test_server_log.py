"""PostgreSQL's log stays clean: a check says goodbye, whatever it found."""

import re

import pytest
from harness.checks import Code, ask, run_as_haproxy
from harness.waiting import wait_for

#: What PostgreSQL says of connections that end badly.
BAD_ENDS = ["unexpected EOF", "could not receive data", "could not send data", "Connection reset",
            "incomplete startup packet", "incomplete message", "Broken pipe", "invalid length",
            "could not accept SSL connection", "canceling authentication", "invalid message"]


@pytest.fixture(params=["trust", "scram-sha-256", "md5", "tls", "tls and scram-sha-256",
                        "client certificate"])
def login(request, primary, authority):
    """A way to log in: the server is set up for it; what the check needs is returned."""
    way = request.param
    method = {"tls": "trust", "tls and scram-sha-256": "scram-sha-256",
              "client certificate": "cert"}.get(way, way)
    over_tls = "tls" in way or way == "client certificate"
    configuration = "sslmode = disable\n"
    if over_tls:
        primary.use_certificate(authority.issue("server", names=["db1"]), authority)
        ours = authority.issue("checkpg")
        configuration = (f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n"
                         f"sslcert = {ours.certificate}\nsslkey = {ours.key}\n")
    primary.authenticate(method, connection="hostssl" if over_tls else "host")
    if method in ("scram-sha-256", "md5"):
        primary.set_password("secret", encryption=method)
    return {"configuration": configuration, "passwords": "*:*:*:*:secret\n"}


def test_checks_leave_no_broken_connection(primary, login):
    position = primary.log_position()
    for _ in range(5):
        assert ask("checkpgprimary", primary, **login).outcome == (Code.OK, "")
        assert ask("checkpgstandby", primary, **login).outcome == (Code.OTHER_ROLE, "")
    assert_clean(primary, position, connections=10)


def test_checks_over_a_unix_socket_leave_no_broken_connection(primary):
    position = primary.log_position()
    run = run_as_haproxy("checkpgprimary", primary.socket, "NOT_USED")
    assert run.outcome == (Code.OK, "")
    assert_clean(primary, position, connections=1)


def test_a_refused_check_leaves_only_the_refusal(primary):
    position = primary.log_position()
    primary.set_hba()
    run = ask("checkpgprimary", primary, configuration="sslmode = disable\n")
    assert run.outcome == (Code.ACCESS_DENIED, "")
    log = primary.log(position)
    assert "no pg_hba.conf entry" in log
    assert not [end for end in BAD_ENDS if end in log]


def assert_clean(server, position, connections):
    """Nothing but connections that came, logged in and went."""
    def sessions():
        return re.findall(r"connection authorized: user=checkpg", server.log(position))

    def ended():
        return re.findall(r"disconnection: session time: .* user=checkpg", server.log(position))

    wait_for(lambda: len(ended()) == len(sessions()) == connections, "the sessions to end")
    log = server.log(position)
    assert not [end for end in BAD_ENDS if end in log], log
    assert not re.search(r"\b(WARNING|ERROR|FATAL|PANIC):", log), log
