"""Routers as sites have them before checkpg: scripts, a daemon, keepalived with priorities."""

import shutil
import string

from . import machines, mirror
from .places import LAB, ROUTERS

_FILES = {"haproxy.cfg": "etc/haproxy/haproxy.cfg",
          "checkpgprimary.sh": "usr/local/bin/checkpgprimary.sh",
          "checkpgstandby.sh": "usr/local/bin/checkpgstandby.sh",
          "pgroute66.py": "usr/local/bin/pgroute66",
          "pgroute66.service": "etc/systemd/system/pgroute66.service"}


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
        shutil.copy(LAB / "old" / source, root / target)
        if target.startswith("usr"):
            (root / target).chmod(0o755)
    template = string.Template((LAB / "old/keepalived.conf").read_text())
    (root / "etc/keepalived/keepalived.conf").write_text(template.substitute(keepalived))
    machines.run_in(router, "systemctl", "daemon-reload")
    machines.run_in(router, "systemctl", "enable", "--now", "pgroute66")
    machines.run_in(router, "systemctl", "restart", "haproxy", "keepalived")
