"""A second primary among the peers is there all the time, and something keeps this machine from
hearing it: that is never a yes. What only the peer itself can have done is no objection."""

import errno
import json
import os
import time

import pytest
from harness import abilities, certificates, lonely_network, resolver, scratch
from harness.checks import Code, ask, is_instrumented, is_static, run_as_haproxy, run_check
from harness.clusters import peers, restored
from harness.hostile import (BIGINT, BOOLEAN, TEXT, BlackHole, StandIn, answer, drip_fast,
                             scram_iterations)
from harness.postgres import Server
from harness.waiting import PATIENCE

OK, SPLIT_BRAIN = (Code.OK, ""), (Code.SPLIT_BRAIN, "")
SOON = "timeout = 4s\npeer-timeout = 500ms\n"
PATIENT = "timeout = 20s\npeer-timeout = 10s\n"


@pytest.fixture(scope="module")
def two_primaries():
    with Server("db1").create() as db1, Server("db2").create() as db2:
        yield db1, db2


@pytest.fixture
def db1(two_primaries):
    with restored(*two_primaries):
        yield two_primaries[0]


@pytest.fixture
def db2(two_primaries):
    return two_primaries[1]


class TestSystemCallsThatFail:
    """The first of them is the one for the server itself."""

    def asked_with(self, db1, db2, *faults, configuration=SOON):
        return run_check("checkpgprimary", db1.address, db1.port,
                         configuration=configuration + peers(db2),
                         prefix=abilities.with_faults(*faults))

    @pytest.mark.parametrize("call, error", [
        *(("connect", error) for error in ("EACCES", "EPERM", "EAGAIN", "EADDRNOTAVAIL", "ENOBUFS",
                                           "ENOMEM", "EINVAL")),
        *(("socket", error) for error in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EACCES",
                                          "EAFNOSUPPORT"))])
    def test_a_peer_that_could_not_be_asked_is_no_verdict(self, db1, db2, call, error):
        run = self.asked_with(db1, db2, f"{call}:error={error}:when=2+")
        assert run.code == Code.INTERNAL
        assert str(db2.port) in run.stderr

    @pytest.mark.parametrize("error", ["EACCES", "EPERM", "EAGAIN", "ENOBUFS"])
    def test_the_peer_and_the_reason_are_named(self, db1, db2, error):
        run = self.asked_with(db1, db2, f"connect:error={error}:when=2+")
        assert f"127.0.0.1, port {db2.port}" in run.stderr
        if error != "EAGAIN":  # which libpq takes for the beginning of a connection
            assert os.strerror(getattr(errno, error)) in run.stderr

    @pytest.mark.parametrize("error", ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT",
                                       "ECONNRESET"])
    def test_a_peer_that_the_network_says_is_not_there_is_no_objection(self, db1, db2, error):
        assert self.asked_with(db1, db2, f"connect:error={error}:when=2+").code == Code.OK

    @pytest.mark.parametrize("error", ["ENOMEM", "ENOBUFS"])
    def test_a_peer_that_could_not_be_heard_is_never_a_yes(self, db1, db2, error):
        codes = set()
        for first in range(1, 20):
            run = self.asked_with(db1, db2, f"recvfrom:error={error}:when={first}+")
            codes.add(run.code)
            assert run.code != Code.OK, (first, run)
        assert Code.INTERNAL in codes and Code.SPLIT_BRAIN in codes

    @pytest.mark.parametrize("error", ["EPERM", "EACCES", "ENOBUFS"])
    def test_a_peer_to_which_nothing_could_be_said_is_never_a_yes(self, db1, db2, error):
        codes = set()
        for first in range(4, 10):  # those before are to the server itself
            run = self.asked_with(db1, db2, f"sendto:error={error}:when={first}+")
            codes.add(run.code)
            assert run.code != Code.OK, (first, run)
        assert Code.INTERNAL in codes and Code.SPLIT_BRAIN in codes

    def test_a_second_attempt_that_can_not_be_made_proves_no_silence(self, db1):
        with BlackHole() as hole:
            run = self.asked_with(db1, hole, "socket:error=EMFILE:when=3+")
        assert run.code == Code.INTERNAL

    @pytest.mark.parametrize("address", ["x=fe80::4%nosuch", "fe80::4%nosuch"])
    def test_an_address_that_can_not_be_formed_here(self, db1, address):
        run = run_check("checkpgprimary", db1.address, db1.port,
                        configuration=f"{SOON}peers = {address}\n")
        assert run.code == Code.INTERNAL
        assert "fe80::4%nosuch" in run.stderr


class TestPacketsThatAreLost:
    DEFAULTS = "timeout = 1500ms\npeer-timeout = 500ms\n"

    def asked_with(self, db1, db2, rules):
        return run_as_haproxy("checkpgprimary", db1.socket, "NOT_USED",
                              configuration=self.DEFAULTS + peers(db2),
                              prefix=lonely_network.prefix(rules, db2))

    def syn(self, server):
        return f"tcp dport {server.port} tcp flags & (syn | ack) == syn"

    def test_none(self, db1, db2):
        assert self.asked_with(db1, db2, "").outcome == SPLIT_BRAIN

    def test_the_first_attempt_to_connect(self, db1, db2):
        run = self.asked_with(db1, db2, f"{self.syn(db2)} quota until 70 bytes drop")
        assert run.outcome == SPLIT_BRAIN

    def test_all_of_them(self, db1, db2):
        run = self.asked_with(db1, db2, f"{self.syn(db2)} drop")
        assert run.outcome == OK
        assert 0.49 < run.seconds < 1.5 + 0.5 * PATIENCE

    def test_all_that_come_after_the_first(self, db1, db2):
        """The server has accepted, and what it says is lost."""
        run = self.asked_with(db1, db2, f"tcp sport {db2.port} tcp flags & syn != syn drop")
        assert run.outcome == OK


class TestNames:
    @pytest.fixture(scope="class")
    def db3(self):
        """Another primary, at an address that getaddrinfo(3) has behind 127.0.0.1 (RFC 6724)."""
        with Server("db3", settings={"listen_addresses": "127.0.0.3"}).create() as server:
            yield server

    def asked_with(self, db1, db3, addresses):
        with resolver.name_server({"two.example": addresses}) as prefix:
            return ask("checkpgprimary", db1, prefix=prefix,
                       configuration=f"{SOON}peers = two.example:{db3.port}\n")

    def test_the_first_address_drops_packets(self, db1, db3):
        with BlackHole("127.0.0.1", db3.port):
            assert self.asked_with(db1, db3, ["127.0.0.1", "127.0.0.3"]).outcome == SPLIT_BRAIN

    def test_the_first_address_refuses(self, db1, db3):
        assert self.asked_with(db1, db3, ["127.0.0.1", "127.0.0.3"]).outcome == SPLIT_BRAIN

    def test_the_last_address_drops_packets(self, db1, db2):
        with BlackHole("127.0.0.3", db2.port):
            assert self.asked_with(db1, db2, ["127.0.0.1", "127.0.0.3"]).outcome == SPLIT_BRAIN

    def test_all_addresses_drop_packets(self, db1):
        with (BlackHole() as first, BlackHole("127.0.0.3", first.port),
              resolver.name_server({"two.example": ["127.0.0.3", "127.0.0.1"]}) as prefix):
            run = ask("checkpgprimary", db1, prefix=prefix,
                      configuration=f"{SOON}peers = two.example:{first.port}\n")
        assert run.outcome == OK
        assert run.seconds < 1 + 1.0 * PATIENCE

    def test_a_name_with_more_addresses_than_a_server_has(self, db1, db2):
        many = [f"127.0.1.{n}" for n in range(1, 12)]
        with resolver.name_server({"many.example": many}) as prefix:
            run = ask("checkpgprimary", db1, prefix=prefix,
                      configuration=f"{SOON}peers = many.example:{db2.port}\n")
        assert run.code == Code.INTERNAL
        assert "many.example" in run.stderr and "11 addresses" in run.stderr

    def test_a_name_that_does_not_exist_is_no_objection(self, db1, db2):
        with resolver.name_server({}) as prefix:
            run = ask("checkpgprimary", db1, prefix=prefix,
                      configuration=f"{SOON}peers = nobody.example:{db2.port}\n")
        assert run.outcome == OK

    @pytest.mark.parametrize("servers", [
        resolver.silent_name_server, resolver.no_name_server,
        lambda: resolver.name_server({"two.example": ["127.0.0.1"]}, behind_a_dead_one=True)],
        ids=["silent", "none", "the first of two is silent"])
    def test_a_name_that_could_not_be_looked_up_is_no_verdict(self, db1, db2, servers):
        with servers() as prefix:
            run = ask("checkpgprimary", db1, prefix=prefix,
                      configuration=f"{SOON}peers = two.example:{db2.port}\n")
        assert run.code == Code.INTERNAL
        assert "two.example" in run.stderr

    @pytest.mark.parametrize("fault", ["mmap:error=ENOMEM:when=3+", "clone3:error=EAGAIN",
                                       "socket:error=EMFILE:when=2+", "openat:error=EMFILE:when=3+"])
    def test_a_look_up_that_fails_for_want_of_something_here_is_never_a_yes(self, db1, db2, fault):
        run = ask("checkpgprimary", db1, prefix=abilities.with_faults(fault),
                  configuration=f"{SOON}peers = localhost:{db2.port}\n")
        assert run.code != Code.OK


def test_an_ipv6_address_on_a_machine_with_ipv6_off_is_no_way_to_a_peer(db1):
    """It could not be asked there, whatever became of the peer."""
    hosts = scratch.directory("hosts") / "hosts"
    hosts.write_text("127.0.0.2 both.example\n2001:db8::2 both.example\n")
    off = abilities.with_private_mounts(
        'mount --bind "$1" /etc/hosts && mount -t proc proc /proc && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && shift || exit', hosts)
    run = ask("checkpgprimary", db1, prefix=[*lonely_network.prefix("", db1), *off],
              configuration=f"{SOON}peers = both.example:1\n")
    assert run.outcome == OK


class TestTime:
    @pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
    def test_a_check_that_is_not_scheduled_for_a_while_is_never_a_yes(self, db1, db2, name):
        """Longer than the peer-timeout, at every point of the conversation."""
        codes = []
        for which in range(1, 20):
            run = ask("checkpgprimary", db1,
                      prefix=abilities.with_faults(f"ppoll:delay_exit=700000:when={which}"),
                      configuration=f"{SOON}peers = {name}:{db2.port}\n")
            codes.append(run.code)
        assert set(codes) <= {Code.SPLIT_BRAIN, Code.TIMED_OUT}, codes
        assert codes.count(Code.SPLIT_BRAIN) > 10, codes

    def test_a_peer_that_drips_fast_is_no_objection(self, db1):
        with StandIn(drip_fast) as peer:
            for _ in range(6):
                begin = time.monotonic()
                run = ask("checkpgprimary", db1, configuration=SOON + peers(peer))
                assert run.outcome == OK
                assert time.monotonic() - begin < 1 + 1.0 * PATIENCE


class TestMemory:
    def encrypt(self, *servers):
        authority = certificates.Authority()
        for server in servers:
            server.use_certificate(authority.issue(server.name, addresses=["127.0.0.1"]))
            server.authenticate("trust", connection="hostssl")
        return authority

    @pytest.mark.parametrize("mode", ["verify-ca", "prefer"])
    def test_tls_under_a_tight_limit_is_never_a_yes(self, db1, db2, mode):
        if is_instrumented():
            pytest.skip("the address sanitizer needs terabytes of address space")
        authority = self.encrypt(db1, db2)
        root = f"sslrootcert = {authority.certificate}\n" if mode == "verify-ca" else ""
        eight = " ".join(f"db{n}=127.0.0.1:{db2.port}" for n in range(2, 10))
        codes = []
        for kilobytes in range(2048, 8192, 128):
            size = kilobytes * 1024
            run = ask("checkpgprimary", db1, prefix=["/usr/bin/prlimit", f"--data={size}:{size}", "--"],
                      configuration=f"{PATIENT}sslmode = {mode}\n{root}peers = {eight}\n")
            codes.append(run.code)
            assert run.code != Code.OK, (kilobytes, run)
        assert codes[-1] == Code.SPLIT_BRAIN, codes

    def test_many_peers_with_the_certificates_of_all_authorities(self, db1, db2):
        """As many as a distribution's bundle has, each of which costs several times its size."""
        count = 24
        authority = self.encrypt(db1, db2)
        bundle = scratch.directory("bundle") / "ca.crt"
        bundle.write_text(authority.certificate.read_text() + "".join(
            certificates.Authority(f"authority {n}").certificate.read_text() for n in range(120)))
        names = " ".join(f"db{n}=127.0.0.1:{db2.port}" for n in range(2, count + 2))
        run = run_check("checkpgprimary", "--json", db1.address, db1.port, configuration=(
            f"{PATIENT}sslmode = verify-ca\nsslrootcert = {bundle}\npeers = {names}\n"))
        assert run.code == Code.SPLIT_BRAIN
        findings = [peer["finding"] for peer in json.loads(run.stdout)["peers"]]
        assert findings == ["primary too, on the same timeline"] * count


class TestOfOneClone:
    """A virtual machine cloned with its memory: system identifier and start are the same in both."""

    def clone(self, db1, timeline):
        identity = db1.sql("SELECT system_identifier, to_char(timezone('UTC',"
                           " pg_postmaster_start_time()), 'J SSSS US') FROM pg_control_system()")
        system, started = identity.strip().split("|")
        return answer([["f", system, started, f"{timeline:08X}0000000000000001"]],
                      type=[BOOLEAN, BIGINT, TEXT, TEXT])

    @pytest.mark.parametrize("timeline, outcome", [(1, OK), (2, SPLIT_BRAIN)])
    def test_the_timeline_belongs_to_the_identity(self, db1, timeline, outcome):
        with StandIn(self.clone(db1, timeline)) as peer:
            run = ask("checkpgprimary", db1, configuration=PATIENT + peers(peer))
        assert run.outcome == outcome


def test_a_peer_that_asks_for_absurd_scram_iterations_is_no_objection(db1):
    if not is_static():
        pytest.skip("libpq's own code computes them all")
    with StandIn(scram_iterations(100_000_000)) as peer:
        run = ask("checkpgprimary", db1, configuration=SOON + peers(peer),
                  passwords="*:*:*:*:secret\n")
    assert run.outcome == OK
    assert run.seconds < 0.4 + 1.0 * PATIENCE
