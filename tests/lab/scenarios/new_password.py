"""The checks get another role with another password, as ansible/README.md has it, and the former one is dropped; and
back again. No server goes down."""

from harness.waiting import wait_for

from labkit import cluster, databases, deploy, scenario, secrets, traffic
from labkit.places import DATABASES


def run(show):
    """Also over a switchover, where the checks log in anew."""
    scenario.settle()
    before = cluster.downs()
    with traffic.Traffic("write", every=0.05) as writes, traffic.Traffic("read", port=5433, every=0.05) as reads:
        for old, new in (("checkpg", "checkpg2"), ("checkpg2", "checkpg")):
            databases.make_role(new)
            deploy.playbook(variables={"checkpg_role": new, "checkpg_password": secrets.password(new)})
            for server in DATABASES:
                wait_for(lambda server=server: _sessions(server, old) == 0, f"{old} to have no session on {server}", 90)
            cluster.psql(cluster.primary(), "-c", f"DROP ROLE {old}")
            writes.flows(count=50)
            reads.flows(count=50)
            scenario.settle()
    assert cluster.downs() == before, "a server went down"
    assert not writes.failed + reads.failed, writes.failed + reads.failed
    show(f"{traffic.check_writes(writes)} writes and {traffic.check_reads(reads)[0]} reads meanwhile, none failed")
    cluster.switchover()
    scenario.settle()


def _sessions(server, role):
    return int(cluster.psql(server, "-c", f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'"))
