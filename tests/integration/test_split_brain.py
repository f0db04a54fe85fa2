"""A primary that has peers: 0 only if it is the only one, 7 if another is primary too."""

import json
import threading

import pytest
from harness import certificates, ports, resolver
from harness.checks import Code, ask, run_as_haproxy, run_check
from harness.clusters import Proxy, connections, peers, restored
from harness.hostile import (BlackHole, StandIn, answer, drip, endless, endless_error, fail_query,
                             hang_up_at_query, http, noise, notice, parameter, refuse, silent,
                             silent_after_login)
from harness.postgres import Server
from harness.waiting import PATIENCE, wait_for

OK, SPLIT_BRAIN, DENIED = (Code.OK, ""), (Code.SPLIT_BRAIN, ""), (Code.ACCESS_DENIED, "")
NEWEST = "split-brain = newest-timeline\n"
POLICIES = ["", "split-brain = refuse\n", NEWEST]
#: For what must be heard out however slow the machine is.
PATIENT = "timeout = 30s\npeer-timeout = 20s\n"
SECOND_ADDRESS = "127.0.0.2"


class Place:
    """An address and a port, of something that is known by another address, too."""

    def __init__(self, address, port):
        self.address, self.port = address, port


@pytest.fixture(scope="module")
def cluster():
    """old: a primary on timeline 1, with the standby `follower`. new, twin: primaries on timeline
    2, both promoted from standbys of `old`. foreign: the primary of another cluster."""
    reachable = {"synchronous_commit": "on",  # so that wait_for_replay() misses nothing
                 "listen_addresses": f"127.0.0.1, {SECOND_ADDRESS}" +
                                     (", ::1" if ports.has_ipv6() else "")}
    with (Server("old", settings=reachable).create() as old,
          Server("new", settings=reachable).create_standby(of=old) as new,
          Server("twin").create_standby(of=old) as twin,
          Server("follower").create_standby(of=old) as follower,
          Server("foreign").create(own_identity=True) as foreign):
        new.promote()
        twin.promote()
        yield {server.name: server for server in (old, new, twin, follower, foreign)}


@pytest.fixture
def old(cluster):
    with restored(*cluster.values()):
        yield cluster["old"]


@pytest.fixture
def new(cluster):
    return cluster["new"]


@pytest.fixture
def twin(cluster):
    return cluster["twin"]


@pytest.fixture
def follower(cluster):
    return cluster["follower"]


@pytest.fixture
def foreign(cluster):
    return cluster["foreign"]


def verdicts(servers, configuration):
    """The exit code for each server if all of them are in the list, as a site has it."""
    return {server.name: ask("checkpgprimary", server,
                             configuration=f"{PATIENT}{configuration}{peers(*servers)}").code
            for server in servers}


class TestPrimariesAndPolicies:
    """Every server is asked with the same list, which names them all."""

    @pytest.mark.parametrize("policy", POLICIES)
    def test_one_primary_is_the_primary(self, old, follower, policy):
        assert verdicts([old, follower], policy) == {"old": Code.OK, "follower": Code.OTHER_ROLE}

    @pytest.mark.parametrize("policy", POLICIES[:2])
    def test_refuse_gives_two_primaries_no_writes(self, old, new, follower, policy):
        assert verdicts([old, new, follower], policy) == {
            "old": Code.SPLIT_BRAIN, "new": Code.SPLIT_BRAIN, "follower": Code.OTHER_ROLE}

    def test_newest_timeline_keeps_the_promoted_one_only(self, old, new, follower):
        assert verdicts([old, new, follower], NEWEST) == {
            "old": Code.SPLIT_BRAIN, "new": Code.OK, "follower": Code.OTHER_ROLE}

    @pytest.mark.parametrize("policy", POLICIES)
    def test_equal_timelines_give_neither_writes(self, old, new, twin, policy):
        assert verdicts([new, twin], policy) == {"new": Code.SPLIT_BRAIN, "twin": Code.SPLIT_BRAIN}

    @pytest.mark.parametrize("policy", POLICIES)
    def test_three_primaries_of_which_two_are_equal_get_none(self, old, new, twin, policy):
        assert set(verdicts([old, new, twin], policy).values()) == {Code.SPLIT_BRAIN}

    @pytest.mark.parametrize("policy", POLICIES)
    def test_a_primary_of_another_cluster_stops_both(self, new, foreign, policy):
        assert verdicts([new, foreign], policy) == {"new": Code.SPLIT_BRAIN,
                                                    "foreign": Code.SPLIT_BRAIN}

    @pytest.mark.parametrize("policy", POLICIES)
    def test_a_primary_of_another_cluster_stops_the_newest_too(self, old, new, foreign, policy):
        assert set(verdicts([old, new, foreign], policy).values()) == {Code.SPLIT_BRAIN}

    def test_without_peers_nobody_is_asked_and_both_are_primaries(self, old, new):
        position = new.log_position()
        assert ask("checkpgprimary", old).outcome == OK
        assert connections(new, position) == 0
        assert ask("checkpgprimary", new).outcome == OK

    def test_the_peers_of_another_backend_do_not_count(self, old, new):
        configuration = f"[Other]\n{peers(new)}"
        assert ask("checkpgprimary", old, configuration=configuration).outcome == OK
        assert ask("checkpgprimary", old, configuration=configuration,
                   backend="Other").outcome == SPLIT_BRAIN

    def test_an_empty_list_in_a_section_takes_the_peers_back(self, old, new):
        configuration = f"{peers(new)}[PostgresReadWrite-backend]\npeers =\n"
        assert ask("checkpgprimary", old, configuration=configuration).outcome == OK
        assert ask("checkpgprimary", old, configuration=configuration,
                   backend="Other").outcome == SPLIT_BRAIN


class TestTheSameServerUnderAnotherName:
    """The primary itself among its peers, however it is written: never an objection."""

    @pytest.fixture(autouse=True)
    def heard_out(self, old):
        """A peer that is not heard is no objection either: it must be seen that it was heard."""
        self.old = old

    def assert_heard(self, peer, count=2, target=None):
        """The check is 0 though it made `count` connections to the server; 7 with a second one."""
        target = target or self.old
        for policy in POLICIES:
            position = self.old.log_position()
            run = ask("checkpgprimary", target,
                      configuration=f"{PATIENT}{policy}peers = {peer}\n")
            assert run.outcome == OK
            assert connections(self.old, position) == count

    def test_by_the_very_address_it_is_not_even_asked(self):
        self.assert_heard(f"127.0.0.1:{self.old.port}", count=1)
        self.assert_heard("127.0.0.1", count=1)
        self.assert_heard(f"db1=127.0.0.1:{self.old.port}", count=1)

    def test_by_name(self):
        self.assert_heard(f"localhost:{self.old.port}")

    def test_by_name_without_a_port(self):
        self.assert_heard("localhost")

    def test_by_a_second_address(self):
        self.assert_heard(f"{SECOND_ADDRESS}:{self.old.port}")
        self.assert_heard(SECOND_ADDRESS)

    def test_by_ipv6(self, ipv6):
        self.assert_heard(f"[::1]:{self.old.port}")
        self.assert_heard("[::1]")
        self.assert_heard("::1")

    def test_through_a_proxy(self):
        with Proxy(self.old) as proxy:
            self.assert_heard(f"127.0.0.1:{proxy.port}")

    def test_in_all_these_ways_at_once(self):
        with Proxy(self.old) as proxy:
            self.assert_heard(f"127.0.0.1, localhost {SECOND_ADDRESS},127.0.0.1:{proxy.port}",
                              count=4)

    def test_asked_through_a_proxy_and_listed_directly(self):
        with Proxy(self.old) as proxy:
            self.assert_heard(f"127.0.0.1:{self.old.port} {SECOND_ADDRESS}:{self.old.port}",
                              target=proxy, count=3)

    def test_asked_by_its_second_address(self):
        self.assert_heard(f"127.0.0.1:{self.old.port}",
                          target=Place(SECOND_ADDRESS, self.old.port))

    def test_asked_over_its_unix_socket(self):
        position = self.old.log_position()
        run = run_as_haproxy("checkpgprimary", self.old.socket, "NOT_USED",
                             configuration=f"{PATIENT}peers = 127.0.0.1\n")
        assert run.outcome == OK
        assert connections(self.old, position) == 1

    def test_asked_by_name_as_a_person_does(self):
        run = run_check("checkpgprimary", "localhost", self.old.port,
                        configuration=f"{PATIENT}peers = 127.0.0.1 localhost\n")
        assert run.code == Code.OK

    def test_a_second_primary_is_found_among_all_its_names(self, new):
        with Proxy(self.old) as proxy:
            names = f"localhost {SECOND_ADDRESS} 127.0.0.1:{proxy.port} 127.0.0.1:{new.port}"
            run = ask("checkpgprimary", self.old, configuration=f"{PATIENT}peers = {names}\n")
            assert run.outcome == SPLIT_BRAIN

    def test_a_restarted_server_is_still_itself(self, twin):
        twin.restart()
        run = ask("checkpgprimary", twin, configuration=f"{PATIENT}peers = localhost\n")
        assert run.outcome == OK


class TestASecondPrimaryInEveryWayToWriteIt:
    @pytest.fixture(params=["127.0.0.1:{port}", "localhost:{port}", "db2=127.0.0.1:{port}",
                            "127.0.0.2:{port}", "[::1]:{port}", "db2=[::1]:{port}"])
    def peer(self, request, new):
        if "::1" in request.param:
            request.getfixturevalue("ipv6")
        return request.param.format(port=new.port)

    def test_it_is_found(self, old, peer):
        configuration = f"{PATIENT}peers = {peer}\n"
        assert ask("checkpgprimary", old, configuration=configuration).outcome == SPLIT_BRAIN

    def test_it_is_found_through_a_proxy(self, old, new):
        with Proxy(new) as proxy:
            run = ask("checkpgprimary", old, configuration=f"{PATIENT}{peers(proxy)}")
            assert run.outcome == SPLIT_BRAIN

    def test_it_is_found_over_the_unix_socket_of_the_target(self, old, new):
        run = run_as_haproxy("checkpgprimary", old.socket, "NOT_USED",
                             configuration=f"{PATIENT}{peers(new)}")
        assert run.outcome == SPLIT_BRAIN


class TestPeersThatDoNotAnswer:
    """They are no objection, and cost no more than `peer-timeout` however many they are."""

    QUICK = "timeout = 1500ms\npeer-timeout = 400ms\n"

    @pytest.fixture
    def gone(self, follower):
        """One frozen, one black-holed, one refusing, one silent, all at once."""
        follower.freeze()
        with BlackHole() as hole, StandIn(silent) as mute, StandIn(silent_after_login) as stuck:
            yield [follower, hole, Place("127.0.0.1", ports.free_port()), mute, stuck]

    @pytest.mark.parametrize("policy", POLICIES)
    def test_a_healthy_primary_stays_the_primary(self, old, gone, policy):
        run = ask("checkpgprimary", old, configuration=f"{self.QUICK}{policy}{peers(*gone)}")
        assert run.outcome == OK
        assert 0.39 < run.seconds < 1.5 + 1.0 * PATIENCE

    def test_only_one_peer_timeout_is_spent_on_all_of_them(self, old, gone):
        configuration = f"timeout = 30s\npeer-timeout = 2s\n{peers(*gone)}"
        run = ask("checkpgprimary", old, configuration=configuration)
        assert run.outcome == OK
        assert 1.99 < run.seconds < 2 + 1.5 * PATIENCE

    def test_refusing_peers_cost_no_time(self, old):
        closed = [Place("127.0.0.1", ports.free_port()) for _ in range(5)]
        run = ask("checkpgprimary", old, configuration=f"{PATIENT}{peers(*closed)}")
        assert run.outcome == OK
        assert run.seconds < 10

    @pytest.mark.parametrize("policy, old_code, new_code", [
        ("", Code.SPLIT_BRAIN, Code.SPLIT_BRAIN), (NEWEST, Code.SPLIT_BRAIN, Code.OK)])
    def test_two_primaries_are_seen_among_them(self, old, new, gone, policy, old_code, new_code):
        everybody = peers(*gone[:2], old, *gone[2:4], new, *gone[4:])
        configuration = f"timeout = 4s\npeer-timeout = 2s\n{policy}{everybody}"
        for server, code in ((old, old_code), (new, new_code)):
            run = ask("checkpgprimary", server, configuration=configuration)
            assert run.outcome == (code, "")
            assert run.seconds < 4 + 1.0 * PATIENCE

    def test_a_frozen_second_primary_counts_again_once_it_answers(self, old, new):
        configuration = f"{self.QUICK}{peers(new)}"
        new.freeze()
        assert ask("checkpgprimary", old, configuration=configuration).outcome == OK
        new.thaw()
        assert ask("checkpgprimary", old, configuration=f"{PATIENT}{peers(new)}"
                   ).outcome == SPLIT_BRAIN

    def test_a_frozen_target_is_a_time_out_whatever_its_peers_are(self, old, new):
        old.freeze()
        run = ask("checkpgprimary", old, configuration=f"timeout = 600ms\n{peers(new)}")
        assert run.outcome == (Code.TIMED_OUT, "")

    def test_a_slow_target_that_leaves_its_peers_no_time_gets_no_verdict(self, old, follower):
        """Whether a silent peer is dead is known only when it had its time."""
        follower.freeze()
        configuration = f"timeout = 2s\npeer-timeout = 1900ms\n{peers(follower)}"
        with Proxy(old) as proxy:
            proxy.cut()
            mending = threading.Timer(0.5, proxy.mend)
            mending.start()
            run = run_check("checkpgprimary", proxy.address, proxy.port,
                            configuration=configuration)
            mending.join()
        assert run.code == Code.TIMED_OUT
        assert "no time was left" in run.stdout
        assert run.seconds < 2 + 1.0 * PATIENCE

    @pytest.mark.parametrize("name", ["nobody.invalid", "nobody.invalid:5433"])
    def test_a_peer_whose_name_does_not_exist(self, old, name):
        run = ask("checkpgprimary", old, configuration=f"timeout = 3s\npeers = {name}\n")
        assert run.outcome == OK

    @pytest.mark.parametrize("first", [True, False])
    def test_a_name_that_is_never_found_does_not_hide_a_second_primary(self, old, new, first):
        names = ["slow.example", f"127.0.0.1:{new.port}"][::1 if first else -1]
        with resolver.silent_name_server() as prefix:
            run = ask("checkpgprimary", old, prefix=prefix, configuration=(
                f"timeout = 4s\npeer-timeout = 2s\npeers = {' '.join(names)}\n"))
        assert run.outcome == SPLIT_BRAIN
        assert run.seconds < 4 + 1.0 * PATIENCE


NOT_KNOWN_TO_BE_PRIMARY = {
    "starting up": refuse("57P03"), "shutting down": refuse("57P01"),
    "no connection left": refuse("53300"), "password wrong": refuse("28P01"),
    "no line in pg_hba.conf": refuse("28000"), "query refused": fail_query("42501"),
    "query failed": fail_query("XX000"), "not PostgreSQL": http, "noise": noise,
    "hung up": hang_up_at_query, "another answer": answer([["f"]]),
    "an answer of the wrong types": answer([["f", "7", "8.5", "000000010000000000000001"]]),
}


@pytest.mark.parametrize("script", NOT_KNOWN_TO_BE_PRIMARY.values(), ids=NOT_KNOWN_TO_BE_PRIMARY)
def test_a_peer_that_is_not_known_to_be_a_primary_is_no_objection(old, new, script):
    with StandIn(script) as peer:
        settings = "timeout = 20s\npeer-timeout = 2s\n"
        assert ask("checkpgprimary", old, configuration=settings + peers(peer)).outcome == OK
        assert ask("checkpgprimary", old,
                   configuration=settings + peers(peer, new)).outcome == SPLIT_BRAIN


@pytest.mark.parametrize("script", [endless_error, endless(notice("x" * 1000)), drip,
                                    endless(parameter("name", "value"))],
                         ids=["endless error", "endless notices", "drip", "endless parameters"])
def test_a_peer_that_talks_without_end_is_no_objection_and_hides_none(old, new, script):
    with StandIn(script) as peer:
        settings = "timeout = 4s\npeer-timeout = 1s\n"
        run = ask("checkpgprimary", old, configuration=settings + peers(peer))
        assert run.outcome == OK
        assert run.seconds < 4 + 1.0 * PATIENCE
        assert ask("checkpgprimary", old,
                   configuration=settings + peers(peer, new)).outcome == SPLIT_BRAIN


def test_a_second_primary_that_denies_us_access_is_no_objection_and_is_named(old, new):
    new.set_hba()
    run = run_check("checkpgprimary", "-v", old.address, old.port,
                    configuration=f"{PATIENT}{peers(new)}")
    assert (run.code, run.stderr) == (Code.OK, "")
    line = line_about(run, new)
    assert "without an answer" in line and "no pg_hba.conf entry" in line


def test_a_real_peer_that_starts_up_is_no_objection(old, follower):
    follower.stop()
    follower.set(restore_command="sleep 600")
    follower.start(wait=False)
    try:
        wait_for(lambda: follower.status() == "rejecting connections", "the start-up to begin")
        assert ask("checkpgprimary", old,
                   configuration=f"{PATIENT}{peers(follower)}").outcome == OK
    finally:
        follower.stop("immediate")
        follower.set(restore_command=None)
        follower.start()


class TestConnections:
    """One to each server, and none that isn't needed."""

    @pytest.fixture
    def count(self, cluster):
        """A function: how many connections each server has had since."""
        positions = {server: server.log_position() for server in cluster.values()}
        return lambda: {server.name: connections(server, position)
                        for server, position in positions.items()
                        if connections(server, position)}

    def test_a_primary_costs_one_connection_to_each_server(self, old, new, follower, count):
        ask("checkpgprimary", old, configuration=PATIENT + peers(old, new, follower))
        assert count() == {"old": 1, "new": 1, "follower": 1}

    def test_a_standby_asked_for_primary_asks_nobody(self, old, new, follower, count):
        run = ask("checkpgprimary", follower, configuration=PATIENT + peers(old, new, follower))
        assert run.outcome == (Code.OTHER_ROLE, "")
        assert count() == {"follower": 1}

    def test_a_standby_asked_for_standby_asks_nobody(self, old, new, follower, count):
        run = ask("checkpgstandby", follower, configuration=PATIENT + peers(old, new, follower))
        assert run.outcome == OK
        assert count() == {"follower": 1}

    def test_a_primary_asked_for_standby_asks_nobody(self, old, new, follower, count):
        run = ask("checkpgstandby", old, configuration=PATIENT + peers(old, new, follower))
        assert run.outcome == (Code.OTHER_ROLE, "")
        assert count() == {"old": 1}

    def test_the_most_peers_a_list_may_have_are_all_heard_over_tls_with_passwords(
            self, old, new, follower, authority, count):
        certificate = authority.issue("server", addresses=["127.0.0.1"])
        for server in (old, new):
            server.use_certificate(certificate)
            server.set_password("secret")
            server.authenticate("scram-sha-256", connection="hostssl")
        follower.wait_for_replay()
        follower.use_certificate(certificate)
        follower.authenticate("scram-sha-256", connection="hostssl")
        names = [f"db{n}={address}:{port}" for n in range(2, 18) for address, port in (
            (follower.address, follower.port), (SECOND_ADDRESS, old.port))]
        run = run_check("checkpgprimary", "--json", old.address, old.port,
                        passwords="*:*:*:*:secret\n", configuration=(
                            f"{PATIENT}sslmode = verify-ca\n"
                            f"sslrootcert = {authority.certificate}\n"
                            f"peers = {' '.join(names)}\n"))
        assert (run.code, run.stderr) == (Code.OK, "")
        findings = [peer["finding"] for peer in json.loads(run.stdout)["peers"]]
        assert findings == ["a standby", "this very server"] * 16
        assert count() == {"old": 17, "follower": 16}


class TestPeersInheritTheConnection:
    def test_user_password_and_sslmode(self, old, new, authority):
        for server in (old, new):
            server.sql("DROP ROLE IF EXISTS monitor; CREATE ROLE monitor LOGIN")
            server.use_certificate(authority.issue("server"))
            server.authenticate("scram-sha-256", connection="hostssl", role="monitor")
            server.set_password("a secret", role="monitor")
        position = new.log_position()
        common = f"{PATIENT}user = monitor\n{peers(new)}"
        run = ask("checkpgprimary", old, configuration=f"{common}sslmode = require\n",
                  passwords="*:*:*:monitor:a secret\n")
        assert run.outcome == SPLIT_BRAIN
        assert "user=monitor database=postgres application_name=checkpgprimary" in new.log(position)
        assert "SSL enabled" in new.log(position)
        run = ask("checkpgprimary", old, configuration=f"{common}sslmode = disable\n",
                  passwords="*:*:*:monitor:a secret\n")
        assert run.outcome == DENIED

    def test_each_looks_up_its_own_password(self, old, new):
        for server, password in ((old, "first"), (new, "second")):
            server.set_password(password)
            server.authenticate("scram-sha-256")
        configuration = f"{PATIENT}peers = two=127.0.0.1:{new.port}\n"
        passwords = f"one:{old.port}:*:*:first\ntwo:{new.port}:*:*:"
        assert ask("checkpgprimary", old, server="one", configuration=configuration,
                   passwords=f"{passwords}second\n").outcome == SPLIT_BRAIN
        assert ask("checkpgprimary", old, server="one", configuration=configuration,
                   passwords=f"{passwords}wrong\n").outcome == OK

    @pytest.mark.parametrize("name, outcome", [("two.example", SPLIT_BRAIN), ("three.example", OK)])
    def test_certificates_are_verified_by_the_peers_own_name(self, old, new, authority, name,
                                                             outcome):
        old.use_certificate(authority.issue("old", names=["one.example"]))
        new.use_certificate(authority.issue("new", names=["two.example"]))
        run = ask("checkpgprimary", old, server="one.example", configuration=(
            f"{PATIENT}sslmode = verify-full\nsslrootcert = {authority.certificate}\n"
            f"peers = {name}=127.0.0.1:{new.port}\n"))
        assert run.outcome == outcome

    def test_a_peer_with_a_certificate_of_another_authority_is_named(self, old, new, authority):
        old.use_certificate(authority.issue("old", names=["one.example"]))
        new.use_certificate(certificates.Authority("Stranger").issue("new", names=["two.example"]))
        run = run_check("checkpgprimary", "-v", old.address, old.port, configuration=(
            f"{PATIENT}sslmode = verify-ca\nsslrootcert = {authority.certificate}\n"
            f"peers = two.example=127.0.0.1:{new.port}\n"))
        assert (run.code, run.stderr) == (Code.OK, "")
        assert "certificate" in line_about(run, new)


class TestWhatAPersonReads:
    def test_one_line_names_the_other_primary(self, old, new):
        run = run_check("checkpgprimary", old.address, old.port,
                        configuration=PATIENT + peers(new))
        assert (run.code, run.stderr) == (Code.SPLIT_BRAIN, "")
        assert run.stdout.count("\n") == 1
        for word in (f"127.0.0.1:{old.port}", "split brain", str(new.port), "newer timeline"):
            assert word in run.stdout

    def test_verbose_names_each_peer_with_its_finding(self, old, new, twin, follower, foreign):
        closed, hole = Place("127.0.0.1", ports.free_port()), BlackHole()
        itself = Place(SECOND_ADDRESS, new.port)
        everybody = [old, twin, follower, foreign, closed, hole, itself]
        with hole:
            run = run_check("checkpgprimary", "--verbose", new.address, new.port,
                            configuration=f"timeout = 10s\npeer-timeout = 3s\n{peers(*everybody)}")
        assert (run.code, run.stderr) == (Code.SPLIT_BRAIN, "")
        for server, words in ((old, "is primary too, on an older timeline"),
                              (twin, "is primary too, on the same timeline"),
                              (follower, "is a standby"),
                              (foreign, "is primary of another cluster"),
                              (closed, "is without an answer"),
                              (hole, "is silent"),
                              (itself, "is this very server")):
            assert words in line_about(run, server)
        assert "timeline 2" in run.stdout and "timeline 1" in run.stdout

    def test_json_has_the_documented_keys(self, old, new, follower):
        closed = Place("127.0.0.1", ports.free_port())
        configuration = f"{PATIENT}{NEWEST}{peers(new, follower, closed)}"
        run = run_check("checkpgprimary", "--json", "--backend", "rw", old.address, old.port,
                        configuration=configuration)
        assert (run.code, run.stderr) == (Code.SPLIT_BRAIN, "")
        told = json.loads(run.stdout)
        assert set(told) == {"program", "version", "wanted", "exit_code", "meaning", "reason",
                             "elapsed_ms", "target", "server", "peers", "settings"}
        assert (told["program"], told["wanted"]) == ("checkpgprimary", "primary")
        assert (told["exit_code"], told["meaning"]) == (7, "split brain")
        assert str(new.port) in told["reason"] and told["elapsed_ms"] > 0
        assert told["target"] == {"host": "127.0.0.1", "hostaddr": "127.0.0.1",
                                  "port": str(old.port), "backend": "rw"}
        assert told["server"]["in_recovery"] is False and told["server"]["timeline"] == 1
        assert told["server"]["system_identifier"] == told["peers"][0]["system_identifier"]
        assert [(peer["peer"], peer["finding"]) for peer in told["peers"]] == [
            (f"127.0.0.1:{new.port}", "primary too, on a newer timeline"),
            (f"127.0.0.1:{follower.port}", "a standby"),
            (f"127.0.0.1:{closed.port}", "without an answer")]
        assert told["peers"][0]["timeline"] == 2 and told["peers"][1]["timeline"] is None
        assert told["peers"][2]["failure"]["exit_code"] == Code.UNREACHABLE
        settings = {setting["key"]: setting for setting in told["settings"]}
        assert settings["split-brain"]["value"] == "newest-timeline"
        assert settings["peers"]["origin"].endswith("checkpg.conf:5")

    def test_json_of_a_server_without_peers_has_an_empty_list(self, follower):
        run = run_check("checkpgstandby", "--json", follower.address, follower.port)
        told = json.loads(run.stdout)
        assert (told["exit_code"], told["peers"]) == (0, [])


class TestSettingsOfTheServerChangeNothing:
    """What a role or a database may have set must not hide a second primary, nor make two of one.
    PostgreSQL rounds floating-point numbers to 15 + extra_float_digits digits, if that is 15 or
    fewer."""

    @pytest.mark.parametrize("setting, value", [
        ("extra_float_digits", "0"), ("extra_float_digits", "3"), ("extra_float_digits", "-5"),
        ("extra_float_digits", "-15"),
        ("DateStyle", "German"), ("TimeZone", "Asia/Kathmandu"),
        ("default_transaction_read_only", "on"), ("default_transaction_isolation", "serializable")])
    def test_a_second_primary_is_found_and_the_same_one_is_none(self, old, new, setting, value):
        for server in (old, new):
            server.sql(f"ALTER ROLE checkpg SET {setting} = '{value}'")
        try:
            assert ask("checkpgprimary", old,
                       configuration=PATIENT + peers(new)).outcome == SPLIT_BRAIN
            assert ask("checkpgprimary", old,
                       configuration=f"{PATIENT}peers = localhost\n").outcome == OK
        finally:
            for server in (old, new):
                server.sql(f"ALTER ROLE checkpg RESET {setting}")


def line_about(run, server):
    """The line of -v that says what a peer is."""
    lines = [line for line in run.stdout.splitlines()
             if f"{server.address}:{server.port} is " in line]
    assert len(lines) == 1, run.stdout
    return lines[0]
