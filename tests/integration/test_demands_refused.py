"""Peers and demands that can't be what was meant: exit code 78, and the message names the key. And
what a role is not allowed to ask: exit code 4, and the message names the GRANT."""

import re

import pytest
from harness.checks import Code, ask, run_check
from harness.clusters import peers
from harness.postgres import Server

BAD_LINES = {
    "peer with a port zero": ("peers = db1:0", "db1:0"),
    "peer with a port too large": ("peers = db1:65536", "db1:65536"),
    "peer with a port in words": ("peers = db1:postgres", "db1:postgres"),
    "peer with an empty port": ("peers = db1:", "db1:"),
    "peer with two ports": ("peers = db1:5432:5433", "db1:5432:5433"),
    "peer without a host": ("peers = :5432", ":5432"),
    "peer that is an option": ("peers = -h", "-h"),
    "peer that is a directory": ("peers = /run/postgresql", "/run/postgresql"),
    "peer that is a URL": ("peers = postgresql://db1", "postgresql://db1"),
    "peer with a bracket": ("peers = [::1", "[::1"),
    "peer with something behind the bracket": ("peers = [::1]5432", "[::1]5432"),
    "peer with empty brackets": ("peers = []:5432", "[]:5432"),
    "peer with a name and no address": ("peers = db1=", "db1="),
    "peer with an address and no name": ("peers = =127.0.0.1", "=127.0.0.1"),
    "peer with a name for a name": ("peers = db1=db2", "db1=db2"),
    "peer with a control character": ("peers = db\x011", ""),
    "the second of three": ("peers = db1 d!b2 db3", "d!b2"),
    "the same address twice": ("peers = 127.0.0.1 127.0.0.2 127.0.0.1", "'127.0.0.1'"),
    "the same name twice": ("peers = db1,db2,db1", "'db1'"),
    "the same address and port twice": ("peers = 127.0.0.1:1 127.0.0.1:1", "'127.0.0.1:1'"),
    "a thousand": (f"peers = {' '.join(f'192.0.2.1:{n}' for n in range(1, 1001))}", "32"),
    "one too many": (f"peers = {' '.join(f'192.0.2.{n}' for n in range(1, 34))}", "32"),
    "policy unknown": ("split-brain = maybe", "maybe"),
    "policy empty": ("split-brain =", "split-brain"),
    "policy in capitals": ("split-brain = Refuse", "Refuse"),
    "size of apples": ("max-replay-lag = 16 apples", "16 apples"),
    "size negative": ("max-replay-lag = -1", "-1"),
    "size in words": ("max-replay-lag = much", "much"),
    "size empty": ("max-replay-lag =", "max-replay-lag"),
    "size too large": ("max-replay-lag = 99999999999TB", "99999999999TB"),
    "size in a unit PostgreSQL spells otherwise": ("max-replay-lag = 16mb", "16mb"),
    "delay of apples": ("max-replay-delay = 3 apples", "3 apples"),
    "delay negative": ("max-replay-delay = -1s", "-1s"),
    "delay in words": ("max-replay-delay = soon", "soon"),
    "peer-timeout zero": ("peer-timeout = 0", "peer-timeout"),
    "peer-timeout too long": ("peer-timeout = 61s", "61s"),
    "peer-timeout of apples": ("peer-timeout = 5 apples", "5 apples"),
    "require-writable neither on nor off": ("require-writable = perhaps", "perhaps"),
    "require-streaming neither on nor off": ("require-streaming = perhaps", "perhaps"),
}


@pytest.mark.parametrize("program", ["checkpgprimary", "checkpgstandby"])
@pytest.mark.parametrize("line, word", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_value_is_named_by_line_and_key(program, line, word):
    run = run_check(program, "127.0.0.1", "1", configuration=f"# a comment\n{line}\n")
    assert (run.code, run.stdout) == (Code.CONFIGURATION, ""), run
    assert run.stderr.count("\n") == 1 and run.stderr.isascii()
    for needed in (f"{program}: ", "checkpg.conf:3: ", line.partition(" ")[0], word):
        assert needed in run.stderr


@pytest.mark.parametrize("times", ["timeout = 300ms\n", "timeout = 2s\npeer-timeout = 2s\n",
                                   "timeout = 2s\npeer-timeout = 3s\n", "peer-timeout = 1500ms\n"])
def test_peers_must_be_given_less_time_than_there_is(times):
    run = run_check("checkpgprimary", "127.0.0.1", "1", configuration=f"{times}peers = db2\n")
    assert (run.code, run.stdout) == (Code.CONFIGURATION, "")
    assert run.stderr.count("\n") == 1 and "peer-timeout" in run.stderr
    without_peers = run_check("checkpgprimary", "127.0.0.1", "1", configuration=times)
    assert without_peers.code == Code.UNREACHABLE


def test_haproxy_gets_the_same_exit_code(primary):
    for line in ("peers = db1:0\n", "split-brain = maybe\n", "max-replay-lag = 16 apples\n"):
        assert ask("checkpgprimary", primary, configuration=line).code == Code.CONFIGURATION


def test_as_many_peers_as_allowed_are_no_error(primary):
    closed = " ".join(f"127.0.0.1:{port}" for port in range(1, 33))
    run = ask("checkpgprimary", primary, configuration=f"peers = {closed}\n")
    assert run.outcome == (Code.OK, "")


GRANTS = [
    ("checkpgprimary", "peers = localhost:1\n", "pg_control_system()"),
    ("checkpgprimary", "peers = localhost:1\n", "pg_postmaster_start_time()"),
    ("checkpgprimary", "peers = localhost:1\n", "pg_current_wal_lsn()"),
    ("checkpgprimary", "peers = localhost:1\n", "pg_walfile_name(pg_lsn)"),
    ("checkpgstandby", "max-replay-lag = 1MB\n", "pg_last_wal_receive_lsn()"),
    ("checkpgstandby", "max-replay-lag = 1MB\n", "pg_last_wal_replay_lsn()"),
    ("checkpgstandby", "max-replay-delay = 1s\n", "pg_last_xact_replay_timestamp()"),
]


@pytest.fixture
def changed(primary, standby):
    """A primary and its standby for change()."""
    primary.set(synchronous_commit="on")  # so that wait_for_replay() misses nothing
    return primary, standby


def change(servers, statements):
    """Runs statements on the primary and waits until the standby has them, too."""
    primary, standby = servers
    primary.sql(statements)
    standby.wait_for_replay()


@pytest.mark.parametrize("program, configuration, function", GRANTS)
def test_a_function_the_role_may_not_call_is_named_with_the_grant(changed, program, configuration,
                                                                  function):
    primary, standby = changed
    server = primary if program == "checkpgprimary" else standby
    change(changed, f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
    grants = ""
    try:
        assert ask(program, server, configuration=configuration).outcome == (
            Code.ACCESS_DENIED, "")
        run = run_check(program, server.address, server.port, configuration=configuration)
        assert (run.code, run.stderr) == (Code.ACCESS_DENIED, "")
        assert run.stdout.count("\n") == 1
        grants = re.search(r'GRANT .* TO "checkpg"', run.stdout)[0]
        assert function in grants
        assert ask(program, server).outcome == (Code.OK, "")  # what isn't asked needs no GRANT
        change(changed, grants)
        assert ask(program, server, configuration=configuration).outcome == (Code.OK, "")
    finally:
        change(changed, f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC;" + grants.replace(
            "GRANT", "REVOKE").replace(" TO ", " FROM "))


def test_a_view_the_role_may_not_read_is_named_with_the_grant(changed):
    standby = changed[1]
    change(changed, "REVOKE SELECT ON pg_stat_wal_receiver FROM PUBLIC")
    try:
        run = run_check("checkpgstandby", standby.address, standby.port,
                        configuration="require-streaming = on\n")
        assert (run.code, run.stderr) == (Code.ACCESS_DENIED, "")
        assert 'GRANT SELECT ON pg_stat_wal_receiver TO "checkpg"' in run.stdout
    finally:
        change(changed, "GRANT SELECT ON pg_stat_wal_receiver TO PUBLIC")


def test_a_peer_that_does_not_let_us_ask_is_no_objection_and_is_told_with_the_grant(primary):
    """The role is the same in a whole cluster: such a peer belongs to another one, or has a
    pg_hba.conf of its own. Nobody knows it to be a primary."""
    with Server("other").create() as other:
        other.sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        run = run_check("checkpgprimary", "-v", primary.address, primary.port,
                        configuration=f"timeout = 20s\n{peers(other)}")
        assert (run.code, run.stderr) == (Code.OK, "")
        line, = [line for line in run.stdout.splitlines() if f"{other.port} is" in line]
        assert "without an answer" in line and "GRANT EXECUTE" in line
