"""What both drivers share: the ports of one endpoint, its timers, what goes out, what happened."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import Event
from antiphase.media.routing import Carrier
from antiphase.media.stun import Address
from antiphase.media.tcp import TcpListener, is_tcp, tcp_address

__all__ = ["Driver"]

_BUFFER_BYTES = 4 << 20  # asked of the kernel for each direction; it may grant less
_TICK_SECONDS = 0.05


class Driver:
    """Runs one endpoint on one UDP port, and on a TCP port where UDP may be blocked.

    Parameters
    ----------
    udp : socket.socket
        Bound and non-blocking.
    settings : EndpointSettings
        Of the endpoint.
    on_event : callable
        Called with each event, in order, from the event loop's thread.
    carrier : Carrier, optional
        Moves media outside Python.
    tcp : TcpListener, optional
        Takes peers over TCP.
    """

    def __init__(
        self,
        udp: socket.socket,
        settings: EndpointSettings,
        on_event: Callable[[Endpoint, Event], None],
        carrier: Carrier | None = None,
        tcp: TcpListener | None = None,
    ) -> None:
        self._socket = udp
        self._on_event = on_event
        self.endpoint = Endpoint(settings, carrier=carrier)
        self._tcp = tcp
        self._timer: asyncio.TimerHandle | None = None
        if tcp is not None:
            tcp.on_datagram, tcp.knows = self.receive_framed, self.endpoint.knows

    @classmethod
    async def start(
        cls,
        host: str,
        port: int,
        make: Callable[[Address], EndpointSettings],
        on_event: Callable[[Endpoint, Event], None],
        *,
        tcp_port: int | None = None,
    ) -> Self:
        """Bind and run.

        Parameters
        ----------
        host : str
            Address to listen on.
        port : int
            UDP port, 0 for a free one.
        make : callable
            Gets the bound address and returns the endpoint's settings.
        on_event : callable
            Called with each event, in order, from the event loop's thread.
        tcp_port : int, optional
            TCP port for peers whose UDP is blocked, 0 for a free one; told to peers after the
            UDP candidates. None: no TCP.

        Raises
        ------
        OSError
            If a port is taken.
        """
        udp = _bind(host, port)
        try:
            tcp = None if tcp_port is None else await TcpListener.start(host, tcp_port)
        except OSError:
            udp.close()
            raise
        settings = make(_name(udp))
        if tcp is not None:
            framed = tuple(tcp_address(told, tcp.port) for told, _ in settings.candidates)
            settings = replace(settings, candidates=settings.candidates + framed)
        driver = cls(udp, settings, on_event, tcp=tcp)
        await driver.begin()
        driver._schedule()
        return driver

    async def begin(self) -> None:
        """Begin to read the UDP socket."""
        raise NotImplementedError

    def receive_framed(self, datagram: bytes, source: Address) -> None:
        """Take a datagram that came over TCP."""
        self.endpoint.receive(datagram, source, time.monotonic(), time.time())
        self.flush()

    @property
    def address(self) -> Address:
        """Host and port of the UDP socket."""
        return _name(self._socket)

    def flush(self) -> None:
        """Send what waits and report what has happened; call after using the endpoint directly."""
        self._send()
        for event in self.endpoint.poll_events():
            self.guard(self._on_event, self.endpoint, event)
        self._send()

    def guard(self, call: Callable[..., None], *arguments: object) -> None:
        """Call; a fault goes to the event loop's handler, what comes behind it does not wait."""
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - other sessions' packets are behind it
            context = {"message": f"{call} failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def _send(self) -> None:
        for datagram, target in self.endpoint.poll_outgoing():
            if is_tcp(target):
                self.send_framed(datagram, target)
                continue
            with contextlib.suppress(OSError):
                self._socket.sendto(datagram, target)

    def send_framed(self, datagram: bytes, target: Address) -> None:
        """Send a datagram over TCP."""
        if self._tcp is not None:
            self._tcp.send(datagram, target)

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._schedule()
        self.endpoint.tick(time.monotonic(), time.time())
        self.flush()

    async def stop(self) -> None:
        """Close all sessions politely, then the ports."""
        if self._timer is not None:
            self._timer.cancel()
        for session_id in list(self.endpoint.sessions):
            self.endpoint.close(session_id, "server stops")
        self.flush()
        if self._tcp is not None:
            self._tcp.close()
        await self.end()

    async def end(self) -> None:
        """Let go of the UDP socket."""
        raise NotImplementedError


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        udp.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
    try:
        udp.bind((host, port))
    except OSError:
        udp.close()
        raise
    return udp


def _name(udp: socket.socket) -> Address:
    name = udp.getsockname()
    return (str(name[0]), int(name[1]))
