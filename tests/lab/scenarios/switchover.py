"""A switchover by the cluster manager: the traffic follows, and no write is lost or taken by a standby.
LAB_KEEP=0,60s,0,60s compares values of keep, three switchovers with each."""

import os
import time

from labkit import cluster, deploy, managers, scenario, traffic

#: Nothing: what the role makes of it.
KEPT = [value for value in os.environ.get("LAB_KEEP", "").split(",") if value]
TIMES = 3


def run(show):
    """Reads go on all the time."""
    if not KEPT:
        _switchover(show)
        return
    took = {}
    try:
        for value in KEPT:
            deploy.playbook(variables={"checkpg_keep": value})
            took.setdefault(value, []).extend(_switchover(show) for _ in range(TIMES))
    finally:
        deploy.playbook()
    for value, times in took.items():
        show(f"keep = {value}: promotion to the first write: "
             + ", ".join(f"{seconds:.2f}" for seconds in sorted(times)) + " s")


def _switchover(show):
    """The seconds from the promotion to the first write."""
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
    show("promotion to the first write", first - moment, budget=1.5 + managers.chosen().delay_of_writes)
    show("longest time between two writes", writes.longest_gap())
    count, late = traffic.check_reads(reads, promoted, moment)
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    show(f"{count} reads; {len(reads.failed)} failed; the new primary was read from for", late)
    assert first - moment < 15 + managers.chosen().delay_of_writes
    return first - moment
