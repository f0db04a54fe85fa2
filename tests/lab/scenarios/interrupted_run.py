"""Runs of the playbook that change settings, and the role that the checks log in as, break at a task: traffic goes on,
no server goes down, and the next run makes it good.

LAB_STEPS says at which tasks (`all`: hours). Every other time it is a failure, or the controller's end. A
failure that leaves nothing behind needs no run that makes it good: the next one begins where it began."""

from labkit import cluster, databases, deploy, interruptions, machines, scenario, secrets, traffic
from labkit.places import ROUTERS

PLACES = ("/etc/haproxy", "/etc/checkpg", "/etc/keepalived", "/etc/systemd/system", "/etc/sysctl.d",
          "/var/lib/checkpg-saved-haproxy", "/var/lib/checkpg-saved-keepalived")


def run(show):
    """The routers are given the role's defaults again at the end."""
    scenario.settle()
    databases.make_role("checkpg2")
    # Each of them changes every file that a run writes.
    settings = [{}, {"haproxy_connect_timeout": "3s", "keepalived_advert_interval": 0.6, "checkpg_role": "checkpg2",
                     "checkpg_password": secrets.password("checkpg2")}]
    show(f"LAB_SEED={interruptions.SEED}")
    before = cluster.downs()
    now, mended, as_before = 0, {}, False
    try:
        for task, how in interruptions.breaks(interruptions.tasks()):
            wanted = 1 - now
            with traffic.Traffic("write", every=0.05) as writes:
                writes.flows()
                if _break(show, task, how, settings[wanted]):
                    now = _mend(settings, wanted, mended)
                writes.flows()
            assert writes.longest_gap() < 9
            show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; "
                 "the longest time between two", writes.longest_gap())
        assert cluster.downs() == before, "a server went down"
        as_before = now == 0
    finally:
        if not as_before:
            deploy.playbook()
    _nothing_left_to_do({})


def _break(show, task, how, variables):
    """Whether it left something behind; a failure that was taken back has left nothing."""
    before = {router: _files(router) for router in ROUTERS}
    output = interruptions.run_broken(show, task, how, variables)
    after = {router: _files(router) for router in ROUTERS}
    if how == "fail":
        _check_way_back(output, before, after)
    assert cluster.routers_ok(), f"after {how} at task {task} a router does not route:\n{output[-3000:]}"
    assert len(cluster.vip_holders()) == 1, cluster.vip_holders()
    return how == "kill" or after != before


def _mend(settings, wanted, mended):
    """The run without it; files are as after the last one with these settings. Returns which are in use now."""
    deploy.playbook(variables=settings[wanted])
    scenario.settle()
    files = {router: _files(router) for router in ROUTERS}
    assert mended.setdefault(wanted, files) == files, "not mended as the last time"
    return wanted


def _check_way_back(output, before, after):
    """A router whose run failed and was taken back has its files of before."""
    for router in ROUTERS:
        if f"{router}.lab.example failed at" in output:
            assert "It has what it had before" in output, output[-3000:]
            kept = ("/etc/keepalived",) if "PLAY [The virtual IP]" in output else PLACES
            assert all(after[router][place] == before[router][place] for place in kept), f"{router} has other files now"


def _files(router):
    """Of all that a run writes: place -> the files below it, as a hash of each."""
    said = machines.run_in(router, "sh", "-c", 'find "$@" -type f -exec sha256sum {} + 2>/dev/null | sort -k2', "-",
                           *PLACES)
    return {place: [line for line in said.splitlines() if f"  {place}" in line] for place in PLACES}


def _nothing_left_to_do(variables):
    for router, counts in deploy.recap(deploy.playbook(variables=variables)).items():
        assert counts["changed"] == 0, f"the run after it on {router}: {counts}"
