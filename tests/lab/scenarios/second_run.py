"""The playbook on a deployed pair changes nothing: in check mode, and for real."""

from labkit import cluster, deploy, scenario, traffic


def run(show):
    """Neither does the client notice."""
    scenario.settle()
    holder = cluster.vip_holders()
    with traffic.Traffic("write") as writes:
        writes.flows()
        for arguments in (("--check", "--diff"), ()):
            for router, counts in deploy.recap(deploy.playbook(*arguments)).items():
                assert counts["changed"] == 0, f"{router} {arguments}: {counts}"
                assert counts["failed"] == counts["unreachable"] == 0, f"{router}: {counts}"
    assert cluster.vip_holders() == holder, "the virtual IP has moved"
    assert not writes.failed, writes.failed[:3]
    show(f"{traffic.check_writes(writes)} writes meanwhile, none failed; "
         "the longest time between two", writes.longest_gap())
