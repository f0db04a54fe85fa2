"""What judging standbys costs and brings: reads during a switchover, busy and idle, and how long a standby
that is cut off from the other servers is still read from. LAB_STREAMING=off,on,with-primary compares the
values of require-streaming; without it, it is about what the role makes of it."""

import os
import time

from harness.waiting import wait_for

from labkit import cluster, deploy, machines, scenario, traffic
from labkit.places import DATABASES, name_of

DEFAULT = "with-primary"
#: The last one must keep the budgets.
MODES = os.environ.get("LAB_STREAMING", DEFAULT).split(",")
OLDEST, LONGEST_GAP = 30, 1
QUIET = 10
IDLE = 25  # more than the role's checkpg_max_replay_delay


def run(show):
    """The routers are given the role's defaults again at the end."""
    try:
        for mode in MODES:
            if MODES != [DEFAULT]:
                deploy.playbook(variables={"checkpg_require_streaming": mode})
            gaps = [_switchover(show, mode, busy) for busy in (True, False)]
            late = _cut_off(show, mode)
    finally:
        if MODES != [DEFAULT]:
            deploy.playbook()
    assert max(gaps) < 5 * LONGEST_GAP, gaps
    assert late < 2 * OLDEST, late


def _switchover(show, mode, busy):
    """The longest time between two reads."""
    scenario.settle()
    with traffic.Roles() as roles, traffic.Traffic("read", port=5433, every=0.05) as reads:
        before = time.monotonic()
        if busy:
            with traffic.Traffic("write", every=0.05) as writes:
                writes.flows()
                promoted, moment = _promotion(roles, reads)
                writes.flows()
        else:
            time.sleep(IDLE)
            promoted, moment = _promotion(roles, reads)
        scenario.settle()
        reads.flows(count=100)
    traffic.check_reads(reads, promoted, moment)
    failed = sum(record["began"] > before for record in reads.failed)
    show(f"{mode}, {'busy' if busy else 'idle'} switchover: {failed} reads failed; longest time between two",
         reads.longest_gap(), budget=LONGEST_GAP)
    return reads.longest_gap()


def _promotion(roles, reads):
    reads.flows()
    before = time.monotonic()
    cluster.switchover()
    return roles.promotion(before)


def _read_lately(standby, reads):
    """Longer than a server stays out for one failed check, and than the pace of the reads."""
    return any(name_of(record["server"]) == standby and record["ended"] > time.monotonic() - QUIET
               for record in reads.done)


def _cut_off(show, mode):
    """For how many seconds a standby was read from after it had heard the last of its primary."""
    scenario.settle()
    standby = sorted(cluster.standbys())[0]
    others = [address for name, address in DATABASES.items() if name != standby]
    with traffic.Traffic("write", every=0.05) as writes, \
            traffic.Traffic("read", port=5433, every=0.05) as reads:
        writes.flows()
        wait_for(lambda: standby in reads.servers(), f"{standby} to be read from", 30)
        moment = time.monotonic()
        for address in others:
            machines.run_in(standby, "ip", "route", "add", "blackhole", f"{address}/32")
        try:
            wait_for(lambda: not _read_lately(standby, reads), f"{standby} to be read from no longer", 3 * OLDEST)
        finally:
            for address in others:
                machines.run_in(standby, "ip", "route", "del", "blackhole", f"{address}/32")
        reads.flows()
    late = max((record["began"] - moment for record in reads.done
                if name_of(record["server"]) == standby), default=0.0)
    show(f"{mode}: a standby that is cut off is still read from for", late, budget=OLDEST)
    return late
