"""Nobody there (exit code 2) and nobody answering (exit code 3)."""

import socket

import pytest
from harness import abilities, ports, resolver, scratch
from harness.checks import Code, ask, run_as_haproxy, run_check
from harness.hostile import BlackHole, StandIn, silent, silent_after_login
from harness.postgres import Server
from harness.waiting import PATIENCE

SOON = "timeout = 300ms\n"
#: A run with SOON: nothing may end before its time, and a loaded machine gets some slack.
IN_TIME = (0.29, 0.3 + 1.0 * PATIENCE)


def in_time(run):
    return IN_TIME[0] <= run.seconds <= IN_TIME[1]


@pytest.mark.parametrize("program", ["checkpgprimary", "checkpgstandby"])
def test_a_port_nobody_listens_on_is_unreachable(program):
    run = run_as_haproxy(program, "127.0.0.1", ports.free_port())
    assert run.outcome == (Code.UNREACHABLE, "")


@pytest.mark.versions("exit codes")
def test_a_stopped_server_is_unreachable(lasting_primary):
    with Server("db5").create() as server:
        assert ask("checkpgprimary", server).code == Code.OK
        server.stop()
        assert ask("checkpgprimary", server).outcome == (Code.UNREACHABLE, "")


def test_a_person_reads_which_server_is_unreachable():
    port = ports.free_port()
    run = run_check("checkpgprimary", "127.0.0.1", port)
    assert run.code == Code.UNREACHABLE
    assert f"127.0.0.1:{port}" in run.stdout and run.stdout.count("\n") == 1


def test_an_address_without_a_name_or_a_port_has_postgresqls_port():
    run = run_check("checkpgprimary", configuration="hostaddr = 127.0.0.9\n")
    assert (run.code, run.stdout) == (Code.UNREACHABLE,
                                      "127.0.0.9:5432: unreachable: Connection refused\n")


def test_a_closed_port_on_ipv6_is_unreachable(ipv6):
    run = run_as_haproxy("checkpgprimary", "::1", ports.free_port())
    assert run.outcome == (Code.UNREACHABLE, "")


def test_a_unix_socket_that_does_not_exist_is_unreachable():
    path = scratch.directory("nothing") / ".s.PGSQL.5432"
    run = run_as_haproxy("checkpgprimary", path, "NOT_USED")
    assert run.outcome == (Code.UNREACHABLE, "")


def test_a_unix_socket_that_nobody_serves_is_unreachable():
    path = scratch.directory("abandoned") / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))
    run = run_as_haproxy("checkpgprimary", path, "NOT_USED")
    assert run.outcome == (Code.UNREACHABLE, "")


def test_a_network_without_route_is_unreachable():
    # In a new network namespace not even loopback is up.
    abilities.require_namespace("a network of the check's own", "--net")
    run = run_as_haproxy("checkpgprimary", "192.0.2.1", 5432, prefix=["/usr/bin/unshare", "--net"])
    assert run.outcome == (Code.UNREACHABLE, "")


def test_a_name_that_does_not_exist_is_unreachable():
    run = run_check("checkpgprimary", "nobody.example", prefix=resolver.prefix("hosts: files\n", ""))
    assert run.code == Code.UNREACHABLE
    assert "nobody.example" in run.stdout


def test_a_name_server_that_never_answers_is_a_time_out():
    with resolver.silent_name_server() as prefix:
        run = run_check("checkpgprimary", "slow.example", configuration=SOON, prefix=prefix)
    assert run.code == Code.TIMED_OUT
    assert in_time(run), run


def test_a_black_hole_is_a_time_out():
    with BlackHole() as server:
        run = ask("checkpgprimary", server, configuration=SOON)
    assert run.outcome == (Code.TIMED_OUT, "")
    assert in_time(run), run


def test_a_black_hole_is_a_time_out_after_the_default_time():
    with BlackHole() as server:
        run = ask("checkpgprimary", server)
    assert run.outcome == (Code.TIMED_OUT, "")
    assert 1.49 <= run.seconds <= 1.5 + 1.0 * PATIENCE


@pytest.mark.versions("exit codes")
def test_a_frozen_server_is_a_time_out(primary):
    primary.freeze()
    run = ask("checkpgprimary", primary, configuration=SOON)
    primary.thaw()
    assert run.outcome == (Code.TIMED_OUT, "")
    assert in_time(run), run
    assert ask("checkpgprimary", primary).code == Code.OK


@pytest.mark.parametrize("script", [silent, silent_after_login])
def test_a_silent_server_is_a_time_out(script):
    with StandIn(script) as server:
        run = ask("checkpgprimary", server, configuration=SOON)
    assert run.outcome == (Code.TIMED_OUT, "")
    assert in_time(run), run


def test_the_timeout_option_beats_the_file():
    with BlackHole() as server:
        run = run_check("checkpgprimary", "-t", "0.3", server.address, server.port,
                        configuration="timeout = 20s\n")
    assert run.code == Code.TIMED_OUT
    assert in_time(run), run


def test_a_time_out_holds_though_the_parent_has_blocked_all_signals():
    with StandIn(silent) as server:
        run = ask("checkpgprimary", server, configuration=SOON,
                  prefix=["/usr/bin/env", "--block-signal"])
    assert run.outcome == (Code.TIMED_OUT, "")
    assert in_time(run), run
