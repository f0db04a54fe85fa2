"""Scripts, PgRoute66 and keepalived with priorities are replaced by the playbook, under load."""

from harness.waiting import wait_for

from labkit import cluster, deploy, machines, mirror, old_routers, scenario, traffic
from labkit.places import ROUTERS


def run(show):
    """The client must see nothing worse than the virtual IP moving once. This time the package is a
    file on the controller."""
    variables = {"checkpg_package": str(mirror.newest_checkpg())}
    scenario.settle()
    old_routers.make()
    wait_for(lambda: len(cluster.vip_holders()) == 1, "the virtual IP on one old router", 30)
    with traffic.Traffic("write", every=0.05) as writes, cluster.Holders() as holders:
        writes.flows()
        deploy.playbook(variables=variables)
        scenario.settle()
        writes.flows()
    show("longest time between two writes", writes.longest_gap())
    show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed")
    show(f"looked {len(holders.seen)} times: no router had the virtual IP {holders.seen.count(0)} "
         f"times, both {holders.seen.count(2)} times")
    assert 0 not in holders.seen, "the virtual IP was dropped"
    assert writes.longest_gap() < 9
    for router in ROUTERS:
        _check_retired(router)
    for router, counts in deploy.recap(deploy.playbook(variables=variables)).items():
        assert counts["changed"] == 0, f"the second run on {router}: {counts}"


def _check_retired(router):
    states = machines.run_in(router, "systemctl", "show", "pgroute66", "-p", "ActiveState",
                             "-p", "UnitFileState", "--value").split()
    assert states == ["inactive", "disabled"], f"{router}: pgroute66 is {states}"
    directory = machines.root(router) / "usr/local/bin"
    assert (directory / "pgroute66").exists(), "its files are gone"
    for role in ("primary", "standby"):
        script = directory / f"checkpg{role}.sh"
        assert script.is_symlink() and script.readlink().name == f"checkpg{role}"
        assert script.with_suffix(".sh.pgroute66").is_file(), f"the old {script.name} is gone"
