"""What a check costs, in numbers that don't depend on the machine's load: instructions in user
space, counted by callgrind, and memory."""

import re
import shutil
import subprocess
import threading

import pytest
from harness import hostile, keepers, scratch
from harness.checks import (REPOSITORY, Code, ask, has_openssl_that_ships,
                            haproxy_environment, public_copy, write_configuration)
from harness.waiting import PATIENCE, wait_for

TRUST_INSTRUCTIONS = 1_200_000
KEPT_INSTRUCTIONS = 600_000
KEPT_INSTRUCTIONS_WITH_NEWER_OPENSSL = 700_000
SCRAM_INSTRUCTIONS = 40_000_000
PEAK_MEMORY = 4 * 2**20
PEAK_MEMORY_WITH_NEWER_OPENSSL = 5 * 2**20

#: The configuration that is there to copy; under callgrind a check takes longer.
EXAMPLE = "timeout = 20s\n" + (REPOSITORY / "docs/examples/checkpg.conf").read_text()


@pytest.fixture
def count_instructions(capsys):
    """A function that runs a check under callgrind and returns (Result, instructions)."""
    if not shutil.which("valgrind"):
        pytest.fail("valgrind was not found: install the package `valgrind`")

    def count(what, budget, server, **options):
        prefix = [shutil.which("valgrind"), "--tool=callgrind",
                  f"--callgrind-out-file={scratch.directory('callgrind') / 'out'}"]
        run = ask("checkpgprimary", server, prefix=prefix, **{"env": {"HOME": "/"}, **options})
        instructions = int(re.search(r"Collected : (\d+)", run.stderr)[1])
        with capsys.disabled():
            print(f"\n{what}: {instructions:,} instructions of {budget:,}")
        return run, instructions
    return count


def test_a_check_by_trust(primary, count_instructions):
    run, instructions = count_instructions("trust", TRUST_INSTRUCTIONS, primary,
                                           configuration=EXAMPLE)
    assert run.code == Code.OK
    assert instructions <= TRUST_INSTRUCTIONS


def test_a_check_by_scram(primary, count_instructions):
    primary.authenticate("scram-sha-256")
    primary.set_password("secret")
    run, instructions = count_instructions(
        "SCRAM-SHA-256", SCRAM_INSTRUCTIONS, primary, configuration=EXAMPLE,
        passwords="*:*:*:*:secret\n")
    assert run.code == Code.OK
    assert instructions <= SCRAM_INSTRUCTIONS


@pytest.mark.parametrize("way", ["trust", "scram-sha-256"])
def test_a_check_over_a_kept_connection(primary, count_instructions, way):
    """Whatever the log-in cost: it is that of an earlier check."""
    primary.authenticate(way)
    primary.set_password("secret")
    configuration = write_configuration("keep = 1h\n" + EXAMPLE, passwords="*:*:*:*:secret\n")
    with keepers.ended(primary):
        options = {"env": {"HOME": "/", "CHECKPG_CONFIG": configuration}}
        assert ask("checkpgprimary", primary, **options).code == Code.OK
        log = primary.log_position()
        most = (KEPT_INSTRUCTIONS if has_openssl_that_ships()
                else KEPT_INSTRUCTIONS_WITH_NEWER_OPENSSL)
        run, instructions = count_instructions(f"kept, {way}", most, primary, **options)
        assert run.code == Code.OK
        assert instructions <= most
        assert "connection" not in primary.log(log)


def test_the_memory_of_a_check(capsys):
    """Its peak is read while it waits for the answer to its query."""
    asked, go_on = threading.Event(), threading.Event()

    def script(connection):
        hostile.log_in(connection)
        connection.read_message()
        asked.set()
        go_on.wait(10 * PATIENCE)
        connection.send(hostile.result([["f"]]))
        connection.hold()

    with hostile.StandIn(script) as server:
        environment = {**haproxy_environment(server.address, server.port),
                       "CHECKPG_CONFIG": str(write_configuration(EXAMPLE))}
        check = subprocess.Popen(
            [public_copy("checkpgprimary"), "NOT_USED", "NOT_USED", server.address,
             str(server.port)], env=environment, stdin=subprocess.DEVNULL)
        try:
            wait_for(asked.is_set, "the check's query")
            with open(f"/proc/{check.pid}/status") as status:
                peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024
            go_on.set()
            assert check.wait(10 * PATIENCE) == Code.OK
        finally:
            check.kill()
            check.wait()
    most = PEAK_MEMORY if has_openssl_that_ships() else PEAK_MEMORY_WITH_NEWER_OPENSSL
    with capsys.disabled():
        print(f"\npeak memory: {peak / 2**20:.2f} MiB of {most / 2**20:g}")
    assert peak <= most
