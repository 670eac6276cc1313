"""A device as a WebRTC client of a session, without I/O: bytes in, bytes out, a clock passed in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.control import Message
from antiphase.control.split_protocol import encode
from antiphase.errors import SignalError
from antiphase.media.client import Client, ClientTrack
from antiphase.media.datachannel import ChannelMessage, ChannelOpened
from antiphase.media.dtls import Certificate
from antiphase.media.events import AudioReceived, ChannelChanged, Closed, Event
from antiphase.media.session import SessionSettings
from antiphase.media.stun import Address

__all__ = ["Peer"]

Floats = npt.NDArray[np.float64]


class Peer:
    """One device: joins, offers, answers; what it hears and plays is its subclass's.

    Parameters
    ----------
    name : str
        For people.
    tracks : tuple of ClientTrack
        Audio sections, from its own point of view.
    data : bool
        Whether it opens data channels.
    certificate : Certificate, optional
        Many devices of one process may share one.
    """

    def __init__(
        self,
        name: str,
        tracks: tuple[ClientTrack, ...] = (),
        *,
        data: bool = False,
        certificate: Certificate | None = None,
    ) -> None:
        self.name = name
        self._certificate = certificate or Certificate()
        self._tracks, self._data = tracks, data
        self.client = self._new_client()
        self.mode = "forward"
        self.control = True
        self.closed: str | None = None
        """Why the connection ended, None while it has not."""
        self.open_channels: set[str] = set()
        self._messages: list[dict[str, Any]] = []

    def _new_client(self) -> Client:
        return Client(
            self._tracks,
            data=self._data,
            settings=SessionSettings(repeat=("L16",)),
            certificate=self._certificate,
        )

    @property
    def connected(self) -> bool:
        """Whether media flows."""
        return self.client.connected and self.closed is None

    def join_message(self) -> dict[str, Any]:
        """Return the ``join`` message."""
        return {"type": "join", "device": self.name, "roles": []}

    def reconnect(self) -> None:
        """Begin a new connection, such as after a server that died."""
        self.client = self._new_client()
        self.closed = None
        self.open_channels.clear()
        self.mode = "forward"

    def offer(self) -> str:
        """Return the SDP offer."""
        return self.client.offer()

    def accept(self, answer: str, now: float) -> None:
        """Take the SDP answer and begin to connect."""
        self.client.accept(answer, now)

    def take_message(self, message: dict[str, Any], now: float) -> None:
        """Take a signalling message of the server."""
        self.advance(now)
        kind = message.get("type")
        if kind == "mode":
            self.mode = str(message.get("mode", self.mode))
            self.mode_changed(message.get("parameters") or {})
        elif kind == "control":
            self.control = bool(message.get("on", True))
            self.control_changed()

    def mode_changed(self, parameters: dict[str, Any]) -> None:
        """Obey a mode."""

    def control_changed(self) -> None:
        """Obey the switch."""

    def receive(self, datagram: bytes, source: Address, now: float, wall: float) -> None:
        """Take one datagram that has come at `now`."""
        self.advance(now)
        self.client.receive(datagram, source, now, wall)
        self._events(now)

    def tick(self, now: float, wall: float) -> None:
        """Run what is due: sound, checks, reports."""
        self.advance(now)
        self.client.tick(now, wall)
        self._events(now)

    def _events(self, now: float) -> None:
        for event in self.client.poll_events():
            self._event(event, now)

    def _event(self, event: Event, now: float) -> None:
        match event:
            case AudioReceived(mid=mid, frame=frame):
                if not frame.concealed:
                    self.hear(mid, np.asarray(frame.pcm, np.float64), frame.timestamp, now)
            case ChannelChanged(change=ChannelOpened(label=label)):
                self.open_channels.add(label)
            case ChannelChanged(change=ChannelMessage(label=label, data=data)):
                self.read(label, data, now)
            case Closed(reason=reason):
                self.closed = reason

    def hear(self, mid: str, pcm: Floats, timestamp: int, now: float) -> None:
        """Take a frame of the server."""

    def read(self, label: str, data: bytes | str, now: float) -> None:
        """Take a message of a data channel."""

    def advance(self, now: float) -> None:
        """Process the sound that is complete by now."""

    @property
    def due(self) -> float:
        """When `advance` has something to do next."""
        return float("inf")

    def poll_outgoing(self) -> list[tuple[bytes, Address]]:
        """Return and clear the datagrams to send."""
        return self.client.poll_outgoing()

    def poll_messages(self) -> list[dict[str, Any]]:
        """Return and clear the signalling messages to send."""
        messages, self._messages = self._messages, []
        return messages

    def say(self, message: dict[str, Any]) -> None:
        """Queue a signalling message."""
        self._messages.append(message)

    def tell(self, message: dict[str, Any], now: float) -> None:
        """Send a message on ``anc.control`` if it is open."""
        if "anc.control" in self.open_channels and self.client.channels is not None:
            self.client.channels.send("anc.control", json.dumps(message), now)

    def send_split(self, messages: list[Message], now: float) -> None:
        """Send messages of split control on ``anc.split`` if it is open."""
        channels = self.client.channels
        if channels is None or "anc.split" not in self.open_channels:
            return
        for message in messages:
            try:
                channels.send("anc.split", encode(message), now)
            except SignalError:
                return  # the server has stopped reading: the next block says more
