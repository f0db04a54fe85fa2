"""keepalived, and then HAProxy, is killed on the active router, and on both: systemd starts it again, and the
virtual IP is never on two routers."""

import time

from harness.waiting import wait_for

from labkit import cluster, machines, scenario, traffic
from labkit.places import ROUTERS


def run(show):
    """Within seconds all is as before."""
    scenario.settle()
    with traffic.Traffic("write", every=0.05) as writes, cluster.Holders() as holders:
        for unit in ("keepalived", "haproxy"):
            for victims in (cluster.vip_holders(), list(ROUTERS)):
                writes.flows()
                moment = time.monotonic()
                before = [_starts(router, unit) for router in victims]
                for router in victims:
                    machines.run_in(router, "systemctl", "kill", "--signal=KILL", unit)
                wait_for(lambda: all(_starts(router, unit) > n for router, n in zip(victims, before)),
                         f"{unit} to be started again", 30)
                first = writes.first_after(moment + 0.5)
                scenario.settle()
                show(f"{unit} killed on {' and '.join(victims)}, to a write", first - moment, budget=6)
                assert first - moment < 20
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; "
         f"longest time between two", writes.longest_gap())
    assert 2 not in holders.seen, f"both had the virtual IP {holders.seen.count(2)} of {len(holders.seen)} times"


def _starts(router, unit):
    """How often systemd has started it again, as long as it runs."""
    text = machines.run_in(router, "systemctl", "show", unit, "--property=ActiveState,NRestarts")
    shown = dict(line.split("=") for line in text.split())
    return int(shown["NRestarts"]) if shown["ActiveState"] == "active" else -1
