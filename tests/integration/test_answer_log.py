"""`log = syslog`: a check in HAProxy's form leaves a line when its answer is another than before."""

import re
import socket

import pytest
from harness import abilities, hostile, scratch
from harness.checks import Code, haproxy_environment, run_check
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE, Target
from harness.waiting import PATIENCE, wait_for
from stats_sockets import HEADER, StatsSocket, line, saying, silent, stopping_after

UP = ("UP", "PROCOK", 0)
LOCAL0_NOTICE = "<133>"


def down(code):
    return "DOWN", "PROCERR", code


class Server(hostile.StandIn):
    """A server whose role a test may change."""

    def __init__(self):
        self.in_recovery = "f"

        def script(connection):
            hostile.log_in(connection)
            connection.read_message()
            connection.send(hostile.result([[self.in_recovery]]))
            connection.hold()
        super().__init__(script)


class SystemLog:
    """Stands in for what listens on /dev/log, in a jail."""

    def __init__(self, root):
        (root / "dev").mkdir()
        self.path = root / "dev/log"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.setblocking(False)
        self.path.chmod(0o666)
        self._messages = []

    def close(self):
        self._socket.close()
        self.path.unlink()

    def lines(self):
        """What has come so far, sorted, without the process number that is between brackets."""
        try:
            while True:
                self._messages.append(self._socket.recv(65536).decode())
        except BlockingIOError:
            return sorted(re.sub(r"\[\d+\]", "", message) for message in self._messages)


def said(program, backend, server, sentence):
    return (f"{LOCAL0_NOTICE}{program}: {backend}-backend/{server.name}: {sentence}"
            .format(place=f"{server.name} (127.0.0.1:{server.port})"))


def test_an_answer_is_a_line_only_when_it_is_another_one():
    abilities.require_root("chroot")
    with Server() as server:
        db1 = Target("db1", server.address, server.port)
        proxy = HAProxy([db1], mode="daemon", chroot=True, files={"checkpg.conf": ""})
        proxy.write_file("checkpg.conf", "timeout = 10s\nlog = syslog\n"
                                         f"haproxy-socket = {proxy.socket_of_checks}\n")
        log = SystemLog(proxy.root)
        with proxy:
            proxy.wait_for_results(READ_WRITE, {"db1": UP})
            proxy.wait_for_results(READ_ONLY, {"db1": down(Code.OTHER_ROLE)})
            first = [said("checkpgprimary", READ_WRITE, db1,
                          "exit code 0 (ok): {place}: primary; no peers are configured"),
                     said("checkpgstandby", READ_ONLY, db1,
                          "exit code 1 (other role): {place}: primary, not standby")]
            assert log.lines() == first
            checked(server, 4)
            assert log.lines() == first
            server.in_recovery = "t"
            proxy.wait_for_results(READ_ONLY, {"db1": UP})
            proxy.wait_for_results(READ_WRITE, {"db1": down(Code.OTHER_ROLE)})
            second = [said("checkpgprimary", READ_WRITE, db1,
                           "exit code 1 (other role): {place}: standby, not primary"),
                      said("checkpgstandby", READ_ONLY, db1,
                           "exit code 0 (ok): {place}: standby; no limits are set")]
            checked(server, 4)
            assert log.lines() == sorted(first + second)
            log.close()
            server.in_recovery = "f"
            proxy.wait_for_results(READ_WRITE, {"db1": UP})


def checked(server, times):
    """Waits until the server was asked so often once more."""
    until = len(server.connections) + times
    wait_for(lambda: len(server.connections) >= until, "the checks to go on")


def row(code):
    return line("PostgresReadWrite-backend", "db1", "DOWN", "* PROCERR", code)


ROW = row(Code.UNREACHABLE)
SAME = "not logged: the answer of HAProxy's last check was the same"
NOT_ASKED = "not logged: HAProxy can't be asked for the answer of its last check: "


def check(path, *options, port=1, code=Code.UNREACHABLE, environment=None, more=""):
    """The check of a server, by default of none, as HAProxy would run it."""
    result = run_check(
        "checkpgprimary", *options, "NOT_USED", "NOT_USED", "127.0.0.1", port,
        env={**haproxy_environment("127.0.0.1", port), **(environment or {})},
        configuration=f"log = syslog\nhaproxy-socket = {path}\n{more}")
    assert result.code == code, result.output
    return result


@pytest.mark.parametrize("script, complaint", [
    (saying(HEADER + line("PostgresReadWrite-backend", "db2") + "\n"), "another HAProxy's"),
    (saying("Permission denied\n\n"), "Permission denied"),
    (saying(""), "without an answer"),
    (saying("," * 2**20 + "\n"), "more than one server's line"),
    (silent, "no whole answer in time"),
    (stopping_after(HEADER + ROW), "no whole answer in time"),
], ids=["another server", "a refusal", "nothing", "garbage", "silence", "half an answer"])
def test_an_answer_of_haproxys_that_is_none_costs_little_and_no_verdict(script, complaint):
    with StatsSocket(script) as stats:
        result = check(stats.path, "-v")
        assert f"{NOT_ASKED}{stats.path}: " in result.output
        assert complaint in result.output
        assert check(stats.path).output == ""
    assert result.seconds < 0.5 + PATIENCE


def test_without_haproxy_or_its_numbers_of_the_server_nothing_is_logged():
    nowhere = scratch.directory("stats") / "socket"
    assert f"{NOT_ASKED}{nowhere}: no such file" in check(nowhere, "-v").output
    for name in ("HAPROXY_PROXY_ID", "HAPROXY_SERVER_ID"):
        for value in ("", "4\nshutdown sessions server a/b"):
            said_then = check(nowhere, "-v", environment={name: value}).output
            assert f"{NOT_ASKED}HAPROXY_PROXY_ID and HAPROXY_SERVER_ID don't say" in said_then


def test_the_same_answer_is_not_logged_and_off_asks_nobody():
    asked = []

    def script(_server, connection):
        with connection:
            asked.append(connection.recv(4096))
            connection.sendall(f"{HEADER}{ROW}\n".encode())

    with StatsSocket(script) as stats:
        assert SAME in check(stats.path, "-v").output
        assert asked == [b"show stat 4 4 1\n"]
        off = "[PostgresReadWrite-backend]\nlog = off\n"
        assert "logged" not in check(stats.path, "-v", more=off).output
        run_check("checkpgprimary", "127.0.0.1", 1,
                  configuration=f"log = syslog\nhaproxy-socket = {stats.path}\n")
        assert len(asked) == 1


def test_a_check_that_has_used_up_its_time_has_a_moment_left_for_the_line():
    """A machine may be too busy for the moment, once."""
    with (hostile.StandIn(hostile.silent) as server,
          StatsSocket(saying(f"{HEADER}{row(Code.TIMED_OUT)}\n")) as stats):
        wait_for(lambda: SAME in check(stats.path, "-v", port=server.port, code=Code.TIMED_OUT,
                                       more="timeout = 200ms\n").output, "the former answer")
