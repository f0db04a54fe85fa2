#!/usr/bin/python3
"""Forwards TCP connections to whatever server Patroni calls the primary, as stolon-proxy does.

Usage: forwarder.py PORT ADDRESS...
"""

import asyncio
import sys
import urllib.request

_POLL_SECONDS = 0.5


class Forwarder:
    """Knows the primary and the connections to it; ends them when it is the primary no more."""

    def __init__(self, addresses):
        self._addresses = addresses
        self._primary = None
        self._open = set()

    async def follow(self):
        """Asks Patroni's REST API for ever."""
        while True:
            answers = await asyncio.gather(*(asyncio.to_thread(_is_primary, address)
                                             for address in self._addresses))
            primaries = [address for address, yes in zip(self._addresses, answers) if yes]
            primary = primaries[0] if len(primaries) == 1 else None
            if primary != self._primary:
                self._primary = primary
                for writer in list(self._open):
                    writer.transport.abort()
            await asyncio.sleep(_POLL_SECONDS)

    async def serve(self, reader, writer):
        """One client's connection."""
        self._open.add(writer)
        try:
            if self._primary:
                upstream = await asyncio.open_connection(self._primary, 5432)
                self._open.add(upstream[1])
                try:
                    await asyncio.gather(_copy(reader, upstream[1]), _copy(upstream[0], writer))
                finally:
                    self._open.discard(upstream[1])
                    upstream[1].close()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()


def _is_primary(address):
    try:
        with urllib.request.urlopen(f"http://{address}:8008/primary", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


async def _copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _main(port, addresses):
    forwarder = Forwarder(addresses)
    server = await asyncio.start_server(forwarder.serve, port=port)
    await asyncio.gather(forwarder.follow(), server.serve_forever())


asyncio.run(_main(int(sys.argv[1]), sys.argv[2:]))
