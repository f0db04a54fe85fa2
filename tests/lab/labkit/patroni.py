"""Patroni, from Debian's package; the forwarder beside it is ours."""

import contextlib
import json
import shutil
import string

from . import machines, secrets
from .commands import run
from .manager import Manager, Member
from .places import DATABASES, FORWARDER, LAB, POSTGRESQL, PREFIX, ROUTERS, STORE, SUITE

_CONTROL = ("patronictl", "-c", "/etc/patroni/config.yml")

_FORWARDER_UNIT = f"""\
[Unit]
Description=Forwards port {FORWARDER} to the primary
After=network.target

[Service]
ExecStart=/usr/local/bin/forwarder.py {FORWARDER} {' '.join(DATABASES.values())}
User=nobody
Restart=always

[Install]
WantedBy=multi-user.target
"""


class Patroni(Manager):
    """In synchronous mode."""

    name = "Patroni"
    data = "/var/lib/postgresql/lab"
    forwarder = "forwarder"
    order = "order"
    delay_of_writes = 0

    def configure(self, name):
        root = machines.root(name)
        template = string.Template((LAB / "database/patroni.yml").read_text())
        file = root / "etc/patroni/config.yml"
        file.touch(mode=0o600)
        file.write_text(template.substitute(
            name=name, address=DATABASES[name], postgresql=POSTGRESQL[SUITE],
            subnet=f"192.0.2.0/{PREFIX}", **ROUTERS,
            etcd_hosts=", ".join(f'"{address}:2379"' for address in STORE.values()),
            postgres_password=secrets.password("postgres"),
            replicator_password=secrets.password("replicator")))
        run("chroot", root, "chown", "postgres:", "/etc/patroni/config.yml")
        shutil.copy(LAB / "database/forwarder.py", root / "usr/local/bin/forwarder.py")
        (root / "usr/local/bin/forwarder.py").chmod(0o755)
        (root / "etc/systemd/system/forwarder.service").write_text(_FORWARDER_UNIT)
        return ["patroni", "forwarder"]

    def ask(self, name):
        rows = json.loads(machines.run_in(name, *_CONTROL, "list", "-f", "json", timeout=30))
        return {row["Member"]: _member(row) for row in rows}

    def switch(self, old, new):
        machines.run_in(old, *_CONTROL, "switchover", "--force", "--candidate", new, timeout=120)

    @contextlib.contextmanager
    def paused(self, primary):
        machines.run_in(primary, *_CONTROL, "pause", "--wait")
        try:
            yield
        finally:
            machines.run_in(primary, *_CONTROL, "resume", "--wait")


def _member(row):
    return Member(primary=row["Role"] == "Leader", works=row["State"] in ("running", "streaming"),
                  synchronous=row["Role"] == "Sync Standby", timeline=row.get("TL"))
