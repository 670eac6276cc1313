"""The asyncio driver: it runs everywhere, and decides nothing.

Where the native batch loop loads, `NativeDriver` carries the packets instead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from antiphase.media.driver import Driver

__all__ = ["AsyncioDriver"]


class _Reader(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, addr)


class AsyncioDriver(Driver):
    """Runs one endpoint with asyncio alone."""

    _transport: asyncio.DatagramTransport

    async def begin(self) -> None:
        """Begin to read the UDP socket."""
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Reader(self._take), sock=self._socket
        )

    def _take(self, datagram: bytes, source: tuple[str, int]) -> None:
        self.endpoint.receive(datagram, source[:2], time.monotonic(), time.time())
        self.flush()

    async def end(self) -> None:
        """Close the UDP socket."""
        self._transport.close()
        await asyncio.sleep(0)
