"""Patroni, from Debian's package or the newest of PyPI; the forwarder beside it is ours."""

import contextlib
import functools
import json
import shutil
import string

from . import machines, secrets
from .commands import LabError, run
from .manager import Manager, Member
from .places import DATABASES, FORWARDER, LAB, POSTGRESQL, PREFIX, ROUTERS, STATE, STORE, SUITE

_CONFIGURATION = "/etc/patroni/config.yml"

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
    control = ("patronictl",)

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
        rows = json.loads(machines.run_in(name, *self._control(), "list", "-f", "json", timeout=30))
        return {row["Member"]: _member(row) for row in rows}

    def switch(self, old, new):
        machines.run_in(old, *self._control(), "switchover", "--force", "--candidate", new, timeout=120)

    def _control(self):
        return (*self.control, "-c", _CONFIGURATION)

    @contextlib.contextmanager
    def paused(self, primary):
        machines.run_in(primary, *self._control(), "pause", "--wait")
        try:
            yield
        finally:
            machines.run_in(primary, *self._control(), "resume", "--wait")


class NewestPatroni(Patroni):
    """PyPI's, with what Debian's package depends on."""

    name = "Patroni-PyPI"
    _path = "/opt/patroni"
    control = ("env", f"PYTHONPATH={_path}", "python3", f"{_path}/bin/patronictl")

    def unable(self):
        try:
            run("/usr/bin/python3", "-m", "pip", "--version")
        except LabError as error:
            return f"Patroni comes by pip, apt-get install python3-pip: {error}"
        return None

    def configure(self, name):
        units = super().configure(name)
        root = machines.root(name)
        shutil.copytree(_of_pypi(), root / self._path.lstrip("/"))
        file = root / "etc/systemd/system/patroni.service.d/newest.conf"
        file.parent.mkdir()
        file.write_text(f"[Service]\nEnvironment=PYTHONPATH={self._path}\nExecStart=\n"
                        f"ExecStart=/usr/bin/python3 -m patroni {_CONFIGURATION}\n")
        return units


@functools.cache
def _of_pypi():
    """A directory with the newest Patroni."""
    directory = STATE / "patroni"
    run("/usr/bin/python3", "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", directory,
        "patroni", timeout=300)
    print(f"databases under {', '.join(file.stem for file in directory.glob('patroni-*'))}", flush=True)
    return directory


def _member(row):
    return Member(primary=row["Role"] == "Leader", works=row["State"] in ("running", "streaming"),
                  synchronous=row["Role"] == "Sync Standby", timeline=row.get("TL"))
