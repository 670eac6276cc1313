"""Data channels (RFC 8831): aiortc's SCTP behind an adapter that injects time and transport.

aiortc's association is written for asyncio. Here it runs on a small event loop of its own that has
no sockets and no clock: it moves when a packet arrives or time is told to it, so the media core
stays bytes in, bytes out. (aiortc takes round trips from the system clock; in virtual time they
come out short, which its one-second floor for retransmission hides.)
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal, cast

from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport, tsn_plus_one

from antiphase.errors import ParameterError, ProtocolError, SignalError
from antiphase.media.sctp import check_packet, first_tsn

__all__ = [
    "MAX_MESSAGE",
    "ChannelClosed",
    "ChannelEvent",
    "ChannelMessage",
    "ChannelOpened",
    "DataChannels",
]

MAX_MESSAGE = 65536
"""Longest message that is sent or announced, in bytes."""

_MAX_BUFFERED = 1 << 20
_MAX_CHANNELS = 32
_MAX_HELD_BYTES = 1 << 20  # beyond the window of 1 MB that the association announces
_MAX_HELD_CHUNKS = 2048  # aiortc walks through them for each that comes
_MAX_STREAMS = 1024
_SCTP_PORT = 5000


@dataclass(frozen=True)
class ChannelOpened:
    """A channel is open, whichever side made it."""

    label: str


@dataclass(frozen=True)
class ChannelMessage:
    """One whole message; text arrives as str."""

    label: str
    data: bytes | str


@dataclass(frozen=True)
class ChannelClosed:
    """A channel is closed, by either side or by a failed association."""

    label: str


ChannelEvent = ChannelOpened | ChannelMessage | ChannelClosed


class _ClockLoop:
    """Just enough of an event loop for tasks and timers, on a clock that is told the time."""

    def __init__(self, now: float) -> None:
        self.as_loop = cast("asyncio.AbstractEventLoop", self)
        self._now = now
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = itertools.count()
        self.failures: list[str] = []

    def step(self, now: float) -> None:
        """Move the clock and run everything that is due."""
        self._now = max(self._now, now)
        outer = asyncio._get_running_loop()  # noqa: SLF001 - meant for authors of event loops
        asyncio._set_running_loop(None)  # noqa: SLF001
        asyncio._set_running_loop(self.as_loop)  # noqa: SLF001
        try:
            while True:
                while self._timers and self._timers[0][0] <= self._now:
                    self._ready.append(heapq.heappop(self._timers)[2])
                if not self._ready:
                    return
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - what a loop does with its handles
        finally:
            asyncio._set_running_loop(outer)  # noqa: SLF001

    def next_timer(self) -> float | None:
        """When the earliest timer is due."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self.as_loop, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        when = self._now + delay
        handle = asyncio.TimerHandle(when, callback, args, self.as_loop, context)
        heapq.heappush(self._timers, (when, next(self._count), handle))
        return handle

    def create_task(self, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self.as_loop)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(str(context.get("exception") or context.get("message")))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it: cancelled timers are passed over when their time comes."""


class _Transport:
    """What aiortc's association asks of its DTLS transport."""

    state = "connected"

    def __init__(self, role: str, send: Callable[[bytes], None]) -> None:
        self._role = role
        self._send = send

    def _register_data_receiver(self, receiver: object) -> None:
        """Packets are handed over directly."""

    def _unregister_data_receiver(self, receiver: object) -> None:
        """As above."""

    async def _send_data(self, data: bytes) -> None:
        self._send(data)


class DataChannels:
    """All data channels of one peer.

    Parameters
    ----------
    role : {"server", "client"}
        DTLS role, which decides who numbers channels how.
    send : callable
        Takes each SCTP packet that is to go out as DTLS application data.
    now : float
        Seconds on the driver's clock.
    """

    def __init__(
        self, role: Literal["server", "client"], send: Callable[[bytes], None], now: float
    ) -> None:
        self._loop = _ClockLoop(now)
        self._events: list[ChannelEvent] = []
        self._channels: dict[str, RTCDataChannel] = {}
        self._loop.call_soon(self._make, role, send)
        self._loop.step(now)

    def _make(self, role: str, send: Callable[[bytes], None]) -> None:
        self._sctp = RTCSctpTransport(_Transport(role, send), _SCTP_PORT)  # type: ignore[arg-type]
        # The constructor asks the policy for a loop, which need not be the running one.
        self._sctp._loop = self._loop.as_loop  # noqa: SLF001
        self._sctp.on("datachannel", self._opened_by_peer)
        self._loop.create_task(self._sctp.start(RTCSctpCapabilities(MAX_MESSAGE), _SCTP_PORT))

    def receive(self, packet: bytes, now: float) -> None:
        """Take an SCTP packet from DTLS.

        Raises
        ------
        ProtocolError
            If it is malformed, the association fails on it, or it adds to more than 2048 pieces of
            unfinished messages, 1024 streams, or 1 MB beyond the window. A piece that is waited for
            is taken up to twice of that.
        """
        check_packet(packet)
        self._check_held(packet)
        self._loop.create_task(self._sctp._handle_data(packet))  # noqa: SLF001 - as DTLS calls it
        self.tick(now)

    def _check_held(self, packet: bytes) -> None:
        """Refuse more where parts of unfinished messages, or streams, pile up."""
        sctp = self._sctp
        held = sum(len(s.reassembly) for s in sctp._inbound_streams.values())  # noqa: SLF001
        streams = max(len(sctp._inbound_streams), len(sctp._data_channels))  # noqa: SLF001
        room = 2 if first_tsn(packet) == tsn_plus_one(sctp._last_received_tsn or 0) else 1  # noqa: SLF001
        if (
            sctp._advertised_rwnd < -_MAX_HELD_BYTES * room  # noqa: SLF001
            or held > _MAX_HELD_CHUNKS * room
            or streams > _MAX_STREAMS
        ):
            raise ProtocolError("SCTP peer sends far beyond the window")

    def tick(self, now: float) -> None:
        """Run what is due by `now`; raises as `receive`."""
        self._loop.step(now)
        if self._loop.failures:
            failures, self._loop.failures = self._loop.failures, []
            raise ProtocolError(f"SCTP: {failures[0]}")

    def next_timer(self) -> float | None:
        """When `tick` should be called at the latest."""
        return self._loop.next_timer()

    def open(
        self, label: str, now: float, *, ordered: bool = True, max_retransmits: int | None = None
    ) -> None:
        """Make a channel; usable before it is open (messages wait).

        Parameters
        ----------
        label : str
            Its name, unique among this peer's channels.
        now : float
            Seconds on the driver's clock.
        ordered : bool
            Whether messages keep their order.
        max_retransmits : int or None
            0 loses what the network loses, None never loses.

        Raises
        ------
        ParameterError
            If the label is taken.
        """
        if label in self._channels:
            raise ParameterError("label", label, "new among the open channels")
        parameters = RTCDataChannelParameters(
            label=label, ordered=ordered, maxRetransmits=max_retransmits
        )
        self._loop.call_soon(lambda: self._keep(RTCDataChannel(self._sctp, parameters)))
        self.tick(now)

    def send(self, label: str, data: bytes | str, now: float) -> None:
        """Send one message.

        Raises
        ------
        ParameterError
            If there is no open channel of that label.
        SignalError
            If the message is longer than `MAX_MESSAGE` or the peer has stopped reading.
        """
        channel = self._channels.get(label)
        if channel is None or channel.readyState != "open":
            raise ParameterError("label", label, "an open channel")
        if len(data) > MAX_MESSAGE:
            raise SignalError(f"message of {len(data)} bytes is longer than {MAX_MESSAGE}")
        if channel.bufferedAmount > _MAX_BUFFERED:
            raise SignalError(f"channel {label!r} has {channel.bufferedAmount} bytes unsent")
        self._loop.call_soon(channel.send, data)
        self.tick(now)

    def close(self, label: str, now: float) -> None:
        """Close a channel; an unknown label is ignored."""
        channel = self._channels.get(label)
        if channel is not None:
            self._loop.call_soon(channel.close)
            self.tick(now)

    def poll_events(self) -> list[ChannelEvent]:
        """Return and clear what has happened, oldest first."""
        events, self._events = self._events, []
        return events

    def _opened_by_peer(self, channel: RTCDataChannel) -> None:
        if channel.label in self._channels or len(self._channels) >= _MAX_CHANNELS:
            channel.close()
            return
        self._keep(channel)
        self._events.append(ChannelOpened(channel.label))

    def _keep(self, channel: RTCDataChannel) -> None:
        label = channel.label
        self._channels[label] = channel
        channel.on("open", lambda: self._events.append(ChannelOpened(label)))
        channel.on("message", lambda data: self._events.append(ChannelMessage(label, data)))
        channel.on("close", lambda: self._closed(label))

    def _closed(self, label: str) -> None:
        if self._channels.pop(label, None) is not None:
            self._events.append(ChannelClosed(label))
