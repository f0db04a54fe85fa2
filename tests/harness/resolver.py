"""Looking names up by files and name servers of a test's own."""

import os
import socket
import struct
import threading
from contextlib import ExitStack, contextmanager

from . import abilities, scratch

#: Of this process alone: tests run side by side.
_NAME_SERVER, _SECOND_NAME_SERVER = (f"127.{net}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
                                     for net in (53, 54))

_A = 1  # the type of a record with an IPv4 address


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
    with _bound(_NAME_SERVER):
        yield prefix("hosts: files dns\n", f"nameserver {_NAME_SERVER}\n")


@contextmanager
def no_name_server():
    """A command prefix under which they are asked where no name server is."""
    yield prefix("hosts: files dns\n", f"nameserver {_NAME_SERVER}\n")


@contextmanager
def name_server(names, *, behind_a_dead_one=False):
    """A command prefix under which names are asked of a name server that knows these, each with its
    list of IPv4 addresses, and says of others that they don't exist. It may be the second of two, of
    which the first never answers."""
    servers = [_NAME_SERVER, _SECOND_NAME_SERVER] if behind_a_dead_one else [_NAME_SERVER]
    with ExitStack() as stack:
        for address in servers[:-1]:
            stack.enter_context(_bound(address))
        stack.enter_context(answering(names, servers[-1]))
        yield prefix("hosts: files dns\n", "".join(f"nameserver {each}\n" for each in servers))


@contextmanager
def answering(names, address=_NAME_SERVER):
    """The address of a name server that knows these names, as in name_server()."""
    with _bound(address) as server:
        thread = threading.Thread(target=_serve, args=(server, names))
        thread.start()
        try:
            yield address
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"", (address, 53))
            thread.join()


def _bound(address):
    name_server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        name_server.bind((address, 53))
    except OSError as error:
        name_server.close()
        abilities.cannot(f"a name server of our own on port 53: {error.strerror}")
    return name_server


def _serve(name_server, names):
    while True:
        query, client = name_server.recvfrom(512)
        if not query:
            return
        name_server.sendto(_reply(query, names), client)


def _reply(query, names):
    """The answer to a query of one question (RFC 1035, section 4)."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    question, (kind,) = query[12:at + 5], struct.unpack("!H", query[at + 1:at + 3])
    addresses = names.get(".".join(labels))
    found = addresses if addresses and kind == _A else []
    flags = 0x8180 if addresses else 0x8183  # an answer, or "no such name"
    head = query[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0)
    return head + question + b"".join(
        struct.pack("!HHHIH", 0xC00C, _A, 1, 60, 4) + socket.inet_aton(each) for each in found)
