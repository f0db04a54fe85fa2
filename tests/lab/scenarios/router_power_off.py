"""The active router loses its power: the virtual IP moves and writes go on."""

from harness.waiting import wait_for

from labkit import cluster, machines, scenario, traffic


def run(show):
    """Afterwards the old router comes back, and leaves the virtual IP where it is."""
    scenario.settle()
    old = cluster.vip_holders()[0]
    with traffic.Traffic("write", every=0.05) as writes:
        writes.flows()
        killed = machines.power_off(old)
        first = writes.first_after(killed)
        new = wait_for(cluster.vip_holders, "the virtual IP on the other router")
        scenario.settle()
        assert cluster.vip_holders() == new, "the virtual IP went back"
        writes.flows()
    show("power off to the first write", first - killed, budget=3)
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    assert first - killed < 15
