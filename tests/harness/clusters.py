"""Several servers that belong together, and what may stand between them.

    allow_replication_over_tcp(primary)
    with Proxy(primary) as proxy:
        standby.set(primary_conninfo=f"host={proxy.address} port={proxy.port} user=postgres")
        proxy.cut()
        ...
        proxy.mend()
"""

import os
import re
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

from .listener import Listener, shut
from .postgres import bin_directory, hba_lines

#: What rewind() asks of both servers.
REWINDABLE = {"wal_log_hints": "on", "full_page_writes": "on"}


class Proxy(Listener):
    """A TCP proxy in front of a server. It can stop to forward, as a cut network does: nobody is
    told, connections stay open."""

    def __init__(self, server):
        self._target = (server.address, server.port)
        self._flowing = threading.Event()
        self._flowing.set()
        super().__init__()

    def cut(self):
        """Forwards nothing any more. New connections are accepted and get no answer."""
        self._flowing.clear()

    def mend(self):
        """Forwards again, what was held up first."""
        self._flowing.set()

    def release(self):
        self.mend()

    def connected(self, client):
        self._flowing.wait()
        try:
            server = socket.create_connection(self._target)
        except OSError:
            shut(client)
            return
        self._sockets.append(server)
        self._start(self._forward, client, server)
        self._forward(server, client)

    def _forward(self, source, sink):
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        shut(source)
        shut(sink)


@contextmanager
def restored(*servers):
    """Within it the servers may be configured and frozen at will."""
    before = [server.configuration() for server in servers]
    try:
        yield
    finally:
        for server, configuration in zip(servers, before):
            server.thaw()
            server.restore(configuration)


def peers(*servers):
    """The line of checkpg.conf for these servers, or anything with address and port."""
    return f"peers = {' '.join(f'{server.address}:{server.port}' for server in servers)}\n"


def connections(server, position):
    """How many connections over TCP the server's log has seen since a log_position()."""
    return len(re.findall(r"connection received: host=(?!\[local\])", server.log(position)))


def allow_replication_over_tcp(server):
    """Lets standbys in from loopback too, e.g. through a Proxy."""
    server.set_hba(*hba_lines("trust"), "host replication postgres 127.0.0.0/8 trust")


def rewind(server, *, to):
    """Makes a former primary, which must be stopped, a standby of the server that was promoted in
    its place, by pg_rewind. Both need the settings REWINDABLE. Returns the server, running."""
    server._run("pg_rewind", "-D", server.data, "--source-server", to._superuser(), "--no-sync")
    server._write("standby.signal", "")
    return server.follow(to)  # which writes the configuration that was copied with the rest anew


def program_directories():
    """The program directories of every PostgreSQL server installed here, by major version; of the chosen
    one alone, where bin_directory() is told which."""
    found = {} if os.environ.get("CHECKPG_TEST_POSTGRES_BIN") else {
        int(path.parent.parent.name): path.parent
        for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")}
    return dict(sorted(found.items())) or {"newest": bin_directory()}
