"""One device on real wires: WebSocket signalling, a UDP socket, a simulated network between."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from antiphase.devices.peer import Peer
from antiphase.devices.rig.link import LiveLink
from antiphase.errors import ProtocolError
from antiphase.media.stun import Address
from antiphase.simulation import Link

__all__ = ["DeviceWire", "Told"]

Told = Callable[[dict[str, Any]], None]
"""Takes each message of the server."""

SUBPROTOCOL = "antiphase.v1"
_TIMESTAMP = 35  # SO_TIMESTAMPNS of Linux, which the socket module does not name
_TIMESPEC = struct.Struct("@ll")
_OLDEST_S = 1.0
_EARLY_S = 1e-6  # a timer may fire a nanosecond before its time
_TICK_S = 0.02
_ANSWER_S = 10.0
_RETRY_S = 0.25
_GIVE_UP_S = 20.0


def _kernel_time(extra: list[tuple[int, int, bytes]]) -> float:
    """Return when the kernel took a datagram, on the monotonic clock; now where it does not say."""
    now = time.monotonic()
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            age = time.time() - seconds - 1e-9 * nanoseconds
            return float(now - min(max(age, 0.0), _OLDEST_S))
    return now


class DeviceWire:
    """Keeps a device in its session: joins, carries its datagrams, joins again after a failure.

    Parameters
    ----------
    device : Peer
    websocket : str
        The session's address.
    links : (LiveLink, LiveLink), optional
        Simulated ways up to the server and down from it.
    signal_delay_s : float
        By how much the server's messages come later.
    told : callable, optional
        Takes what the server says.
    token : str, optional
        Join token.
    """

    def __init__(
        self,
        device: Peer,
        websocket: str,
        *,
        links: tuple[LiveLink, LiveLink] | None = None,
        signal_delay_s: float = 0.0,
        told: Told | None = None,
        token: str | None = None,
    ) -> None:
        self.device = device
        self.joins = 0
        """Times it has joined."""
        self._home = self._url = websocket
        self._told = told
        self._token = token
        self._up, self._down = links or (LiveLink(Link()), LiveLink(Link()))
        self._signal_delay_s = signal_delay_s
        self._socket: socket.socket | None = None
        self._came = 0.0
        self._queue: list[tuple[float, int, bytes, Address]] = []
        self._leaving: list[tuple[float, int, bytes, Address]] = []
        self._count = itertools.count()
        self._connection: ClientConnection | None = None

    async def run(self) -> None:
        """Be in the session until cancelled.

        Raises
        ------
        ProtocolError
            If the server refuses, or stays away for 20 s.
        """
        lost = time.monotonic()
        while True:
            try:
                await self._once()
            except (OSError, WebSocketException, TimeoutError) as error:
                if self._connection is not None or isinstance(error, OSError):
                    self._url = self._home  # another worker may have the session by now
                if self._connection is not None:
                    lost = time.monotonic()
                if time.monotonic() - lost > _GIVE_UP_S:
                    raise ProtocolError(f"no session at {self._url}: {error}") from error
            finally:
                self._connection = None
                self._close_socket()
            await asyncio.sleep(_RETRY_S)
            self.device.reconnect()

    async def _once(self) -> None:
        """Join, and carry until the connection ends."""
        offered = [Subprotocol(SUBPROTOCOL)]
        if self._token:
            offered.append(Subprotocol(f"token.{self._token}"))
        async with connect(self._url, subprotocols=offered, compression=None) as connection:
            await connection.send(json.dumps(self.device.join_message()))
            await self._await(connection, "joined")
            await connection.send(json.dumps({"type": "offer", "sdp": self.device.offer()}))
            answer = await self._await(connection, "answer")
            self._open_socket()
            self.device.accept(str(answer["sdp"]), time.monotonic())
            self._connection = connection
            self.joins += 1
            timer = asyncio.create_task(self._keep_time())
            try:
                async for text in connection:
                    self._take(json.loads(text))
            finally:
                timer.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await timer
                self.device.client.close()
                self._flush()

    async def _await(self, connection: ClientConnection, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(_ANSWER_S):
            while True:
                message = json.loads(await connection.recv())
                if message.get("type") == kind:
                    self._token = str(message.get("resume_token") or self._token or "")
                    return dict(message)
                if message.get("type") == "error":
                    raise ProtocolError(f"the server refuses: {message.get('message')}")
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") == "moved" and message.get("websocket"):
            self._url = str(message["websocket"])
        if self._told is not None:
            self._told(message)
        loop = asyncio.get_running_loop()
        loop.call_later(self._signal_delay_s, self._obey, message)

    def _obey(self, message: dict[str, Any]) -> None:
        self.device.take_message(message, time.monotonic())
        self._flush()

    def _open_socket(self) -> None:
        host = urlsplit(self._url).hostname or "127.0.0.1"
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        if sys.platform == "linux":
            self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        asyncio.get_running_loop().add_reader(self._socket, self._readable)

    def _close_socket(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            self._queue.clear()
            self._leaving.clear()

    def _readable(self) -> None:
        """Take what the kernel holds; the scene's network decides when it reaches the device."""
        loop = asyncio.get_running_loop()
        while self._socket is not None:
            try:
                datagram, extra, _, source = self._socket.recvmsg(2048, 64)
            except OSError:
                return
            came = max(self._came, _kernel_time(extra))
            self._came = came
            at = self._down.arrival(came, may_lose=self.device.connected)
            if at is not None:
                heapq.heappush(self._queue, (at, next(self._count), datagram, source[:2]))
                loop.call_at(at, self._live)

    def _live(self) -> None:
        """Let the device live through what came and what fell due by now, in order of time.

        A sound card and its buffers do not stop when this process has to wait for a processor;
        what the device has to send by then does.
        """
        self._readable()
        now = time.monotonic()
        while self._queue and self._queue[0][0] <= now + _EARLY_S:
            at, _, datagram, source = heapq.heappop(self._queue)
            self.device.receive(datagram, source, at, time.time())
        self.device.advance(now)
        self._flush()

    def _flush(self) -> None:
        """Send what the device has; the scene's network decides when and whether it leaves."""
        loop, now = asyncio.get_running_loop(), time.monotonic()
        for datagram, target in self.device.poll_outgoing():
            at = self._up.arrival(now, may_lose=self.device.connected)
            if at is not None:
                heapq.heappush(self._leaving, (at, next(self._count), datagram, target))
                loop.call_at(at, self._send)

    def _send(self) -> None:
        """Send what is due, in the order in which it was sent: timers of one instant have none."""
        now = time.monotonic() + _EARLY_S
        while self._socket is not None and self._leaving and self._leaving[0][0] <= now:
            _, _, datagram, target = heapq.heappop(self._leaving)
            with contextlib.suppress(OSError):
                self._socket.sendto(datagram, target)

    async def _keep_time(self) -> None:
        """Process each frame when it is complete; other timers every 20 ms."""
        tick_at = 0.0
        while True:
            self._live()
            now = time.monotonic()
            if now >= tick_at:
                tick_at = now + _TICK_S
                self.device.tick(now, time.time())
                await self._speak()
            self._flush()
            wait = min(self.device.due, tick_at) - time.monotonic()
            await asyncio.sleep(max(0.0, wait))

    async def _speak(self) -> None:
        for message in self.device.poll_messages():
            if self._connection is not None:
                with contextlib.suppress(WebSocketException):
                    await self._connection.send(json.dumps(message))
