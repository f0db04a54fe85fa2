"""The virtual IP moves, and the client's network passes no gratuitous ARP: the client finds out by its own ARP."""

import time

from labkit import cluster, machines, scenario, traffic


def run(show):
    """As on some hypervisors and switches."""
    scenario.settle()
    old = cluster.vip_holders()[0]
    with traffic.Traffic("write", every=0.1) as writes:
        writes.flows()
        with machines.without_gratuitous_arp("client"):
            moment = time.monotonic()
            machines.run_in(old, "systemctl", "stop", "keepalived")
            try:
                first = writes.first_after(moment)
                writes.flows()
            finally:
                machines.run_in(old, "systemctl", "start", "keepalived")
    show("keepalived stopped, to the first write of a client that hears no gratuitous ARP", first - moment)
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    assert old not in cluster.vip_holders(), cluster.vip_holders()
    assert first - moment < 75
    scenario.settle()
