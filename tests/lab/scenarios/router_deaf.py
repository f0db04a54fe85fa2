"""The active router hears nothing at all, ARP included, and goes on sending: the virtual IP moves to the other one."""

import time

from labkit import cluster, machines, scenario, traffic
from labkit.places import ROUTERS

LASTS = 75  # more than keepalived's vrrp_garp_master_refresh


def run(show):
    """It does not know that, and tells the network once a minute that it has the address: that costs clients what
    their own ARP takes to find out."""
    scenario.settle()
    old = cluster.vip_holders()[0]
    new = next(router for router in ROUTERS if router != old)
    with traffic.Traffic("write", every=0.1) as writes:
        writes.flows()
        with machines.deaf_to_all(old):
            moment = time.monotonic()
            first = writes.first_after(moment)
            while time.monotonic() < moment + LASTS:
                writes.flows(count=50)
            assert new in cluster.vip_holders(), cluster.vip_holders()
            since = [record for record in writes.records if record["began"] > first]
            passed = [record for record in since if not record["error"]]
        scenario.settle()
        writes.flows()
        assert cluster.vip_holders() == [new], f"{cluster.vip_holders()} have it"
    show("it hears nothing, to the first write", first - moment, budget=8)
    show(f"of {len(since)} writes in the {LASTS} s after that {len(passed)} passed; the longest time between two",
         writes.longest_gap())
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    assert first - moment < 20
    assert len(passed) > 0.7 * len(since), traffic.errors(writes)[:3]
    assert writes.longest_gap() < 20
