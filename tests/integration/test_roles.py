"""Who is the primary, who is a standby: exit codes 0 and 1, in every way to name a server."""

import pytest
from harness.checks import Code, ask, run_as_haproxy, run_check
from harness.postgres import Server

ANSWERS = [("checkpgprimary", "primary", Code.OK), ("checkpgprimary", "standby", Code.OTHER_ROLE),
           ("checkpgstandby", "primary", Code.OTHER_ROLE), ("checkpgstandby", "standby", Code.OK)]


@pytest.fixture
def servers(primary, standby):
    return {"primary": primary, "standby": standby}


@pytest.mark.parametrize("program, role, code", ANSWERS)
@pytest.mark.versions("exit codes")
def test_haproxy_gets_the_answer_as_exit_code_and_nothing_else(servers, program, role, code):
    assert ask(program, servers[role]).outcome == (code, "")


@pytest.mark.parametrize("program, role, code", ANSWERS)
def test_a_person_gets_one_line_that_names_the_server_and_its_role(servers, program, role, code):
    server = servers[role]
    run = run_check(program, server.address, server.port)
    assert (run.code, run.stderr) == (code, "")
    assert run.stdout.count("\n") == 1 and run.stdout.endswith("\n")
    assert f"{server.address}:{server.port}" in run.stdout
    assert role in run.stdout


@pytest.mark.parametrize("program, role, code", ANSWERS)
def test_quiet_leaves_the_exit_code_alone(servers, program, role, code):
    server = servers[role]
    assert run_check(program, "--quiet", server.address, server.port).outcome == (code, "")


def test_options_name_the_server_as_psql_and_pg_isready_do(primary):
    run = run_check("checkpgprimary", "-h", primary.address, "-p", primary.port, "-U", "checkpg",
                    "-d", "postgres", "-t", "5")
    assert run.code == Code.OK


def test_a_name_from_the_hosts_file_is_looked_up(primary):
    assert run_check("checkpgprimary", "localhost", primary.port).code == Code.OK


def test_an_ipv6_address_in_haproxy_form(primary, ipv6):
    assert run_as_haproxy("checkpgprimary", "::1", primary.port).outcome == (Code.OK, "")
    assert run_as_haproxy("checkpgstandby", "::1", primary.port).outcome == (Code.OTHER_ROLE, "")


def test_an_ipv6_address_in_manual_form(primary, ipv6):
    assert run_check("checkpgprimary", "::1", primary.port).code == Code.OK


def test_haproxy_gives_the_path_of_a_unix_socket_and_no_port(primary):
    assert run_as_haproxy("checkpgprimary", primary.socket, "NOT_USED").outcome == (Code.OK, "")
    assert (run_as_haproxy("checkpgstandby", primary.socket, "NOT_USED").outcome
            == (Code.OTHER_ROLE, ""))


def test_a_person_gives_the_directory_of_a_unix_socket(primary):
    run = run_check("checkpgprimary", "-h", primary.socket_directory, "-p", primary.port)
    assert run.code == Code.OK


def test_a_fifth_argument_is_ignored(primary):
    run = run_check("checkpgprimary", "NOT_USED", "NOT_USED", primary.address, primary.port, "more")
    assert run.outcome == (Code.OK, "")


def test_the_port_in_the_configuration_replaces_the_traffic_port(primary):
    run = run_as_haproxy("checkpgprimary", primary.address, 6432,
                         configuration=f"port = {primary.port}\n")
    assert run.outcome == (Code.OK, "")


def test_the_section_of_the_backend_counts_and_another_does_not(primary):
    configuration = f"[PostgresReadWrite-backend]\nport = {primary.port}\n[Other]\nport = 1\n"
    run = run_as_haproxy("checkpgprimary", primary.address, 6432, configuration=configuration)
    assert run.outcome == (Code.OK, "")
    run = run_as_haproxy("checkpgprimary", primary.address, 6432, configuration=configuration,
                         backend="Other")
    assert run.outcome == (Code.UNREACHABLE, "")


def test_the_backend_option_shows_a_person_what_haproxy_sees(primary):
    configuration = f"port = 1\n[PostgresReadWrite-backend]\nport = {primary.port}\n"
    run = run_check("checkpgprimary", "--backend", "PostgresReadWrite-backend", primary.address,
                    configuration=configuration)
    assert run.code == Code.OK


def test_a_search_path_with_another_function_of_the_name_changes_nothing(primary, standby):
    primary.sql("CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO checkpg;"
                "CREATE FUNCTION trap.pg_is_in_recovery() RETURNS boolean RETURN true;"
                "ALTER ROLE checkpg SET search_path = trap, pg_catalog")
    try:
        assert ask("checkpgprimary", primary).outcome == (Code.OK, "")
        assert ask("checkpgstandby", primary).outcome == (Code.OTHER_ROLE, "")
    finally:
        primary.sql("ALTER ROLE checkpg RESET search_path; DROP SCHEMA trap CASCADE")


def test_a_primary_whose_transactions_are_read_only_is_still_the_primary(primary):
    primary.set(default_transaction_read_only="on")
    assert ask("checkpgprimary", primary).outcome == (Code.OK, "")


def test_a_warning_of_the_server_at_login_is_not_passed_on(primary):
    if primary.version < 15:
        pytest.skip("PostgreSQL warns of another collation version from 15 on")
    primary.sql("UPDATE pg_database SET datcollversion = 'old' WHERE datname = 'postgres'")
    try:
        assert ask("checkpgprimary", primary).outcome == (Code.OK, "")
        assert run_check("checkpgprimary", primary.address, primary.port).stderr == ""
    finally:
        primary.sql("UPDATE pg_database SET datcollversion = NULL WHERE datname = 'postgres'")


@pytest.mark.versions("promotion")
def test_a_promoted_standby_is_the_primary_at_once(primary):
    with Server("db4").create_standby(of=primary) as server:
        assert ask("checkpgstandby", server).outcome == (Code.OK, "")
        server.promote()
        assert ask("checkpgprimary", server).outcome == (Code.OK, "")
        assert ask("checkpgstandby", server).outcome == (Code.OTHER_ROLE, "")


def test_sessions_carry_the_name_of_the_program(primary):
    primary.set(log_line_prefix="%m [%p] <%a> ")
    position = primary.log_position()
    ask("checkpgprimary", primary)
    assert "application_name=checkpgprimary" in primary.log(position)
