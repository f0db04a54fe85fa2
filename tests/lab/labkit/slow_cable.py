#!/usr/bin/python3
"""A cable between two interfaces: what comes in at one goes out at the other, so many seconds later, both ways.

Usage: slow_cable.py INTERFACE INTERFACE SECONDS

The kernel has netem for that, but not on every machine. No interface may leave checksums to the next one's hardware.
SIGTERM ends it.
"""

import collections
import select
import socket
import sys
import time

_ALL = 3  # ETH_P_ALL in linux/if_ether.h
_SOL_PACKET = 263
_ADD_MEMBERSHIP = 1  # PACKET_ADD_MEMBERSHIP in linux/if_packet.h
_IGNORE_OUTGOING = 23  # PACKET_IGNORE_OUTGOING in linux/if_packet.h
_PROMISCUOUS = (1).to_bytes(2, sys.byteorder)  # PACKET_MR_PROMISC


def _end(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    end.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    end.bind((name, 0))
    index = socket.if_nametoindex(name).to_bytes(4, sys.byteorder)
    end.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, index + _PROMISCUOUS + bytes(10))
    return end


def main(one, other, seconds):
    ends = [_end(one), _end(other)]
    under_way = collections.deque()  # all take as long: the first in is the first out
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for end in select.select(ends, [], [], wait)[0]:
            frame = end.recv(65536)
            under_way.append((time.monotonic() + seconds, ends[1] if end is ends[0] else ends[0], frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, end, frame = under_way.popleft()
            end.send(frame)


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
