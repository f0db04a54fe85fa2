"""HAProxy while two servers call themselves primary: who gets writes, and how it heals."""

import pytest
from harness import haproxy
from harness.checks import Code
from harness.clusters import REWINDABLE, peers, rewind
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE
from harness.postgres import Server
from harness.waiting import wait_for

NAME = "SELECT current_setting('cluster_name')"
UP = ("UP", "PROCOK", 0)


def down(code):
    return "DOWN", "PROCERR", int(code)


@pytest.fixture(autouse=True)
def private_etc():
    haproxy.require_private_etc()


@pytest.fixture
def pair():
    """A primary, one, and its standby, two."""
    with (Server("one", settings=REWINDABLE).create() as one,
          Server("two", settings=REWINDABLE).create_standby(of=one) as two):
        one.wait_for_standbys(1)
        yield one, two


def start(servers, policy, mode):
    """HAProxy over the servers, each of which has all of them as peers."""
    return HAProxy(servers, mode=mode, interval=1.0, files={"checkpg.conf": (
        "timeout = 900ms\npeer-timeout = 400ms\n"
        f"[PostgresReadWrite-backend]\nsplit-brain = {policy}\n{peers(*servers)}")})


def was_up(proxy, name):
    """Whether a server of the read-write backend has come up since HAProxy's start."""
    return [line for line in proxy.log() if f"{READ_WRITE}-backend/{name} is UP" in line]


def test_refuse_routes_no_writes_until_the_old_primary_is_stopped(pair):
    one, two = pair
    with start(pair, "refuse", "daemon") as proxy:
        proxy.wait_for_routes(readwrite=["one"], readonly=["two"])

        two.promote()
        proxy.wait_for_results(READ_WRITE, {"one": down(Code.SPLIT_BRAIN),
                                            "two": down(Code.SPLIT_BRAIN)})
        proxy.wait_for_routes(readwrite=[], readonly=[])
        assert not was_up(proxy, "two")

        one.stop()
        proxy.wait_for_routes(readwrite=["two"], readonly=[])
        assert proxy.query(READ_WRITE, NAME) == "two"

        rewind(one, to=two)
        proxy.wait_for_results(READ_ONLY, {"one": UP, "two": down(Code.OTHER_ROLE)})
        proxy.wait_for_results(READ_WRITE, {"one": down(Code.OTHER_ROLE), "two": UP})


def test_refuse_stops_the_writes_again_when_a_dead_primary_comes_back(pair):
    one, two = pair
    with start(pair, "refuse", "foreground") as proxy:
        proxy.wait_for_routes(readwrite=["one"], readonly=["two"])
        one.kill()
        two.promote()
        proxy.wait_for_routes(readwrite=["two"], readonly=[])
        with proxy.session(READ_WRITE) as session:
            assert session.sql(NAME) == "two"

            one.start()
            proxy.wait_for_results(READ_WRITE, {"one": down(Code.SPLIT_BRAIN),
                                                "two": down(Code.SPLIT_BRAIN)})
            wait_for(lambda: proxy.states(READ_WRITE)["two"]["scur"] == "0",
                     "HAProxy to close the session")
            with pytest.raises(RuntimeError, match="session ended"):
                session.sql(NAME)
        one.stop()
        proxy.wait_for_routes(readwrite=["two"], readonly=[])


def test_newest_timeline_routes_writes_to_the_new_primary_only(pair):
    one, two = pair
    with start(pair, "newest-timeline", "daemon") as proxy:
        proxy.wait_for_routes(readwrite=["one"], readonly=["two"])

        two.promote()
        proxy.wait_for_results(READ_WRITE, {"one": down(Code.SPLIT_BRAIN), "two": UP})
        assert {proxy.query(READ_WRITE, NAME) for _ in range(4)} == {"two"}
        proxy.wait_for_routes(readwrite=["two"], readonly=[])

        one.stop()
        proxy.wait_for_results(READ_WRITE, {"one": down(Code.UNREACHABLE), "two": UP})

        one.create_standby(of=two)
        proxy.wait_for_routes(readwrite=["two"], readonly=["one"])
        assert proxy.query(READ_ONLY, NAME) == "one"


def test_an_old_primary_that_comes_back_never_gets_writes_under_newest_timeline(pair):
    one, two = pair
    one.stop()
    two.promote()
    with start(pair, "newest-timeline", "master-worker") as proxy:
        proxy.wait_for_routes(readwrite=["two"], readonly=[])
        one.start()
        proxy.wait_for_results(READ_WRITE, {"one": down(Code.SPLIT_BRAIN), "two": UP})
        assert not was_up(proxy, "one")
        assert {proxy.query(READ_WRITE, NAME) for _ in range(4)} == {"two"}
        assert proxy.routes(READ_WRITE) == ["two"]
