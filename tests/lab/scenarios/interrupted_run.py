"""A run of the playbook that changes settings, and the role that the checks log in as, is no server's end; and when
it breaks at a task, traffic goes on and the next run makes it good.

LAB_STEPS is how many tasks it is broken at, half of them by a failure and half by killing the controller; `all` takes
hours. Which ones, LAB_SEED decides."""

import os
import random

from labkit import cluster, databases, deploy, machines, scenario, secrets, traffic
from labkit.places import ROUTERS

STEPS = os.environ.get("LAB_STEPS", "2")
SEED = os.environ.get("LAB_SEED") or str(random.randrange(1000))
FILES = ("/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf", "/etc/checkpg/checkpg.conf")


def run(show):
    """The routers are given the role's defaults again at the end."""
    scenario.settle()
    databases.make_second_role()
    # Each of them changes every file that a run writes.
    settings = [{}, {"haproxy_connect_timeout": "3s", "keepalived_advert_interval": 0.6, "checkpg_role": "checkpg2",
                     "checkpg_password": secrets.password("checkpg2")}]
    try:
        total = _unbroken(show, settings[1])
        for number, (task, how) in enumerate(_breaks(total)):
            with traffic.Traffic("write", every=0.05) as writes:
                writes.flows()
                _break_and_mend(show, task, how, settings[number % 2])
                writes.flows()
            assert writes.longest_gap() < 9
            show(f"{traffic.check_writes(writes)} writes acknowledged, all kept; {len(writes.failed)} failed; "
                 "the longest time between two", writes.longest_gap())
    finally:
        deploy.playbook()
    _nothing_left_to_do({})


def _unbroken(show, variables):
    """No server goes down meanwhile. Returns how many tasks it takes."""
    before = {router: _downs(router) for router in ROUTERS}
    with traffic.Traffic("write", every=0.05) as writes:
        writes.flows()
        total = deploy.playbook(variables=variables).count("\nTASK [")
        writes.flows()
    assert not writes.failed, writes.failed[:3]
    assert {router: _downs(router) for router in ROUTERS} == before, "a server went down"
    show(f"a run to another role, of {total} tasks (LAB_SEED={SEED}): {traffic.check_writes(writes)} writes, "
         "none failed")
    return total


def _downs(router):
    """How many servers went down there; a reload repeats which are."""
    return machines.run_in(router, "sh", "-c", "journalctl -t haproxy | grep ' is DOWN' | grep -vc 'from server-state' "
                                               "|| true").strip()


def _breaks(total):
    """(number of the task, how it breaks)"""
    if STEPS == "all":
        return [(task, how) for task in range(1, total + 1) for how in ("fail", "kill")]
    choice = random.Random(SEED)
    return [(choice.randrange(1, total + 1), how) for how in (["fail", "kill"] * int(STEPS))[:int(STEPS)]]


def _break_and_mend(show, task, how, variables):
    before = {router: _files(router) for router in ROUTERS}
    output = deploy.playbook(variables=variables, broken={"LAB_BREAK_AT": str(task), "LAB_BREAK_HOW": how})
    name = output.rpartition("\nTASK [")[2].partition("]")[0] if how == "kill" else _failed_task(output)
    show(f"{how} at task {task}, {name or 'which is skipped'}")
    if how == "fail":
        _check_way_back(output, before)
    assert cluster.routers_ok(), f"after {how} at task {task} a router does not route:\n{output[-3000:]}"
    assert len(cluster.vip_holders()) == 1, cluster.vip_holders()
    deploy.playbook(variables=variables)
    scenario.settle()
    _nothing_left_to_do(variables)


def _failed_task(output):
    return output.partition("broken on purpose")[0].rpartition("\nTASK [")[2].partition("]")[0] \
        if "broken on purpose" in output else ""


def _check_way_back(output, before):
    """A router whose run failed and was taken back has its files of before, and nothing saved is left."""
    for router in ROUTERS:
        if f"{router}.lab.example failed at" in output:
            assert "It has what it had before" in output, output[-3000:]
            files = FILES[1:2] if "PLAY [The virtual IP]" in output else FILES
            now = _files(router)
            assert all(now[file] == before[router][file] for file in files), f"{router} has other files now"
        left = machines.run_in(router, "sh", "-c", "ls -d /var/lib/checkpg-saved-*", check=False)
        assert not left, f"{router}: {left}"


def _files(router):
    return {file: machines.run_in(router, "cat", file) for file in FILES}


def _nothing_left_to_do(variables):
    for router, counts in deploy.recap(deploy.playbook(variables=variables)).items():
        assert counts["changed"] == 0, f"the run after it on {router}: {counts}"
