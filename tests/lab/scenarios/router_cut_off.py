"""The active router hears nothing from any database, though VRRP passes: the virtual IP moves to the other one."""

import time

from harness.waiting import wait_for

from labkit import cluster, machines, scenario, traffic
from labkit.places import DATABASES, ROUTERS


def run(show):
    """And stays there when the other one hears them again; where no router hears any, it stays on one."""
    scenario.settle()
    old = cluster.vip_holders()[0]
    new = next(router for router in ROUTERS if router != old)
    with traffic.Traffic("write", every=0.05) as writes, cluster.Holders() as holders:
        writes.flows()
        with machines.deaf(old, *DATABASES.values()):
            moment, deaf = time.monotonic(), time.time()
            first = writes.first_after(moment)
            assert cluster.vip_holders() == [new], f"{cluster.vip_holders()} have it"
        _wait_for(old, "succeeded", deaf)
        writes.flows(count=100)
        assert cluster.vip_holders() == [new], "the virtual IP went back"
        show("databases out of reach to the first write", first - moment, budget=8)
        deaf = time.time()
        with machines.deaf(old, *DATABASES.values()), machines.deaf(new, *DATABASES.values()):
            for router in ROUTERS:
                _wait_for(router, "failed", deaf)
        for router in ROUTERS:
            _wait_for(router, "succeeded", deaf)
        writes.flows()
        scenario.settle()
    show(f"no router hears any: looked {len(holders.seen)} times, none had the virtual IP "
         f"{holders.seen.count(0)} times, both {holders.seen.count(2)} times")
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    assert first - moment < 20


def _wait_for(router, outcome, since):
    """Waits until keepalived has seen its question whether any server serves go that way."""
    wait_for(lambda: f"servers_serve) {outcome}" in machines.run_in(
        router, "journalctl", "--unit=keepalived", f"--since=@{int(since)}", "--output=cat"),
        f"keepalived of {router} to see that {outcome}", 30)
