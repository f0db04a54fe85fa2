"""The database servers, as a site's own people would have made them: etcd, a cluster manager, the roles."""

from harness.waiting import wait_for

from . import cluster, machines, managers, secrets
from .commands import run
from .places import DATABASES, STORE, TREE

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
    services = managers.chosen().configure(name)
    if name in STORE:
        (root / "etc/default/etcd").write_text(_etcd(name))
        services.append("etcd")
    run("chroot", root, "systemctl", "enable", *services)


def up():
    """Waits for the cluster, and makes the roles that checkpg and the application need."""
    wait_for(lambda: cluster.healthy(), f"{managers.chosen().name} to report a primary and three streaming standbys",
             180)
    make_role("checkpg")
    primary = cluster.primary()
    if not _has_role(primary, "app"):
        _make_role(primary, "app", _APPLICATION)


def make_role(role):
    """One that the checks may log in as, checkpg or checkpg2, as ansible/README.md has it for a new password; its own is
    the secret of that name."""
    primary = cluster.primary()
    if not _has_role(primary, role):
        script = (TREE / "docs/examples/create-role.sql").read_text().replace("checkpg", role)
        _make_role(primary, role, script)


def _etcd(name):
    members = ",".join(f"{member}=http://{address}:2380" for member, address in STORE.items())
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


def _has_role(primary, role):
    return cluster.psql(primary, "-c", f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'").strip() == "1"


def _make_role(primary, role, script):
    """psql asks for the new password twice; without a terminal it reads stdin."""
    file = machines.root(primary) / f"var/lib/postgresql/{role}.sql"
    file.write_text(script)
    words = managers.chosen().psql_words("-v", "ON_ERROR_STOP=1", "-f", f"/var/lib/postgresql/{role}.sql")
    machines.run_in(primary, "setsid", "--wait", *words, input=f"{secrets.password(role)}\n" * 2)
