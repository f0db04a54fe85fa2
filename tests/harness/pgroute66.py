"""PgRoute66 and its check scripts: what routers have before checkpg.

    with Daemon([primary, standby]) as daemon:
        scripts = daemon.scripts()

There is no package of it. tests/pgroute66/pgroute66 stands in, unless $CHECKPG_TEST_PGROUTE66 is the path of a
real one, of version 0.8.9: then the tests, and the lab, run that.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from . import ports, scratch
from .checks import REPOSITORY
from .haproxy import READ_ONLY, READ_WRITE, target
from .postgres import ROLE
from .waiting import wait_for

_DIRECTORY = REPOSITORY / "tests/pgroute66"

SCRIPTS = {name: _DIRECTORY / name for name in ("checkpgprimary.sh", "checkpgstandby.sh")}


def executable():
    """The daemon's program."""
    return Path(os.environ.get("CHECKPG_TEST_PGROUTE66") or _DIRECTORY / "pgroute66")


def configuration(servers, password="", **more):
    """Text of a config.yaml: `servers` (HAProxy's names, addresses and ports) in the groups the scripts ask for.
    JSON is YAML, too."""
    login = {"user": ROLE, "dbname": "postgres", "b64password": base64.b64encode(password.encode()).decode()}
    hosts = {server.name: {"host": server.address, "port": str(server.port), **login} for server in servers}
    return json.dumps({"hosts": hosts, "groups": {READ_WRITE: list(hosts), READ_ONLY: list(hosts)}, **more})


class Daemon:
    """One PgRoute66 for these servers, on a port of its own. close(), or `with`, ends it."""

    def __init__(self, servers, password=""):
        self.port = ports.free_port()
        self.directory = scratch.directory("pgroute66")
        file = self.directory / "config.yaml"
        file.write_text(configuration(map(target, servers), password, bind="127.0.0.1", port=self.port))
        with (self.directory / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [executable(), "-c", file], cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, env={"PATH": os.defpath, "HOME": "/nonexistent"})
        scratch.watch(self._process.pid, signal.SIGKILL)
        scratch.at_end(self.close)
        wait_for(self._listens, f"PgRoute66 to listen; its output: {self.directory}/output")

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def scripts(self):
        """A new directory with the check scripts, which ask this daemon."""
        directory = scratch.directory("local-bin")
        for name, source in SCRIPTS.items():
            text = source.read_text()
            assert text.count(":8080/") == 1
            (directory / name).write_text(text.replace(":8080/", f":{self.port}/"))
            (directory / name).chmod(0o755)
        return directory

    def close(self):
        """Harmless when called again."""
        scratch.forget(self.close)
        self._process.kill()
        self._process.wait()
        scratch.unwatch(self._process.pid)
        if not scratch.KEEP:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _listens(self):
        assert self._process.poll() is None, f"PgRoute66 has ended: {(self.directory / 'output').read_text()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
