"""Simulated devices as real WebRTC clients, without I/O: bytes in, bytes out, a clock passed in.

A device takes its samples on its own clock. `advance` processes every frame that is complete by
now; `receive` advances first, so that no datagram can change what has been played already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.devices.peer import Peer
from antiphase.devices.rig.clock import LiveClock
from antiphase.devices.rig.scene import DeviceSpec, RigScene
from antiphase.media.client import ClientTrack
from antiphase.media.dtls import Certificate
from antiphase.media.payload import AudioFormat

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


class RigDevice(Peer):
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
        super().__init__(place.spec.name, (track,), data=data, certificate=certificate)
        self.overruns = 0
        """Times the device itself was called so late that frames had piled up."""
        self._next = 0

    def join_message(self) -> dict[str, Any]:
        """Return the ``join`` message."""
        return {
            "type": "join",
            "device": self.name,
            "roles": [role.as_dict() for role in self.place.spec.roles],
            "fs": self.fs,
            "rig": True,
        }

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
