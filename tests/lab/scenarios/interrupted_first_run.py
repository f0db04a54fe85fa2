"""First runs, on routers with the older set-up and on bare ones, break at a task: the next run makes it good.

LAB_STEPS says at which tasks (`all`: hours). With the older set-up traffic goes on meanwhile, through one virtual
IP."""

from harness.waiting import wait_for

from labkit import cluster, deploy, interruptions, machines, mirror, old_routers, scenario, traffic
from labkit.places import ROUTERS


def run(show):
    """A first run that nothing breaks says which tasks there are."""
    show(f"LAB_SEED={interruptions.SEED}")
    scenario.settle()
    _make_old()
    deploy.playbook()
    scenario.settle()
    for number, (task, how) in enumerate(interruptions.breaks(interruptions.tasks())):
        if number % 4 < 3:
            _break_take_over(show, task, how)
        else:
            _break_deployment(show, task, how)
        deploy.playbook()
        scenario.settle()
        with traffic.Traffic("write") as writes:
            writes.flows(count=20)
        assert not writes.failed, traffic.errors(writes)
    for router, counts in deploy.recap(deploy.playbook()).items():
        assert counts["changed"] == 0, f"the run after it on {router}: {counts}"


def _make_old():
    old_routers.make()
    wait_for(lambda: len(cluster.vip_holders()) == 1, "the virtual IP on one old router", 30)


def _break_take_over(show, task, how):
    _make_old()
    with traffic.Traffic("write", every=0.05) as writes:
        writes.flows()
        output = interruptions.run_broken(show, task, how)
        writes.flows(count=20)
    assert len(cluster.vip_holders()) == 1, f"{cluster.vip_holders()} have the virtual IP:\n{output[-3000:]}"
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; the longest time "
         "between two", writes.longest_gap())
    assert writes.longest_gap() < 9


def _break_deployment(show, task, how):
    for router in ROUTERS:
        machines.wipe(router)
        mirror.point(router)
        machines.power_on(router)
    interruptions.run_broken(show, task, how)
    assert len(cluster.vip_holders()) < 2, f"{cluster.vip_holders()} have the virtual IP"
