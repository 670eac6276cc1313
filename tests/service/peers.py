"""A device that joins as a browser does: signalling by websockets, media by aiortc."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame
from websockets.asyncio.client import ClientConnection

from tests.service.running import join, until

__all__ = ["Peer", "microphone"]

FS, FRAME = 48000, 960


class Tone(MediaStreamTrack):
    """A tone of half full scale."""

    kind = "audio"

    def __init__(self, hz: float) -> None:
        super().__init__()
        self._hz, self._k, self._began = hz, 0, 0.0

    async def recv(self) -> AudioFrame:
        """Return the next 20 ms when it is time."""
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0.0, self._began + self._k * FRAME / FS - loop.time()))
        t = (np.arange(FRAME) + self._k * FRAME) / FS
        pcm = np.rint(16000 * np.sin(2 * np.pi * self._hz * t)).astype(np.int16)
        frame = AudioFrame.from_ndarray(pcm[None], "s16", "mono")
        frame.sample_rate, frame.time_base = FS, fractions.Fraction(1, FS)
        frame.pts = self._k * FRAME
        self._k += 1
        return frame


class Peer:
    """One that has joined.

    Attributes
    ----------
    socket : ClientConnection
    device_id : str
    """

    def __init__(self, socket: ClientConnection, device_id: str) -> None:
        self.socket, self.device_id = socket, device_id

    async def told(self, **wanted: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Return the next word on the recording with these values."""
        while True:
            message = await until(self.socket, "recording")
            if all(message[name] == value for name, value in wanted.items()):
                return message

    async def consent(self, recording_id: str, *, agree: bool = True) -> None:
        """Say what it thinks of being recorded."""
        message = {"type": "consent", "recording_id": recording_id, "agree": agree}
        await self.socket.send(json.dumps(message))


@contextlib.asynccontextmanager
async def microphone(
    websocket: str,
    session_id: str,
    hz: float,
    role: str = "reference",
    token: str | None = None,
) -> AsyncIterator[Peer]:
    """Join as a device with one microphone, which hears a tone; media flow."""
    server: Any = SimpleNamespace(websocket=websocket)
    roles = [{"role": role, "track": "0"}]
    peer = RTCPeerConnection()
    async with join(server, session_id, token, roles=roles) as socket:
        joined = await until(socket, "joined")
        peer.addTrack(Tone(hz))
        await peer.setLocalDescription(await peer.createOffer())
        await socket.send(json.dumps({"type": "offer", "sdp": peer.localDescription.sdp}))
        answer = await until(socket, "answer")
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        async with asyncio.timeout(20):
            while peer.connectionState != "connected":  # noqa: ASYNC110 - the peer's own tasks
                await asyncio.sleep(0.02)
        try:
            yield Peer(socket, joined["device_id"])
        finally:
            await peer.close()
