"""Kept connections: later checks cause no log-in, and no fate of a keeper or of the server behind it
makes another verdict than a direct check's, or costs more than a moment."""

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import abilities, certificates, keepers
from harness.checks import (Code, ask, has_openssl_that_ships, is_instrumented, is_static, public_copy,
                            run_check)
from harness.clusters import Proxy, connections
from harness.keepers import Site
from harness.postgres import ROLE, Server, hba_lines
from harness.processes import started
from harness.waiting import PATIENCE, wait_for

OK, OTHER_ROLE = (Code.OK, ""), (Code.OTHER_ROLE, "")
BOTH = ["checkpgprimary", "checkpgstandby"]
#: What a keeper may cost, and what a machine with other work may add to the difference of two runs.
LOST, SLACK = 0.05, 0.5 * PATIENCE
#: A keeper logs in anew after this many seconds where a test waits for that.
KEEP = 1
#: Kilobytes.
MEMORY = 1024
WITH_NEWER_OPENSSL = 1.5
SETTINGS = {"max_connections": "60", "synchronous_commit": "on"}


@pytest.fixture(scope="module")
def lasting_primary():
    with Server("db1", settings=SETTINGS).create() as server:
        yield server


@pytest.fixture(scope="module")
def lasting_standbys(lasting_primary):
    with Server("db2", settings=SETTINGS).create_standby(of=lasting_primary) as server:
        lasting_primary.wait_for_standbys(1)
        yield [server]


@pytest.fixture
def make_site():
    """A function that makes a Site which keeps connections."""
    sites = []

    def make(text="", *, keep="60s", timeout="10s", **options):
        sites.append(Site(f"keep = {keep}\ntimeout = {timeout}\n{text}", **options))
        return sites[-1]
    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site):
    return make_site()


def leave_keeper(site, server, /, program="checkpgprimary", outcome=OK, **options):
    """A first check, and the keeper that it leaves."""
    assert site.ask(program, server, **options).outcome == outcome
    return wait_for(lambda: keepers.of(server), f"a keeper of {server}")[-1]


def over_keepers(check, *servers):
    """The outcome of a check for which nobody logged in. Where other work keeps a server from
    answering in time, a check asks directly, as it should: then another is made."""
    for _ in range(20):
        positions = [server.log_position() for server in servers]
        run = check()
        if not any(map(connections, servers, positions)):
            return run.outcome
    pytest.fail("each of 20 checks has logged in")


def assert_no_worse(kept, direct, outcome=OK):
    """Both say this, and what the kept check loses is a moment."""
    runs = [(kept(), direct()) for _ in range(3)]
    assert [(one.outcome, other.outcome) for one, other in runs] == [(outcome, outcome)] * 3
    lost = min(one.seconds for one, _ in runs) - min(other.seconds for _, other in runs)
    assert lost <= LOST + SLACK


def sessions(server):
    return [int(pid) for pid in server.sql(
        f"SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}'").split()]


# What it is for

@pytest.mark.versions("keep")
def test_later_checks_of_both_programs_and_backends_cause_no_log_in(primary, site):
    leave_keeper(site, primary)
    for program, outcome in zip(BOTH, (OK, OTHER_ROLE)):
        for backend in ("PostgresReadWrite-backend", "PostgresReadOnly-backend"):
            assert outcome == over_keepers(
                lambda: site.ask(program, primary, backend=backend), primary)
    assert len(keepers.of(primary)) == 1


def test_later_checks_leave_no_line_in_the_log(primary, site):
    leave_keeper(site, primary)

    def lines():
        position = primary.log_position()
        assert site.ask("checkpgprimary", primary).outcome == OK
        return primary.log(position)
    wait_for(lambda: lines() == "", "a check without a line")


def test_its_connection_has_a_name_for_both_programs(primary, site):
    leave_keeper(site, primary)
    assert primary.sql("SELECT DISTINCT application_name FROM pg_stat_activity "
                       f"WHERE usename = '{ROLE}'") == "checkpg"


def test_a_name_that_the_file_gives_stays(primary, make_site):
    leave_keeper(make_site("application_name = router7\n"), primary)
    assert primary.sql("SELECT DISTINCT application_name FROM pg_stat_activity "
                       f"WHERE usename = '{ROLE}'") == "router7"


def test_a_unix_socket_servers_connection_is_kept_as_its_section_says(primary, make_site):
    site = make_site("[PostgresReadWrite-backend]\nkeep = 60s\n", keep="0")
    assert site.ask_socket("checkpgprimary", primary).outcome == OK
    wait_for(lambda: keepers.of(primary), "a keeper")

    def log_ins():
        position = primary.log_position()
        assert site.ask_socket("checkpgprimary", primary).outcome == OK
        return primary.log(position).count(f"authorized: user={ROLE}")
    wait_for(lambda: log_ins() == 0, "a check that doesn't log in")


def test_every_look_at_a_standby_goes_over_it(primary, standby, make_site):
    """The last transaction is too old; what was received is replayed, which a second look shows."""
    site = make_site("max-replay-delay = 100ms\n")
    standby.wait_for_replay()
    wait_for(lambda: standby.sql("SELECT clock_timestamp() - pg_last_xact_replay_timestamp() > '0.2s'")
             == "t", "an old transaction")
    leave_keeper(site, standby, "checkpgstandby")
    standby.set(log_statement="all")
    position = standby.log_position()
    assert over_keepers(lambda: site.ask("checkpgstandby", standby), standby) == OK
    assert standby.log(position).count("statement: SELECT pg_catalog.pg_is_in_recovery()") >= 2


class TestTwoServers:
    """A pair, one of which gets promoted; each in the list of peers by the name HAProxy has."""

    @pytest.fixture
    def pair(self):
        with (Server("db1", settings=SETTINGS).create() as db1,
              Server("db2", settings=SETTINGS).create_standby(of=db1) as db2):
            yield db1, db2

    @pytest.mark.versions("keep")
    def test_promotion_is_seen_by_the_very_next_check_over_the_same_connection(self, pair, make_site):
        db1, db2 = pair
        site = make_site("peers = " + " ".join(
            f"{server.name}={server.address}:{server.port}" for server in pair) + "\n")

        def verdicts():
            return [site.ask(program, server, server=server.name).outcome
                    for server in pair for program in BOTH]

        def kept_verdicts():
            return [over_keepers(lambda: site.ask(program, server, server=server.name), *pair)
                    for server in pair for program in BOTH]

        assert verdicts() == [OK, OTHER_ROLE, OTHER_ROLE, OK]
        wait_for(lambda: len(keepers.of(*pair)) == 2, "two keepers")
        assert kept_verdicts() == [OK, OTHER_ROLE, OTHER_ROLE, OK]
        before = sessions(db2)
        db2.promote()
        split = (Code.SPLIT_BRAIN, "")
        assert site.ask("checkpgprimary", db2, server="db2").outcome == split
        assert kept_verdicts() == [split, OTHER_ROLE, split, OTHER_ROLE]
        assert set(before) & set(sessions(db2)) and len(keepers.of(*pair)) == 2
        db1.stop()
        assert verdicts() == [(Code.UNREACHABLE, "")] * 2 + [OK, OTHER_ROLE]

    def test_a_rewound_primary_and_its_way_back(self, make_site):
        settings = {**SETTINGS, "wal_log_hints": "on", "full_page_writes": "on"}
        with (Server("db1", settings=settings).create() as db1,
              Server("db2", settings=settings).create_standby(of=db1) as db2):
            seen = {server: Verdicts(server, make_site, role=role)
                    for server, role in ((db1, OK), (db2, OTHER_ROLE))}
            for old, new in ((db1, db2), (db2, db1)):
                new.promote()  # while the old one goes on, and so parts from it
                old.sql("CHECKPOINT")
                old.stop()
                seen[old].agree_at_once(Code.UNREACHABLE)
                old.rewind(to=new)
                seen[old].agree_at_once(Code.OTHER_ROLE)
                seen[new].agree_at_once(Code.OK)
                new.wait_for_standbys(1)


# By hand

def test_by_hand_a_check_shows_the_keeper_and_leaves_none(primary, site):
    def shown(*arguments):
        run = site.by_hand("checkpgprimary", "-v", *arguments)
        assert run.code == Code.OK
        return re.search(r"\b(no|a) keeper has a connection for HAProxy's checks(, .* old)?\n",
                         run.stdout)

    here = ("--host", primary.address, "--port", primary.port)
    assert shown(*here)[1] == "no"
    assert keepers.of(primary) == []
    leave_keeper(site, primary, server=primary.address)
    assert wait_for(lambda: shown(*here)[2], "the keeper to answer in time")
    position = primary.log_position()
    assert site.by_hand("checkpgprimary", *here).code == Code.OK
    assert connections(primary, position) == 1
    assert len(keepers.of(primary)) == 1


def test_by_hand_nobody_waits_for_a_keeper(primary, site):
    """A shell takes what a check prints until nobody can print any more."""
    for arguments in ([primary.address, primary.port],
                      ["NOT_USED", "NOT_USED", primary.address, primary.port]):
        prefix = ["/bin/sh", "-c", 'said=$("$@"); exit $?', "sh"]
        assert site.by_hand("checkpgprimary", *arguments, prefix=prefix).code == Code.OK
        site.ask("checkpgprimary", primary)  # so that all of them are this site's to end


@pytest.mark.parametrize("value", ["999ms", "61min", "2h", "5x", "-1", "", "1", "3600001", "on"])
def test_a_value_that_is_no_time_to_keep(value):
    run = run_check("checkpgprimary", "127.0.0.1", configuration=f"keep = {value}\n")
    assert run.code == Code.CONFIGURATION
    assert "keep" in run.stderr and "from 1s to 1h" in run.stderr


@pytest.mark.parametrize("value, kept", [("0", 0), ("0s", 0), ("1s", 1), ("1h", 1), ("60s", 1)])
def test_a_value_that_is_one(primary, make_site, value, kept):
    site = make_site(keep=value)
    assert site.ask("checkpgprimary", primary).outcome == OK
    wait_for(lambda: len(keepers.of(primary)) == kept, f"{kept} keepers")


# What it is

def test_a_keeper_keeps_nothing_of_its_callers(primary, site):
    abilities.require_root("seeing a keeper's descriptors")
    prefix = [sys.executable, "-I", "-S", "-c", """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(20):
    os.set_inheritable(os.open("/etc/passwd", os.O_RDONLY), True)
os.execv(sys.argv[1], sys.argv[1:])"""]
    pid = leave_keeper(site, primary, prefix=prefix, cwd="/tmp")
    keepers.socket_name(pid)
    open_ones = keepers.links(pid)
    assert [open_ones.pop(standard) for standard in range(3)] == ["/dev/null"] * 3
    assert len(open_ones) == 2
    assert all(link.startswith("socket:") for link in open_ones.values())
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    with open(f"/proc/{pid}/status") as status:
        masks = dict(re.findall(r"(Sig\w+):\s+([0-9a-f]+)", status.read()))
    assert (int(masks["SigBlk"], 16), int(masks["SigIgn"], 16)) == (0, 0)
    assert int(masks["SigCgt"], 16) in (0, 1 << signal.SIGALRM - 1)
    assert os.getpgid(pid) == os.getsid(pid) != pid  # that of the check


def test_a_keeper_takes_no_processor_time_while_nobody_asks(primary, site):
    pid = leave_keeper(site, primary)
    assert over_keepers(lambda: site.ask("checkpgprimary", primary), primary) == OK
    before = keepers.cpu_ticks(pid)
    time.sleep(0.5)
    assert keepers.cpu_ticks(pid) == before


def test_fifty_checks_at_one_moment_leave_one_keeper(primary, site):
    with ThreadPoolExecutor(50) as pool:
        runs = list(pool.map(lambda _: site.ask("checkpgprimary", primary), range(50)))
    assert {run.outcome for run in runs} == {OK}
    wait_for(lambda: len(keepers.of(primary)) == 1, "one keeper")


def test_a_keeper_that_nobody_asks_ends_with_a_good_bye(primary, make_site):
    position = primary.log_position()
    pid = leave_keeper(make_site(keep="1s"), primary)
    wait_for(lambda: not started(pid), "its end", 5)
    wait_for(lambda: sessions(primary) == [], "the end of its session")
    log = primary.log(position)
    assert "disconnection: session time" in log
    assert not re.search(r"unexpected EOF|could not receive|\b(WARNING|ERROR|FATAL):", log), log


@pytest.mark.skipif(is_instrumented() or not is_static(), reason="what ships, in numbers")
@pytest.mark.parametrize("way", ["trust", "scram-sha-256", "tls"])
def test_the_memory_of_a_keeper(primary, make_site, authority, capsys, way):
    abilities.require_root("seeing a keeper's memory")
    text, passwords = "", None
    if way == "scram-sha-256":
        primary.authenticate(way)
        primary.set_password("secret")
        passwords = "*:*:*:*:secret\n"
    if way == "tls":
        primary.use_certificate(authority.issue("server", names=["db1"]))
        text = f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n"
    site = make_site(text, keep="1s", passwords=passwords)
    pid = leave_keeper(site, primary)
    first, = sessions(primary)

    def changed():
        assert site.ask("checkpgprimary", primary).outcome == OK
        return first not in sessions(primary)
    wait_for(changed, "another log-in")
    over_keepers(lambda: site.ask("checkpgprimary", primary), primary)
    if not started(pid):
        pid, = keepers.of(primary)
    kilobytes = keepers.own_kilobytes(pid)
    if kilobytes is None:
        abilities.cannot("seeing a keeper's memory needs CAP_SYS_PTRACE")
    most = MEMORY * (1 if has_openssl_that_ships() else WITH_NEWER_OPENSSL)
    with capsys.disabled():
        print(f"\na keeper's own memory, {way}: {kilobytes} kB of {most:.0f}")
    assert kilobytes <= most


# Every fate of a keeper

@pytest.fixture
def direct(primary):
    return lambda: ask("checkpgprimary", primary, configuration="timeout = 10s\n")


@pytest.fixture
def kept(primary, site):
    """A check of the primary, of which there is a keeper."""
    leave_keeper(site, primary)
    return lambda **options: site.ask("checkpgprimary", primary, **options)


def test_a_killed_keeper_is_none_and_another_comes(primary, kept, direct):
    for _ in range(2):
        old = keepers.of(primary)
        keepers.end(*old)
        assert_no_worse(kept, direct)
        assert old != wait_for(lambda: keepers.of(primary), "another keeper")
        assert over_keepers(kept, primary) == OK


def test_a_keeper_killed_while_a_check_waits_for_it(primary, kept, direct):
    for milliseconds in (5, 15, 25, 45):
        pid, = wait_for(lambda: keepers.of(primary), "a keeper")
        os.kill(pid, signal.SIGSTOP)
        killer = threading.Timer(milliseconds / 1000, keepers.end, [pid])
        killer.start()
        run = kept()
        killer.join()
        assert run.outcome == OK
        assert run.seconds - direct().seconds <= LOST + SLACK
        kept()


def test_a_stopped_keeper_is_passed_by_and_serves_when_it_goes_on(primary, kept, direct):
    pid, = keepers.of(primary)
    os.kill(pid, signal.SIGSTOP)
    assert_no_worse(kept, direct)
    assert keepers.of(primary) == [pid]
    os.kill(pid, signal.SIGCONT)
    assert over_keepers(kept, primary) == OK
    assert keepers.of(primary) == [pid]


def test_more_checks_than_find_room_at_a_stopped_keeper(primary, kept, direct):
    pid, = keepers.of(primary)
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(10) as pool:
        runs = list(pool.map(lambda _: kept(), range(100)))
    assert {run.outcome for run in runs} == {OK}
    assert_no_worse(kept, direct)
    os.kill(pid, signal.SIGCONT)
    assert over_keepers(kept, primary) == OK


def test_a_question_that_the_server_leaves_open_ends_the_connection(primary, make_site, direct):
    site = make_site(timeout="1s")
    pid = leave_keeper(site, primary)
    session, = sessions(primary)
    os.kill(session, signal.SIGSTOP)
    try:
        assert_no_worse(lambda: site.ask("checkpgprimary", primary), direct)
        wait_for(lambda: not started(pid), "the keeper's end", 5)
    finally:
        os.kill(session, signal.SIGCONT)
    assert over_keepers(lambda: site.ask("checkpgprimary", primary), primary) == OK


def test_an_answer_that_is_there_at_once(primary, kept):
    """The server may answer before the keeper goes on."""
    pid, = keepers.of(primary)
    strace = abilities.require_program("strace", "a keeper that is slow to go on")
    tracer = subprocess.Popen([strace, "-qq", "-o", "/dev/null", "-e", "trace=sendto", "-e",
                               "inject=sendto:delay_exit=10000", "-p", str(pid)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with open(f"/proc/{pid}/status") as status:
            wait_for(lambda: status.seek(0) or f"TracerPid:\t{tracer.pid}\n" in status.read()
                     or tracer.poll() is not None, "strace")
        if tracer.poll() is not None:
            abilities.cannot("a keeper that is slow to go on needs ptrace(2)")
        assert over_keepers(kept, primary) == OK
    finally:
        tracer.terminate()
        tracer.wait()


# Somebody else has its name

REQUEST = struct.Struct("=8sQII")


def reply(packet, *cells, other=0):
    """A keeper's answer to a check's request, as keeper_words.cpp makes it: (type, text) each."""
    request = REQUEST.unpack_from(packet)
    made = REQUEST.pack(b"cpg says", request[1] + other, 0, len(cells))
    for kind, text in cells:
        made += struct.pack("=Ii", kind, len(text)) + text
    return made


BOOLEAN = 16
TRUTH, LIE = (BOOLEAN, b"f"), (BOOLEAN, b"t")


class Squatter:
    """Listens where a keeper should and does to each check what `answer` says."""

    def __init__(self, name, answer):
        self._listener = keepers.listen(name)
        self._answer = answer
        self._open = []
        self.packets = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (self._listener, *self._open):
            each.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                check, _ = self._listener.accept()
                self._open.append(check)
                if self._answer is None:
                    check.close()
                    continue
                packet = check.recv(65536)
                self.packets.append(packet)
                for words in self._answer(packet):
                    check.send(words)


ANSWERS = {
    "closes at once": None,
    "says nothing": lambda packet: [],
    "says garbage": lambda packet: [os.urandom(200)],
    "says something empty": lambda packet: [b""],
    "repeats the request": lambda packet: [packet],
    "half an answer": lambda packet: [reply(packet, LIE)[:20]],
    "an answer without its end": lambda packet: [reply(packet, LIE)[:-1]],
    "an answer and more": lambda packet: [reply(packet, LIE) + b"!"],
    "an answer to somebody else": lambda packet: [reply(packet, LIE, other=1)],
    "two answers, the first to somebody else":
        lambda packet: [reply(packet, LIE, other=1), reply(packet, LIE)],
    "the answer to a shorter question": lambda packet: [reply(packet, LIE)],
    "no cells": lambda packet: [reply(packet)],
    "too many cells": lambda packet: [reply(packet, *[LIE] * 65)],
    "cells of another type": lambda packet: [reply(packet, *[(25, b"t")] * 4)],
    "a cell longer than all": lambda packet: [reply(packet, LIE)[:-5] + b"\xff\xff\xff\x7ft"],
    "a cell of a negative length": lambda packet: [reply(packet, LIE)[:-5] + b"\xfe\xff\xff\xfft"],
    "too long a packet": lambda packet: [reply(packet, (BOOLEAN, b"t" * 20000))],
}


@pytest.fixture
def watched_site(primary, make_site):
    """Its checks ask who the server is, too: more than its role."""
    abilities.require_root("seeing a keeper's socket")
    return make_site(f"peers = {primary.address}:{primary.port}\n")


def end_and_take_name(site, server):
    pid = leave_keeper(site, server)
    name = keepers.socket_name(pid)
    keepers.end(pid)
    return name


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_program_of_the_same_user_that_has_its_name(primary, watched_site, direct, answer):
    name = end_and_take_name(watched_site, primary)
    with Squatter(name, answer):
        assert_no_worse(lambda: watched_site.ask("checkpgprimary", primary), direct)
        assert keepers.of(primary) == []
    leave_keeper(watched_site, primary)
    assert over_keepers(lambda: watched_site.ask("checkpgprimary", primary), primary) == OK


SQUATTER = """
import os, socket, sys
from pathlib import Path
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(bytes.fromhex(sys.argv[1]))
listener.listen(64)
print("listens", flush=True)
while True:
    check, _ = listener.accept()
    packet = check.recv(65536)
    check.send(b"cpg says" + packet[8:16] + bytes(4) + b"\\1\\0\\0\\0\\20\\0\\0\\0\\1\\0\\0\\0t")
    print("was asked", flush=True)
"""


@pytest.fixture
def squat():
    """A function that has a user take a name and lie to whoever asks there."""
    started_here = []

    def take(name, user):
        process = subprocess.Popen(
            ["/usr/bin/setpriv", f"--reuid={user}", "--clear-groups", sys.executable, "-I", "-S",
             "-c", SQUATTER, name.encode().hex()], cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)
        started_here.append(process)
        assert process.stdout.readline() == "listens\n"
        return process
    yield take
    for process in started_here:
        process.kill()
        process.wait()
        process.stdout.close()


def test_another_user_who_has_its_name_is_not_even_asked(primary, site, direct, squat):
    abilities.require_root("being another user")
    name = end_and_take_name(site, primary)
    process = squat(name, 65534)
    assert_no_worse(lambda: site.ask("checkpgprimary", primary), direct)
    process.kill()
    assert "was asked" not in process.stdout.read()
    # This user's own would have been believed: the test shows what it should.
    keepers.end(*keepers.of(primary))
    squat(name, 0)
    assert site.ask("checkpgprimary", primary).outcome == OTHER_ROLE


def test_a_keeper_speaks_to_its_own_user_only(primary, site):
    abilities.require_root("being another user")
    pid = leave_keeper(site, primary)
    name = keepers.socket_name(pid)
    script = ("import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
              "s.connect(bytes.fromhex(sys.argv[1])); s.settimeout(5); sys.exit(len(s.recv(100)))")
    stranger = ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-I", "-S",
                "-c", script, name.encode().hex()]
    assert subprocess.run(stranger, cwd="/", timeout=20).returncode == 0
    assert over_keepers(lambda: site.ask("checkpgprimary", primary), primary) == OK


@pytest.mark.skipif(is_instrumented(), reason="another user can't write where counts are kept")
def test_two_users_have_a_keeper_each(primary, site):
    abilities.require_root("being another user")
    as_nobody = ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups"]
    program = str(public_copy("checkpgprimary"))
    site.file.chmod(0o644)
    for prefix in ([], as_nobody, [], as_nobody):
        assert site.ask(program, primary, prefix=prefix).outcome == OK
    wait_for(lambda: sorted(os.stat(f"/proc/{pid}").st_uid for pid in keepers.of(primary)) ==
             [0, 65534], "two keepers")


def test_networks_apart_have_a_keeper_each(primary, site):
    """A UNIX socket leads to the server from each of them; abstract names do not."""
    abilities.require_namespace("another network", "--net")
    for prefix in ([], ["/usr/bin/unshare", "--net"]):
        position = primary.log_position()
        assert site.ask_socket("checkpgprimary", primary, prefix=prefix).outcome == OK
        assert f"authorized: user={ROLE}" in primary.log(position)
    wait_for(lambda: len(keepers.of(primary)) == 2, "two keepers")


@pytest.fixture
def request_packet(primary, make_site):
    """A site, the name of its keeper of the primary, and what a check asks there."""
    abilities.require_root("seeing a keeper's socket")

    def take(**options):
        site = make_site(**options)
        name = end_and_take_name(site, primary)
        with Squatter(name, lambda packet: []) as squatter:
            site.ask("checkpgprimary", primary)
        return site, name, squatter.packets[0]
    return take


def send_to(name, *packets):
    check = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    check.settimeout(5 * PATIENCE)
    check.connect(name)
    for packet in packets:
        check.send(packet)
    return check


def said(check):
    """What a keeper says; nothing if it only closes."""
    with check, contextlib.suppress(ConnectionResetError):
        return check.recv(65536)
    return b""


def test_a_keeper_answers_good_requests_only(primary, request_packet):
    site, name, packet = request_packet()
    pid = leave_keeper(site, primary)
    answer, whole = said(send_to(name, packet)), reply(packet, TRUTH)
    assert (answer[:16], answer[20:]) == (whole[:16], whole[20:])  # between them is its age
    for bad in (b"", b"x", os.urandom(200), packet[:20], packet[:-1], packet + b"\0", b"C" + packet[1:],
                packet[:20] + b"\xff\xff\xff\xff" + packet[24:], packet + bytes(20000)):
        assert said(send_to(name, bad)) == b""
    send_to(name, packet).close()  # and is gone before the answer
    with send_to(name):  # and says nothing
        assert over_keepers(lambda: site.ask("checkpgprimary", primary), primary) == OK
    assert keepers.of(primary) == [pid]


def test_a_check_without_any_patience(primary, request_packet):
    """Its question may be left open, and end the connection."""
    site, name, packet = request_packet()
    leave_keeper(site, primary)
    said(send_to(name, packet[:16] + bytes(4) + packet[20:]))
    assert site.ask("checkpgprimary", primary).outcome == OK
    assert over_keepers(lambda: site.ask("checkpgprimary", primary), primary) == OK


def test_an_open_question_beside_a_log_in_takes_no_processor_time_and_ends(primary, request_packet):
    site, name, packet = request_packet(keep="1s", timeout="1s")
    pid = leave_keeper(site, primary)
    began = time.monotonic()
    primary.freeze()
    wait_for(lambda: time.monotonic() - began > 0.8, "the time before it logs in")
    endless = packet[:16] + struct.pack("=I", 2**32 - 1) + packet[20:]
    with send_to(name, endless):
        ticks = []

        def ended():
            ticks.append(keepers.cpu_ticks(pid) or 0)
            return not started(pid)
        wait_for(ended, "the keeper's end", 10)
    assert max(ticks) <= 0.2 * os.sysconf("SC_CLK_TCK")


# A caller that leaves a check next to nothing

def with_limit(what, most, user=None):
    """A command prefix: the check runs under this resource limit, as this user."""
    become = "" if user is None else f"os.setuid({user})"
    return [sys.executable, "-I", "-S", "-c",
            f"import os, resource, sys\n{become}\n"
            f"resource.setrlimit(resource.{what}, ({most}, {most}))\n"
            "os.execv(sys.argv[1], sys.argv[1:])"]


@pytest.mark.skipif(is_instrumented(), reason="sanitizers need descriptors of their own")
@pytest.mark.parametrize("most", range(4, 9))
def test_next_to_no_descriptors(primary, site, most):
    prefix = with_limit("RLIMIT_NOFILE", most)
    without = ask("checkpgprimary", primary, prefix=prefix)
    assert without.outcome == OK
    assert site.ask("checkpgprimary", primary, prefix=prefix).outcome == OK
    assert_no_worse(lambda: site.ask("checkpgprimary", primary, prefix=prefix),
                    lambda: ask("checkpgprimary", primary, prefix=prefix))
    for pid in keepers.of(primary):
        before = keepers.cpu_ticks(pid)
        time.sleep(0.2)
        after = keepers.cpu_ticks(pid)
        assert after is None or after - before <= 0.05 * os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(is_instrumented(), reason="sanitizers need memory of their own")
@pytest.mark.parametrize("what", ["RLIMIT_DATA", "RLIMIT_AS"])
def test_next_to_no_memory(primary, make_site, what):
    for kilobytes in (0, 256, 512, 1024, 1536, 2048, 3072, 4096, 8192, 12288, 16384):
        site = make_site()
        prefix = with_limit(what, kilobytes * 1024)
        runs = [ask("checkpgprimary", primary, prefix=prefix, configuration="timeout = 10s\n")]
        runs += [site.ask("checkpgprimary", primary, prefix=prefix) for _ in range(2)]
        assert len({run.code for run in runs}) == 1, (kilobytes, runs)
        assert site.ask("checkpgprimary", primary).outcome == OK
        site.close()


@pytest.mark.skipif(is_instrumented(), reason="sanitizers need a thread of their own")
def test_no_process_more(primary, site):
    abilities.require_root("a user with a limit of processes")
    program = str(public_copy("checkpgprimary"))
    site.file.chmod(0o644)
    prefix = with_limit("RLIMIT_NPROC", 0, user=65534)
    for _ in range(3):
        position = primary.log_position()
        assert site.ask(program, primary, prefix=prefix).outcome == OK
        assert connections(primary, position) == 1
    assert keepers.of(primary) == []


def test_a_changed_file_is_another_keepers(primary, make_site):
    site = make_site(keep="1s")
    old = leave_keeper(site, primary)
    later = time.time_ns() + 1_000_000_000
    os.utime(site.file, ns=(later, later))
    position = primary.log_position()
    assert site.ask("checkpgprimary", primary).outcome == OK
    assert connections(primary, position) >= 1
    wait_for(lambda: not started(old), "the end of the old one", 5)


def test_settings_that_differ_are_another_keepers(primary, make_site):
    first, second = make_site(), make_site("sslmode = disable\n")
    leave_keeper(first, primary)
    assert second.ask("checkpgprimary", primary).outcome == OK
    assert second.ask("checkpgprimary", primary, env={"PGOPTIONS": "-c jit=off"}).outcome == OK
    wait_for(lambda: len(keepers.of(primary)) == 3, "three keepers")


def test_another_version_has_another_keeper(primary, site):
    """After an upgrade: nothing is said between the old and the new."""
    newer = public_copy("checkpgprimary")
    version = run_check(newer, "--version").stdout.split()[2].encode()
    newer.write_bytes(newer.read_bytes().replace(version, b"9" + version[1:]))
    assert f" 9{version[1:].decode()}" in run_check(newer, "--version").stdout
    for program in ("checkpgprimary", newer):
        position = primary.log_position()
        assert site.ask(program, primary).outcome == OK
        assert connections(primary, position) == 1
        assert OK == over_keepers(lambda: site.ask(program, primary), primary)
    assert len(keepers.of(primary)) == 2


def test_a_password_in_the_environment_keeps_connections_from_being_kept(primary, site):
    assert site.ask("checkpgprimary", primary, env={"PGPASSWORD": "secret"}).outcome == OK
    assert keepers.of(primary) == []


# Every fate of the server behind it

class Verdicts:
    """What a direct and a kept check say of a server, kept for KEEP seconds."""

    def __init__(self, server, make_site, text="", *, timeout="2s", passwords=None, role=OK):
        self.server = server
        self.site, self.direct_site = (
            make_site(text, keep=keep, timeout=timeout, passwords=passwords)
            for keep in (f"{KEEP}s", "0"))
        leave_keeper(self.site, server, outcome=role)

    def direct(self, program="checkpgprimary"):
        return self.direct_site.ask(program, self.server)

    def kept(self, program="checkpgprimary"):
        return self.site.ask(program, self.server)

    def agree_at_once(self, code):
        """With the first check of each already."""
        for program in BOTH if code in (Code.OK, Code.OTHER_ROLE) else BOTH[:1]:
            wanted = code if program == BOTH[0] else 1 - code
            kept, direct = self.kept(program), self.direct(program)
            assert (kept.outcome, direct.outcome) == ((wanted, ""), (wanted, ""))
            assert kept.seconds - direct.seconds <= LOST + SLACK

    def agree_within_keep(self, code, *, more=0):
        """The direct check says so at once, the kept one by its next log-in."""
        began = time.monotonic()
        assert self.direct().outcome == (code, "")
        outcomes = []

        def agree():
            outcomes.append(self.kept().outcome)
            return outcomes[-1] == (code, "")
        wait_for(agree, f"{code!r} from a kept connection", KEEP + more + 2)
        assert set(outcomes) <= {OK, (code, "")}
        return time.monotonic() - began


@pytest.fixture
def verdicts(primary, make_site):
    return lambda text="", **options: Verdicts(primary, make_site, text, **options)


@pytest.fixture
def fresh(make_site):
    """A server of the test's own."""
    with Server("fresh", settings=SETTINGS).create() as server:
        yield Verdicts(server, make_site)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.versions("keep")
def test_a_server_that_stops_and_starts(primary, verdicts, mode):
    seen = verdicts()
    primary.stop(mode)
    seen.agree_at_once(Code.UNREACHABLE)
    primary.start()
    seen.agree_at_once(Code.OK)


def test_a_restart_between_two_checks(primary, verdicts):
    seen = verdicts()
    primary.restart()
    seen.agree_at_once(Code.OK)


def test_demotion_and_promotion(fresh):
    fresh.server.stop()
    fresh.server._write("standby.signal", "")
    fresh.server.start()
    fresh.agree_at_once(Code.OTHER_ROLE)
    fresh.server.promote()
    fresh.agree_at_once(Code.OK)


@pytest.mark.parametrize("end", [
    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'",
    f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'"])
def test_a_session_that_the_server_ends(primary, verdicts, end):
    seen = verdicts()
    for _ in range(3):
        primary.sql(end)
        seen.agree_at_once(Code.OK)


@pytest.mark.parametrize("setting", ["idle_session_timeout", "idle_in_transaction_session_timeout",
                                     "tcp_user_timeout", "client_connection_check_interval"])
def test_a_short_timeout_of_idle_sessions(primary, verdicts, setting):
    if primary.version < 14 and setting in ("idle_session_timeout",
                                            "client_connection_check_interval"):
        pytest.skip(f"PostgreSQL {primary.version} has no {setting}")
    primary.set(**{setting: "50ms"})
    seen = verdicts()
    for _ in range(3):
        time.sleep(0.06)
        seen.agree_at_once(Code.OK)


def test_a_short_timeout_of_statements(primary, verdicts):
    """Whether a statement takes a millisecond is chance: whatever is said, a direct check says it."""
    seen = verdicts()
    primary.set(statement_timeout="1ms")
    said_then = {run.outcome for _ in range(5) for run in (seen.kept(), seen.direct())}
    assert said_then <= {OK, (Code.UNEXPECTED_ANSWER, ""), (Code.TIMED_OUT, ""),
                         (Code.NOT_READY, "")}
    primary.set(statement_timeout=None)
    seen.agree_at_once(Code.OK)


def test_a_role_that_pg_hba_lets_in_no_more(primary, verdicts):
    seen = verdicts()
    primary.set_hba(*hba_lines("reject"))
    seen.agree_within_keep(Code.ACCESS_DENIED)
    primary.set_hba(*hba_lines("trust"))
    seen.agree_at_once(Code.OK)


def test_another_password(primary, verdicts):
    primary.authenticate("scram-sha-256")
    primary.set_password("first")
    seen = verdicts(passwords="*:*:*:*:first\n")
    primary.set_password("second")
    seen.agree_within_keep(Code.ACCESS_DENIED)
    for site in (seen.site, seen.direct_site):
        (site.file.parent / "pgpass").write_text("*:*:*:*:second\n")
    seen.agree_at_once(Code.OK)
    leave_keeper(seen.site, primary)
    for site in (seen.site, seen.direct_site):
        (site.file.parent / "pgpass").write_text("*:*:*:*:wrong\n")
    seen.agree_at_once(Code.ACCESS_DENIED)


def test_a_role_that_is_dropped(fresh):
    fresh.server.sql(f"DROP ROLE {ROLE}")
    fresh.agree_within_keep(Code.ACCESS_DENIED)
    fresh.server.sql(f"CREATE ROLE {ROLE} LOGIN")
    fresh.agree_at_once(Code.OK)


def test_another_certificate(primary, verdicts, authority):
    primary.use_certificate(authority.issue("server", names=["db1"]))
    seen = verdicts(f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n")
    stranger = certificates.Authority("Stranger")
    primary.use_certificate(stranger.issue("server", names=["db1"]))
    seen.agree_within_keep(Code.ACCESS_DENIED)
    primary.use_certificate(authority.issue("server", names=["db1"]))
    seen.agree_at_once(Code.OK)


def test_another_certificate_of_the_checks_own(primary, verdicts, authority, tmp_path):
    """It is changed in place, the certificate first and then its key, as a renewal does it."""
    primary.use_certificate(authority.issue("server", names=["db1"]), client_authority=authority)
    primary.authenticate("cert", connection="hostssl")
    own = tmp_path / "client.crt", tmp_path / "client.key"

    def use(certificate):
        for path, source in zip(own, (certificate.certificate, certificate.key)):
            path.write_bytes(source.read_bytes())
            path.chmod(0o600)
    use(authority.issue(ROLE))
    seen = verdicts(f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n"
                    f"sslcert = {own[0]}\nsslkey = {own[1]}\n")
    use(certificates.Authority("Stranger").issue(ROLE))
    seen.agree_at_once(Code.ACCESS_DENIED)
    use(authority.issue(ROLE))
    seen.agree_at_once(Code.OK)
    own[1].write_bytes(authority.issue(ROLE).key.read_bytes())
    assert seen.kept().outcome == seen.direct().outcome
    assert seen.kept().code == Code.CONFIGURATION


def test_an_authority_whose_certificates_the_server_takes_no_more(primary, verdicts, authority):
    own = authority.issue(ROLE)
    primary.use_certificate(authority.issue("server", names=["db1"]), client_authority=authority)
    primary.authenticate("cert", connection="hostssl")
    seen = verdicts(f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n"
                    f"sslcert = {own.certificate}\nsslkey = {own.key}\n")
    primary.use_certificate(authority.issue("server", names=["db1"]),
                            client_authority=certificates.Authority("Stranger"))
    seen.agree_within_keep(Code.ACCESS_DENIED)


def test_another_authority_to_trust(primary, verdicts, authority, tmp_path):
    primary.use_certificate(authority.issue("server", names=["db1"]))
    trusted = tmp_path / "root.crt"
    trusted.write_bytes(authority.certificate.read_bytes())
    seen = verdicts(f"sslmode = verify-full\nsslrootcert = {trusted}\n")
    trusted.write_bytes(certificates.Authority("Stranger").certificate.read_bytes())
    seen.agree_at_once(Code.ACCESS_DENIED)


def test_a_frozen_server(primary, verdicts):
    seen = verdicts(timeout="500ms")
    primary.freeze()
    seen.agree_at_once(Code.TIMED_OUT)
    primary.thaw()
    seen.agree_at_once(Code.OK)


def test_a_frozen_postmaster(primary, verdicts):
    seen = verdicts(timeout="500ms")
    os.kill(primary.pid, signal.SIGSTOP)
    seen.agree_within_keep(Code.TIMED_OUT, more=1)
    primary.thaw()
    seen.agree_at_once(Code.OK)


def test_a_network_that_is_cut(primary, make_site):
    with Proxy(primary) as proxy:
        seen = Verdicts(proxy, make_site, timeout="500ms")
        proxy.cut()
        seen.agree_at_once(Code.TIMED_OUT)
        proxy.mend()
        seen.agree_at_once(Code.OK)


def use_up_connections(server, stack):
    """Logs in by the protocol itself until there is no room."""
    words = struct.pack("!I", 196608) + f"user\0{ROLE}\0database\0postgres\0\0".encode()
    while True:
        session = stack.enter_context(socket.create_connection((server.address, server.port)))
        session.sendall(struct.pack("!I", len(words) + 4) + words)
        said_so_far = b""
        while not said_so_far.endswith(b"Z\0\0\0\5I"):  # ready for a query
            if b"C53300" in said_so_far:
                return
            said_so_far += session.recv(4096)


def test_connections_used_up_leave_the_old_one_in_use(primary, verdicts):
    seen = verdicts()
    with contextlib.ExitStack() as stack:
        use_up_connections(primary, stack)
        began = time.monotonic()
        while time.monotonic() - began < 2.5 * KEEP:
            assert seen.kept().outcome == OK
            assert seen.direct().outcome == (Code.NOT_READY, "")
    wait_for(lambda: seen.direct().outcome == OK, "room")
    seen.agree_at_once(Code.OK)


def test_a_database_that_gets_another_name(primary, verdicts):
    primary.sql("CREATE DATABASE app")
    seen = verdicts("dbname = app\n")
    primary.set_hba(*hba_lines("trust", database="postgres"))
    primary.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")
    wait_for(lambda: not sessions(primary), "the end of its sessions")
    primary.sql("ALTER DATABASE app RENAME TO other")
    primary.set_hba(*hba_lines("trust"))
    assert seen.kept().outcome == seen.direct().outcome
    assert seen.kept().code != Code.OK
    primary.sql("DROP DATABASE other")


def test_a_check_with_another_clock_than_the_keepers(primary, kept):
    """What crosses between the two is never a moment."""
    clock = ("--time", "--monotonic", "500000000", "--fork")
    abilities.require_namespace("a clock of the check's own", *clock)
    positions = primary.log_position()
    run = kept(prefix=["/usr/bin/unshare", *clock])
    assert run.outcome == OK
    assert connections(primary, positions) == 0


def test_the_verdict_stands_while_a_keeper_is_left(primary, make_site):
    """The watchdog ends a check that takes too long for that: not with "timed out"."""
    site = make_site(timeout="700ms")
    slow = abilities.with_faults("clone:delay_enter=1500000", "fork:delay_enter=1500000")
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(site.ask, "checkpgprimary", primary, prefix=slow)
        # strace(1) waits for a keeper, if one came of it.
        wait_for(lambda: keepers.end(*keepers.of(primary)) or asked.done(), "the check's end", 25)
        late = asked.result()
    assert late.outcome == OK
    assert late.seconds > 1.5  # so it was in the middle of it


def test_a_file_that_changes_while_a_check_connects_makes_another_keeper(primary, make_site):
    """What is kept was made with the file as it was: who has read the new one must log in."""
    site = make_site(passwords="*:*:*:*:secret\n")
    late = abilities.with_faults("connect:delay_exit=1000000:when=2")  # 1 asks for a keeper
    position = primary.log_position()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(site.ask, "checkpgprimary", primary, prefix=late)
        wait_for(lambda: connections(primary, position) == 1, "the connection")
        os.utime(site.file.with_name("pgpass"))
        kept = wait_for(lambda: keepers.of(primary), "the keeper")
        position = primary.log_position()
        assert site.ask("checkpgprimary", primary).outcome == OK
        assert connections(primary, position) == 1
        keepers.end(*kept)  # strace(1) waits for it
        assert asked.result().outcome == OK
