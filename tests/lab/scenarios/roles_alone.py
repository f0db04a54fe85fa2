"""The collection's roles, each on its own in a play of a site's, on a router that has nothing of theirs any more: what
is missing is said, and in the end it is as the playbook would leave it."""

from labkit import cluster, deploy, machines, scenario
from labkit.places import LAB, ROUTERS


def run(show):
    """On the router without the virtual IP; the one that has it is asked, and not changed."""
    scenario.settle()
    bare = next(router for router in ROUTERS if router not in cluster.vip_holders())
    _make_bare(bare)
    assert "There is no user haproxy, who would run the checks" in _play("checkpg", bare)
    machines.run_in(bare, "apt-get", "install", "-y", "haproxy", "socat", timeout=120)
    assert "/usr/bin/checkpgprimary --version fails here" in _play("haproxy", bare)
    for role in ("checkpg", "haproxy", "keepalived"):
        counts = deploy.recap(_play(role))
        assert {router: row["failed"] + row["unreachable"] for router, row in counts.items()} \
            == dict.fromkeys(ROUTERS, 0), counts
        other = next(router for router in ROUTERS if router != bare)
        assert counts[other]["changed"] == 0, f"{role} on {other}: {counts}"
        show(f"{role}: {counts[bare]['changed']} changes on {bare}")
    scenario.settle()


def _make_bare(router):
    machines.run_in(router, "apt-get", "purge", "-y", "--autoremove", "checkpg", "haproxy", "keepalived", "socat",
                    timeout=120)
    machines.run_in(router, "userdel", "--force", "haproxy", check=False)
    machines.run_in(router, "rm", "-rf", "/etc/haproxy", "/etc/keepalived", "/etc/checkpg", "/var/lib/haproxy",
                    "/etc/systemd/system/haproxy.service.d",
                    "/etc/systemd/system/keepalived.service.d", "/etc/sysctl.d/60-checkpg.conf")
    machines.run_in(router, "systemctl", "daemon-reload")


def _play(role, *limit):
    arguments = [f"--limit={router}.*" for router in limit]
    return deploy.playbook(*arguments, book=LAB / "roles-alone.yml", variables={"role": role}, check=not limit)
