"""Simulated devices as real WebRTC clients, without I/O: bytes in, bytes out, a clock passed in.

A device takes its samples on its own clock. `advance` processes every frame that is complete by
now; `receive` advances first, so that no datagram can change what has been played already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.devices.rig.clock import LiveClock
from antiphase.devices.rig.scene import DeviceSpec, RigScene
from antiphase.media.client import Client, ClientTrack
from antiphase.media.datachannel import ChannelMessage, ChannelOpened
from antiphase.media.dtls import Certificate
from antiphase.media.events import AudioReceived, ChannelChanged, Closed, Event
from antiphase.media.payload import AudioFormat
from antiphase.media.session import SessionSettings
from antiphase.media.stun import Address

__all__ = ["Microphone", "Place", "RigDevice"]

Floats = npt.NDArray[np.float64]

_PAYLOAD_TYPE = 96


@dataclass(frozen=True)
class Place:
    """Where a device is.

    Attributes
    ----------
    scene : RigScene
    spec : DeviceSpec
        Which of the scene's devices.
    start : float
        When the scene started, s.
    clock : LiveClock
        Of this device.
    scene_clock : LiveClock
        On which the scene's sounds are sampled: the loudspeaker's or the talker's device's.
    """

    scene: RigScene
    spec: DeviceSpec
    start: float
    clock: LiveClock
    scene_clock: LiveClock

    def position(self, first: int, n: int) -> Floats:
        """Return where the device's samples lie on the scene's clock, shape (n,)."""
        begin, end = (self.scene_clock.count(self.clock.time_of(k)) for k in (first, first + n))
        at = begin + (end - begin) / n * np.arange(n)
        # Rounding of the clocks' arithmetic must not make two equal clocks interpolate.
        return np.where(np.abs(at - np.rint(at)) < 1e-6, np.rint(at), at)


class RigDevice:
    """One device: joins, offers, answers; what it hears and plays is its subclass's.

    Parameters
    ----------
    place : Place
    direction : str
        Of its audio section "0", from its own point of view.
    data : bool
        Whether it opens data channels.
    certificate : Certificate, optional
        Many devices of one process may share one.
    """

    def __init__(
        self,
        place: Place,
        *,
        direction: str = "sendonly",
        data: bool = False,
        certificate: Certificate | None = None,
    ) -> None:
        self.place = place
        self.fs = place.scene.fs
        self.frame = round(place.spec.frame_ms * self.fs / 1000)
        form = AudioFormat("L16", _PAYLOAD_TYPE, self.fs)
        track = ClientTrack(form, direction, place.spec.frame_ms)
        self._certificate = certificate or Certificate()
        self._track, self._data = track, data
        self.client = self._new_client()
        self.mode = "forward"
        self.control = True
        self.closed: str | None = None
        """Why the connection ended, None while it has not."""
        self.open_channels: set[str] = set()
        self.overruns = 0
        """Times the device itself was called so late that frames had piled up."""
        self._next = 0
        self._messages: list[dict[str, Any]] = []

    def _new_client(self) -> Client:
        return Client(
            (self._track,),
            data=self._data,
            settings=SessionSettings(repeat=("L16",)),
            certificate=self._certificate,
        )

    @property
    def name(self) -> str:
        """Its name in the scene."""
        return self.place.spec.name

    @property
    def connected(self) -> bool:
        """Whether media flows."""
        return self.client.connected and self.closed is None

    def join_message(self) -> dict[str, Any]:
        """Return the ``join`` message."""
        return {
            "type": "join",
            "device": self.name,
            "roles": [role.as_dict() for role in self.place.spec.roles],
            "fs": self.fs,
            "rig": True,
        }

    def reconnect(self) -> None:
        """Begin a new connection, such as after a server that died; the scene goes on."""
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
        """Run what is due: frames, checks, reports."""
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
        """Process every frame that is complete by now."""
        due = int((self.place.clock.count(now) + 1e-6) // self.frame) - self._next // self.frame
        self.overruns += due > 2
        for _ in range(due):
            first, self._next = self._next, self._next + self.frame
            self.process(first, now)

    @property
    def due(self) -> float:
        """When the next frame will be complete."""
        return self.place.clock.time_of(self._next + self.frame)

    def process(self, first: int, now: float) -> None:
        """Process one frame, from the device's sample `first` on."""

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


class Microphone(RigDevice):
    """Sends what it hears: a reference, or a talker with the noise around him.

    Parameters
    ----------
    place : Place
    certificate : Certificate, optional
    """

    def __init__(self, place: Place, *, certificate: Certificate | None = None) -> None:
        super().__init__(place, direction="sendonly", certificate=certificate)

    def process(self, first: int, now: float) -> None:
        """Record a frame and send it."""
        del now
        scene = self.place.scene
        at = self.place.position(first, self.frame)
        if self.place.spec.hears_reference:
            heard = scene.reference.at(at)
        else:
            heard = scene.disturbance.at(at)
            if scene.speech is not None:
                heard = heard + scene.speech.at(at)
        if self.connected:
            self.client.send_audio("0", heard)
