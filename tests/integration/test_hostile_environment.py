"""A caller that leaves a check next to nothing: no room for output, descriptors or memory, all
signals blocked, and a thousand checks at once."""

import os
import re
import resource
import select
import signal
import subprocess
import sys
import threading
import time

import pytest
from harness import abilities, stages
from harness.checks import (Code, ask, bin_directory, executable, haproxy_environment,
                            is_instrumented, run_check, write_configuration)
from harness.hostile import StandIn, answer, silent
from harness.postgres import Server
from harness.stages import mode_of, name_of
from harness.waiting import PATIENCE, wait_for

TIMEOUT = 0.4
SOON = "timeout = 400ms\n"
OK = (Code.OK, "")


def after(preparation):
    """A command prefix: Python that does this, then becomes the check."""
    return [sys.executable, "-I", "-S", "-c",
            f"import os, resource, signal, sys\n{preparation}\n"
            "os.execv(sys.argv[1], sys.argv[1:])"]


def in_time(run, timeout=TIMEOUT):
    return run.seconds <= timeout + 1.0 * PATIENCE


# Output that nobody takes

FULL_PIPE = after("""
unread, full = os.pipe()
os.set_blocking(full, False)
try:
    while os.write(full, bytes(65536)): pass
except BlockingIOError:
    pass
os.set_blocking(full, True)
os.set_inheritable(unread, True)
os.dup2(full, 1), os.dup2(full, 2)""")
DEV_FULL = after("full = os.open('/dev/full', os.O_WRONLY)\nos.dup2(full, 1), os.dup2(full, 2)")


@pytest.mark.parametrize("options", [[], ["-v"], ["--json"]], ids=["line", "verbose", "json"])
def test_a_full_pipe_holds_nobody_up_longer_than_the_deadline(options):
    with StandIn(answer([["f"]])) as server:
        run = run_check("checkpgprimary", *options, server.address, server.port,
                        configuration=SOON, prefix=FULL_PIPE)
    assert run.code == Code.TIMED_OUT
    assert TIMEOUT - 0.01 <= run.seconds and in_time(run)


@pytest.mark.parametrize("option, seconds", [("--help", 1.5), ("--colour", 1.5)])
def test_a_full_pipe_holds_help_and_usage_errors_up_for_a_moment_only(option, seconds):
    run = run_check("checkpgprimary", option, prefix=FULL_PIPE)
    assert run.code == Code.TIMED_OUT
    assert in_time(run, seconds)


def test_a_full_pipe_is_nothing_to_what_has_nothing_to_say():
    with StandIn(answer([["f"]])) as server:
        assert ask("checkpgprimary", server, prefix=FULL_PIPE).outcome == OK
        run = run_check("checkpgprimary", "-q", server.address, server.port, prefix=FULL_PIPE)
        assert run.code == Code.OK


@pytest.mark.parametrize("row, code", [("f", Code.OK), ("t", Code.OTHER_ROLE)])
def test_a_full_disk_changes_no_exit_code(row, code):
    with StandIn(answer([[row]])) as server:
        for options in ([], ["-v"], ["--json"]):
            run = run_check("checkpgprimary", *options, server.address, server.port,
                            prefix=DEV_FULL)
            assert run.code == code
    assert run_check("checkpgprimary", "--colour", prefix=DEV_FULL).code == Code.USAGE


# Next to no descriptors

#: The leak sanitizer needs descriptors of its own when a check ends,
NO_LEAK_CHECK = {"ASAN_OPTIONS": "exitcode=99:detect_leaks=0"}
#: and the one for undefined behaviour a pipe now and then.
PIPE = 2


def descriptors(most):
    most += PIPE if is_instrumented() else 0
    return after(f"resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))")


@pytest.fixture(scope="module")
def two_primaries():
    with Server("db1").create() as db1, Server("db2").create() as db2:
        yield db1, db2


def test_one_free_descriptor_is_enough(two_primaries):
    run = ask("checkpgprimary", two_primaries[0], prefix=descriptors(4), env=NO_LEAK_CHECK)
    assert run.outcome == OK


def test_no_free_descriptor_is_never_a_yes(two_primaries):
    if is_instrumented():
        pytest.skip("the sanitizers need two free descriptors")
    run = ask("checkpgprimary", two_primaries[0], prefix=descriptors(3), env=NO_LEAK_CHECK)
    assert run.code not in (Code.OK, Code.TIMED_OUT) and run.code > 0


@pytest.mark.parametrize("most", range(4, 15))
def test_another_primary_is_never_overlooked_for_want_of_descriptors(two_primaries, most):
    db1, db2 = two_primaries
    with StandIn(silent) as dead:
        peers = " ".join(f"127.0.0.1:{each.port}" for each in (dead, dead, db2))
        peers = peers.replace(f"127.0.0.1:{dead.port}", f"127.0.0.2:{dead.port}", 1)
        run = ask("checkpgprimary", db1, prefix=descriptors(most), env=NO_LEAK_CHECK,
                  configuration=f"peers = {peers}\ntimeout = 2s\npeer-timeout = 500ms\n")
    assert run.code in (Code.UNREACHABLE, Code.INTERNAL, Code.SPLIT_BRAIN), run
    assert in_time(run, 2)


# Next to no memory

@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_too_little_memory_is_never_a_yes_and_never_hangs(two_primaries, limit):
    """From too little to be started up to enough, in small steps."""
    if is_instrumented():
        pytest.skip("the address sanitizer needs terabytes of address space")
    db1, db2 = two_primaries
    codes = []
    for step in (*range(0, 3072, 128), *range(3072, 40960, 2048)):
        size = step * 1024
        prefix = ["/usr/bin/prlimit", f"--{limit[7:].lower()}={size}:{size}", "--"]
        run = ask("checkpgprimary", db1, prefix=prefix, configuration=(
            f"peers = 127.0.0.1:{db2.port}\ntimeout = 2s\n"))
        codes.append(run.code)
        assert run.code != Code.OK, (size, run)
        assert in_time(run, 2), (size, run)
    assert codes[-1] == Code.SPLIT_BRAIN, codes
    assert any(code not in (Code.SPLIT_BRAIN, Code.OK) for code in codes), codes


# Signals

BLOCKED = after("signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())")


def test_with_all_signals_blocked_a_revocation_list_that_is_a_fifo_ends_at_the_deadline():
    """OpenSSL waits for the FIFO inside one call: only the watchdog can end that."""
    with StandIn(lambda connection: stages.encrypted(connection).hold()) as server:
        run = ask("checkpgprimary", server, server="db1", prefix=BLOCKED,
                  configuration=SOON + stages.settings_that_block())
    assert run.outcome == (Code.TIMED_OUT, "")
    assert TIMEOUT - 0.01 <= run.seconds and in_time(run)


def start(server, configuration):
    """A check that runs while the test goes on."""
    return subprocess.Popen(
        [executable("checkpgprimary"), "NOT_USED", "NOT_USED", server.address, str(server.port)],
        env={**haproxy_environment(server.address, server.port),
             "CHECKPG_CONFIG": str(write_configuration(configuration, passwords="*:*:*:*:x\n"))},
        cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("stage, number", [
    *[(stage, signal.SIGTERM) for stage in stages.EVERY],
    (stages.asked, signal.SIGINT), (stages.asked, signal.SIGHUP)], ids=name_of)
def test_a_signal_ends_it_at_once_at_every_stage(stage, number):
    reached = threading.Event()

    def script(connection):
        rest = stage(connection)
        reached.set()
        rest.hold()

    with StandIn(script) as server:
        process = start(server, f"sslmode = {mode_of(stage)}\ntimeout = 50s\n")
        try:
            assert reached.wait(10 * PATIENCE)
            begin = time.monotonic()
            process.send_signal(number)
            output, _ = process.communicate(timeout=10 * PATIENCE)
        finally:
            process.kill()
        assert (process.returncode, output) == (-number, b"")
        assert time.monotonic() - begin < 1.0 * PATIENCE
        assert all(connection.closed.wait(10) for connection in server.connections)


# Variables

def test_a_huge_environment_changes_nothing():
    variables = {f"PADDING_{n}": "x" * 100_000 for n in range(15)}
    variables |= {f"PGOPTION{n}": "y" for n in range(5000)}
    with StandIn(answer([["f"]])) as server:
        assert ask("checkpgprimary", server, env=variables).outcome == OK


# Clocks

#: They are about moments that somebody has written down: the dates of a log.
WITH_DATES = {"history_time.cpp.o", "options.cpp.o"}


def test_only_the_monotonic_clock_is_read():
    """What the libraries call, by their symbols: a clock that can be set must not be there."""
    source = bin_directory().parent / "src"
    libraries = [source / f"{name}/libcheckpg_{name}.a" for name in ("base", "check", "routes")]
    symbols = subprocess.run(["nm", "--demangle", "--undefined-only", *libraries], check=True,
                             capture_output=True, text=True).stdout
    called = set()
    for file, names in re.findall(r"^(\S+\.o):\n((?: +U .+\n)*)", symbols, re.M):
        if file not in WITH_DATES:
            called |= set(re.findall(r"^ +U (.+)$", names, re.M))
    assert "std::chrono::_V2::steady_clock::now()" in called, "are these the libraries?"
    settable = {"std::chrono::_V2::system_clock::now()", "time", "gettimeofday", "ftime",
                "clock_gettime", "timespec_get", "localtime", "gmtime"}
    assert not called & settable


def test_another_monotonic_clock_changes_no_deadline():
    clock = ("--time", "--monotonic", "500000000", "--fork")
    abilities.require_namespace("a clock of the check's own", *clock)
    prefix = ["/usr/bin/unshare", *clock]
    with StandIn(silent) as server:
        run = ask("checkpgprimary", server, configuration=SOON, prefix=prefix)
    assert run.outcome == (Code.TIMED_OUT, "")
    assert TIMEOUT - 0.01 <= run.seconds and in_time(run)


# A thousand at once

MANY = 1000
BATCH = 50


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_checks_at_once_of_a_frozen_server(primary, many_descriptors):
    many = 100 if is_instrumented() else MANY  # whose memory would not fit
    timeout = 45  # all must have been started by then, on a slow machine too
    configuration = write_configuration(f"timeout = {timeout}s\n")
    primary.freeze()
    begun, ended = {}, {}
    watched = select.poll()
    try:
        while len(begun) < many:
            for _ in range(min(BATCH, many - len(begun))):
                begin = time.monotonic()
                pidfd = os.pidfd_open(spawn(primary, configuration))
                begun[pidfd] = begin
                watched.register(pidfd, select.POLLIN)
            assert not watched.poll(0), "one ended before its time"
        while len(ended) < many:
            ready = watched.poll(int((timeout + 10) * 1000 * PATIENCE))
            assert ready, f"{many - len(ended)} of {many} hang"
            for pidfd, _ in ready:
                watched.unregister(pidfd)
                seconds = time.monotonic() - begun[pidfd]
                ended[pidfd] = (os.waitid(os.P_PIDFD, pidfd, os.WEXITED).si_status, seconds)
                os.close(pidfd)
    finally:
        for pidfd in begun.keys() - ended.keys():
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
            os.close(pidfd)
        primary.thaw()
    assert {code for code, _ in ended.values()} == {Code.TIMED_OUT}
    slowest = max(seconds for _, seconds in ended.values())
    assert min(seconds for _, seconds in ended.values()) >= timeout - 0.01
    assert slowest <= timeout + 2.0 * PATIENCE, slowest
    assert sorted(os.listdir(configuration.parent)) == ["checkpg.conf"]
    wait_for(lambda: not sockets_to(primary.port), "the sockets of the checks to go")
    wait_for(lambda: ask("checkpgprimary", primary).code == Code.OK, "the server to work again")


def spawn(server, configuration):
    """Starts a check as HAProxy does and returns its number: 1,000 Popen objects cost more."""
    path = str(executable("checkpgprimary"))
    null = [(os.POSIX_SPAWN_OPEN, each, "/dev/null", os.O_RDWR, 0) for each in range(3)]
    return os.posix_spawn(
        path, [path, "NOT_USED", "NOT_USED", server.address, str(server.port)],
        {**haproxy_environment(server.address, server.port), "CHECKPG_CONFIG": str(configuration)},
        file_actions=null)


def sockets_to(port):
    """Sockets on this machine that lead to the port and belong to a process still."""
    with open("/proc/net/tcp") as table:
        next(table)
        return [line for line in table
                if line.split()[2].endswith(f":{port:04X}") and line.split()[9] != "0"]
