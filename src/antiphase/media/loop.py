"""The asyncio driver: one UDP socket, one endpoint, timers; it decides nothing.

It runs everywhere; where the native batch loop loads, that one carries the packets instead.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import cast

from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.stun import Address

__all__ = ["BUFFER_BYTES", "AsyncioDriver"]

BUFFER_BYTES = 4 << 20
"""Asked of the kernel for each direction; it may grant less."""

_TICK_SECONDS = 0.05


class AsyncioDriver(asyncio.DatagramProtocol):
    """Runs one endpoint on one UDP port.

    Parameters
    ----------
    on_event : callable
        Called with each event, in order, from the event loop's thread.
    """

    def __init__(self, on_event: Callable[[Endpoint, Event], None]) -> None:
        self._on_event = on_event
        self._transport: asyncio.DatagramTransport | None = None
        self._endpoint: Endpoint | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(
        cls,
        host: str,
        port: int,
        make: Callable[[Address], EndpointSettings],
        on_event: Callable[[Endpoint, Event], None],
    ) -> AsyncioDriver:
        """Bind and run; `make` gets the bound address and returns the endpoint's settings.

        Raises
        ------
        OSError
            If the port is taken.
        """
        loop = asyncio.get_running_loop()
        _, driver = await loop.create_datagram_endpoint(
            lambda: cls(on_event), local_addr=(host, port)
        )
        driver.run(Endpoint(make(driver.address)))
        return driver

    def run(self, endpoint: Endpoint) -> None:
        """Serve an endpoint from now on."""
        self._endpoint = endpoint
        self._schedule()

    @property
    def address(self) -> Address:
        """Host and port of the socket."""
        if self._transport is None:
            return ("", 0)
        name = self._transport.get_extra_info("sockname")
        return (str(name[0]), int(name[1]))

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that is run.

        Raises
        ------
        RuntimeError
            Before `start`.
        """
        if self._endpoint is None:
            raise RuntimeError("the driver has not been started")
        return self._endpoint

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket (asyncio's callback)."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        udp = transport.get_extra_info("socket")
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            udp.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram over and send what it caused (asyncio's callback)."""
        if self._endpoint is not None:
            self._endpoint.receive(data, (addr[0], addr[1]), time.monotonic(), time.time())
            self.flush()

    def flush(self) -> None:
        """Send what waits and report what has happened; call after using the endpoint directly."""
        endpoint = self.endpoint
        if self._transport is not None:
            for datagram, target in endpoint.poll_outgoing():
                self._transport.sendto(datagram, target)
        for event in endpoint.poll_events():
            self._on_event(endpoint, event)
        if self._transport is not None:
            for datagram, target in endpoint.poll_outgoing():
                self._transport.sendto(datagram, target)

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self.endpoint.tick(time.monotonic(), time.time())
        self.flush()
        self._schedule()

    async def stop(self) -> None:
        """Close all sessions politely and the socket."""
        if self._timer is not None:
            self._timer.cancel()
        for session_id in list(self.endpoint.sessions):
            self.endpoint.close(session_id, "server stops")
        self.flush()
        await asyncio.sleep(0)
        if self._transport is not None:
            self._transport.close()
