"""Kept connections under a real HAProxy, in every way it is run: they are used, nothing hangs on them,
nothing is left of them."""

import contextlib
import os
import pwd
import re
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from harness import abilities, haproxy, hostile, ports, scratch
from harness.checks import Code, is_static, public_copy
from harness.clusters import connections
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE, Target
from harness.postgres import ROLE, Server
from harness.processes import started
from harness.waiting import PATIENCE, wait_for

UP = ("UP", "PROCOK", 0)
NAME = "SELECT current_setting('cluster_name')"
INTERVAL = 0.2
KEEP = "keep = 60s\n"
SHORT_KEEP = "keep = 1s\n"
LIVES = 20

CHECKS = 20

#: On a machine with other things to do a quiet moment, in which keepers are in time, may be far.
A_QUIET_WHILE = 90

WAYS = {"foreground": ("foreground", False), "daemon": ("daemon", False),
        "master-worker": ("master-worker", False), "jail": ("master-worker", True)}


@pytest.fixture(autouse=True)
def leftovers():
    """Keepers outlive the HAProxy that made them, as they should: their end is part of the test's."""
    before = set(all_keepers())
    yield
    ours = {pid: started(pid) for pid in set(all_keepers()) - before if ports_of(pid) & known_ports}
    for pid in ours:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not any(start and started(pid) == start for pid, start in ours.items()),
             "the end of the test's keepers")


#: The ports of the servers that a HAProxy of these tests has checked.
known_ports = set()


def keeping(servers, *, keep=KEEP, chroot=False, **options):
    """A HAProxy, not started, whose checks keep connections."""
    if chroot:
        abilities.require_root("chroot")
        if not is_static():
            pytest.skip("in a jail without libraries only static executables run")
    else:
        haproxy.require_private_etc()
    known_ports.update(server.port for server in servers)
    return HAProxy(servers, chroot=chroot,
                   **{"interval": INTERVAL, "files": {"checkpg.conf": keep}, **options})


def arguments(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def ports_of(pid):
    return {int(word) for word in arguments(pid)[4:5] if word.isdigit()}


def all_keepers():
    """The process numbers of whatever keepers this machine has, zombies not among them."""
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text() == "checkpg keeper\n" and started(int(comm.parent.name)):
                found.append(int(comm.parent.name))
    return found


def keepers(*servers, user=None):
    """The numbers of the keepers of these servers, of one user if one is named."""
    wanted = {server.port for server in servers}
    return {pid for pid in all_keepers() if ports_of(pid) & wanted
            and (user is None or user_of(pid) == pwd.getpwnam(user).pw_uid)}


def user_of(pid):
    with contextlib.suppress(OSError):
        return int(re.search(r"^Uid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])
    return None


def zombies_of(pid):
    """How many ended children a process has not asked about."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            count += state == "Z" and int(parent) == pid
    return count


def wait_for_keepers(*servers, **options):
    """Waits until each of these has exactly one, and returns their numbers."""
    def one_each():
        found = keepers(*servers, **options)
        return found if len(found) == len(servers) else None
    return wait_for(one_each, f"one keeper for each of {servers}")


def wait_for_questions(server, number):
    """Waits until so many questions have been put over the connection that is kept longest."""
    seen = set()

    def enough():
        seen.add(server.sql("SELECT query_start FROM pg_stat_activity WHERE "
                            f"usename = '{ROLE}' ORDER BY backend_start LIMIT 1"))
        return len(seen) > number
    wait_for(enough, f"{number} questions to {server}")


def wait_until_kept(server):
    """Waits until ten questions have cost one log-in at most: on a busy machine a keeper is often too
    late, and a check asks directly."""
    def seldom_connected():
        position = server.log_position()
        wait_for_questions(server, 10)
        return connections(server, position) <= 1
    wait_for(seldom_connected, f"checks of {server} that need no log-in", A_QUIET_WHILE)


def sessions(server):
    return int(server.sql(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'"))


def end_backends(server):
    """Ends every session of the checks' role. Returns how many there were."""
    return int(server.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                          f"WHERE usename = '{ROLE}'"))


def descriptors(pid):
    found = {}
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(descriptor.name)] = os.readlink(descriptor)
        except FileNotFoundError:
            pass  # closed meanwhile
        except PermissionError:
            abilities.cannot("looking into a process that leaves no core needs CAP_SYS_PTRACE")
    return found


def down(code):
    return "DOWN", "PROCERR", int(code)


@pytest.fixture(params=WAYS)
def way(request):
    return dict(zip(("mode", "chroot"), WAYS[request.param]))


@pytest.fixture(params=["foreground", "daemon", "master-worker"])
def mode(request):
    return request.param


@pytest.mark.versions("keep")
def test_both_backends_ask_each_server_over_one_kept_connection(primary, standby, way):
    with keeping([primary, standby], **way) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        kept = wait_for_keepers(primary, standby)
        for server in (primary, standby):
            wait_until_kept(server)
        assert keepers(primary, standby) == kept
        proxy.wait_for_results(READ_WRITE, {"db1": UP, "db2": down(Code.OTHER_ROLE)})
        proxy.wait_for_results(READ_ONLY, {"db1": down(Code.OTHER_ROLE), "db2": UP})
        assert proxy.query(READ_WRITE, NAME) == "db1"
        assert proxy.query(READ_ONLY, NAME) == "db2"


def test_peers_are_asked_over_the_same_connections(primary, standby):
    servers = (primary, standby)
    peers = " ".join(f"{server.name}={server.address}:{server.port}" for server in servers)
    with keeping(servers, keep=f"{KEEP}peers = {peers}\n", interval=0.5) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        for server in servers:
            wait_for(lambda: sessions(server) == 1, f"one session at {server}")
            wait_until_kept(server)
        proxy.wait_for_results(READ_WRITE, {"db1": UP, "db2": down(Code.OTHER_ROLE)})


def between_two_checks(held):
    return held if len(held) == 5 else None


def test_a_keeper_has_nothing_of_haproxys(primary, way):
    abilities.require_root("looking at another process's descriptors")
    with keeping([primary], **way) as proxy:
        [keeper] = wait_for_keepers(primary)
        worker = int(proxy.show_info()["Pid"])
        of_haproxy = set(descriptors(worker).values())
        held = wait_for(lambda: between_two_checks(descriptors(keeper)),
                        "a keeper that holds its connection, its socket and no check's")
        assert [held.pop(number) for number in range(3)] == [
            str(proxy.root) if way["chroot"] else "/dev/null"] * 3
        assert not set(held.values()) & of_haproxy
        assert all(name.startswith("socket:") for name in held.values())
        assert os.readlink(f"/proc/{keeper}/cwd") == str(proxy.root)
        assert os.getpgid(keeper) == os.getpgid(worker)


def test_a_stop_does_not_wait_for_keepers_and_they_end_by_themselves(primary, standby, mode):
    with keeping([primary, standby], keep="keep = 2s\n", mode=mode) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2"])
        wait_for_keepers(primary, standby)
        worker = int(proxy.show_info()["Pid"])
        begun = time.monotonic()
        os.kill(proxy.pid, signal.SIGTERM)
        wait_for(lambda: not started(proxy.pid) and not started(worker), "HAProxy to end")
        taken = time.monotonic() - begun
        assert keepers(primary, standby) != set()
        for port in proxy.ports.values():
            wait_for(lambda: can_listen(port), "HAProxy's ports to be free", 1)
        assert taken < 0.5 * PATIENCE
        proxy.stop()
        wait_for(lambda: keepers(primary, standby) == set(), "the keepers to end", 3)
        for server in (primary, standby):
            wait_for(lambda: sessions(server) == 0, f"the sessions at {server} to end", 2)


def can_listen(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_a_soft_stop_does_not_wait_for_keepers(primary):
    with keeping([primary]) as proxy:
        wait_for_keepers(primary)
        begun = time.monotonic()
        os.kill(proxy.pid, signal.SIGUSR1)
        wait_for(lambda: not started(proxy.pid), "HAProxy to end")
        assert time.monotonic() - begun < 0.9 * PATIENCE  # hard-stop-after is 1 s
        assert len(keepers(primary)) == 1


class Load:
    """Sessions through HAProxy, one after the other, several at a time."""

    def __init__(self, proxy, *, clients=2):
        self.done, self.failures = 0, []
        self._proxy, self._end = proxy, threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception):
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        while not self._end.is_set():
            try:
                assert self._proxy.query(READ_WRITE, NAME) == "db1"
                self.done += 1
            except Exception as error:
                self.failures.append(getattr(error, "stderr", error))


def test_a_reload_under_load_fails_nothing_and_shares_the_keeper(primary, mode):
    # The old process ends with its last session, and cuts none off that a busy machine makes long.
    with keeping([primary], mode=mode, global_lines=["hard-stop-after 1m"]) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])
        kept = wait_for_keepers(primary)
        with Load(proxy) as load:
            for _ in range(3):
                done = load.done
                proxy.reload()
                wait_for(lambda: load.done > done + 3, "sessions through the new HAProxy")
                proxy.wait_for_routes(readwrite=["db1"], readonly=[])
                assert proxy.states(READ_WRITE)["db1"]["chkfail"] == "0"
                assert keepers(primary) == kept
        assert load.failures == []
        assert not [line for line in proxy.log() if "PostgresReadWrite-backend/db1 is DOWN" in line]
        wait_until_kept(primary)


class TestProcessOne:
    """As in a container: every keeper's end is HAProxy's to ask about."""

    @pytest.fixture(autouse=True)
    def namespace(self):
        abilities.require_namespace("HAProxy as process 1", *haproxy.PROCESS_NAMESPACE)

    def live_often(self, proxy, server, lives, after):
        """Each life of the connection ends by the server's hand; returns what `after` saw."""
        seen = []
        for _ in range(lives):
            before = wait_for_keepers(server)
            assert end_backends(server) >= 1
            wait_for(lambda: not keepers(server) & before, "the keeper to end")
            seen.append(after())
        wait_for_keepers(server)
        wait_for(lambda: proxy.routes(READ_WRITE) == ["db1"], "the server to be up")
        return seen

    def test_it_has_no_zombies_after_many_lives(self, primary):
        with keeping([primary], pid_one=True, interval="100ms") as proxy:
            assert proxy.show_info()["Pid"] == "1"
            proxy.wait_for_routes(readwrite=["db1"], readonly=[])
            seen = self.live_often(proxy, primary, LIVES, lambda: zombies_of(proxy.pid))
            assert max(seen) <= 2  # of the moment, not of all the lives before
            wait_for(lambda: zombies_of(proxy.pid) == 0, "HAProxy to ask about its children", 2)

    def test_a_master_that_warns_of_strangers_hears_of_few(self, primary):
        with keeping([primary], keep=SHORT_KEEP, pid_one=True, mode="master-worker") as proxy:
            proxy.wait_for_routes(readwrite=["db1"], readonly=[])
            kept = wait_for_keepers(primary)
            position = primary.log_position()
            wait_for(lambda: connections(primary, position) >= 3, "the keeper to log in anew")
            assert keepers(primary) == kept
            assert self.warnings(proxy) == 0
            self.live_often(proxy, primary, 3, lambda: None)
            wait_for(lambda: self.warnings(proxy) == 3, "a warning for each keeper that ended")
            assert zombies_of(proxy.pid) == 0

    @staticmethod
    def warnings(proxy):
        return len(re.findall(r"exited with code", proxy.output()))

    def test_a_new_worker_has_keepers_of_its_own(self, primary):
        with keeping([primary], pid_one=True, mode="master-worker") as proxy:
            worker, kept = proxy.show_info()["Pid"], wait_for_keepers(primary)
            os.kill(proxy.pid, signal.SIGUSR2)
            wait_for(lambda: keepers(primary) - kept, "another keeper")
            wait_for_keepers(primary)
            assert proxy.show_info()["Pid"] != worker
            proxy.wait_for_results(READ_WRITE, {"db1": UP})
            assert zombies_of(proxy.pid) == 0

    @pytest.mark.parametrize("mode", ["foreground", "master-worker"])
    def test_keepers_end_with_it(self, primary, mode):
        with keeping([primary], pid_one=True, mode=mode) as proxy:
            wait_for_keepers(primary)
            begun = time.monotonic()
            proxy.stop()
            assert time.monotonic() - begun < 0.9 * PATIENCE
            assert keepers(primary) == set()


def test_each_user_has_keepers_of_its_own(primary):
    abilities.require_root("two users")
    users = ("haproxy", "nobody")
    with contextlib.ExitStack() as stack:
        proxies = {user: keeping([primary], user=user) for user in users}
        stack.callback(lambda: [proxy.close() for proxy in proxies.values()])
        # The very same file and servers: nothing but the user tells the two apart.
        proxies["nobody"].etc = proxies["haproxy"].etc
        proxies["haproxy"].etc.joinpath("checkpg.conf").chmod(0o644)
        for proxy in proxies.values():
            stack.enter_context(proxy)
        kept = {user: wait_for_keepers(primary, user=user) for user in users}
        assert len(keepers(primary)) == 2
        for proxy in proxies.values():
            proxy.wait_for_results(READ_WRITE, {"db1": UP})
        [of_haproxy] = kept["haproxy"]
        for pid in kept["haproxy"]:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: keepers(primary, user="haproxy") - kept["haproxy"], "another keeper")
        assert keepers(primary, user="nobody") == kept["nobody"]
        assert len(keepers(primary)) == 2 and of_haproxy not in keepers(primary)


def counted(program):
    """A program that notes each check and becomes it; and what counts them."""
    directory = scratch.directory("counted")
    directory.chmod(0o777)
    note, wrapper = directory / "checks", directory / program
    wrapper.write_text(f'#!/bin/sh\necho >> {note}\nexec {public_copy(program)} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper), lambda: note.stat().st_size if note.exists() else 0


def test_the_servers_log_has_next_to_no_line_of_kept_checks(primary):
    wrapper, checks = counted("checkpgprimary")

    def lines():
        position, before = primary.log_position(), checks()
        wait_for(lambda: checks() >= before + CHECKS, f"{CHECKS} checks")
        seen.append(len(primary.log(position).splitlines()))
        return seen[-1]
    # A session has three lines, from PostgreSQL 16 on four.
    for keep, wanted in (("keep = 0\n", range(3 * CHECKS - 6, 4 * CHECKS + 9)), (KEEP, range(4))):
        seen = []
        with keeping([primary], keep=keep,
                     programs={READ_WRITE: wrapper, READ_ONLY: wrapper}) as proxy:
            proxy.wait_for_routes(readwrite=["db1"], readonly=["db1"])
            wait_for(lambda: lines() in wanted, f"{CHECKS} checks with {wanted} lines",
                     A_QUIET_WHILE)
        print(f"{keep.strip()}: lines in the server's log for each {CHECKS} checks: {seen}")


@contextlib.contextmanager
def both(servers):
    """Two HAProxies over the same servers: one keeps connections, one does not."""
    with (keeping(servers) as kept, keeping(servers, keep="keep = 0\n") as direct):
        yield {"kept": kept, "direct": direct}


def seconds_until(proxies, condition, what):
    """How long after the first look each of them fulfils a condition."""
    begun, seen = time.monotonic(), {}

    def all_do():
        for name, proxy in proxies.items():
            if name not in seen and condition(proxy):
                seen[name] = time.monotonic() - begun
        return len(seen) == len(proxies)
    wait_for(all_do, what)
    print(f"{what}: {seen}")
    return seen


def assert_as_quick(seconds):
    """An interval's luck, and what a machine with other things to do may add."""
    assert seconds["kept"] <= seconds["direct"] + (2 * INTERVAL + 0.5) * PATIENCE


def test_a_promotion_and_a_return_are_seen_as_quickly_as_without():
    with (Server("one").create() as one, Server("two").create_standby(of=one) as two,
          both([one, two]) as proxies):
        for proxy in proxies.values():
            proxy.wait_for_routes(readwrite=["one"], readonly=["two"])
        wait_for_keepers(one, two)
        [of_two] = wait_for_keepers(two)

        one.stop("immediate")
        assert_as_quick(seconds_until(proxies, lambda proxy: proxy.routes(READ_WRITE) == [],
                                      "the dead primary to leave"))
        for proxy in proxies.values():
            proxy.wait_for_results(READ_WRITE, {"one": down(Code.UNREACHABLE),
                                                "two": down(Code.OTHER_ROLE)})
        assert keepers(one) == set()

        two.promote()
        assert_as_quick(seconds_until(
            proxies, lambda proxy: (proxy.routes(READ_WRITE), proxy.routes(READ_ONLY)) ==
            (["two"], []), "the promoted standby to take over in both backends"))
        assert keepers(two) == {of_two}  # the connection outlives the promotion
        assert proxies["kept"].query(READ_WRITE, NAME) == "two"

        one.create_standby(of=two)
        assert_as_quick(seconds_until(proxies, lambda proxy: proxy.routes(READ_ONLY) == ["one"],
                                      "the old primary to return as a standby"))
        for proxy in proxies.values():
            proxy.wait_for_results(READ_WRITE, {"one": down(Code.OTHER_ROLE), "two": UP})
        wait_for_keepers(one, two)

        two.stop("fast")
        (two.data / "standby.signal").touch()
        two.follow(one)  # demoted where it is
        assert_as_quick(seconds_until(proxies, lambda proxy: proxy.routes(READ_WRITE) == [],
                                      "the demoted primary to leave"))
        for proxy in proxies.values():
            proxy.wait_for_results(READ_WRITE, {"one": down(Code.OTHER_ROLE),
                                                "two": down(Code.OTHER_ROLE)})
            proxy.wait_for_results(READ_ONLY, {"one": UP, "two": UP})


def test_sessions_to_a_server_that_goes_down_are_closed(primary):
    with keeping([primary]) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])
        wait_for_keepers(primary)
        with proxy.session(READ_WRITE) as session:
            assert session.sql(NAME) == "db1"
            primary.freeze()
            wait_for(lambda: proxy.states(READ_WRITE)["db1"]["scur"] == "0",
                     "HAProxy to close the session")
            assert proxy.routes(READ_WRITE) == []
            primary.thaw()
            with pytest.raises(RuntimeError, match="session ended"):
                session.sql(NAME)
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])


def test_the_exit_codes_and_the_log_lines_are_those_of_direct_checks(primary, standby, mode):
    with (hostile.StandIn(hostile.refuse("28P01")) as denying,
          hostile.StandIn(hostile.refuse("57P03")) as starting,
          hostile.StandIn(hostile.http) as web):
        named = {"denying": denying, "starting": starting, "web": web}
        targets = [primary, standby, Target("closed", "127.0.0.1", ports.free_port()),
                   *(Target(name, server.address, server.port) for name, server in named.items())]
        common = {"closed": down(Code.UNREACHABLE), "denying": down(Code.ACCESS_DENIED),
                  "starting": down(Code.NOT_READY), "web": down(Code.UNEXPECTED_ANSWER)}
        with keeping(targets, mode=mode, interval=0.5) as proxy:
            proxy.wait_for_results(READ_WRITE, {**common, "db1": UP, "db2": down(Code.OTHER_ROLE)})
            proxy.wait_for_results(READ_ONLY, {**common, "db1": down(Code.OTHER_ROLE), "db2": UP})
            wait_for_keepers(primary, standby)
            assert Counter(ports_of(pid).pop() for pid in keepers(*targets)) == {
                primary.port: 1, standby.port: 1}
            primary.set_hba()
            end_backends(primary)
            proxy.wait_for_results(READ_WRITE, {**common, "db1": down(Code.ACCESS_DENIED),
                                                "db2": down(Code.OTHER_ROLE)})
            for server, code in {"db1": 4, "db2": 1, "closed": 2, "denying": 4, "starting": 5,
                                 "web": 6}.items():
                wait_for(lambda: [line for line in proxy.log() if re.search(
                    rf"ReadWrite-backend/{server} is DOWN.*External check error, code: {code}\b",
                    line)], f"the log line of {server}")


def test_a_refusal_that_only_a_log_in_meets_is_seen_within_keep(primary):
    with keeping([primary], keep=SHORT_KEEP) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])
        wait_for_keepers(primary)
        primary.set_hba()
        proxy.wait_for_results(READ_WRITE, {"db1": down(Code.ACCESS_DENIED)}, 3)
        wait_for(lambda: keepers(primary) == set(), "the keeper to end")
