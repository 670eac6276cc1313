"""A server just large enough for rigs: one room, one mode, the real solver of split control."""

from __future__ import annotations

from typing import Any

import numpy as np

from antiphase.control import SplitSettings, SplitSolver
from antiphase.control.split_protocol import decode, encode
from antiphase.media.datachannel import ChannelMessage, ChannelOpened
from antiphase.media.dtls import Certificate
from antiphase.media.endpoint import Endpoint
from antiphase.media.events import AudioReceived, ChannelChanged, Event
from antiphase.media.routing import Forward, Listen, Route
from benchmarks.live_world import LiveWorld

CERTIFICATE = Certificate()


class OneRoom:
    """Puts every device into one room and announces one mode once split control can start."""

    def __init__(self, endpoint: Endpoint, mode: str, settings: SplitSettings | None) -> None:
        self.endpoint, self.mode = endpoint, mode
        self._settings = settings or SplitSettings()
        self.joins: dict[str, dict[str, Any]] = {}
        self.frames: dict[str, list[AudioReceived]] = {}
        self.truths: list[float] = []
        self.channel_texts: list[str] = []
        self._messages: list[tuple[str, str | None, dict[str, Any]]] = []
        self._solver: SplitSolver | None = None

    def join(self, session_id: str, message: dict[str, Any], now: float) -> str:
        device_id = f"{session_id}-{len(self.joins)}"
        self.joins[device_id] = message
        return device_id

    def offer(self, session_id: str, device_id: str, sdp: str, now: float) -> str:
        return self.endpoint.open(device_id, sdp, now)

    def leave(self, session_id: str, device_id: str, now: float, reason: str) -> None:
        self.endpoint.close(device_id, reason)

    def report_truth(self, session_id: str, nr_db: float, now: float) -> None:
        self.truths.append(nr_db)

    def tick(self, now: float, wall: float) -> None:
        """Nothing is due here."""

    def poll_messages(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        messages, self._messages = self._messages, []
        return messages

    def _holder(self, role: str) -> str | None:
        holders = (k for k, j in self.joins.items() if any(r["role"] == role for r in j["roles"]))
        return next(holders, None)

    def on_event(self, event: Event, now: float) -> None:
        match event:
            case AudioReceived(session_id=device_id):
                self.frames.setdefault(device_id, []).append(event)
            case ChannelChanged(session_id=device_id, change=ChannelOpened(label="anc.split")):
                self._begin(device_id)
            case ChannelChanged(change=ChannelMessage(label="anc.split", data=bytes(data))):
                self._solve(event.session_id, data, now)
            case ChannelChanged(change=ChannelMessage(label="anc.control", data=text)):
                self.channel_texts.append(str(text))

    def _begin(self, device_id: str) -> None:
        join = self.joins[device_id]
        reference = self._holder("reference")
        where = "own" if reference == device_id else "network"
        if reference is not None and where == "network":
            routes = (Route(Forward(), device_id, "0"), Route(Listen()))
            self.endpoint.set_routes(reference, "0", routes)
        path = np.array(join["secondary_path_estimate"])
        self._solver = SplitSolver(
            join["taps"], secondary_path_estimate=path, fs=join["fs"], settings=self._settings
        )
        mode = {"type": "mode", "mode": self.mode, "reason": "asked for"}
        room = device_id.rsplit("-", 1)[0]
        self._messages.append((room, None, mode | {"parameters": {"reference": where}}))

    def _solve(self, device_id: str, data: bytes, now: float) -> None:
        if self._solver is not None:
            for answer in self._solver.receive(decode(data)):
                self.endpoint.send_message(device_id, "anc.split", encode(answer), now)


def world_of(
    mode: str = "split", settings: SplitSettings | None = None
) -> tuple[LiveWorld, OneRoom]:
    """Return a world around one room."""
    rooms: list[OneRoom] = []

    def make(endpoint: Endpoint) -> OneRoom:
        rooms.append(OneRoom(endpoint, mode, settings))
        return rooms[0]

    def join(session_id: str, message: dict[str, Any], now: float) -> str:
        return rooms[0].join(session_id, message, now)

    world = LiveWorld(make, join, certificate=CERTIFICATE)
    return world, rooms[0]
