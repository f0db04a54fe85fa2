"""Traffic to port 25432, a forwarder on each database server, while checks ask port 5432. Then the primary's forwarder
stops, which no check sees; with traffic to port 5432 all of them may."""

from harness.waiting import wait_for

from labkit import cluster, deploy, machines, managers, scenario, traffic
from labkit.places import DATABASES, DOMAIN, FORWARDER, ROUTERS, STATE

_REFUSED = 20


def run(show):
    """Whatever server's forwarder is asked, it is the primary that answers."""
    scenario.settle()
    backends = [{"name": f"{name}.{DOMAIN}", "address": address, "port": FORWARDER}
                for name, address in DATABASES.items()]
    variables = {"haproxy_rw_backends": backends, "checkpg_check_port": 5432}
    try:
        deploy.playbook(variables=variables)
        for router in ROUTERS:
            configuration = (STATE / f"machines/{router}/root/etc/haproxy/haproxy.cfg").read_text()
            assert configuration.count(f":{FORWARDER}") == len(DATABASES)
        _switchover(show)
        _codes_of_forwarders(show)
        _without_forwarder(show)
    finally:
        deploy.playbook()
    _without_any_forwarder(show)


def _switchover(show):
    scenario.settle()
    before = cluster.primary()
    with traffic.Roles() as roles, traffic.Traffic("write") as writes:
        with traffic.Traffic("read", port=5433) as reads:
            writes.flows(count=30)
            reads.flows(count=30)
        since = writes.done[-1]["ended"]
        promoted = cluster.switchover()
        moment = roles.promotion(since)[1]
        first = writes.first_after(moment)
        scenario.settle()
        writes.flows()
    assert writes.servers() == {before, promoted}, writes.servers()
    show(f"promotion to the first write through port {FORWARDER}", first - moment)
    show(f"{traffic.check_writes(writes)} writes through port {FORWARDER}, over a switchover; "
         f"{traffic.check_reads(reads)[0]} reads")


def _codes_of_forwarders(show):
    """What a check would say that asks the forwarders' port."""
    router = next(iter(ROUTERS))
    ask = "checkpgprimary --backend PostgresReadWrite-backend --port {} {}; echo $?"
    codes = {name: machines.run_in(router, "sh", "-c", ask.format(FORWARDER, address)).split()[-1]
             for name, address in DATABASES.items()}
    assert set(codes.values()) == {"0"}, codes
    show(f"asked on port {FORWARDER}, all {len(codes)} servers are the primary")


def _without_forwarder(show):
    """PostgreSQL is well, so HAProxy goes on sending everybody to where nobody listens."""
    primary, unit = cluster.primary(), managers.chosen().forwarder
    with traffic.Traffic("write") as writes:
        writes.flows()
        machines.run_in(primary, "systemctl", "stop", unit)
        try:
            wait_for(lambda: len(writes.failed) >= _REFUSED, f"writes to fail without the forwarder of {primary}", 30)
            stopped = writes.failed[0]["began"]
            for router in ROUTERS:
                routes, code = cluster.routes(router)
                assert code == 0 and routes["primaries"] == [f"{primary}.{DOMAIN}"], routes["summary"]
        finally:
            machines.run_in(primary, "systemctl", "start", unit)
        writes.flows()
    passed = [record for record in writes.done if stopped < record["began"] < writes.failed[-1]["began"]]
    assert not passed, f"{len(passed)} writes passed without the forwarder of {primary}"
    show(f"without the forwarder of {primary} {len(writes.failed)} writes failed, all there were, while "
         f"checkpgroutes said: {routes['summary']}")
    for error, number in traffic.errors(writes):
        show(f"   {number} times: {error}")


def _without_any_forwarder(show):
    unit = managers.chosen().forwarder
    scenario.settle()
    with traffic.Traffic("write") as writes:
        writes.flows()
        try:
            for name in DATABASES:
                machines.run_in(name, "systemctl", "stop", unit)
            writes.flows(count=30)
        finally:
            for name in DATABASES:
                machines.run_in(name, "systemctl", "start", unit)
    assert not writes.failed, writes.failed[:3]
    show(f"traffic to port 5432, all forwarders stopped: {traffic.check_writes(writes)} writes, none failed")
