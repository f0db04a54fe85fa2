"""`peers = haproxy`: the servers that HAProxy has in the backend are the peers. Whatever keeps the
check from knowing them is 70, never "no peers"."""

import contextlib
import shutil
import socket

import pytest
from harness import abilities, haproxy, scratch
from harness.checks import Code, ask, is_static, public_copy, run_as_haproxy, run_check
from harness.clusters import connections, peers, restored
from harness.haproxy import HAProxy, READ_WRITE as WRITES, Target
from harness.postgres import Server
from harness.waiting import PATIENCE, wait_for
from stats_sockets import (READ_ONLY, READ_WRITE, STATE_HEADER, StatsSocket, endless, saying,
                           servers_state, silent, state_line, stopping_after)

SECOND_ADDRESS = "127.0.0.2"
UNKNOWN = "HAProxy can't be asked for the peers: "


@pytest.fixture(scope="module")
def cluster():
    """old: a primary, with the standby `follower`. new: a second primary, promoted from a standby
    of `old`."""
    reachable = {"synchronous_commit": "on", "listen_addresses": f"127.0.0.1, {SECOND_ADDRESS}"}
    with (Server("old", settings=reachable).create() as old,
          Server("new", settings=reachable).create_standby(of=old) as new,
          Server("follower").create_standby(of=old) as follower):
        new.promote()
        yield {server.name: server for server in (old, new, follower)}


@pytest.fixture
def old(cluster):
    with restored(*cluster.values()):
        yield cluster["old"]


@pytest.fixture
def new(cluster):
    return cluster["new"]


@pytest.fixture
def follower(cluster):
    return cluster["follower"]


class Listening(StatsSocket):
    """Remembers what it was asked."""

    def __init__(self, answer):
        self.asked = []

        def script(_server, connection):
            with connection:
                self.asked.append(connection.recv(4096))
                connection.sendall(answer.encode())
        super().__init__(script)


def settings(path, more=""):
    return f"timeout = 5s\npeer-timeout = 2s\npeers = haproxy\nhaproxy-socket = {path}\n{more}"


def ask_with(answer, server, more="", **how):
    """The check of a server, as HAProxy runs it, while HAProxy says this."""
    with StatsSocket(saying(answer)) as stats:
        return ask("checkpgprimary", server, configuration=settings(stats.path, more), **how)


def story(answer, server, more="", *arguments):
    """The same by hand, step by step."""
    with StatsSocket(saying(answer)) as stats:
        return run_check("checkpgprimary", "-v", "--backend", READ_WRITE, *arguments,
                         server.address, server.port,
                         configuration=settings(stats.path, more)).output


class TestWhoIsAsked:
    def test_another_primary_in_the_backend_is_an_objection(self, old, new, follower):
        state = servers_state(old, new, follower)
        assert ask_with(state, old).outcome == (Code.SPLIT_BRAIN, "")
        assert ask_with(state, new).outcome == (Code.SPLIT_BRAIN, "")
        assert ask_with(state, new, "split-brain = newest-timeline\n").outcome == (Code.OK, "")

    def test_standbys_and_itself_are_none(self, old, follower):
        assert ask_with(servers_state(old, follower), old).outcome == (Code.OK, "")
        assert ask_with(servers_state(old), old).outcome == (Code.OK, "")

    def test_the_question_names_the_backend(self, old, follower):
        with Listening(servers_state(old, follower)) as stats:
            assert ask("checkpgprimary", old, configuration=settings(stats.path)).code == Code.OK
        assert stats.asked == [f"show servers state {READ_WRITE}\n".encode()]

    def test_haproxy_is_asked_only_where_the_server_says_primary(self, old, follower):
        with Listening(servers_state(old, follower)) as stats:
            configuration = settings(stats.path)
            assert ask("checkpgprimary", follower,
                       configuration=configuration).code == Code.OTHER_ROLE
            assert ask("checkpgstandby", follower, configuration=configuration).code == Code.OK
            assert run_as_haproxy("checkpgprimary", "127.0.0.1", 1,
                                  configuration=configuration).code == Code.UNREACHABLE
        assert stats.asked == []

    @pytest.mark.parametrize("state, admin", [(0, 1), (0, 32), (2, 8), (0, 0), (3, 0)])
    def test_a_server_that_haproxy_does_not_use_may_be_a_primary_all_the_same(self, old, new,
                                                                              state, admin):
        answer = (STATE_HEADER + state_line("old", old.address, old.port) +
                  state_line("new", new.address, new.port, state=state, admin=admin) + "\n")
        assert ask_with(answer, old).code == Code.SPLIT_BRAIN

    def test_a_port_of_zero_is_the_checked_servers(self, old):
        said = story(STATE_HEADER + state_line("db2", SECOND_ADDRESS, 0) + "\n", old)
        assert f"peer db2={SECOND_ADDRESS} is this very server" in said

    def test_the_files_port_is_stronger_than_haproxys(self, old):
        """HAProxy routes to a pooler, PostgreSQL itself is asked."""
        answer = STATE_HEADER + state_line("db2", SECOND_ADDRESS, 25432) + "\n"
        said = story(answer, old, f"[{READ_WRITE}]\nport = {old.port}\n")
        assert f"peer db2={SECOND_ADDRESS}:{old.port} is this very server" in said
        assert "peer db2=127.0.0.2:25432 is without an answer" in story(answer, old)

    def test_servers_that_haproxy_lacks_may_be_listed_too(self, old, new, follower):
        more = f"[{READ_WRITE}]\n" + peers(new).replace("peers =", "peers = haproxy,")
        assert ask_with(servers_state(old, follower), old, more).code == Code.SPLIT_BRAIN

    def test_a_list_in_the_section_takes_haproxy_back(self, old, new, follower):
        more = f"[{READ_WRITE}]\n" + peers(old, follower)
        assert ask_with("", old, more).code == Code.OK

    def test_the_backend_of_the_check_counts(self, old):
        with Listening(STATE_HEADER + state_line("old", old.address, old.port,
                                                 backend=READ_ONLY) + "\n") as stats:
            assert ask("checkpgprimary", old, backend=READ_ONLY,
                       configuration=settings(stats.path)).code == Code.OK
        assert stats.asked == [f"show servers state {READ_ONLY}\n".encode()]


ROW = state_line("old", "127.0.0.1", 5432)
NO_ADDRESS = "HAProxy has no address for its server db2"
ANSWERS = {
    "nothing": ("", "without an answer"),
    "a refusal": ("Permission denied\n\n", "the answer is 'Permission denied'"),
    "no such backend": ("Can't find backend.\n\n", "the answer is 'Can't find backend.'"),
    "escapes": ("\x1b[2J\x07\n\n", "the answer is '?[2J?'"),
    "another version": (STATE_HEADER.replace("1\n", "2\n", 1) + ROW + "\n", "the answer is '2'"),
    "no header": ("1\n" + ROW + "\n", "has no header"),
    "the version alone": ("1\n", "breaks off"),
    "no servers": (STATE_HEADER + "\n", f"no server in backend {READ_WRITE}"),
    "no end": (STATE_HEADER + ROW, "breaks off"),
    "half a line": (STATE_HEADER + ROW + ROW[:40], "breaks off"),
    "a second list": (STATE_HEADER + ROW + "\n" + ROW + "\n", "goes on behind its end"),
    "no port": (STATE_HEADER.replace("srv_port", "srv_door") + ROW + "\n",
                "no column 'srv_port'"),
    "a short line": (STATE_HEADER + ROW + "3 PostgresReadWrite-backend 2 db2\n\n", "no line of"),
    "another backend": (STATE_HEADER + state_line("db2", "192.0.2.1", 5432, backend=READ_ONLY) +
                        "\n", f"backend {READ_ONLY}"),
    "a UNIX socket": (STATE_HEADER + ROW + state_line("db2", "-", 0) + "\n", NO_ADDRESS),
    "not resolved": (STATE_HEADER + ROW + state_line("db2", "0.0.0.0", 5432) + "\n", NO_ADDRESS),
    "not resolved, IPv6": (STATE_HEADER + ROW + state_line("db2", "::", 5432) + "\n", NO_ADDRESS),
    "an empty address": (STATE_HEADER + ROW + state_line("db2", "", 5432) + "\n", NO_ADDRESS),
    "a name for an address": (STATE_HEADER + ROW + state_line("db2", "db2", 1) + "\n", NO_ADDRESS),
    "a bad port": (STATE_HEADER + ROW + state_line("db2", "192.0.2.1", "x") + "\n",
                   "port 'x' of server db2"),
    "a port too large": (STATE_HEADER + ROW + state_line("db2", "192.0.2.1", 65536) + "\n",
                         "port '65536' of server db2"),
    "a bad name": (STATE_HEADER + ROW + state_line("/tmp", "192.0.2.1", 1) + "\n",
                   "'/tmp' is no name of a server"),
    "too many": (STATE_HEADER + "".join(state_line(f"db{i}", f"192.0.2.{i}", 1)
                                        for i in range(1, 34)) + "\n", "more than 32 servers"),
}


class TestUnknownPeers:
    """No verdict, whatever the reason, and a line that tells it."""

    @pytest.mark.parametrize("answer, complaint", ANSWERS.values(), ids=ANSWERS.keys())
    def test_no_list_of_servers(self, old, answer, complaint):
        with StatsSocket(saying(answer)) as stats:
            result = ask("checkpgprimary", old, configuration=settings(stats.path))
            assert result.code == Code.INTERNAL, result.output
            assert f"{UNKNOWN}{stats.path}: " in result.stderr
            assert complaint in result.stderr
            assert "\x1b" not in result.output and result.output.count("\n") == 1

    @pytest.mark.parametrize("script", [silent, stopping_after(STATE_HEADER + ROW),
                                        endless("x" * 4096), endless(ROW)],
                             ids=["silent", "all but the end", "garbage", "rows without end"])
    def test_the_wait_is_bounded(self, old, script):
        with StatsSocket(script) as stats:
            result = ask("checkpgprimary", old, configuration=(
                f"timeout = 5s\npeer-timeout = 300ms\npeers = haproxy\n"
                f"haproxy-socket = {stats.path}\n"))
        assert result.code == Code.INTERNAL
        assert UNKNOWN in result.stderr
        assert result.seconds < 0.3 + 0.7 * PATIENCE

    def test_a_hanging_haproxy_never_takes_longer_than_the_timeout(self, old):
        with StatsSocket(silent) as stats:
            result = ask("checkpgprimary", old, configuration=(
                f"timeout = 400ms\npeer-timeout = 399ms\npeers = haproxy\n"
                f"haproxy-socket = {stats.path}\n"))
        assert result.code in (Code.INTERNAL, Code.TIMED_OUT)
        assert result.seconds < 0.4 + 0.2 * PATIENCE

    def test_a_full_queue(self, old):
        path = scratch.directory("stats") / "socket"
        with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as waiting:
            listener.bind(str(path))
            listener.listen(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    one = waiting.enter_context(socket.socket(socket.AF_UNIX))
                    one.setblocking(False)
                    one.connect(str(path))
            result = ask("checkpgprimary", old,
                         configuration=settings(path).replace("= 2s", "= 200ms"))
        assert result.code == Code.INTERNAL and "no connection in time" in result.stderr

    def test_no_socket(self, old):
        with StatsSocket(silent) as stats:
            path = stats.path
        assert "nothing listens there: HAProxy is stopped" in self.complaint(old, path)
        path.unlink()
        assert "no such file: HAProxy is stopped" in self.complaint(old, path)

    def complaint(self, server, path):
        result = ask("checkpgprimary", server, configuration=settings(path))
        assert result.code == Code.INTERNAL
        assert f"{UNKNOWN}{path}: " in result.stderr
        return result.stderr

    def test_no_permission(self, old):
        abilities.require_root("changing users")
        configuration = scratch.directory("configuration") / "checkpg.conf"
        with StatsSocket(saying(servers_state(old))) as stats:
            stats.path.chmod(0o600)
            configuration.write_text(settings(stats.path))
            result = run_as_haproxy(public_copy("checkpgprimary"), old.address, old.port,
                                    env={"CHECKPG_CONFIG": configuration},
                                    prefix=(shutil.which("setpriv"), "--reuid=65534", "--regid=65534",
                                            "--clear-groups"))
        assert result.code == Code.INTERNAL
        assert "permission denied: it belongs to root:root, mode 0600: only root may use it" in \
            result.stderr

    def test_another_haproxys_list(self, old, follower):
        """One with a backend of this name, which does not have the server that is checked."""
        result = ask_with(STATE_HEADER + state_line("db9", SECOND_ADDRESS, old.port) + "\n", old)
        assert result.code == Code.INTERNAL
        assert f"backend {READ_WRITE} has no server at 127.0.0.1" in result.stderr

    def test_nobody_is_asked_then(self, old, new):
        position = new.log_position()
        more = f"[{READ_WRITE}]\n" + peers(new).replace("peers =", "peers = haproxy")
        assert ask_with("", old, more).code == Code.INTERNAL
        assert connections(new, position) == 0

    def test_by_hand_the_story_and_json_tell_it_too(self, old):
        said = story("", old)
        assert "answered: pg_is_in_recovery() is false" in said and UNKNOWN in said
        assert "exit code 70" in said
        with StatsSocket(saying("")) as stats:
            result = run_check("checkpgprimary", "--json", "--backend", READ_WRITE, old.address,
                               old.port, configuration=settings(stats.path))
        assert result.code == Code.INTERNAL and UNKNOWN in result.stdout


class TestWhichBackend:
    def test_by_hand_it_must_be_named(self, old):
        result = run_check("checkpgprimary", old.address, old.port,
                           configuration="peers = haproxy\n")
        assert result.outcome == (Code.USAGE, "checkpgprimary: peers = haproxy: name the backend "
                                              "with --backend\n")

    def test_the_other_check_has_no_peers(self, follower):
        assert run_check("checkpgstandby", follower.address, follower.port,
                         configuration="peers = haproxy\n").code == Code.OK

    def test_haproxy_must_name_it(self, old):
        result = run_as_haproxy("checkpgprimary", old.address, old.port, backend="",
                                configuration="peers = haproxy\n")
        assert result.code == Code.USAGE

    @pytest.mark.parametrize("backend", ["a b", "a;show info", "a\nshow info", "#3"])
    def test_what_is_no_backends_name_is_not_asked_for(self, old, backend):
        with Listening(servers_state(old)) as stats:
            result = run_check("checkpgprimary", "--backend", backend, old.address, old.port,
                               configuration=settings(stats.path))
        assert result.code == Code.INTERNAL and "is no name of a backend" in result.stderr
        assert stats.asked == []


@pytest.mark.parametrize("line, complaint", [
    ("haproxy-socket = stats", "haproxy-socket 'stats' is no socket"),
    ("haproxy-socket = router1:9999", "haproxy-socket 'router1:9999' is no socket"),
    ("peers = haproxy\npeer-timeout = 5s", "peer-timeout (5s) must be less than timeout"),
    ("peers = haproxy d!b2", "'d!b2' is not a server"),
], ids=["socket", "name", "peer-timeout", "peer"])
def test_bad_settings(old, line, complaint):
    result = ask("checkpgprimary", old, configuration=line + "\n")
    assert result.code == Code.CONFIGURATION
    assert complaint in result.stderr


class TestByHand:
    """A primary's line says when nobody else was asked."""

    def test_without_peers(self, old):
        result = run_check("checkpgprimary", old.address, old.port)
        assert result.outcome == (Code.OK, f"{old.address}:{old.port}: primary; no peers are "
                                           "configured\n")

    def test_with_peers(self, old, follower):
        result = run_check("checkpgprimary", old.address, old.port,
                           configuration=peers(old, follower))
        assert result.outcome == (Code.OK, f"{old.address}:{old.port}: primary\n")

    def test_a_standby_has_none(self, follower):
        result = run_check("checkpgstandby", follower.address, follower.port)
        assert "no peers" not in result.output


def down(code):
    return "DOWN", "PROCERR", int(code)


UP = ("UP", "PROCOK", 0)


def asked_for_peers(servers, mode, path=None, **options):
    """A real HAProxy, not started, whose checks ask it for their peers, on its stats socket or another
    one."""
    proxy = HAProxy(servers, mode=mode, interval=1.0, files={"checkpg.conf": ""}, **options)
    proxy.write_file("checkpg.conf", "timeout = 900ms\npeer-timeout = 400ms\npeers = haproxy\n"
                     f"haproxy-socket = {path or proxy.socket_of_checks}\n")
    return proxy


def require_jail():
    abilities.require_root("chroot")
    if not is_static():
        pytest.skip("in a jail without libraries only static executables run")


@pytest.mark.parametrize("mode, chroot", [("daemon", False), ("master-worker", False),
                                          ("foreground", True)], ids=["daemon", "worker", "jail"])
@pytest.mark.versions("split brain")
def test_haproxy_routes_no_writes_to_two_primaries(old, new, follower, mode, chroot):
    if chroot:
        require_jail()
    else:
        haproxy.require_private_etc()
    with asked_for_peers([old, new, follower], mode, chroot=chroot) as proxy:
        refused = {"old": down(Code.SPLIT_BRAIN), "new": down(Code.SPLIT_BRAIN),
                   "follower": down(Code.OTHER_ROLE)}
        proxy.wait_for_results(WRITES, refused)
        proxy.command(f"set server {WRITES}-backend/new state maint")
        proxy.wait_for_results(WRITES, {**refused, "new": ("MAINT", "", None)})
        position = old.log_position()
        wait_for(lambda: connections(old, position) >= 6, "the checks to go on")
        assert proxy.results(WRITES)["old"] == refused["old"]
        assert proxy.output().count(UNKNOWN) == 0


def test_the_lowest_level_of_the_socket_is_enough(old, follower):
    haproxy.require_private_etc()
    path = scratch.directory("stats") / "user"
    with asked_for_peers([old, follower, Target("gone", "127.0.0.1", 1)], "daemon", path,
                         global_lines=[f"stats socket {path} mode 666 level user"]) as proxy:
        proxy.wait_for_results(WRITES, {"old": UP, "follower": down(Code.OTHER_ROLE),
                                        "gone": down(Code.UNREACHABLE)})


def test_in_a_jail_the_socket_is_looked_for_there(old, follower):
    require_jail()
    proxy = HAProxy([old, follower], chroot=True, files={"checkpg.conf": ""})
    proxy.write_file("checkpg.conf", f"peers = haproxy\nhaproxy-socket = {proxy.socket}\n")
    with proxy:
        proxy.wait_for_results(WRITES, {"old": down(Code.INTERNAL),
                                        "follower": down(Code.OTHER_ROLE)})
        assert "no such file" in proxy.output()
        proxy.write_file("checkpg.conf", "peers = haproxy\n")
        usual_places = f"{UNKNOWN}neither /var/lib/haproxy/stats nor"
        wait_for(lambda: usual_places in proxy.output(), "the usual places")
        proxy.write_file("checkpg.conf", f"peers = haproxy\nhaproxy-socket = "
                                         f"{proxy.socket_of_checks}\n")
        proxy.wait_for_results(WRITES, {"old": UP, "follower": down(Code.OTHER_ROLE)})


def test_a_unix_socket_server_has_no_address_to_ask(old, follower):
    haproxy.require_private_etc()
    unix = Target("unix", f"unix@{old.socket_directory}/.s.PGSQL.{old.port}", None)
    with asked_for_peers([old, unix], "foreground") as proxy:
        proxy.wait_for_results(WRITES, {"old": down(Code.INTERNAL), "unix": down(Code.INTERNAL)})
        assert "no address for its server unix" in proxy.output()
