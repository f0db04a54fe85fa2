"""What a check inherits from its caller: descriptors, variables, user, signals."""


import pytest
from harness import abilities, hostile, scratch
from harness.checks import (Code, ask, haproxy_environment, public_copy, run_as_haproxy,
                            run_check)

OK = (Code.OK, "")


# Descriptors

def test_closed_descriptors_change_no_exit_code(primary, standby):
    assert ask("checkpgprimary", primary, closed_descriptors=True).code == Code.OK
    assert ask("checkpgprimary", standby, closed_descriptors=True).code == Code.OTHER_ROLE
    assert ask("checkpgstandby", standby, closed_descriptors=True).code == Code.OK
    run = run_as_haproxy("checkpgprimary", "127.0.0.1", 1, closed_descriptors=True)
    assert run.code == Code.UNREACHABLE


def test_closed_descriptors_change_no_usage_or_configuration_error():
    run = run_check("checkpgprimary", "--colour", closed_descriptors=True)
    assert run.code == Code.USAGE
    run = run_as_haproxy("checkpgprimary", "127.0.0.1", 1, configuration="colour = blue\n",
                         closed_descriptors=True)
    assert run.code == Code.CONFIGURATION


@pytest.mark.parametrize("options", [["--verbose"], []])
def test_with_closed_descriptors_nothing_but_the_protocol_is_sent(options):
    """Output meant for descriptor 1 or 2 must not go to the server."""
    with hostile.StandIn(hostile.answer([["f"]], notices=3)) as server:
        run = run_check("checkpgprimary", *options, server.address, server.port,
                        configuration="sslmode = disable\n", closed_descriptors=True)
        assert run.code == Code.OK
        connection, = server.connections
        assert connection.closed.wait(10)
        assert messages_of(bytes(connection.received)) == ["startup", "Q", "X"]


def test_with_closed_descriptors_the_servers_log_stays_clean(primary):
    primary.authenticate("scram-sha-256")
    primary.set_password("right")
    position = primary.log_position()
    for passwords in ("*:*:*:*:right\n", "*:*:*:*:wrong\n"):
        ask("checkpgprimary", primary, passwords=passwords, closed_descriptors=True)
    assert "invalid" not in primary.log(position)
    assert "protocol" not in primary.log(position)


# Variables

TARGET_VARIABLES = {"PGHOST": "203.0.113.1", "PGHOSTADDR": "203.0.113.1", "PGPORT": "1",
                    "PGSERVICE": "other", "PGTARGETSESSIONATTRS": "standby"}


@pytest.mark.parametrize("variable, value", TARGET_VARIABLES.items())
def test_a_variable_that_names_another_server_changes_nothing_in_haproxy_form(
        primary, variable, value):
    assert ask("checkpgprimary", primary, env={variable: value}).outcome == OK


def test_all_of_them_together_change_nothing_in_haproxy_form(primary, standby):
    environment = {**TARGET_VARIABLES, "PGHOST": standby.address, "PGPORT": str(standby.port),
                   "PGHOSTADDR": standby.address}
    assert ask("checkpgprimary", primary, env=environment).outcome == OK
    assert ask("checkpgstandby", primary, env=environment).outcome == (Code.OTHER_ROLE, "")


def test_a_service_file_changes_nothing_in_haproxy_form(primary):
    service_file = scratch.directory("service") / "pg_service.conf"
    service_file.write_text("[other]\nhost=203.0.113.1\nport=1\n")
    environment = {"PGSERVICE": "other", "PGSERVICEFILE": str(service_file)}
    assert ask("checkpgprimary", primary, env=environment).outcome == OK


def test_a_variable_never_takes_the_place_of_a_socket(primary):
    """A socket has no address: libpq would take one from the environment."""
    environment = {"PGHOSTADDR": primary.address, "PGPORT": str(primary.port)}
    nowhere = f"/nonexistent/.s.PGSQL.{primary.port}"
    assert run_as_haproxy("checkpgprimary", nowhere, "NOT_USED", env=environment).outcome == (
        Code.UNREACHABLE, "")
    run = run_check("checkpgprimary", "/nonexistent", primary.port, env=environment)
    assert run.code == Code.UNREACHABLE


def test_a_variable_never_takes_the_place_of_an_emptied_key(primary):
    run = ask("checkpgprimary", primary, configuration="sslmode =\n", env={"PGSSLMODE": "require"})
    assert run.outcome == OK


def test_the_variables_of_the_manual_form_are_libpqs(primary):
    run = run_check("checkpgprimary", primary.address, env={"PGPORT": str(primary.port)})
    assert run.code == Code.OK


def test_an_address_given_by_a_person_beats_a_variable(primary):
    environment = {"PGHOST": "203.0.113.1", "PGHOSTADDR": "203.0.113.1", "PGPORT": "1"}
    run = run_check("checkpgprimary", primary.address, primary.port, env=environment)
    assert run.code == Code.OK


def test_without_any_variable_at_all(primary):
    """Only the configuration's name is set: no PATH, no HOME, no HAPROXY_*."""
    run = run_check("checkpgprimary", "NOT_USED", "NOT_USED", primary.address, primary.port)
    assert run.outcome == OK


def test_variables_of_haproxy_may_be_empty(primary):
    environment = {name: "" for name in haproxy_environment(primary.address, primary.port)}
    assert ask("checkpgprimary", primary, env=environment).outcome == OK


@pytest.mark.parametrize("locale", ["de_DE.UTF-8", "C", "nonsense"])
def test_the_language_changes_no_exit_code(primary, locale):
    primary.set_hba()
    run = ask("checkpgprimary", primary, env={"LC_ALL": locale, "LANG": locale, "LANGUAGE": "de"})
    assert run.outcome == (Code.ACCESS_DENIED, "")


# User

@pytest.mark.parametrize("uid", [65534, 54321], ids=["nobody", "a user without name"])
def test_it_runs_as_any_user(primary, uid):
    prefix = ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
              "--no-new-privs"]
    abilities.require_root("becoming another user")
    program = public_copy("checkpgprimary")
    environment = {**haproxy_environment(primary.address, primary.port), "CHECKPG_CONFIG": ""}
    abilities.require_no_etc_checkpg()
    run = run_check(program, "NOT_USED", "NOT_USED", primary.address, primary.port, prefix=prefix,
                    env=environment)
    assert run.outcome == OK


def test_it_runs_where_the_working_directory_is_gone(primary):
    directory = scratch.directory("gone")
    gone = ["/bin/sh", "-c", f'cd {directory} && /bin/rmdir {directory} && exec "$0" "$@"']
    assert ask("checkpgprimary", primary, prefix=gone).outcome == OK


# Signals

def test_ignored_signals_change_nothing(primary):
    """As HAProxy leaves them."""
    ignoring = ["/usr/bin/env", "--ignore-signal=PIPE,USR2"]
    assert ask("checkpgprimary", primary, prefix=ignoring).outcome == OK


def test_sigterm_ends_it_at_once():
    with hostile.StandIn(hostile.silent) as server:
        ended = ["/usr/bin/timeout", "--preserve-status", "--signal=TERM", "--kill-after=9", "0.2"]
        run = ask("checkpgprimary", server, configuration="timeout = 20s\n", prefix=ended)
    assert run.code == 128 + 15
    assert run.seconds < 5


def messages_of(data):
    """The types of the messages a client sent, the first of which has none."""
    kinds = []
    while data:
        head = 0 if not kinds else 1
        kinds.append(data[:1].decode("latin1") if head else "startup")
        length = int.from_bytes(data[head:head + 4], "big")
        data = data[head + length:]
    return kinds
