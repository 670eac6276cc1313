"""The driver with the native batch loop: media on a thread without the interpreter lock.

Takes the place of `AsyncioDriver` where the loop's libraries load; the same verbs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable

from antiphase.errors import ProtocolError
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.loop import BUFFER_BYTES
from antiphase.media.native_session import NativeCarrier, NativeSession
from antiphase.media.stun import Address

__all__ = ["NativeDriver"]

_TICK_SECONDS = 0.05
_STUN, _DTLS, _RTCP, _NEW_STREAM, _AUDIO = range(5)


class NativeDriver:
    """Runs one endpoint on one UDP port with the native batch loop.

    Parameters
    ----------
    udp : socket.socket
        Bound and non-blocking.
    make : callable
        Gets the bound address and returns the endpoint's settings.
    on_event : callable
        Called with each event, in order, from the event loop's thread.
    """

    def __init__(
        self,
        udp: socket.socket,
        make: Callable[[Address], EndpointSettings],
        on_event: Callable[[Endpoint, Event], None],
    ) -> None:
        self._socket = udp
        self._on_event = on_event
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self.carrier = NativeCarrier(udp.fileno(), self._wake)
        self.endpoint = Endpoint(make(self.address), carrier=self.carrier)
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(
        cls,
        host: str,
        port: int,
        make: Callable[[Address], EndpointSettings],
        on_event: Callable[[Endpoint, Event], None],
    ) -> NativeDriver:
        """Bind and run.

        Raises
        ------
        OSError
            If the port is taken.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            udp.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        try:
            udp.bind((host, port))
        except OSError:
            udp.close()
            raise
        driver = cls(udp, make, on_event)
        driver.run()
        return driver

    def run(self) -> None:
        """Start the thread and the timers."""
        asyncio.get_running_loop().add_reader(self._wake, self._drain)
        self.carrier.loop.start()
        self._schedule()

    @property
    def address(self) -> Address:
        """Host and port of the socket."""
        name = self._socket.getsockname()
        return (str(name[0]), int(name[1]))

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        now, wall = time.monotonic(), time.time()
        for kind, slot, stream, host, port, received_ns, data in self.carrier.loop.take_items():
            if kind in {_STUN, _DTLS}:
                family = socket.AF_INET if len(host) == 4 else socket.AF_INET6
                self.endpoint.receive(data, (socket.inet_ntop(family, host), port), now, wall)
                continue
            session = self.carrier.sessions.get(slot)
            if session is not None:
                self._take(session, kind, stream, data, received_ns, now, wall)
        self.flush()

    def _take(
        self,
        session: NativeSession,
        kind: int,
        stream: int,
        data: bytes,
        received_ns: int,
        now: float,
        wall: float,
    ) -> None:
        if kind == _RTCP:
            session.take_rtcp(data, now, wall)
        elif kind == _NEW_STREAM:
            with contextlib.suppress(ProtocolError):
                self.carrier.deliver(session, data, received_ns)
        elif kind == _AUDIO:
            event = self.carrier.frame(session, stream, data)
            if event is not None:
                self._on_event(self.endpoint, event)

    def flush(self) -> None:
        """Send what waits and report what has happened; call after using the endpoint directly."""
        self._send()
        for event in self.endpoint.poll_events():
            self._on_event(self.endpoint, event)
        self._send()

    def _send(self) -> None:
        for datagram, target in self.endpoint.poll_outgoing():
            with contextlib.suppress(OSError):
                self._socket.sendto(datagram, target)

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self.endpoint.tick(time.monotonic(), time.time())
        self.flush()
        self._schedule()

    async def stop(self) -> None:
        """Close all sessions politely, then the thread and the socket."""
        if self._timer is not None:
            self._timer.cancel()
        for session_id in list(self.endpoint.sessions):
            self.endpoint.close(session_id, "server stops")
        self.flush()
        asyncio.get_running_loop().remove_reader(self._wake)
        self.carrier.loop.stop()
        os.close(self._wake)
        self._socket.close()
