"""One live recording: takes sound of devices that consent, hands it on in pieces; no I/O.

All files of a piece span the same time of the server's clock: a device's samples are placed by
their timestamps, tied to the server's clock by the arrivals of its packets. Where there is nothing
(lost frames, before the consent, after its withdrawal) there is silence, listed as gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from antiphase.arrays import Signal
from antiphase.control import Block
from antiphase.control.split_protocol import decode
from antiphase.errors import AntiphaseError, ParameterError
from antiphase.realtime import DeviceDescription, PlayAudio, RoleBinding
from antiphase.service.recording_pieces import Piece, Strip, as_pcm

__all__ = ["RoomRecorder"]

_GRACE_S = 0.5  # what a piece's end waits for: blocks of split control come 0.1 s late
_BLOCKS_S = 1.0
_JUMP_S = 1.0
_HEARD = ("reference", "error", "talker")
_Key = tuple[str, str, int, int]


@dataclass
class _Consent:
    name: str
    roles: list[str]
    at_s: float
    withdrawn_s: float | None = None


@dataclass
class _Open:
    """The piece under way."""

    number: int
    start: float
    strips: dict[_Key, Strip] = field(default_factory=dict)


class RoomRecorder:
    """Takes what a room's devices send and play.

    A device is recorded from its consent to its withdrawal. What the server or a device makes of
    several devices' sound (the drive, the cleaned talker) is recorded while all devices of the room
    that send sound consent.

    Parameters
    ----------
    devices : mapping of str to DeviceDescription
        Who is in the room; read anew each time.
    now : float
        s, on the clock that `hear` and `cut` are told.
    keep : callable
        Takes each piece that is complete.
    piece_s : float
        Length of a piece.
    """

    def __init__(
        self,
        devices: Mapping[str, DeviceDescription],
        now: float,
        keep: Callable[[Piece], None],
        piece_s: float = 10.0,
    ) -> None:
        self._devices, self._started, self._keep = devices, now, keep
        self._piece_s = piece_s
        self._consents: dict[str, _Consent] = {}
        self._declined: set[str] = set()
        self._numbers: dict[_Key, int] = {}
        self._blocks_at: dict[str, float] = {}
        self._open = _Open(0, now)
        self._now = now

    # Consent

    def consent(self, device_id: str, *, agree: bool, now: float) -> None:
        """Begin to record a device, or end it.

        Raises
        ------
        ParameterError
            If there is no such device.
        """
        description = self._devices.get(device_id)
        if description is None:
            raise ParameterError("device_id", device_id, "a device of the session")
        at = round(now - self._started, 3)
        known = self._consents.get(device_id)
        if not agree:
            self._declined = {d for d in self._declined if d in self._devices} | {device_id}
        if agree and (known is None or known.withdrawn_s is not None):
            self._consents[device_id] = _Consent(description.name, description.role_names, at)
        elif not agree and known is not None and known.withdrawn_s is None:
            known.withdrawn_s = at

    def agrees(self, device_id: str) -> bool:
        """Whether a device consents now."""
        known = self._consents.get(device_id)
        return known is not None and known.withdrawn_s is None and device_id in self._devices

    @property
    def recorded(self) -> list[str]:
        """The devices that are recorded now."""
        return [device_id for device_id in self._devices if self.agrees(device_id)]

    @property
    def asked(self) -> list[str]:
        """The devices that send sound and have not said what they think of it."""
        return [d for d in self._senders() if d not in self._consents and d not in self._declined]

    def _senders(self) -> list[str]:
        return [
            device_id
            for device_id, description in self._devices.items()
            if any(binding.role in _HEARD for binding in description.roles)
        ]

    def _all_agree(self) -> bool:
        return all(self.agrees(device_id) for device_id in self._senders())

    def sections(self) -> set[tuple[str, str]]:
        """Return the sections whose samples it needs: device and mid."""
        return {
            (device_id, binding.mid)
            for device_id in self.recorded
            for binding in self._devices[device_id].roles
            if binding.role in _HEARD and binding.mid
        }

    # Sound

    def hear(
        self, device_id: str, mid: str, pcm: Signal, timestamp: int, fs: int, now: float
    ) -> None:
        """Take a frame of a section; what is not to be recorded is ignored.

        Parameters
        ----------
        device_id, mid : str
        pcm : ndarray, shape (n,) or (n, channels)
            As it came, not made up for a lost packet.
        timestamp : int
            Index of its first sample at `fs`, not wrapped.
        fs : int
            Hz.
        now : float
            s.
        """
        if not self.agrees(device_id):
            return
        blocks = now - self._blocks_at.get(device_id, -np.inf) < _BLOCKS_S
        for binding in self._devices[device_id].roles:
            # The same sound is in the blocks of split control, on one clock with the drive.
            twice = blocks and binding.role == "error"
            if binding.role in _HEARD and binding.mid == mid and not twice:
                self._take((binding.role, device_id, binding.channel, fs), pcm, timestamp, now)

    def receive(self, device_id: str, data: bytes, now: float) -> None:
        """Take a message of split control; all but blocks, and bad ones, are ignored."""
        if not self.agrees(device_id):
            return
        try:
            block = decode(data)
        except AntiphaseError:
            return
        if not isinstance(block, Block):
            return
        self._blocks_at[device_id] = now
        at, fs = block.first_sample, block.fs
        self._take(("error", device_id, 0, fs), block.error, at, now)
        # A reference that was forwarded to the device is another one's sound, recorded as its own.
        if self._devices[device_id].binding("reference") is not None:
            self._take(("reference", device_id, 0, fs), block.reference, at, now)
        if self._all_agree():
            self._take(("output", device_id, 0, fs), block.drive, at, now)

    def play(self, output: PlayAudio, now: float) -> None:
        """Take a frame that the server made: for a loudspeaker, or for the first listener."""
        if not self._all_agree():
            return
        description = self._devices.get(output.device_id)
        plays = description is not None and description.binding("loudspeaker") is not None
        if plays or output.device_id == self._first_listener():
            key = ("output", output.device_id, 0, output.fs)
            self._take(key, output.pcm, output.timestamp, now)

    def _first_listener(self) -> str | None:
        def listens(roles: Iterable[RoleBinding]) -> bool:
            return any(binding.role == "listener" for binding in roles)

        return next((d for d, known in self._devices.items() if listens(known.roles)), None)

    def _take(self, key: _Key, pcm: Signal, timestamp: int, now: float) -> None:
        strip = self._open.strips.get(key)
        if strip is None:
            role, device_id, channel, fs = key
            number = self._numbers.setdefault(key, len(self._numbers))
            name = self._devices[device_id].name
            strip = Strip(number, role, device_id, name, channel, fs, self._open.start)
            self._open.strips[key] = strip
        strip.add(as_pcm(pcm, key[2]), timestamp, now, _JUMP_S)

    # Pieces

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self._now - self._started

    def tick(self, now: float, figures: Callable[[], dict[str, Any]]) -> None:
        """Hand on a piece that is complete; `figures` are those of the room."""
        self._now = now
        if now - self._open.start >= self._piece_s + _GRACE_S:
            self._cut(self._open.start + self._piece_s, figures())

    def end(self, now: float, figures: Callable[[], dict[str, Any]]) -> None:
        """Hand on what there is."""
        self._now = now
        told = figures()
        if now - self._open.start >= self._piece_s:
            self._cut(self._open.start + self._piece_s, told)
        if now > self._open.start:
            self._cut(now, told)

    def _cut(self, end: float, figures: dict[str, Any]) -> None:
        done, self._open = self._open, _Open(self._open.number + 1, end)
        for key, strip in done.strips.items():
            rest = strip.split(end)
            if key[1] in self._devices:
                self._open.strips[key] = rest
        self._keep(
            Piece(
                number=done.number,
                start_s=round(done.start - self._started, 3),
                end_s=round(end - self._started, 3),
                strips=[strip for strip in done.strips.values() if strip.chunks],
                devices={device_id: vars(known) for device_id, known in self._consents.items()},
                figures=figures,
            )
        )
