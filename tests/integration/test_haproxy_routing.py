"""HAProxy routes by role, in every way it is run, and follows a promotion."""

import pytest
from harness import haproxy
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE
from harness.postgres import Server
from harness.waiting import wait_for

UP, DOWN = ("UP", "PROCOK", 0), ("DOWN", "PROCERR", 1)
ROLE = "SELECT pg_is_in_recovery()"
NAME = "SELECT current_setting('cluster_name')"


@pytest.fixture(params=["foreground", "daemon", "master-worker"])
def mode(request):
    return request.param


@pytest.mark.versions("HAProxy's modes")
def test_every_server_has_the_right_state_in_both_backends(primary, standbys, mode):
    with HAProxy([primary, *standbys], mode=mode) as proxy:
        assert_routed_by_role(proxy)


@pytest.mark.versions("HAProxy's modes")
def test_a_reload_keeps_the_routes(primary, standbys, mode):
    with HAProxy([primary, *standbys], mode=mode) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        proxy.reload()
        assert_routed_by_role(proxy)


def test_the_checks_write_nothing_into_haproxys_output(primary, standbys, mode):
    dead = haproxy.Target("db9", "127.0.0.1", 1)
    with HAProxy([primary, *standbys, dead], mode=mode, global_lines=["quiet"]) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=["db2", "db3"])
        chatter = [line for line in proxy.output().splitlines()
                   if not line.startswith(("[NOTICE]", "[WARNING]", "[ALERT]"))]
        assert chatter == []


@pytest.mark.parametrize("address", ["unix", "ipv6"])
def test_servers_on_unix_sockets_and_ipv6(primary, standby, request, address):
    if address == "ipv6":
        request.getfixturevalue("ipv6")
        targets = [haproxy.Target(server.name, "ipv6@[::1]", server.port)
                   for server in (primary, standby)]
    else:
        targets = [haproxy.Target(server.name, f"unix@{server.socket}", None)
                   for server in (primary, standby)]
    with HAProxy(targets) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": UP, "db2": DOWN})
        proxy.wait_for_results(READ_ONLY, {"db1": DOWN, "db2": UP})
        assert proxy.query(READ_WRITE, NAME) == "db1"
        assert proxy.query(READ_ONLY, NAME) == "db2"


@pytest.mark.versions("promotion")
def test_the_routes_follow_a_promotion_and_the_return_of_the_old_primary(mode):
    with (Server("one").create() as one, Server("two").create_standby(of=one) as two,
          HAProxy([one, two], mode=mode, interval=0.2) as proxy):
        proxy.wait_for_routes(readwrite=["one"], readonly=["two"])
        assert proxy.query(READ_WRITE, NAME) == "one"

        one.stop("immediate")
        proxy.wait_for_results(READ_WRITE, {"one": ("DOWN", "PROCERR", 2), "two": DOWN})
        assert proxy.routes(READ_WRITE) == []
        assert proxy.query(READ_ONLY, ROLE) == "t"

        two.promote()
        proxy.wait_for_routes(readwrite=["two"], readonly=[])
        assert proxy.query(READ_WRITE, NAME) == "two"
        assert proxy.query(READ_WRITE, ROLE) == "f"

        one.create_standby(of=two)
        proxy.wait_for_routes(readwrite=["two"], readonly=["one"])
        assert proxy.query(READ_ONLY, NAME) == "one"
        assert proxy.query(READ_ONLY, ROLE) == "t"


def test_sessions_to_a_server_that_goes_down_are_closed(primary, mode):
    with HAProxy([primary], mode=mode, interval=0.2) as proxy:
        proxy.wait_for_routes(readwrite=["db1"], readonly=[])
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


def test_a_password_and_a_configuration_file(primary, standbys):
    haproxy.require_private_etc()
    primary.authenticate("scram-sha-256")
    primary.set_password("secret")
    for server in standbys:
        server.wait_for_replay()
    before = [server.configuration() for server in standbys]
    try:
        for server in standbys:
            server.authenticate("scram-sha-256")
        with HAProxy([primary, *standbys], mode="daemon", files={
                "checkpg.conf": "timeout = 400ms\n", "pgpass": "*:*:*:checkpg:secret\n"}) as proxy:
            assert_routed_by_role(proxy, password="secret")
    finally:
        for server, configuration in zip(standbys, before):
            server.restore(configuration)


def test_the_check_asks_another_port_than_the_traffic_goes_to(primary):
    """As in front of pgbouncer: here HAProxy itself is what stands in front."""
    haproxy.require_private_etc()
    with HAProxy([primary]) as front:
        front.wait_for_routes(readwrite=["db1"], readonly=[])
        pooled = haproxy.Target("db1", "127.0.0.1", front.ports[READ_WRITE])
        with HAProxy([pooled], files={"checkpg.conf": (
                f"[PostgresReadWrite-backend]\nport = {primary.port}\n"
                "[PostgresReadOnly-backend]\nport = 1\n")}) as proxy:
            proxy.wait_for_results(READ_WRITE, {"db1": UP})
            proxy.wait_for_results(READ_ONLY, {"db1": ("DOWN", "PROCERR", 2)})
            assert proxy.query(READ_WRITE, NAME) == "db1"


def assert_routed_by_role(proxy, password=None):
    """db1 is the primary, db2 and db3 are standbys, and that's where queries arrive."""
    proxy.wait_for_results(READ_WRITE, {"db1": UP, "db2": DOWN, "db3": DOWN})
    proxy.wait_for_results(READ_ONLY, {"db1": DOWN, "db2": UP, "db3": UP})
    for _ in range(4):
        assert proxy.query(READ_WRITE, ROLE, password=password) == "f"
    reached = {proxy.query(READ_ONLY, NAME, password=password) for _ in range(4)}
    assert reached == {"db2", "db3"}
