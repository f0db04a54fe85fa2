"""checkpgroutes against sockets that are silent, break off, lie, or are not for us."""

import contextlib
import grp
import json
import os
import pwd
import shutil
import socket
import threading
from pathlib import Path

import pytest
from harness import abilities, scratch
from harness.checks import PeakMemory, is_instrumented, public_copy, run_check
from harness.waiting import PATIENCE
from stats_sockets import (HEADER, READ_ONLY, READ_WRITE, StatsSocket, endless, line,
                           one_byte_at_a_time, saying, servers_state, silent, stopping_after, table)

UNKNOWN = 3
TIMEOUT = 0.4
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def look(path, *options, **how):
    return run_check("checkpgroutes", "-q", "-t", f"{TIMEOUT}", "--socket", path, *options, **how)


def assert_unknown(result, text):
    assert result.code == UNKNOWN, result.output
    assert result.stdout.startswith("UNKNOWN: ") and text in result.stdout
    assert result.stderr == ""
    assert result.seconds < TIMEOUT + 0.5 * PATIENCE


def test_a_good_answer_of_the_stand_in():
    with StatsSocket(saying(table(3))) as server:
        result = look(server.path)
    assert result.code == 0
    assert result.stdout.startswith("OK: primary db0.example.com for 5s, standbys db1.example.com, "
                                    "db2.example.com; ")


def test_the_questions_are_harmless():
    asked = []

    def script(_server, connection):
        with connection:
            asked.append(connection.recv(4096))
            connection.sendall(table(2).encode())
    with StatsSocket(script) as server:
        look(server.path)
    assert asked == [b"show stat\n", b"show info\n"]


def answering(answers):
    """A script: says what belongs to the command."""
    def script(_server, connection):
        with connection:
            connection.sendall(answers[connection.recv(4096).decode().strip()].encode())
    return script


def test_a_server_without_an_address_is_looked_up():
    """The slot is one of a template whose other slots have addresses, or it is not."""
    slots = "".join(line(backend, "db9", "MAINT (resolution)", "", "")
                    for backend in (READ_WRITE, READ_ONLY))
    stat = table(2).rstrip("\n") + "\n" + slots + "\n"
    for answer, code, text in (
            (servers_state(), 1, "WARNING: db9: in maintenance (resolution); primary db0"),
            ("Permission denied\n\n", UNKNOWN, "no list of HAProxy's servers: the answer is "
             "'Permission denied'"),
            (servers_state()[:-1], UNKNOWN, "breaks off before its end"), ("", UNKNOWN, "breaks off")):
        with StatsSocket(answering({"show stat": stat, "show info": "Uptime_sec: 500\n\n",
                                    "show servers state": answer})) as server:
            result = look(server.path)
        assert (result.code, result.stderr) == (code, "") and text in result.stdout, result.output


@pytest.mark.parametrize("info, code", {"Uptime_sec: 5\n": 1, "": 2, "Uptime_sec: x\n": 2}.items())
def test_a_process_that_does_not_say_how_long_it_runs_has_not_just_started(info, code):
    """Another one, which has, doesn't speak for it."""
    stat = table(2).replace("PROCOK", "INI").replace("PROCERR", "INI")
    young = answering({"show stat": stat, "show info": "Uptime_sec: 5\n"})
    other = answering({"show stat": stat, "show info": info + "\n"})
    with StatsSocket(young) as one, StatsSocket(other) as two:
        result = look(one.path, "--socket", two.path)
    assert (result.code, result.stderr) == (code, ""), result.output


@pytest.mark.parametrize("script", [silent, stopping_after(table(3)), stopping_after(table(3)[:150])],
                         ids=["never", "all but the end", "half"])
def test_no_whole_answer_in_time(script):
    with StatsSocket(script) as server:
        result = look(server.path)
        assert_unknown(result, "no whole answer in time")
        assert result.seconds >= TIMEOUT
        ping = look(server.path, "--ping")
        assert (ping.code, ping.output) == (UNKNOWN, "")


def test_one_byte_at_a_time():
    pause = threading.Event()
    with StatsSocket(one_byte_at_a_time(pause)) as server:
        assert_unknown(look(server.path), "no whole answer in time")
        pause.set()


def test_nobody_accepts():
    path = scratch.directory("stats") / "socket"
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as waiting:
        listener.bind(str(path))
        listener.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                one = waiting.enter_context(socket.socket(socket.AF_UNIX))
                one.setblocking(False)
                one.connect(str(path))
        assert_unknown(look(path), "no connection in time")


@pytest.mark.parametrize("length", [0, 1, 50, -1, -2, -60])
def test_an_answer_that_breaks_off(length):
    text = table(3)[:length]
    with StatsSocket(saying(text)) as server:
        result = look(server.path)
    assert_unknown(result, "breaks off" if text else "without an answer")


@pytest.mark.parametrize("text, complaint", [
    ("Permission denied\n\n", "the answer is 'Permission denied'"),
    ("\x1b[2J\x07garbage\n", "the answer is '?[2J?garbage'"),
    (HEADER + line(READ_WRITE, "db1", code="x") + "\n", "'check_code' of"),
    (table(2) + "more\n", "goes on behind its end"),
    (HEADER + "\n", "has no backend"),
], ids=["refusal", "escapes", "number", "more", "empty"])
def test_an_answer_that_is_no_table(text, complaint):
    with StatsSocket(saying(text)) as server:
        result = look(server.path)
    assert_unknown(result, complaint)
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("text", ["x" * 4096, "x,y\n" * 1024, '"', "\n", "\0" * 4096],
                         ids=["one line", "lines", "quotes", "line feeds", "zeros"])
def test_garbage_without_end(text):
    memory = PeakMemory()
    with StatsSocket(endless(text)) as server:
        result = look(server.path, prefix=memory.prefix)
    assert result.code == UNKNOWN
    if not is_instrumented():
        assert memory.bytes() < 32 * 2**20


def test_a_table_without_end():
    memory = PeakMemory()

    def script(_server, connection):
        with connection:
            connection.recv(4096)
            connection.sendall(HEADER.encode())
            rows = (line("some-backend", "db1") * 1000).encode()
            while True:
                connection.sendall(rows)
    with StatsSocket(script) as server:
        result = look(server.path, prefix=memory.prefix)
    assert_unknown(result, "the answer is larger than 4 MiB")
    if not is_instrumented():
        assert memory.bytes() < 32 * 2**20


def test_names_with_commas_quotes_and_line_feeds():
    odd = '"what, a ""name""\nthis is"'
    text = HEADER + "".join(line(backend, "BACKEND", kind=1) for backend in (READ_WRITE, READ_ONLY))
    text += line(READ_WRITE, odd) + line(READ_ONLY, "db2") + "\n"
    with StatsSocket(saying(text)) as server:
        found = json.loads(run_check("checkpgroutes", "--json", "--socket", server.path).stdout)
        shown = run_check("checkpgroutes", "--socket", server.path).stdout
    assert found["primaries"] == ['what, a "name"\nthis is']
    assert '\nwhat, a "name"?this is ' in shown


def test_several_processes_have_several_sockets():
    with StatsSocket(saying(table(2))) as one, StatsSocket(saying(table(2))) as two:
        result = run_check("checkpgroutes", "--json", "--socket", one.path, "--socket", two.path)
        found = json.loads(result.stdout)
    assert result.code == 0
    assert [server["process"] for server in found["servers"]] == [1] * 4 + [2] * 4
    assert found["primaries"] == ["db0.example.com"]


def test_tcp():
    with StatsSocket(saying(table(2)), family=socket.AF_INET) as server:
        assert look(server.path).code == 0
        gone = server.path
    assert_unknown(look(gone), "nothing listens there: HAProxy is stopped")


def test_a_socket_nobody_listens_on_any_more():
    with StatsSocket(silent) as server:
        path = server.path
    assert_unknown(look(path), "nothing listens there: HAProxy is stopped")
    path.unlink()
    assert_unknown(look(path), "no such file: HAProxy is stopped")


def make_file(path):
    path.touch()


def make_link_to_nowhere(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make, below, complaint", [
    (make_file, "", "not a socket, but a regular file"),
    (Path.mkdir, "", "not a socket, but a directory"),
    (os.mkfifo, "", "not a socket, but a pipe"),
    (make_link_to_nowhere, "", "no such file: HAProxy is stopped"),
    (make_file, "/stats", "no such file: a part of the path is no directory"),
    (Path.mkdir, "/stats", "no such file: HAProxy is stopped"),
], ids=["file", "directory", "pipe", "link", "below a file", "in a directory"])
def test_what_is_no_socket_of_haproxys(make, below, complaint):
    path = scratch.directory("stats") / "socket"
    make(path)
    result = look(f"{path}{below}")
    assert_unknown(result, f"{path}{below}: {complaint}")
    assert ("HAProxy is stopped" in result.stdout) == ("HAProxy is stopped" in complaint)


def test_a_socket_of_another_kind():
    path = scratch.directory("stats") / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        assert_unknown(look(path), "a socket of another kind: no 'stats socket' of HAProxy's")


def test_a_device_is_no_socket():
    assert_unknown(look("/dev/null"), "/dev/null: not a socket, but a device")


@pytest.mark.parametrize("arguments", [("--colour",), ("--socket", "/nonexistent")],
                         ids=["a message", "a report"])
def test_a_full_disk_is_unknown(arguments):
    run = run_check("checkpgroutes", *arguments,
                    prefix=["/bin/sh", "-c", 'exec "$0" "$@" > /dev/full 2>&1'])
    assert run.outcome == (UNKNOWN, "")


class TestPermission:
    """Exit code 3, and who may."""

    @pytest.fixture(autouse=True)
    def root(self):
        abilities.require_root("changing users")

    @pytest.fixture
    def program(self):
        return public_copy("checkpgroutes")

    @pytest.fixture
    def server(self):
        with StatsSocket(saying(table(2))) as server:
            yield server

    def look(self, program, server):
        return run_check(program, "-q", "--socket", server.path, prefix=NOBODY,
                         env={"CHECKPG_CONFIG": ""})

    def test_the_group(self, program, server):
        shutil.chown(server.path, "root", "haproxy")
        server.path.chmod(0o660)
        assert_unknown(self.look(program, server),
                       "permission denied: it belongs to root:haproxy, mode 0660: "
                       "group haproxy may use it")

    def test_the_user(self, program, server):
        shutil.chown(server.path, "haproxy", "haproxy")
        server.path.chmod(0o600)
        assert_unknown(self.look(program, server),
                       "it belongs to haproxy:haproxy, mode 0600: user haproxy may use it")

    def test_the_directory(self, program, server):
        shutil.chown(server.path.parent, "root", "haproxy")
        server.path.parent.chmod(0o750)
        assert_unknown(self.look(program, server),
                       f"permission denied: directory {server.path.parent} belongs to "
                       "root:haproxy, mode 0750: group haproxy may enter it")

    def test_numbers_for_users_without_a_name(self, program, server):
        unused = 54321
        assert unused not in {user.pw_uid for user in pwd.getpwall()}
        assert unused not in {group.gr_gid for group in grp.getgrall()}
        os.chown(server.path, unused, unused)
        server.path.chmod(0o660)
        assert_unknown(self.look(program, server),
                       "it belongs to 54321:54321, mode 0660: user 54321 or group 54321 may use it")


@pytest.mark.parametrize("options", [[], ["-q"], ["--json"]], ids=["table", "line", "json"])
def test_a_thousand_servers(options):
    if is_instrumented():
        pytest.skip("this build's time and memory mean nothing")
    memory = PeakMemory()
    with StatsSocket(saying(table(500))) as server:
        result = run_check("checkpgroutes", "-t", "5", "--socket", server.path, *options)
        run_check("checkpgroutes", "-t", "5", "--socket", server.path, *options,
                  prefix=memory.prefix)
    print(f"\n1,000 servers {options}: {result.cpu_seconds * 1000:.0f} ms of CPU time, "
          f"{memory.bytes() / 2**20:.0f} MiB")
    assert result.code == 0
    assert result.cpu_seconds < 0.1 * PATIENCE
    assert memory.bytes() < 16 * 2**20
