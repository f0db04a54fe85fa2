"""Routers as sites have them before checkpg: scripts, a daemon, keepalived with priorities."""

import shutil
import string

from harness import pgroute66
from harness.haproxy import Target

from . import machines, mirror, secrets
from .places import DATABASES, DOMAIN, LAB, ROUTERS

_FILES = {LAB / "old/haproxy.cfg": "etc/haproxy/haproxy.cfg",
          LAB / "old/pgroute66.service": "etc/systemd/system/pgroute66.service",
          pgroute66.executable(): "usr/local/bin/pgroute66",
          **{path: f"usr/local/bin/{name}" for name, path in pgroute66.SCRIPTS.items()}}


def make():
    """Wipes both routers, and sets them up that way."""
    for number, router in enumerate(ROUTERS):
        machines.wipe(router)
        mirror.point(router)
        machines.power_on(router)
        machines.run_in(router, "apt-get", "-q", "update", timeout=120)
        machines.run_in(router, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y",
                        "install", "haproxy", "keepalived", "curl", timeout=300)
        _configure(router, state="BACKUP" if number else "MASTER", priority=100 - number)


def _configure(router, **keepalived):
    root = machines.root(router)
    for source, target in _FILES.items():
        shutil.copy(source, root / target)
    _configure_pgroute66(router)
    template = string.Template((LAB / "old/keepalived.conf").read_text())
    (root / "etc/keepalived/keepalived.conf").write_text(template.substitute(keepalived))
    machines.run_in(router, "systemctl", "daemon-reload")
    machines.run_in(router, "systemctl", "enable", "--now", "pgroute66")
    machines.run_in(router, "systemctl", "restart", "haproxy", "keepalived")


def _configure_pgroute66(router):
    """It logs in with the role that the checks have later: pg_hba.conf knows no other."""
    servers = [Target(f"{name}.{DOMAIN}", address, 5432) for name, address in DATABASES.items()]
    file = machines.root(router) / "etc/pgroute66/config.yaml"
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(pgroute66.configuration(servers, secrets.password("checkpg")))
    machines.run_in(router, "useradd", "--system", "pgroute66")
    machines.run_in(router, "chown", "pgroute66", "/etc/pgroute66/config.yaml")
