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
from antiphase.media.driver import Driver
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.native_session import NativeCarrier, NativeSession
from antiphase.media.rtp import is_rtp
from antiphase.media.stun import Address
from antiphase.media.tcp import TcpListener, tcp_address

__all__ = ["NativeDriver"]

_STUN, _DTLS, _RTCP, _NEW_STREAM, _AUDIO, _FRAMED = range(6)


class NativeDriver(Driver):
    """Runs one endpoint with the native batch loop; parameters as `Driver`'s."""

    carrier: NativeCarrier

    def __init__(
        self,
        udp: socket.socket,
        settings: EndpointSettings,
        on_event: Callable[[Endpoint, Event], None],
        tcp: TcpListener | None = None,
    ) -> None:
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self.carrier = NativeCarrier(udp.fileno(), self._wake)
        super().__init__(udp, settings, on_event, self.carrier, tcp)

    async def begin(self) -> None:
        """Start the thread."""
        asyncio.get_running_loop().add_reader(self._wake, self._drain)
        self.carrier.loop.start()

    def receive_framed(self, datagram: bytes, source: Address) -> None:
        """Take a datagram that came over TCP: media goes to the loop, which has the keys."""
        if is_rtp(datagram):
            self.carrier.receive(datagram, source)
        else:
            super().receive_framed(datagram, source)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        now, wall = time.monotonic(), time.time()
        for kind, slot, stream, host, port, received_ns, data in self.carrier.loop.take_items():
            if kind in {_STUN, _DTLS}:
                self.guard(self.endpoint.receive, data, (_text(host), port), now, wall)
                continue
            if kind == _FRAMED:
                self.send_framed(data, tcp_address(_text(host), port))
                continue
            session = self.carrier.sessions.get(slot)
            if session is not None:
                self.guard(self._take, session, kind, stream, data, received_ns, now, wall)
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

    async def end(self) -> None:
        """Stop the thread and close the UDP socket."""
        asyncio.get_running_loop().remove_reader(self._wake)
        self.carrier.loop.stop()
        os.close(self._wake)
        self._socket.close()


def _text(host: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(host) == 4 else socket.AF_INET6, host)
