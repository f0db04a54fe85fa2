"""The server is there and won't have us: exit code 4. TLS has a file of its own."""

import pytest
from harness.checks import Code, ask, run_check
from harness.hostile import StandIn, demand, refuse

DENIED = (Code.ACCESS_DENIED, "")


@pytest.mark.parametrize("program", ["checkpgprimary", "checkpgstandby"])
@pytest.mark.versions("exit codes")
def test_no_line_in_pg_hba(primary, program):
    primary.set_hba()
    assert ask(program, primary).outcome == DENIED


def test_a_line_in_pg_hba_that_rejects(primary):
    primary.authenticate("reject")
    assert ask("checkpgprimary", primary).outcome == DENIED


@pytest.mark.versions("SCRAM")
def test_a_wrong_password(primary):
    primary.authenticate("scram-sha-256")
    primary.set_password("right")
    assert ask("checkpgprimary", primary, passwords="*:*:*:*:wrong\n").outcome == DENIED


def test_a_wrong_password_over_md5(primary):
    primary.authenticate("md5")
    primary.set_password("right", encryption="md5")
    assert ask("checkpgprimary", primary, passwords="*:*:*:*:wrong\n").outcome == DENIED


@pytest.mark.versions("SCRAM")
def test_a_role_without_password(primary):
    primary.authenticate("scram-sha-256")
    primary.set_password(None)
    assert ask("checkpgprimary", primary, passwords="*:*:*:*:any\n").outcome == DENIED


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "password"])
def test_no_password_to_give(primary, method):
    primary.authenticate(method)
    primary.set_password("right")
    assert ask("checkpgprimary", primary).outcome == DENIED


def test_a_password_file_for_another_server(primary):
    primary.authenticate("scram-sha-256")
    primary.set_password("right")
    assert ask("checkpgprimary", primary, passwords="db7:*:*:*:right\n").outcome == DENIED


@pytest.mark.versions("exit codes")
def test_an_unknown_role(primary):
    primary.authenticate("trust", role="all")
    assert ask("checkpgprimary", primary, configuration="user = nobody\n").outcome == DENIED


@pytest.mark.versions("exit codes")
def test_an_unknown_database(primary):
    assert ask("checkpgprimary", primary, configuration="dbname = nowhere\n").outcome == DENIED


def test_a_role_that_may_not_log_in(primary):
    primary.sql("CREATE ROLE group_only NOLOGIN")
    primary.authenticate("trust", role="group_only")
    assert ask("checkpgprimary", primary, configuration="user = group_only\n").outcome == DENIED
    primary.sql("DROP ROLE group_only")


def test_a_database_the_role_may_not_connect_to(primary):
    primary.sql("CREATE DATABASE private")
    primary.sql("REVOKE CONNECT ON DATABASE private FROM PUBLIC")
    assert ask("checkpgprimary", primary, configuration="dbname = private\n").outcome == DENIED
    primary.sql("DROP DATABASE private")


def test_a_role_that_may_not_call_the_function(primary):
    primary.sql("REVOKE EXECUTE ON FUNCTION pg_is_in_recovery() FROM PUBLIC")
    assert ask("checkpgprimary", primary).outcome == DENIED
    primary.sql("GRANT EXECUTE ON FUNCTION pg_is_in_recovery() TO PUBLIC")


def test_a_server_that_demands_gssapi(primary):
    primary.authenticate("gss")
    position = primary.log_position()
    assert ask("checkpgprimary", primary).outcome == DENIED
    assert "user=checkpg" not in primary.log(position)


@pytest.mark.parametrize("code, payload", [(2, b""), (6, b""), (7, b""), (9, b""), (12345, b""),
                                           (10, b"OAUTHBEARER\0\0")],
                         ids=["kerberos", "scm", "gssapi", "sspi", "unknown", "unknown-sasl"])
def test_an_authentication_method_that_is_not_supported(code, payload):
    with StandIn(demand(code, payload)) as server:
        assert ask("checkpgprimary", server).outcome == DENIED


@pytest.mark.parametrize("sqlstate", ["28000", "28P01", "3D000", "42501"])
def test_the_sqlstate_decides_whatever_the_message_says(sqlstate):
    with StandIn(refuse(sqlstate, "das Datenbanksystem startet")) as server:
        assert ask("checkpgprimary", server).outcome == DENIED


def test_a_person_reads_what_the_server_said(primary):
    primary.set_hba()
    run = run_check("checkpgprimary", primary.address, primary.port)
    assert (run.code, run.stderr) == (Code.ACCESS_DENIED, "")
    assert "no pg_hba.conf entry" in run.stdout and run.stdout.count("\n") == 1
