"""The playbook in check mode, on bare machines: it goes through, and changes nothing."""

from labkit import deploy, machines, mirror
from labkit.places import ROUTERS


def run(_show):
    """Compares what packages and files under /etc, /usr and /var/lib there are."""
    mirror.add(mirror.newest_checkpg())
    before = {router: _fingerprint(router) for router in ROUTERS}
    deploy.playbook("--check", "--diff")
    for router in ROUTERS:
        assert _fingerprint(router) == before[router], f"{router} has changed"


def _fingerprint(router):
    files = machines.run_in(router, "find", "/etc", "/usr", "/var/lib", "-xdev",
                            "(", "-path", "/var/lib/apt/lists", "-o", "-path", "/var/lib/systemd",
                            ")", "-prune", "-o", "-type", "f", "-printf", "%p %s %T@ %m %u\n")
    return sorted(files.splitlines())
