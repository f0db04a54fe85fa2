"""Patroni with etcd, a cluster of one: for its REST API, which says who is the primary."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

from harness import ports, postgres, scratch
from harness.waiting import wait_for

_PATRONI = """
scope: bench
name: db1
restapi: {{listen: "127.0.0.1:{api}", connect_address: "127.0.0.1:{api}"}}
etcd3: {{host: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs: {{ttl: 30, loop_wait: 10, postgresql: {{parameters: {{max_connections: 30}}}}}}
  initdb: [no-sync, {{encoding: UTF8}}, {{locale: C}}]
postgresql:
  listen: "127.0.0.1:{postgresql}"
  connect_address: "127.0.0.1:{postgresql}"
  data_dir: {directory}/data
  bin_dir: {bin}
  pgpass: {directory}/pgpass
  parameters: {{unix_socket_directories: "{directory}", fsync: "off"}}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust"]
  authentication:
    superuser: {{username: postgres, password: not-a-secret}}
    replication: {{username: replicator, password: not-a-secret}}
"""


class Patroni:
    """`port` is that of the REST API. close() or `with`."""

    def __init__(self):
        self._directory = scratch.directory("patroni")
        self._who = postgres.as_postgres()
        if self._who:
            os.chown(self._directory, self._who["user"], self._who["group"])
        self._processes = []
        self.port, self._etcd, self._postgresql = (ports.free_port() for _ in range(3))
        scratch.at_end(self.close)

    def __enter__(self):
        peer = ports.free_port()
        self._start("etcd", "--data-dir", self._directory / "etcd", "--unsafe-no-fsync",
                    "--listen-client-urls", f"http://127.0.0.1:{self._etcd}",
                    "--advertise-client-urls", f"http://127.0.0.1:{self._etcd}",
                    "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                    "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                    "--initial-cluster", f"default=http://127.0.0.1:{peer}")
        configuration = self._directory / "patroni.yml"
        configuration.write_text(_PATRONI.format(
            api=self.port, etcd=self._etcd, postgresql=self._postgresql,
            directory=self._directory, bin=postgres.bin_directory()))
        self._start("patroni", configuration)
        wait_for(self._is_primary, f"Patroni to be the primary; its log: {self._log}", 60)
        scratch.watch(self._postmaster())
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Ends Patroni, its PostgreSQL and etcd. Harmless when called again."""
        scratch.forget(self.close)
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            scratch.unwatch(process.pid)
        if not scratch.KEEP:
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def version(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/patroni", timeout=5) as answer:
            return json.load(answer)["patroni"]["version"]

    @property
    def _log(self):
        return self._directory / "log"

    def _start(self, program, *arguments):
        path = shutil.which(program, path=f"/usr/sbin:{os.defpath}")
        if not path:
            raise FileNotFoundError(program)
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [path, *arguments], cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
                env={"PATH": os.defpath, "HOME": str(self._directory), "LC_ALL": "C.UTF-8"},
                **self._who)
        self._processes.append(process)
        scratch.watch(process.pid)

    def _is_primary(self):
        for process in self._processes:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args[0]} ended:\n{self._log.read_text()[-2000:]}")
        try:
            url = f"http://127.0.0.1:{self.port}/primary"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def _postmaster(self):
        return int((self._directory / "data/postmaster.pid").read_text().split()[0])
