"""The database servers, as a site's own people would have made them: etcd, Patroni, the roles."""

import shutil
import string

from harness.waiting import wait_for

from . import cluster, machines, secrets
from .commands import run
from .places import (DATABASES, FORWARDER, LAB, POSTGRESQL, PREFIX, ROUTERS, SUITE, TREE)

_ETCD = {name: address for name, address in DATABASES.items() if name != "db4"}

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

_APPLICATION = """\
CREATE ROLE app LOGIN;
\\password app
CREATE DATABASE app OWNER app;
\\connect app
SET ROLE app;
CREATE TABLE writes (run text, n int, PRIMARY KEY (run, n));
"""


def configure(name):
    """Writes the files of a database server that does not run yet."""
    root = machines.root(name)
    if name in _ETCD:
        (root / "etc/default/etcd").write_text(_etcd(name))
    _patroni(name)
    shutil.copy(LAB / "database/forwarder.py", root / "usr/local/bin/forwarder.py")
    (root / "usr/local/bin/forwarder.py").chmod(0o755)
    (root / "etc/systemd/system/forwarder.service").write_text(_FORWARDER_UNIT)
    services = ["patroni", "forwarder"] + (["etcd"] if name in _ETCD else [])
    run("chroot", root, "systemctl", "enable", *services)


def up():
    """Waits for Patroni's cluster, and makes the roles that checkpg and the application need."""
    wait_for(lambda: cluster.healthy(), "Patroni to report a primary and three streaming standbys",
             180)
    primary = cluster.primary()
    example = (TREE / "docs/examples/create-role.sql").read_text()
    for role, script in (("checkpg", example), ("app", _APPLICATION)):
        if not _has_role(primary, role):
            _make_role(primary, role, script)


def make_second_role():
    """The role checkpg2, as ansible/README.md has it for a new password; its own is the file `checkpg2`."""
    primary = cluster.primary()
    if not _has_role(primary, "checkpg2"):
        script = (TREE / "docs/examples/create-role.sql").read_text().replace("checkpg", "checkpg2")
        _make_role(primary, "checkpg2", script)


def _etcd(name):
    members = ",".join(f"{member}=http://{address}:2380" for member, address in _ETCD.items())
    address = DATABASES[name]
    settings = {
        "ETCD_NAME": name,
        "ETCD_DATA_DIR": "/var/lib/etcd/lab",
        "ETCD_LISTEN_PEER_URLS": f"http://{address}:2380",
        "ETCD_LISTEN_CLIENT_URLS": f"http://{address}:2379,http://127.0.0.1:2379",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://{address}:2380",
        "ETCD_ADVERTISE_CLIENT_URLS": f"http://{address}:2379",
        "ETCD_INITIAL_CLUSTER": members,
        "ETCD_INITIAL_CLUSTER_STATE": "new",
    }
    return "".join(f'{key}="{value}"\n' for key, value in settings.items())


def _patroni(name):
    template = string.Template((LAB / "database/patroni.yml").read_text())
    file = machines.root(name) / "etc/patroni/config.yml"
    file.touch(mode=0o600)
    file.write_text(template.substitute(
        name=name, address=DATABASES[name], postgresql=POSTGRESQL[SUITE],
        subnet=f"192.0.2.0/{PREFIX}", **ROUTERS,
        etcd_hosts=", ".join(f'"{address}:2379"' for address in _ETCD.values()),
        postgres_password=secrets.password("postgres"),
        replicator_password=secrets.password("replicator")))
    run("chroot", machines.root(name), "chown", "postgres:", "/etc/patroni/config.yml")


def _has_role(primary, role):
    query = f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'"
    return machines.run_in(primary, "runuser", "-u", "postgres", "--", "psql", "-XAtc",
                           query).strip() == "1"


def _make_role(primary, role, script):
    """psql asks for the new password twice; without a terminal it reads stdin."""
    file = machines.root(primary) / f"var/lib/postgresql/{role}.sql"
    file.write_text(script)
    machines.run_in(primary, "setsid", "--wait", "runuser", "-u", "postgres", "--", "psql", "-X",
                    "-v", "ON_ERROR_STOP=1", "-f", f"/var/lib/postgresql/{role}.sql",
                    input=f"{secrets.password(role)}\n" * 2)
