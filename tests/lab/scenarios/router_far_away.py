"""All that the active router sends or is sent is late, by 0.15 s each way and then by 0.3 s: the virtual IP moves to
the other one."""

import time

from labkit import cluster, machines, scenario, traffic
from labkit.places import ROUTERS


def run(show):
    """Whatever its checks make of it, somebody serves, and there is one virtual IP."""
    for seconds in (0.15, 0.3):
        scenario.settle()
        old = cluster.vip_holders()[0]
        new = next(router for router in ROUTERS if router != old)
        with traffic.Traffic("write", every=0.1) as writes, traffic.Traffic("read", port=5433) as reads:
            writes.flows()
            reads.flows()
            with machines.far_away(old, seconds):
                moment = time.monotonic()
                first = max(writes.first_after(moment), reads.first_after(moment))
                writes.flows(count=100)
                reads.flows(count=100)
                assert cluster.vip_holders() == [new], f"{cluster.vip_holders()} have it"
            scenario.settle()
            writes.flows()
            reads.flows()
            assert cluster.vip_holders() == [new], "the virtual IP went back"
        show(f"{seconds} s late, to the first write and read", first - moment, budget=8)
        show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; "
             f"{traffic.check_reads(reads)[0]} reads; {len(reads.failed)} failed")
        assert first - moment < 20
