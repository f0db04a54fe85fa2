"""Keepers, the processes in which checks leave their connections, and the sockets they listen on.

    site = Site("keep = 60s\\n")
    site.ask("checkpgprimary", server)
    pid, = keepers.of(server)
    site.close()
"""

import os
import re
import signal
import socket
from contextlib import contextmanager
from pathlib import Path

from . import abilities, scratch
from .checks import ask, run_as_haproxy, run_check, write_configuration
from .processes import started
from .waiting import wait_for

NAME = "checkpg keeper"
#: What one is called in its first moment.
_NAMES = (NAME, "checkpgprimary", "checkpgstandby")


class Site:
    """The checks of one site: all of them have one checkpg.conf, and so the same keepers. close()
    ends those."""

    def __init__(self, text, *, passwords=None):
        self.file = write_configuration(text, passwords=passwords)
        self._asked = []
        scratch.at_end(self.close)

    def ask(self, program, server, /, **options):
        """checks.ask() with this site's file."""
        self._asked.append(server.port)
        return ask(program, server, **self._with_file(options))

    def ask_socket(self, program, server, /, **options):
        """The same of a server that HAProxy has by its UNIX socket."""
        self._asked.append(server.port)
        return run_as_haproxy(program, server.socket, "NOT_USED", **self._with_file(options))

    def by_hand(self, program, *arguments, **options):
        return run_check(program, *arguments, **self._with_file(options))

    def close(self):
        scratch.forget(self.close)
        end(*_of_ports(self._asked, _NAMES))

    def _with_file(self, options):
        environment = {**(options.pop("env", None) or {}), "CHECKPG_CONFIG": self.file}
        return {**options, "env": environment}


def of(*servers):
    """The living keepers that checks of these servers left, whichever server they ask."""
    return _of_ports([server.port for server in servers])


@contextmanager
def ended(server):
    """None of the keepers that checks of this server left is there afterwards."""
    try:
        yield
    finally:
        end(*_of_ports([server.port], _NAMES))


def is_one(pid):
    """Whether that process is a keeper by now: at first it is called as the check that left it."""
    return _read(pid, "comm").decode().rstrip() == NAME


def end(*pids):
    """Kills keepers, and waits until they are gone."""
    for pid in pids:
        if _read(pid, "comm").decode().rstrip() in _NAMES:
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(started(pid) for pid in pids), "the end of keepers")


def socket_name(pid):
    """The abstract name that a keeper listens on. Only root may see it."""
    own = {re.sub(r"\D", "", link) for link in links(pid).values() if link.startswith("socket:")}
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[6] in own and len(fields) > 7 and fields[7].startswith("@checkpg-"):
            return "\0" + fields[7][1:]
    raise LookupError(f"keeper {pid} listens nowhere")


def links(pid):
    """Its open descriptors: number and what it is. Only root may see them."""
    directory = Path(f"/proc/{pid}/fd")
    try:
        return {int(each.name): os.readlink(each) for each in directory.iterdir()}
    except PermissionError:
        abilities.cannot("looking into a process that leaves no core needs CAP_SYS_PTRACE")


def cpu_ticks(pid):
    """The processor time it has used; nothing once it has ended."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[11]) + int(fields[12]) if fields else None


def own_kilobytes(pid):
    """The memory that a process has for itself alone: what it shares with nobody and no file has.
    Nothing where it can't be seen: of a process that leaves no core, CAP_SYS_PTRACE shows it."""
    seen = re.search(rb"Anonymous:\s+(\d+) kB", _read(pid, "smaps_rollup"))
    return int(seen[1]) if seen else None


def listen(name):
    """A socket of ours with a keeper's name."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    wait_for(lambda: _bind(listener, name), f"the name {name!r} to be free")
    listener.listen(64)
    return listener


def _bind(listener, name):
    try:
        listener.bind(name)
    except OSError:
        return False
    return True


def _of_ports(ports, names=(NAME,)):
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if _read(pid, "comm").decode().rstrip() in names and started(pid)
            and any(_is_about(pid, port) for port in ports)]


def _is_about(pid, port):
    words = _read(pid, "cmdline").split(b"\0")
    return any(re.search(rb"(^|[.])%d$" % port, word) for word in words)


def _read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
