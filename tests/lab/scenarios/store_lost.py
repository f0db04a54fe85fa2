"""The primary's machine loses etcd, and nothing else: its standby is promoted. Patroni ends the old primary before
that; stolon does not, and nobody gets writes while there are two."""

from harness.waiting import wait_for

from labkit import cluster, deploy, machines, managers, scenario, traffic
from labkit.places import ROUTERS

_NEWEST = {"checkpg_split_brain": "newest-timeline"}


def run(show):
    """With stolon once more under split-brain = newest-timeline."""
    manager = managers.chosen()
    _lose(show, followed=manager.fences_itself)
    if not manager.fences_itself:
        try:
            deploy.playbook(variables=_NEWEST)
            _lose(show, followed=True)
        finally:
            deploy.playbook()


def _lose(show, followed):
    """Whether traffic follows to the new primary while the old one is without etcd is said before."""
    scenario.settle()
    old = cluster.primary()
    with traffic.Roles() as roles, traffic.Traffic("write", every=0.05) as writes, \
            traffic.Traffic("read", port=5433) as reads:
        writes.flows()
        reads.flows()
        before = writes.done[-1]["ended"]
        with machines.without_store(old):
            promoted, moment = roles.promotion(before)
            if followed:
                first = writes.first_after(moment)
                writes.flows()
            else:
                wait_for(lambda: all(_splits(router) for router in ROUTERS), "both routers to see two primaries", 60)
                stuck = len(writes.failed)
                wait_for(lambda: len(writes.failed) > stuck + 40, "writes to be refused", 60)
        demoted = roles.demotion(old, before)
        if not followed:
            first = writes.first_after(moment)
        scenario.settle()
        writes.flows()
        reads.flows()
    assert promoted != old and old in cluster.standbys()
    assert (demoted < moment) == managers.chosen().fences_itself, f"{old} was demoted {demoted - moment} s later"
    show(f"{managers.chosen().name}'s time to promote {promoted}", moment - before)
    if demoted > moment:
        show(f"{old} was a primary, too, for", demoted - moment)
    show("promotion to the first write" + ("" if followed else ", which took until etcd was back"), first - moment)
    late = traffic.check_reads(reads, promoted, moment)[1]
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; "
         "the new primary was read from for", late)


def _splits(router):
    """Whether a check there says that there are two primaries (7), and none gets writes."""
    routes, _ = cluster.routes(router)
    return not routes["primaries"] and "split brain" in str(routes)
