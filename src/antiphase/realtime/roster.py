"""The devices of a session and what is known of their streams."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.arrays import Signal
from antiphase.realtime.figures import DeviceFigures
from antiphase.realtime.roles import DeviceDescription, Role, RoleBinding
from antiphase.sync import ClockLine, ClockTracker

__all__ = ["HEARD_FOR_S", "Device", "Frame", "Roster", "Track", "clock_between"]

HEARD_FOR_S = 2.0
"""What was heard longer ago says nothing of now."""

_REMEMBERED = 400


@dataclass(frozen=True, eq=False)
class Frame:
    """Some samples of a track as they came.

    Attributes
    ----------
    pcm : ndarray, shape (n,) or (n, channels)
    timestamp : int
        Index of the first sample at `fs`, not wrapped.
    fs : int
        Hz.
    concealed : bool
        Made up where a packet was lost.
    """

    pcm: Signal
    timestamp: int
    fs: int
    concealed: bool = False

    def channel(self, index: int) -> Signal:
        """Return one channel, shape (n,); the last one where there are fewer."""
        if self.pcm.ndim == 1:
            return self.pcm
        return np.ascontiguousarray(self.pcm[:, min(index, self.pcm.shape[1] - 1)])

    def finite(self, index: int) -> npt.NDArray[np.float64]:
        """Return one channel, shape (n,), in float64; silence where a number is none."""
        return np.nan_to_num(np.asarray(self.channel(index), np.float64), posinf=0.0, neginf=0.0)


class Track:
    """Clock, loss and jitter of one incoming stream, from timestamps and arrivals.

    Rate or channels that change in mid-stream, or a timestamp that jumps by more than a second (a
    device that came back, a headset that switched), start it anew and are counted.
    """

    def __init__(self) -> None:
        self._fs = 0
        self.restarts = 0
        self._begin(0, 0)
        self.restarts = 0

    def _begin(self, fs: int, channels: int) -> None:
        self._fs = fs
        self.channels = channels
        self._clock = ClockTracker(fs) if fs else None
        self._next: int | None = None
        self._late: deque[float] = deque(maxlen=_REMEMBERED)
        self._lost: deque[bool] = deque(maxlen=_REMEMBERED)
        self.frame_ms = 0.0
        self.heard_at: float | None = None
        self.restarts += 1

    def is_heard(self, now: float) -> bool:
        """Whether a frame has come within the last two seconds."""
        return self.heard_at is not None and now - self.heard_at < HEARD_FOR_S

    @property
    def fs(self) -> int:
        """Rate in Hz; 0 before the first frame."""
        return self._fs

    def take(self, frame: Frame, now: float) -> bool:
        """Take a frame; True where the stream began anew with it."""
        jump = self._next is not None and abs(frame.timestamp - self._next) > frame.fs
        channels = 1 if frame.pcm.ndim == 1 else frame.pcm.shape[1]
        anew = (frame.fs, channels) != (self._fs, self.channels) or jump
        if anew:
            self._begin(frame.fs, channels)
        self._next = frame.timestamp + len(frame.pcm)
        self._lost.append(frame.concealed)
        self.heard_at = now
        self.frame_ms = 1000 * len(frame.pcm) / frame.fs
        if frame.concealed or self._clock is None:
            return anew
        self._clock.update(frame.timestamp, now)
        line = self._clock.line
        if line is not None:
            due = line.at_s + (frame.timestamp - line.index) * line.period_s
            self._late.append(max(0.0, now - due))
        return anew

    @property
    def line(self) -> ClockLine | None:
        """The sender's clock on the server's; None until it is known."""
        line = None if self._clock is None else self._clock.line
        return line if line is not None and np.isfinite(line.error_ppm) else None

    @property
    def drift_ppm(self) -> float | None:
        """How much faster than the server's the sender's clock runs; None until it is known."""
        return None if self.line is None else self.line.drift_ppm

    @property
    def loss(self) -> float | None:
        """Share of the newest frames that were lost; None before the first."""
        return sum(self._lost) / len(self._lost) if self._lost else None

    @property
    def jitter_ms(self) -> float | None:
        """95th percentile of the delay above the least one."""
        if not self._late:
            return None
        # As numpy's quantile, which takes five times as long for so few.
        late = sorted(self._late)
        below, part = divmod(0.95 * (len(late) - 1), 1)
        low, high = late[int(below)], late[min(int(below) + 1, len(late) - 1)]
        return 1000 * (low + part * (high - low))


def clock_between(source: Track, ours: Track) -> ClockLine | None:
    """Return how much faster the source's clock runs than ours; None until both are known.

    Each is known against the server's, and its packets have waited in one queue alone. Indices say
    nothing here.
    """
    theirs, own = source.line, ours.line
    if theirs is None or own is None:
        return None
    period_s = theirs.period_s / (own.period_s * ours.fs)
    drift = (1 + 1e-6 * theirs.drift_ppm) / (1 + 1e-6 * own.drift_ppm) - 1
    error_ppm = float(np.hypot(theirs.error_ppm, own.error_ppm))
    return ClockLine(0.0, 0.0, period_s, 1e6 * drift, error_ppm)


@dataclass
class Device:
    """One device of the session.

    Attributes
    ----------
    device_id : str
    description : DeviceDescription
    tracks : dict of str to Track
        Incoming streams by mid; ``data`` for blocks of split control.
    channels : set of str
        Data channels that are open.
    round_trip_ms : float, optional
        By RTCP.
    link_loss, link_jitter_ms : float, optional
        Reported for streams that are only passed on.
    told_ms : dict of str to float
        What the device says of its own latencies: ``buffer``, ``converters``, ``capture``.
    """

    device_id: str
    description: DeviceDescription
    tracks: dict[str, Track] = field(default_factory=dict)
    channels: set[str] = field(default_factory=set)
    round_trip_ms: float | None = None
    link_loss: float | None = None
    link_jitter_ms: float | None = None
    told_ms: dict[str, float] = field(default_factory=dict)

    def track(self, mid: str) -> Track:
        """Return the state of an incoming stream, new where there was none."""
        return self.tracks.setdefault(mid, Track())

    def take_link(
        self, round_trip_ms: float | None, loss: float | None, jitter_ms: float | None
    ) -> None:
        """Take what RTCP says of its link; None leaves what was known."""
        self.round_trip_ms = round_trip_ms or self.round_trip_ms
        self.link_loss = self.link_loss if loss is None else loss
        self.link_jitter_ms = self.link_jitter_ms if jitter_ms is None else jitter_ms

    def take_latency(self, message: dict[str, Any]) -> None:
        """Take what it says of its own latencies; what is no number of ms is ignored."""
        known = ("capture", "buffer", "converters")
        self.told_ms = {
            k: float(message[k])
            for k in known
            if isinstance(message.get(k), int | float) and 0 <= message[k] < 1e4
        }

    @property
    def can_split(self) -> bool:
        """Whether the loop can be closed on it, with filters from here."""
        roles = self.description.role_names
        return (
            "anc.split" in self.channels
            and {"loudspeaker", "error"} <= set(roles)
            and self.description.secondary_path_estimate is not None
        )

    def figures(self, now: float) -> DeviceFigures:
        """Return what is shown of it: the first clock that is known, the worst loss and jitter.

        A stream that has not been heard for two seconds says nothing of now.
        """
        heard = {m: t for m, t in self.tracks.items() if t.is_heard(now)}
        losses = [t.loss for t in heard.values() if t.loss is not None]
        late = [t.jitter_ms for m, t in heard.items() if m != "data" and t.jitter_ms is not None]
        drifts = (t.drift_ppm for t in heard.values())
        return DeviceFigures(
            self.device_id,
            self.description.name,
            tuple(self.description.role_names),
            next((d for d in drifts if d is not None), None),
            max(losses, default=self.link_loss),
            max(late, default=self.link_jitter_ms),
        )


class Roster:
    """All devices of a session, in the order in which they came."""

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}

    def __contains__(self, device_id: str) -> bool:
        return device_id in self._devices

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def devices(self) -> tuple[Device, ...]:
        """All, oldest first."""
        return tuple(self._devices.values())

    def get(self, device_id: str) -> Device | None:
        """Return a device, None where there is none of that id."""
        return self._devices.get(device_id)

    def add(self, device_id: str, description: DeviceDescription) -> Device:
        """Add a device; one that comes again begins anew."""
        self._devices[device_id] = Device(device_id, description)
        return self._devices[device_id]

    def remove(self, device_id: str) -> Device | None:
        """Remove a device; None where there was none."""
        return self._devices.pop(device_id, None)

    def holding(self, role: Role) -> list[tuple[Device, RoleBinding]]:
        """Return who has a role and how it is carried, oldest first."""
        return [
            (device, binding)
            for device in self._devices.values()
            for binding in device.description.roles
            if binding.role == role
        ]

    def first(self, role: Role) -> tuple[Device, RoleBinding] | None:
        """Return the oldest device with a role."""
        return next(iter(self.holding(role)), None)

    def clock_of_reference(self, ours: Device, role: Role = "error") -> ClockLine | None:
        """Return the reference's clock against a device's, by what the server hears of both."""
        found, ear = self.first("reference"), ours.description.binding(role)
        if found is None or ear is None or "data" in {found[1].track, ear.track}:
            return None
        return clock_between(found[0].track(found[1].track), ours.track(ear.track))

    def looper(self) -> Device | None:
        """Return the oldest device with loudspeaker and error microphone."""
        both = {"loudspeaker", "error"}
        return next(
            (d for d in self._devices.values() if both <= set(d.description.role_names)), None
        )
