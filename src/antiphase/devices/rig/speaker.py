"""The device beside the listener: loudspeaker and error microphone on one clock, maybe more."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.control import Probe, Rollback, SplitDevice
from antiphase.control.split_protocol import decode
from antiphase.devices.forwarded import PLAYOUT_S, ForwardedReference, read_guide
from antiphase.devices.rig.device import Place, RigDevice
from antiphase.devices.rig.plant import RigPlant
from antiphase.devices.rig.playout import DrivePlayout
from antiphase.devices.rig.record import LevelRecord
from antiphase.errors import ParameterError, ProtocolError
from antiphase.media.dtls import Certificate

__all__ = ["LoudspeakerDevice"]

Floats = npt.NDArray[np.float64]

_TRUTH_S = 1.0
_ON_DEVICE = ("split", "predictive", "local")
# The drive waits for two networks, that of the error which asks for it and its own.
_DRIVE_BUFFER_S = 0.014


class LoudspeakerDevice(RigDevice):
    """Plays against the noise, in the scene's plant, and sends what the error microphone hears.

    In the modes whose loop closes on the device it runs a `SplitDevice` with its own reference
    microphone or with the one that the server forwards; in `lookahead` it plays the drive that
    comes. The plant never waits: a drive that is late is not played.

    Parameters
    ----------
    place : Place
    estimate : ndarray, shape (taps,), optional
        Ŝ to join with; the scene's by default.
    taps : int
        Of the control filter.
    buffer_s : float
        Of the network's frames.
    keep : bool
        Whether to keep the whole run in `record`.
    certificate : Certificate, optional
    """

    def __init__(
        self,
        place: Place,
        *,
        estimate: Floats | None = None,
        taps: int = 512,
        buffer_s: float = PLAYOUT_S,
        keep: bool = False,
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(place, direction="sendrecv", data=True, certificate=certificate)
        scene = place.scene
        self.estimate = scene.secondary_path_estimate if estimate is None else estimate
        self.taps = taps
        self.plant = RigPlant(
            scene.reference,
            scene.disturbance,
            scene.secondary_path,
            error_noise_rms=scene.error_noise_rms,
            seed=scene.seed,
        )
        self.record = LevelRecord(self.fs, keep=keep)
        self.splitter: SplitDevice | None = None
        self._buffer_s = buffer_s
        self.drive = DrivePlayout(self.fs, _DRIVE_BUFFER_S)
        self._reference: ForwardedReference | None = None
        self._obeyed: tuple[str, bool] | None = None
        self._missing = 0
        self._told = 0
        self._truth_at = 0

    def join_message(self) -> dict[str, Any]:
        """Return the ``join`` message, with Ŝ."""
        message = super().join_message()
        message |= {"taps": self.taps, "secondary_path_estimate": self.estimate.tolist()}
        if self.place.spec.hears_reference:
            message["device_margin_ms"] = self.place.scene.lead_ms
        return message

    def accept(self, answer: str, now: float) -> None:
        """Take the SDP answer and begin to connect."""
        super().accept(answer, now)
        self._told = 0

    def reconnect(self) -> None:
        """Begin a new connection, silent until the server says otherwise."""
        super().reconnect()
        self.mode_changed({})

    def mode_changed(self, parameters: dict[str, Any]) -> None:
        """Obey a mode: what was queued for another one is not played.

        One that is told again, in other words, changes nothing: the drive keeps its delay.
        """
        forwarded = parameters.get("reference") == "network"
        obeyed, self._obeyed = self._obeyed, (self.mode, forwarded)
        if obeyed == self._obeyed:
            return
        self.drive.reset()
        if not forwarded:
            self._missing, self._reference = self.missing - self.drive.missing, None
        if self.mode not in _ON_DEVICE:
            self.splitter = None
            return
        if forwarded and self._reference is None:
            self._reference = ForwardedReference(self.fs, self._buffer_s, self.taps)
        if self.splitter is None:
            self.splitter = SplitDevice(
                self.taps, secondary_path_estimate=self.estimate, fs=self.fs, limit=1.0
            )

    def control_changed(self) -> None:
        """Fall silent at once, or wait for what comes."""
        self.drive.reset()
        if not self.control and self.splitter is not None:
            self.splitter.receive(Rollback(0))
            self.splitter.receive(Probe(level_db=-math.inf))

    def hear(self, mid: str, pcm: Floats, timestamp: int, now: float) -> None:
        """Take a frame: the drive, or in split control the reference."""
        del mid
        at = self.place.clock.count(now)
        if self.splitter is None:
            if self.mode == "lookahead" and self.control:
                self.drive.push(timestamp, pcm, max(at, self._next))
        elif self._reference is not None:
            self._reference.push(timestamp, at / self.fs, pcm)

    def read(self, label: str, data: bytes | str, now: float) -> None:
        """Take a message of split control, or of the server's guide."""
        if label == "anc.control":
            guided = read_guide(data)
            if guided is not None and self._reference is not None:
                self._reference.obey(guided)
            return
        if label != "anc.split" or self.splitter is None or isinstance(data, str):
            return
        try:
            answers = self.splitter.receive(decode(data))
        except (ProtocolError, ParameterError):
            return
        self.send_split(answers, now)

    def tick(self, now: float, wall: float) -> None:
        """Run what is due, and open the data channels once there is a connection."""
        super().tick(now, wall)
        channels = self.client.channels
        if channels is not None and self.connected and not self._told:
            self._told = 1
            if self.place.spec.filters:
                channels.open("anc.split", now)
            channels.open("anc.control", now)
        if self._told == 1 and "anc.control" in self.open_channels:
            self._told = 2
            self.tell({"type": "latency", **self.latency_ms()}, now)

    @property
    def missing(self) -> int:
        """Samples of drive or forwarded reference that were not there when they were due."""
        reference = 0 if self._reference is None else self._reference.missing
        return self.drive.missing + self._missing + reference

    def latency_ms(self) -> dict[str, float]:
        """Return the device's own share of the latency in ms, by component."""
        return {
            "capture": self.place.spec.frame_ms,
            "buffer": 1000 * (self._buffer_s if self.place.spec.filters else _DRIVE_BUFFER_S),
            "converters": 0.5,
        }

    def process(self, first: int, now: float) -> None:
        """Play a frame and record meanwhile."""
        n = self.frame
        d = self.plant.disturbance(self.plant.frame, n)
        if self.splitter is not None:
            error, sound, drive = self._process_split(first, n, now)
        else:
            drive = self.drive.pull(first, n)
            _, error, sound = self.plant.exchange(drive)
        self.record.take(d, sound, drive)
        if self.connected:
            self.client.send_audio("0", np.clip(error, -1.0, 1.0))
            if first - self._truth_at >= _TRUTH_S * self.fs:
                self._truth_at = first
                self.say({"type": "truth", "nr_db": round(self.record.nr_db, 3)})

    def _process_split(self, first: int, n: int, now: float) -> tuple[Floats, Floats, Floats]:
        splitter = self.splitter
        if splitter is None:
            raise ParameterError("mode", self.mode, "one whose loop closes on the device")
        reference = self._reference
        x = None if reference is None else reference.pull(n, first / self.fs, splitter.now)
        _, error, sound, drive = self.plant.advance(splitter, n, reference=x)
        messages = splitter.poll()
        if reference is not None:
            messages = [reference.with_gaps(message) for message in messages]
            told = reference.report(first / self.fs)
            if told is not None:
                self.tell(told, now)
        self.send_split(messages, now)
        return error, sound, drive

    def change(self, name: str) -> None:
        """Let one of the scene's changes happen now.

        Raises
        ------
        ParameterError
            If the scene has no such change.
        """
        changes = self.place.scene.changes
        if name not in changes:
            raise ParameterError("change", name, f"one of {', '.join(changes)}")
        what = changes[name]
        self.plant.move(secondary_path=what.secondary_path, disturbance=what.disturbance)
