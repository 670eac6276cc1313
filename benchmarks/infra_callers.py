"""Callers for rolling restarts: real WebSocket, DTLS and SRTP, and what every session needs.

A session is a talker and a listener on connections of their own. Whoever loses his connection, or
is told that the session has moved, joins again under the same session id; nothing else is done for
him. A session is heard while its listener gets the talker's frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from antiphase.media.client import Client, ClientTrack
from antiphase.media.dtls import Certificate
from antiphase.media.events import AudioReceived
from antiphase.media.payload import AudioFormat
from antiphase.media.stun import Address

__all__ = ["FRAME_S", "FS", "Caller", "Session"]

Floats = npt.NDArray[np.float64]

FRAME_S = 0.02
FS = 8000
_TONE = 0.1 * np.sin(2 * np.pi * 440 * np.arange(round(FRAME_S * FS)) / FS)
_CERTIFICATE = Certificate()
_RETRY_S = 0.2
_ANSWER_S = 5.0


class _Wire(asyncio.DatagramProtocol):
    """One client on a socket of its own."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Give it to the client and send what it answers."""
        self.client.receive(data, addr, time.monotonic(), time.time())
        self.flush()

    def flush(self) -> None:
        """Send what the client has."""
        for datagram, target in self.client.poll_outgoing():
            if self.transport is not None:
                self.transport.sendto(datagram, target)


class Caller:
    """One device: in its session until cancelled.

    Parameters
    ----------
    session_id : str
    role : str
        ``talker`` or ``listener``.
    fronts : iterator of str
        WebSocket addresses of the service, tried in turn as a load balancer deals them out.
    """

    def __init__(self, session_id: str, role: str, fronts: Iterator[str]) -> None:
        self.form = AudioFormat("L16", 96, FS)
        self.heard: list[float] = []
        """When frames came, on the monotonic clock."""
        self.joins = 0
        self.moves = 0
        self.refusals: list[str] = []
        self._session_id, self._role, self._fronts = session_id, role, fronts
        self._moved_to: str | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """What it is to the session, one role a channel of its track."""
        return (self._role,)

    def speak(self) -> Floats:
        """Return the next frame of the talker: a whole number of periods of a tone."""
        return _TONE

    def hear(self, pcm: Floats) -> None:
        """Take a frame that the listener got."""

    async def run(self) -> None:
        """Join, talk or listen, join again."""
        while True:
            address, self._moved_to = self._moved_to, None
            url = address or f"{next(self._fronts)}/{self._session_id}"
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._once(url)
            if self._moved_to is None:
                await asyncio.sleep(_RETRY_S)

    async def _once(self, url: str) -> None:
        protocols = [Subprotocol("antiphase.v1")]
        async with connect(url, subprotocols=protocols, compression=None) as socket:
            roles = [{"role": r, "track": "0", "channel": k} for k, r in enumerate(self.roles)]
            join = {"type": "join", "device": self._role, "roles": roles, "fs": FS}
            await socket.send(json.dumps(join))
            if await self._wait(socket, "joined") is None:
                return
            direction = "sendonly" if self._role == "talker" else "recvonly"
            client = Client(
                (ClientTrack(self.form, direction, 1e3 * FRAME_S),), certificate=_CERTIFICATE
            )
            await socket.send(json.dumps({"type": "offer", "sdp": client.offer()}))
            answer = await self._wait(socket, "answer")
            if answer is None:
                return
            self.joins += 1
            await self._carry(socket, client, str(answer["sdp"]))

    async def _wait(self, socket: ClientConnection, kind: str) -> dict[str, Any] | None:
        """Return the next message of a kind, None where the session is elsewhere or refused."""
        async with asyncio.timeout(_ANSWER_S):
            while True:
                message = json.loads(await socket.recv())
                if message["type"] == kind:
                    return dict(message)
                if message["type"] == "error":
                    self.refusals.append(str(message["message"]))
                    return None
                if self._take(message):
                    return None

    def _take(self, message: dict[str, Any]) -> bool:
        """Note where the session is now; whether this connection is over."""
        if message["type"] == "moved":
            self.moves += 1
            self._moved_to = str(message["websocket"])
        return message["type"] in {"moved", "bye"}

    async def _carry(self, socket: ClientConnection, client: Client, answer: str) -> None:
        loop = asyncio.get_running_loop()
        transport, wire = await loop.create_datagram_endpoint(
            lambda: _Wire(client), local_addr=("127.0.0.1", 0)
        )
        client.accept(answer, time.monotonic())
        timer = asyncio.create_task(self._keep_time(client, wire))
        try:
            async for text in socket:
                if self._take(json.loads(text)):
                    return
        finally:
            timer.cancel()
            client.close()
            wire.flush()
            transport.close()

    async def _keep_time(self, client: Client, wire: _Wire) -> None:
        due = time.monotonic()
        while True:
            now = time.monotonic()
            client.tick(now, time.time())
            if self._role == "talker" and client.connected:
                client.send_audio("0", self.speak())
            wire.flush()
            for event in client.poll_events():
                if isinstance(event, AudioReceived) and not event.frame.concealed:
                    self.heard.append(now)
                    self.hear(np.asarray(event.frame.pcm, np.float64))
            due = max(due + FRAME_S, now - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


class Session:
    """A talker, a listener, and what was heard.

    Parameters
    ----------
    session_id : str
    fronts : list of str
    """

    mode = "forward"

    def __init__(self, session_id: str, fronts: list[str]) -> None:
        turns = itertools.cycle(fronts)
        self.session_id = session_id
        self.talker = Caller(session_id, "talker", turns)
        self.listener = Caller(session_id, "listener", turns)

    def start(self) -> list[asyncio.Task[None]]:
        """Let both begin."""
        return [asyncio.create_task(each.run()) for each in (self.talker, self.listener)]

    def is_heard(self, now: float) -> bool:
        """Whether the listener got a frame within the last second."""
        return bool(self.listener.heard) and self.listener.heard[-1] > now - 1.0

    def longest_gap_s(self, begin: float, end: float) -> float:
        """Return the longest time without a frame between two moments, s."""
        heard = [at for at in self.listener.heard if begin <= at <= end]
        return float(np.max(np.diff([begin, *heard, end])))

    @property
    def moves(self) -> int:
        """How often both together were sent to another worker."""
        return self.talker.moves + self.listener.moves

    @property
    def refusals(self) -> int:
        """How often either was refused."""
        return len(self.talker.refusals) + len(self.listener.refusals)
