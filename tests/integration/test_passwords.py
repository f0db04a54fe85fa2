"""Passwords: every method that takes one, every place it may stand in, and that none is shown."""

import pytest
from harness import haproxy, hostile, scratch
from harness.checks import (Code, ask, public_copy, run_as_haproxy, run_check,
                            write_configuration)

SECRET = "correct-horse"
OK = (Code.OK, "")


@pytest.fixture
def guarded(primary):
    """A primary that wants SECRET, by SCRAM."""
    primary.authenticate("scram-sha-256")
    primary.set_password(SECRET)
    return primary


@pytest.mark.parametrize("method, encryption", [
    ("scram-sha-256", "scram-sha-256"), ("md5", "md5"), ("md5", "scram-sha-256"),
    ("password", "scram-sha-256")])
@pytest.mark.versions("SCRAM")
def test_every_method_that_takes_a_password(primary, method, encryption):
    primary.authenticate(method)
    primary.set_password(SECRET, encryption=encryption)
    assert ask("checkpgprimary", primary, passwords=f"*:*:*:*:{SECRET}\n").outcome == OK


def test_the_password_file_is_searched_by_haproxys_name_of_the_server(guarded):
    passwords = (f"db7.example:*:*:*:wrong\n"
                 f"db1.example:{guarded.port}:postgres:checkpg:{SECRET}\n*:*:*:*:wrong\n")
    run = ask("checkpgprimary", guarded, server="db1.example", passwords=passwords)
    assert run.outcome == OK


def test_the_password_file_is_searched_by_address_in_manual_form(guarded):
    run = run_check("checkpgprimary", guarded.address, guarded.port,
                    passwords=f"{guarded.address}:{guarded.port}:*:*:{SECRET}\n")
    assert run.code == Code.OK


def test_a_password_over_a_unix_socket(guarded):
    run = run_as_haproxy("checkpgprimary", guarded.socket, "NOT_USED",
                         passwords=f"*:{guarded.port}:*:*:{SECRET}\n")
    assert run.outcome == OK


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_password_in_the_configuration_that_others_can_not_read(guarded, mode):
    configuration = write_configuration(f"password = {SECRET}\n", mode=mode)
    run = ask("checkpgprimary", guarded, env={"CHECKPG_CONFIG": configuration})
    assert run.outcome == OK


@pytest.mark.parametrize("mode", [0o644, 0o604])
@pytest.mark.parametrize("section", ["", "[PostgresReadWrite-backend]\n"])
def test_a_password_in_the_configuration_that_others_can_read_is_refused(guarded, mode, section):
    configuration = write_configuration(f"{section}password = {SECRET}\n", mode=mode)
    run = ask("checkpgprimary", guarded, env={"CHECKPG_CONFIG": configuration})
    assert (run.code, run.stdout) == (Code.CONFIGURATION, "")
    assert str(configuration) in run.stderr and "password" in run.stderr
    assert SECRET not in run.stderr


def test_a_configuration_that_others_can_read_is_fine_without_a_password(primary):
    configuration = write_configuration("user = checkpg\n", mode=0o644)
    run = ask("checkpgprimary", primary, env={"CHECKPG_CONFIG": configuration})
    assert run.outcome == OK


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_password_file_that_others_may_read_is_a_configuration_error(guarded, mode):
    """libpq would ignore it, and warn at every single check."""
    configuration = write_configuration(passwords=f"*:*:*:*:{SECRET}\n")
    password_file = configuration.with_name("pgpass")
    password_file.chmod(mode)
    run = ask("checkpgprimary", guarded, env={"CHECKPG_CONFIG": configuration})
    assert (run.code, run.stdout) == (Code.CONFIGURATION, "")
    assert str(password_file) in run.stderr and run.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--verbose", "--json", "--quiet"])
@pytest.mark.parametrize("right", [True, False])
def test_no_output_shows_the_password(guarded, option, right):
    password = SECRET if right else "battery-staple"
    for place in ({"configuration": f"password = {password}\n"},
                  {"passwords": f"*:*:*:*:{password}\n"},
                  {"env": {"PGPASSWORD": password}}):
        run = run_check("checkpgprimary", option, guarded.address, guarded.port, **place)
        assert run.code == (Code.OK if right else Code.ACCESS_DENIED)
        assert password not in run.output


@pytest.mark.parametrize("option", ["--verbose", "--json"])
def test_no_output_shows_a_password_that_the_server_repeats(option):
    with hostile.StandIn(hostile.repeat_password) as server:
        run = run_check("checkpgprimary", option, server.address, server.port,
                        passwords=f"*:*:*:*:{SECRET}\n")
    assert run.code == Code.ACCESS_DENIED
    assert SECRET not in run.output


def test_there_is_never_a_prompt(guarded):
    run = run_check("checkpgprimary", guarded.address, guarded.port)
    assert run.code == Code.ACCESS_DENIED
    assert "Password:" not in run.output


def test_a_password_file_that_nobody_named_and_that_is_not_for_us_is_none(primary):
    """The built-in one: a site that logs in otherwise may have it for others."""
    haproxy.require_private_etc()
    etc = scratch.directory("etc")
    (etc / "pgpass").write_text("")
    (etc / "pgpass").chmod(0o600)
    program = public_copy("checkpgprimary")
    run = run_check(program, "NOT_USED", "NOT_USED", primary.address, primary.port,
                    env={"CHECKPG_CONFIG": ""}, prefix=[
                        *haproxy.with_private_etc(scratch.directory("mount"), etc), "/usr/bin/setpriv",
                        "--reuid=65534", "--regid=65534", "--clear-groups"])
    assert run.outcome == (Code.OK, "")
