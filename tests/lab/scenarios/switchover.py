"""A switchover by Patroni: the traffic follows, and no write is lost or taken by a standby."""

import time

from labkit import cluster, scenario, traffic


def run(show):
    """Reads go on all the time."""
    scenario.settle()
    with traffic.Roles() as roles, traffic.Traffic("write", every=0.05) as writes, \
            traffic.Traffic("read", port=5433) as reads:
        writes.flows()
        reads.flows()
        before = time.monotonic()
        expected = cluster.switchover()
        promoted, moment = roles.promotion(before)
        first = writes.first_after(moment)
        scenario.settle()
        writes.flows()
        reads.flows()
    assert promoted == expected, f"{promoted} was promoted instead of {expected}"
    assert writes.servers(since=first) == {promoted}
    show("promotion to the first write", first - moment, budget=1.5)
    show("longest time between two writes", writes.longest_gap())
    count, late = traffic.check_reads(reads, promoted, moment)
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    show(f"{count} reads; {len(reads.failed)} failed; the new primary was read from for", late)
    assert first - moment < 15
