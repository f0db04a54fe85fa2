"""Looking names up by files and name servers of a test's own."""

import socket
from contextlib import contextmanager

from . import abilities, scratch

_NAME_SERVER = "127.53.0.53"


def prefix(nsswitch, resolv):
    """A command prefix under which names are looked up by these two files."""
    abilities.require_private_mounts("another resolver")
    directory = scratch.directory("resolver")
    (directory / "nsswitch.conf").write_text(nsswitch)
    (directory / "resolv.conf").write_text(resolv)
    return abilities.with_private_mounts(
        'mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf && '
        'mount --bind "$1/resolv.conf" /etc/resolv.conf && shift || exit', directory)


@contextmanager
def silent_name_server():
    """A command prefix under which names that are not in the hosts file are asked of a name server
    that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as name_server:
        try:
            name_server.bind((_NAME_SERVER, 53))
        except OSError as error:
            abilities.cannot(f"a name server of our own on port 53: {error.strerror}")
        yield prefix("hosts: files dns\n", f"nameserver {_NAME_SERVER}\n")
