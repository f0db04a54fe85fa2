"""PostgreSQL dies on the primary: whoever connects gets an error at once, not after retries."""

import time

from harness.waiting import wait_for

from labkit import cluster, machines, managers, scenario, traffic


def run(show):
    """Each of HAProxy's retries, three by default, would hold the client for a second."""
    scenario.settle()
    primary = cluster.primary()
    manager = managers.chosen()
    with manager.paused(primary), traffic.Traffic("write", every=0.05) as writes:
        writes.flows()
        moment = time.monotonic()
        machines.run_in(primary, "sh", "-c", f"kill -KILL $(head -n1 {manager.data}/postmaster.pid)")
        wait_for(lambda: len(_failed(writes, moment)) >= 40, "connections to fail", 30)
    failed = _failed(writes, moment)
    longest = max(record["ended"] - record["began"] for record in failed)
    show(f"{len(failed)} connections failed; the longest took", longest)
    assert longest < 1, "a client was held as if HAProxy had retried"
    scenario.settle()
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept")


def _failed(writes, moment):
    return [record for record in writes.failed if record["began"] > moment]
