"""Whatever PostgreSQL would not say: exit code 6. And servers that try to keep us busy."""

import pytest
from harness import hostile
from harness.checks import Code, PeakMemory, ask, is_instrumented, is_static, run_check
from harness.hostile import (StandIn, answer, authentication, data_row, drip, endless,
                             endless_error, fail_query, message, notice, parameter,
                             row_description)
from harness.waiting import PATIENCE

UNEXPECTED = (Code.UNEXPECTED_ANSWER, "")
SOON = "timeout = 400ms\n"


def test_the_stand_in_itself_is_a_good_server():
    """Else the tests below would show nothing."""
    with StandIn(answer([["t"]])) as server:
        assert ask("checkpgstandby", server).outcome == (Code.OK, "")
        assert ask("checkpgprimary", server).outcome == (Code.OTHER_ROLE, "")
    with StandIn(answer([["f"]], notices=100)) as server:
        assert ask("checkpgprimary", server).outcome == (Code.OK, "")


@pytest.mark.parametrize("sslmode", ["disable", "prefer", "require"])
@pytest.mark.parametrize("script", [hostile.http, hostile.ssh, hostile.noise])
def test_something_that_is_not_postgresql(script, sslmode):
    with StandIn(script) as server:
        run = ask("checkpgprimary", server, configuration=f"sslmode = {sslmode}\n")
        assert run.outcome == UNEXPECTED


@pytest.mark.parametrize("rows, shape", [
    ([], {"columns": 1}), ([["t"], ["t"]], {}), ([["t", "t"]], {}), ([[None]], {}), ([["yes"]], {}),
    ([[""]], {}), ([["t"]], {"type": hostile.TEXT}), ([[]], {})],
    ids=["no row", "two rows", "two columns", "null", "no boolean", "empty", "a text", "no column"])
def test_an_answer_of_the_wrong_shape(rows, shape):
    for program in ("checkpgprimary", "checkpgstandby"):
        with StandIn(answer(rows, **shape)) as server:
            assert ask(program, server).outcome == UNEXPECTED


@pytest.mark.parametrize("script", [hostile.hang_up_at_startup, hostile.hang_up_at_query,
                                    hostile.hang_up_within_answer])
def test_a_connection_that_is_lost_half_way(script):
    with StandIn(script) as server:
        assert ask("checkpgprimary", server).outcome == UNEXPECTED


@pytest.mark.parametrize("sqlstate", ["42883", "XX000", "57014", "00000"])
def test_a_query_that_fails(sqlstate):
    with StandIn(fail_query(sqlstate)) as server:
        assert ask("checkpgprimary", server).outcome == UNEXPECTED


@pytest.mark.parametrize("messages", [
    message(b"Z", b"I"), message(b"Q", b"SELECT 1\0"), b"R" + b"\xff" * 8, b"R" + bytes(4),
    authentication(0) + b"T\x7f\xff\xff\xff"],
    ids=["ready too early", "a client's message", "huge", "shorter than its length", "huge row"])
def test_a_message_that_has_no_place_there(messages):
    def script(connection):
        connection.read_startup()
        connection.send(messages)
    with StandIn(script) as server:
        assert ask("checkpgprimary", server).outcome == UNEXPECTED


def test_a_person_reads_that_this_is_not_postgresql():
    with StandIn(hostile.http) as server:
        run = run_check("checkpgprimary", server.address, server.port)
    assert (run.code, run.stderr) == (Code.UNEXPECTED_ANSWER, "")
    assert run.stdout.count("\n") == 1


def test_what_a_server_says_is_made_fit_for_a_terminal():
    with StandIn(hostile.refuse("XX000", "one\ntwo\x1b[31m\x07" + "x" * 10000)) as server:
        run = run_check("checkpgprimary", server.address, server.port)
    assert run.code == Code.UNEXPECTED_ANSWER
    assert run.stdout.count("\n") == 1 and len(run.stdout) < 1000
    assert run.stdout.rstrip("\n").isprintable()


@pytest.mark.parametrize("script", [
    endless(notice("still here")), endless(notice("x" * 60000)),
    endless(parameter("name", "value")), endless(parameter("TimeZone", "x" * 60000)),
    endless(row_description(1), data_row(["t"])),
    endless(message(b"A", bytes(4) + b"channel\0payload\0")), endless_error,
    endless(notice("wait"), before=lambda connection: connection.read_startup()),
    endless(authentication(0), before=lambda connection: connection.read_startup())],
    ids=["notices", "long notices", "parameters", "long parameters", "results", "notifications",
         "error before login", "notices before login", "authentications"])
def test_a_server_that_sends_without_end_is_given_up(script):
    memory = PeakMemory()
    with StandIn(script) as server:
        run = ask("checkpgprimary", server, configuration=SOON, prefix=memory.prefix)
    assert run.outcome == UNEXPECTED
    assert_bounded(run, memory)


def test_a_server_that_sends_a_byte_now_and_then_is_a_time_out():
    memory = PeakMemory()
    with StandIn(drip) as server:
        run = ask("checkpgprimary", server, configuration=SOON, prefix=memory.prefix)
    assert run.outcome == (Code.TIMED_OUT, "")
    assert_bounded(run, memory)


@pytest.mark.parametrize("count", [2**31 - 1, 50_000_000, 100_001])
def test_an_absurd_number_of_scram_iterations_is_refused(count):
    """By the static executables; libpq's own code computes them all, until the watchdog ends it."""
    with StandIn(hostile.scram_iterations(count)) as server:
        run = ask("checkpgprimary", server, configuration=SOON, passwords="*:*:*:*:secret\n")
    if is_static():
        assert run.outcome == UNEXPECTED
        assert run.cpu_seconds < 0.1
    else:
        assert run.outcome in (UNEXPECTED, (Code.TIMED_OUT, ""))
    assert run.seconds <= 0.4 + 1.0 * PATIENCE


@pytest.mark.parametrize("count", [4096, 100_000])
def test_as_many_scram_iterations_as_a_site_may_have_are_computed(count):
    with StandIn(hostile.scram_iterations(count)) as server:
        run = ask("checkpgprimary", server, configuration="timeout = 3s\n",
                  passwords="*:*:*:*:secret\n")
    assert run.outcome == (Code.TIMED_OUT, "")  # the stand-in says no more
    assert b",p=" in server.connections[-1].received  # the proof that it was computed


@pytest.mark.parametrize("count", [0, -1])
def test_an_impossible_number_of_scram_iterations(count):
    with StandIn(hostile.scram_iterations(count)) as server:
        run = ask("checkpgprimary", server, configuration=SOON, passwords="*:*:*:*:secret\n")
    assert run.outcome == UNEXPECTED


def assert_bounded(run, memory):
    assert run.seconds <= 0.4 + 1.0 * PATIENCE
    if not is_instrumented():  # whose own CPU time and memory exceed this
        assert run.cpu_seconds < 0.1
        assert memory.bytes() < 32 * 2**20
