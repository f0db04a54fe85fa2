"""The primary loses its power: the traffic follows to the new one, and no acknowledged write is lost."""

from labkit import cluster, machines, managers, scenario, traffic
from labkit.places import DATABASES, FORWARDER


def run(show):
    """Afterwards the old primary comes back, as a standby."""
    scenario.settle()
    old = cluster.primary()
    other = next(address for name, address in DATABASES.items() if name != old)
    with traffic.Roles() as roles, traffic.Traffic("write", every=0.05) as writes, \
            traffic.Traffic("read", port=5433) as reads, traffic.Traffic("write", other, FORWARDER) as forwarded:
        writes.flows()
        forwarded.flows()
        reads.flows()
        killed = machines.power_off(old)
        promoted, moment = roles.promotion(killed)
        first = writes.first_after(moment)
        forwarded_first = forwarded.first_after(moment)
        writes.flows()
        reads.flows()
        scenario.settle()
        writes.flows()
    assert promoted != old
    assert writes.servers(since=first) == {promoted}
    show(f"{managers.chosen().name}'s time to promote {promoted}", moment - killed)
    show("promotion to the first write", first - moment, budget=1.5 + managers.chosen().delay_of_writes)
    show(f"the same to port {FORWARDER} of a server that lives, without a router", forwarded_first - moment)
    traffic.check_writes(forwarded)
    count, late = traffic.check_reads(reads, promoted, moment)
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    show(f"{count} reads; {len(reads.failed)} failed; the new primary was read from for", late)
    assert old in cluster.standbys(), f"{old} has not come back as a standby"
    assert first - moment < 15 + managers.chosen().delay_of_writes
