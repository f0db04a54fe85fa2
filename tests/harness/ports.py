"""Free TCP ports on loopback."""

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections (32768 and up on
# Linux), so that no client can be given a port between its choice here and its use.
_FIRST, _LAST = 15000, 29999

_reservations = {}
_random = random.Random()


def free_port():
    """A TCP port nobody listens on, on any address, and no other run of the harness will choose."""
    for _ in range(1000):
        port = _random.randint(_FIRST, _LAST)
        if port not in _reservations and _reserve(port):
            return port
    raise RuntimeError(f"no free TCP port found between {_FIRST} and {_LAST}")


def _reserve(port):
    # A name in the abstract socket namespace belongs to one process and vanishes with it.
    reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        reservation.bind(f"\0checkpg-test-port-{port}")
    except OSError:
        reservation.close()
        return False
    if not _can_listen(port):
        reservation.close()
        return False
    _reservations[port] = reservation
    return True


def _can_listen(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        if family == socket.AF_INET6 and not has_ipv6():
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def has_ipv6():
    """Whether ::1 exists on this machine."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
