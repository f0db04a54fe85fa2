"""stolon: a keeper, a sentinel and a proxy on each machine. No package of Debian's has it: LAB_STOLON is a directory
with its four programs."""

import contextlib
import json
import os
import shutil
import string
from pathlib import Path

from . import machines, secrets
from .commands import LabError, run, succeeds
from .manager import Manager, Member
from .places import DATABASES, FORWARDER, LAB, POSTGRESQL, PREFIX, ROUTERS, STORE, SUITE

_PROGRAMS = ("stolon-keeper", "stolon-sentinel", "stolon-proxy", "stolonctl")
_CLUSTER = ("--cluster-name", "lab", "--store-backend", "etcdv3", "--store-endpoints",
            ",".join(f"http://{address}:2379" for address in STORE.values()))
_HOME = "/var/lib/postgresql"
_PASSFILE = f"{_HOME}/superuser"

_UNIT = """\
[Unit]
Description=stolon: {program}
After=network.target

[Service]
ExecStart=/usr/local/bin/stolon-{program} {arguments}
User=postgres
KillMode=process
Restart=always

[Install]
WantedBy=multi-user.target
"""

_STREAMING = "SELECT application_name, sync_state FROM pg_stat_replication WHERE state = 'streaming'"


class Stolon(Manager):
    """With synchronous replication, and with intervals of a second where its defaults are five."""

    name = "stolon"
    data = f"{_HOME}/stolon/postgres"
    forwarder = "stolon-proxy"
    order = "order-stolon"
    #: Until the old primary is demoted, and a synchronous standby of the new one is known.
    delay_of_writes = 10
    environment = ("PGHOST=/tmp", f"PGPASSFILE={_PASSFILE}")

    def unable(self):
        """Its programs must be there, and must run: the image's libraries are not this machine's."""
        directory = os.environ.get("LAB_STOLON", "")
        missing = [program for program in _PROGRAMS if not succeeds(f"{directory}/{program}", "--version")]
        if directory and not missing:
            return None
        return (f"LAB_STOLON={directory} has no {' '.join(missing)} that runs" if directory else
                "LAB_STOLON must be a directory with stolon's programs")

    def configure(self, name):
        root = machines.root(name)
        for program in _PROGRAMS:
            shutil.copy(Path(os.environ["LAB_STOLON"]) / program, root / "usr/local/bin")
        address = DATABASES[name]
        template = string.Template((LAB / "database/stolon.json").read_text())
        (root / "etc/stolon.json").write_text(template.substitute(subnet=f"192.0.2.0/{PREFIX}", **ROUTERS))
        _secret(root, _PASSFILE, f"*:*:*:postgres:{secrets.password('postgres')}\n")
        for user in ("postgres", "replicator"):
            _secret(root, f"{_HOME}/{user}.password", secrets.password(user))
        _unit(root, "keeper", "--uid", name, "--data-dir", f"{_HOME}/stolon",
              "--pg-bin-path", f"/usr/lib/postgresql/{POSTGRESQL[SUITE]}/bin",
              "--pg-listen-address", "*", "--pg-advertise-address", address,
              "--pg-su-username", "postgres", "--pg-su-passwordfile", f"{_HOME}/postgres.password",
              "--pg-repl-username", "replicator", "--pg-repl-passwordfile", f"{_HOME}/replicator.password")
        _unit(root, "sentinel", "--initial-cluster-spec", "/etc/stolon.json")
        _unit(root, "proxy", "--listen-address", "0.0.0.0", "--port", FORWARDER)
        return ["stolon-keeper", "stolon-sentinel", "stolon-proxy"]

    def ask(self, name):
        data = json.loads(_control(name, "clusterdata", "read"))
        servers = data["dbs"] or {}
        primary = servers.get(data["cluster"]["status"].get("master"))
        if not primary:
            return {}
        streaming = self._streaming(primary["spec"]["keeperUID"])
        return {server["spec"]["keeperUID"]: _member(server, primary, streaming) for server in servers.values()}

    def _streaming(self, primary):
        """Of the standbys that follow: the application_name and whether it is synchronous."""
        if not machines.running(primary):
            return {}
        try:
            text = machines.run_in(primary, *self.psql_words("-AtqF=", "-c", _STREAMING))
        except LabError:
            return {}
        return dict(line.split("=") for line in text.split())

    def switch(self, old, new):
        """stolon chooses among the synchronous standbys, and there is one."""
        _control(old, "failkeeper", old)

    @contextlib.contextmanager
    def paused(self, primary):
        """stolon has no word for it: what would act is stopped in its tracks."""
        def signal(which):
            for name in DATABASES:
                machines.run_in(name, "systemctl", "kill", f"--signal={which}", "stolon-sentinel")
            machines.run_in(primary, "systemctl", "kill", f"--signal={which}", "--kill-who=main", "stolon-keeper")
        signal("STOP")
        try:
            yield
        finally:
            signal("CONT")


def _secret(root, path, text):
    file = root / path.lstrip("/")
    file.touch(mode=0o600)
    file.write_text(text)
    run("chroot", root, "chown", "postgres:", path)


def _unit(root, program, *arguments):
    words = " ".join(map(str, _CLUSTER + arguments))
    (root / f"etc/systemd/system/stolon-{program}.service").write_text(_UNIT.format(program=program, arguments=words))


def _control(name, *arguments):
    return machines.run_in(name, "/usr/local/bin/stolonctl", *_CLUSTER, *arguments, timeout=30)


def _member(server, primary, streaming):
    """stolon promotes only what it has itself written down as synchronous, and is some seconds late in that."""
    state, name = server["status"], f"stolon_{server['uid']}"
    synchronous = streaming.get(name) == "sync" and server["uid"] in (primary["status"]["synchronousStandbys"] or ())
    works = state.get("healthy", False) and state.get("currentGeneration") == server["generation"]
    return Member(server is primary, works and (server is primary or name in streaming), synchronous,
                  state.get("timelineID"))
