"""A sound card's device in real time: alone, or in a session of a server."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from antiphase.control.split_protocol import decode
from antiphase.devices.forwarded import read_guide
from antiphase.devices.peer import Peer
from antiphase.devices.rig.shell import call_server
from antiphase.devices.rig.wire import DeviceWire, Told
from antiphase.devices.soundcard.agent import DeviceAgent
from antiphase.errors import ParameterError, ProtocolError
from antiphase.media.client import ClientTrack
from antiphase.media.dtls import Certificate
from antiphase.media.payload import AudioFormat

__all__ = ["CardPeer", "Pollable", "ServerPlace", "in_session", "run_device"]

_POLL_S = 0.05
_PAYLOAD_TYPE, _FRAME_MS = 96, 5.0
Floats = npt.NDArray[np.float64]


class Pollable(Protocol):
    """What `SoundCard` is to a session."""

    def poll(self, now: float) -> None:
        """Look after the card and lead the agent."""


class CardPeer(Peer):
    """The agent's device as a client: blocks up, filters down, the switch obeyed.

    Parameters
    ----------
    agent : DeviceAgent
        With a calibration.
    name : str
    taps : int
        Of the control filter.
    certificate : Certificate, optional
    """

    def __init__(
        self,
        agent: DeviceAgent,
        *,
        name: str = "sound card",
        taps: int = 512,
        certificate: Certificate | None = None,
    ) -> None:
        known = agent.calibration
        # A card without a reference of its own takes one that the server has from elsewhere.
        hears = agent.hears_reference or known is None
        form = None if known is None else AudioFormat("L16", _PAYLOAD_TYPE, known.form.fs)
        tracks = () if hears or form is None else (ClientTrack(form, "recvonly", _FRAME_MS),)
        super().__init__(name, tracks, data=True, certificate=certificate)
        self._agent, self._taps = agent, taps
        self._told = 0
        self._now = 0.0

    def join_message(self) -> dict[str, Any]:
        """Return the ``join`` message, with Ŝ.

        Raises
        ------
        ParameterError
            If nothing has been measured.
        """
        known = self._agent.calibration
        if known is None:
            raise ParameterError("calibration", None, "measured before the device joins")
        own = {"reference": "data"} if self._agent.hears_reference else {}
        tracks = {**own, "error": "data", "loudspeaker": "data" if own else "0"}
        roles = [{"role": role, "track": track, "channel": 0} for role, track in tracks.items()]
        return {
            "type": "join",
            "device": self.name,
            "roles": roles,
            "fs": known.form.fs,
            "taps": self._taps,
            "secondary_path_estimate": np.round(known.path, 9).tolist(),
        }

    def accept(self, answer: str, now: float) -> None:
        """Take the SDP answer and begin to connect."""
        super().accept(answer, now)
        self._told = 0

    def control_changed(self) -> None:
        """Obey the switch."""
        self._agent.control = self.control

    def mode_changed(self, parameters: dict[str, Any]) -> None:
        """Obey a mode: play against a reference that is forwarded, or be on its own again.

        Where the server only passes sound on (`forward`) the filter is silent and waits.
        """
        if parameters.get("reference") == "network":
            self._agent.use_forwarded(True, self._now)
        elif self.mode == "local":
            self._agent.use_forwarded(False, self._now)

    def hear(self, mid: str, pcm: Floats, timestamp: int, now: float) -> None:
        """Take a packet of the reference that is forwarded."""
        del mid, now
        if self._agent.loop is not None:
            self._agent.loop.hear(timestamp, pcm)

    def read(self, label: str, data: bytes | str, now: float) -> None:
        """Take a message of the solver or of the guide; what is no such message is ignored."""
        del now
        if label == "anc.control":
            guided = read_guide(data)
            if guided is not None and self._agent.loop is not None:
                self._agent.loop.obey(guided)
        if label == "anc.split" and isinstance(data, bytes):
            with contextlib.suppress(ProtocolError, ParameterError):
                self._agent.receive(decode(data))

    def _tell_latency(self, buffer_ms: float, now: float) -> None:
        known = self._agent.calibration
        converters = 0.0 if known is None else known.latency_ms
        parts = {"capture": 0.0, "buffer": buffer_ms, "converters": converters}
        self.tell({"type": "latency", **parts}, now)

    def tick(self, now: float, wall: float) -> None:
        """Run what is due; send what the device has recorded."""
        self._now = now
        super().tick(now, wall)
        channels = self.client.channels
        if channels is None or not self.connected:
            return
        if not self._told:
            self._told = 1
            channels.open("anc.split", now)
            channels.open("anc.control", now)
        if self._told == 1 and "anc.control" in self.open_channels:
            self._told = 2
            self._tell_latency(0.0, now)
        told = None if self._agent.loop is None else self._agent.loop.report()
        if told is not None:
            self._tell_latency(told["delay_ms"], now)
            self.tell(told, now)
        if "anc.split" in self.open_channels:
            self.send_split(self._agent.poll(), now)


@dataclass(frozen=True)
class ServerPlace:
    """A session to be in.

    Attributes
    ----------
    websocket : str
    token : str or None
        To join with.
    """

    websocket: str
    token: str | None


@asynccontextmanager
async def in_session(
    address: str, mode: str, *, token: str | None = None, key: str | None = None
) -> AsyncIterator[ServerPlace]:
    """Give the session that an address names, or one of our own that ends with the block.

    Parameters
    ----------
    address : str
        ``http(s)://host:port/SESSION``, or without a session.
    mode : str
        Of a session of our own.
    token : str, optional
        Join token of that session.
    key : str, optional
        API key, for a session of our own.

    Raises
    ------
    ProtocolError, ParameterError
        If the address is none, or the server refuses.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ParameterError("server", address, "http(s)://host:port or with /SESSION")
    session = parts.path.strip("/")
    if session:
        scheme = "wss" if parts.scheme == "https" else "ws"
        yield ServerPlace(f"{scheme}://{parts.netloc}/{session}", token)
        return
    base = f"{parts.scheme}://{parts.netloc}"
    wish = {"name": "sound card", "mode": mode}
    made = await asyncio.to_thread(call_server, base, "POST", "/sessions", wish, key)
    owner = str(made["owner_token"])
    try:
        yield ServerPlace(str(made["websocket"]), owner)
    finally:
        with contextlib.suppress(ProtocolError):
            call_server(base, "DELETE", f"/sessions/{made['session_id']}", key=owner)


async def run_device(
    card: Pollable,
    agent: DeviceAgent,
    tick: Callable[[float], None],
    *,
    server: str | None = None,
    token: str | None = None,
    key: str | None = None,
    taps: int = 512,
    seconds: float = math.inf,
    told: Told | None = None,
) -> None:
    """Let a device live until it has done what it should, its time is over or it is cancelled.

    Parameters
    ----------
    card : SoundCard
    agent : DeviceAgent
    tick : callable
        Called twenty times a second with the time.
    server, token, key : str, optional
        As for `in_session`.
    taps : int
        Of the control filter.
    seconds : float
        Of control.
    told : callable, optional
        Takes what the server says.

    Raises
    ------
    SignalError
        If the first measurement gave nothing.
    ProtocolError
        If the server refuses or stays away.
    """
    remote = None
    began = math.inf
    try:
        while True:
            now = time.monotonic()
            card.poll(now)
            tick(now)
            if agent.state == "failed" and agent.failure is not None:
                raise agent.failure
            if agent.state == "running":
                began = min(began, now)
                if server is not None and remote is None:
                    remote = asyncio.create_task(_remote(agent, server, token, key, taps, told))
            if agent.state == "done" or now - began >= seconds:
                return
            if remote is not None and remote.done():
                remote.result()
            await asyncio.sleep(_POLL_S)
    finally:
        if remote is not None:
            remote.cancel()
            await asyncio.gather(remote, return_exceptions=True)


async def _remote(
    agent: DeviceAgent,
    server: str,
    token: str | None,
    key: str | None,
    taps: int,
    told: Told | None,
) -> None:
    """Be in the session while control runs; join anew with what was measured after each start."""
    async with in_session(server, agent.mode, token=token, key=key) as place:
        while True:
            await asyncio.sleep(_POLL_S)
            if agent.state != "running":
                continue
            run = agent.runs
            wire = DeviceWire(
                CardPeer(agent, taps=taps), place.websocket, told=told, token=place.token
            )
            task = asyncio.create_task(wire.run())
            try:
                while agent.runs == run and agent.state == "running":
                    done, _ = await asyncio.wait([task], timeout=_POLL_S)
                    if done:
                        task.result()
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
