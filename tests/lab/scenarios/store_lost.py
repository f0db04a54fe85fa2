"""The primary's machine loses etcd, and nothing else: stolon promotes another, and the old primary stays one. Under
refuse nobody gets writes until etcd is back, under newest-timeline the new one does."""

from harness.waiting import wait_for

from labkit import cluster, deploy, machines, managers, scenario, traffic
from labkit.places import ROUTERS


def run(show):
    """The routers are given the role's defaults again at the end."""
    _lose(show, "refuse")
    try:
        deploy.playbook(variables={"checkpg_split_brain": "newest-timeline"})
        _lose(show, "newest-timeline")
    finally:
        deploy.playbook()


def _lose(show, policy):
    scenario.settle()
    old = cluster.primary()
    with traffic.Roles() as roles, traffic.Traffic("write", every=0.05) as writes, \
            traffic.Traffic("read", port=5433) as reads:
        writes.flows()
        reads.flows()
        before = writes.done[-1]["ended"]
        with machines.without_store(old):
            promoted, moment = roles.promotion(before)
            if policy == "refuse":
                wait_for(lambda: all(_splits(router) for router in ROUTERS), "both routers to see two primaries", 60)
                stuck = len(writes.failed)
                wait_for(lambda: len(writes.failed) > stuck + 40, "writes to be refused", 60)
                wrong = [record for record in writes.done if record["began"] > moment]
                assert not wrong, f"two primaries, and writes passed: {wrong[:3]}"
            else:
                writes.first_after(moment)
                writes.flows()
        first = writes.first_after(moment)
        demoted = roles.demotion(old, before)
        scenario.settle()
        writes.flows()
        reads.flows()
    assert promoted != old and demoted > moment, f"{old} was demoted before {promoted} was promoted"
    assert old in cluster.standbys()
    show(f"{policy}: {managers.chosen().name}'s time to promote {promoted}", moment - before)
    show(f"{old} was a primary, too, for", demoted - moment)
    show("promotion to the first write" + (", with etcd back" if policy == "refuse" else ""), first - moment)
    late = traffic.check_reads(reads, promoted, moment)[1]
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; "
         "the new primary was read from for", late)


def _splits(router):
    """Whether a check there says that there are two primaries (7), and none gets writes."""
    routes, _ = cluster.routes(router)
    return not routes["primaries"] and "split brain" in str(routes)
