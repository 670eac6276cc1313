"""Mode `lookahead`: the server makes the anti-noise, a plain loudspeaker device plays it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from antiphase.control import Mode
from antiphase.errors import AntiphaseError
from antiphase.realtime.carried import Carried, device_key
from antiphase.realtime.guide import PlayoutGuide
from antiphase.realtime.mode import ModeRunner, Surroundings, listening
from antiphase.realtime.mode_split import reach
from antiphase.realtime.outputs import Flow, PlayAudio
from antiphase.realtime.roster import Device, Frame
from antiphase.realtime.server_loop import ServerLoop
from antiphase.sync import ClockTracker, PlayoutBuffer

__all__ = ["LookaheadMode", "loop_lag"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LISTEN_S = 0.5
_PROBE_S = 1.0
_LONGEST_PROBE_S = 4.0
_PROBE_DB = -10.0
_LONGEST_LAG_S = 0.3
_CLEAR = 3.0  # peak of the whitened correlation over the highest one elsewhere
_NEAR_S = 0.004
_ASSUMED_MS = 25.0
# The solver finds paths that have moved by itself; it needs help where the lag has.
_MUTES = 2
_SLEW_PPM = 20.0
_JUMP_S = 0.004
_REPORT_S = 0.1
_LONGEST_HOLE_S = 0.5


def loop_lag(drive: Floats, error: Floats, path: Floats, longest: int) -> int | None:
    """Return by how many samples the error is behind the drive, Ŝ apart; None if unclear.

    Parameters
    ----------
    drive, error : ndarray, shape (n,)
        What was sent and what came back, counted alike.
    path : ndarray, shape (taps,)
        Ŝ.
    longest : int
        Largest lag looked for, samples.

    References
    ----------
    Knapp & Carter (1976), The generalized correlation method for estimation of time delay.
    """
    size = fft.next_fast_len(2 * len(drive), real=True)
    made = fft.rfft(signal.oaconvolve(drive, path)[: len(drive)], size)
    cross = fft.rfft(error, size) * np.conj(made)
    curve = fft.irfft(cross / np.maximum(np.abs(cross), 1e-12 * np.abs(cross).max() + 1e-300), size)
    curve = np.abs(curve[: longest + 1])
    best = int(np.argmax(curve))
    others = curve.copy()
    near = 32
    others[max(0, best - near) : best + near + 1] = 0.0
    return best if curve[best] > _CLEAR * float(others.max()) else None


class LookaheadMode(ModeRunner):
    """Reference over the network, anti-noise back over it, the error later still.

    Everything happens on the clock of the loudspeaker's device: each frame of its error microphone
    asks for one frame of drive, and the reference is played out to that clock. So drive and error
    differ by one lag, whatever networks and buffers it is made of. It is found by a probe; then the
    solver of split control finds the filter and this server applies it (`ServerLoop`). What was
    guessed is not learnt from; after a mute by the guard the lag is measured anew.

    Parameters
    ----------
    around : Surroundings
    device : Device
        With loudspeaker, error microphone and Ŝ.
    """

    mode: ClassVar[Mode] = "lookahead"

    def __init__(self, around: Surroundings, device: Device) -> None:
        super().__init__(around)
        found, ear = around.roster.first("reference"), device.description.binding("error")
        path = device.description.secondary_path_estimate
        if found is None or ear is None or path is None:
            raise AntiphaseError("lookahead needs a reference, an error microphone and Ŝ")
        self.device = device
        self._source, self._ear = found, ear
        self._path = np.asarray(path, np.float64)
        self.fs = device.description.fs
        waits_s = around.settings.lookahead_buffer_ms / 1000
        self._buffer = PlayoutBuffer(self.fs, waits_s, slew_ppm=_SLEW_PPM, jump_s=_JUMP_S)
        self._guide = PlayoutGuide(self.fs)
        self._clock = ClockTracker(self.fs)
        self._due: int | None = None
        self._rng = np.random.default_rng(0xA11)
        self._loop: ServerLoop | None = None
        carried = around.take_carried("lookahead", device)
        self._learnt = None if carried is None else (carried.lag, carried.control_filter)
        self._level = 0.0
        self._parts: list[tuple[Floats, Floats, Floats, Flags]] = []
        self._pending = 0
        self.lag: int | None = None
        """Samples from drive to error, Ŝ apart; None while it is being measured."""
        self._begin()

    def _begin(self) -> None:
        """Measure the lag anew."""
        self.state: Literal["listening", "probing", "running"] = "listening"
        self._probe: Floats = np.zeros(0)
        self._heard: Floats = np.zeros(0)
        if self._loop is not None and self.lag is not None and self._loop.mutes < _MUTES:
            self._learnt = self.lag, self._loop.control_filter
        self.lag = None

    def fits(self) -> bool:
        """Whether the devices are still the same."""
        roster = self.around.roster
        return roster.looper() is self.device and roster.first("reference") == self._source

    def flows(self) -> list[Flow]:
        """Hear reference and error; let listeners hear."""
        device, binding = self._source
        return [
            Flow(device.device_id, binding.track, "hear"),
            Flow(self.device.device_id, self._ear.track, "hear"),
            *listening(self.around.roster),
        ]

    def parameters(self) -> dict[str, Any]:
        """Return whose loudspeaker it is, where the filter runs, and its taps."""
        return {
            "device_id": self.device.device_id,
            "reference": "server",
            "taps": self.device.description.taps,
            "fs": self.fs,
        }

    def knows_the_loop(self) -> bool:
        """Whether the lag has been measured."""
        return self.lag is not None

    def to_carry(self) -> Carried | None:
        """Return the filter in force and the lag that it was found at."""
        loop, key = self._loop, device_key(self.device.description)
        if loop is None or self.lag is None or loop.mutes >= _MUTES:
            return None
        return Carried("lookahead", key, loop.control_filter, self._path, self.lag)

    def delay_ms(self) -> float:
        """Return for how long the reference waits here to be played out."""
        return self.around.settings.lookahead_buffer_ms

    def set_control(self, on: bool, now: float) -> None:
        """Play, or be silent; the filter is kept, but a device that was silent buffers anew."""
        super().set_control(on, now)
        if on:
            self._begin()

    def hear(self, device: Device, mid: str, frame: Frame, now: float) -> None:
        """Take a frame of the reference or of the error microphone."""
        if frame.fs != self.fs:
            return
        if (device.device_id, mid) == (self._source[0].device_id, self._source[1].track):
            line = self._clock.line
            if line is not None and not frame.concealed:
                pcm = frame.finite(self._source[1].channel)
                self._buffer.push(frame.timestamp, line.index_at(now) / self.fs, pcm)
        elif (device.device_id, mid) == (self.device.device_id, self._ear.track):
            if not frame.concealed:
                self._clock.update(frame.timestamp, now)
            self._bridge(frame.timestamp, now)
            error = frame.finite(self._ear.channel)
            self._step(error, frame.timestamp, now, known=not frame.concealed)

    def _bridge(self, timestamp: int, now: float) -> None:
        """Answer frames that never came, so that the drive keeps its count."""
        hole = 0 if self._due is None else timestamp - self._due
        if 0 < hole <= _LONGEST_HOLE_S * self.fs:
            self._step(np.zeros(hole), timestamp - hole, now, known=False)
        elif hole:
            self._begin()

    def _step(self, error: Floats, timestamp: int, now: float, *, known: bool) -> None:
        n = len(error)
        self._due = timestamp + n
        played = self._buffer.pull(n, timestamp / self.fs)
        if self.state == "running":
            drive = self._control(played.signal, error, played.missing, now, known=known)
        else:
            drive = self._measure(error)
        mid = self.device.description.binding("loudspeaker")
        self.around.emit(
            PlayAudio(
                self.device.device_id, "" if mid is None else mid.mid, drive, self.fs, timestamp
            )
        )
        heard = error if known else np.full(n, np.nan)
        self._show(played.signal, drive, heard, ~played.missing)

    def _measure(self, error: Floats) -> Floats:
        """Listen, then play noise below the noise, until the lag is clear."""
        self._heard = np.concatenate([self._heard, error])
        if self.state == "listening":
            if len(self._heard) < _LISTEN_S * self.fs or not self.control:
                self._heard = self._heard[-round(_LISTEN_S * self.fs) :]
                return np.zeros(len(error))
            self._level = 10 ** (_PROBE_DB / 20) * float(np.sqrt(np.mean(self._heard**2)))
            reach = max(float(np.sqrt(np.sum(self._path**2))), 1e-6)
            self._level = min(self._level / reach, 0.1 * self.around.settings.limit)
            self._heard = np.zeros(0)
            self.state = "probing"
            return np.zeros(len(error))
        if len(self._probe) >= _PROBE_S * self.fs and self._found():
            return np.zeros(len(error))
        noise = self._level * self._rng.standard_normal(len(error))
        self._probe = np.concatenate([self._probe, noise])
        return noise

    def _found(self) -> bool:
        """Look for the lag; start control where it is clear, begin anew where it stays hidden."""
        n = min(len(self._probe), len(self._heard))
        longest = round(_LONGEST_LAG_S * self.fs)
        lag = loop_lag(self._probe[:n], self._heard[:n], self._path, longest)
        if lag is not None:
            self._start(lag)
            return True
        if len(self._probe) >= _LONGEST_PROBE_S * self.fs:
            self._begin()
            return True
        return False

    def _start(self, lag: int) -> None:
        learnt, self._learnt = self._learnt, None
        self._loop = ServerLoop(
            self.around.pool,
            self.device.description.taps,
            self._path,
            reach=reach(self._path, self.around.margin_ms() or _ASSUMED_MS, self.fs),
            lag=lag,
            fs=self.fs,
            limit=self.around.settings.limit,
            settings=self.around.settings.forwarded,
            learnt=None if learnt is None else _later(learnt[1], learnt[0] - lag),
            longest_s=self.around.settings.longest_interval_s,
            misses=self.around.misses,
        )
        self.lag, self.state = lag, "running"
        self.around.meter.reset(self.fs, np.concatenate([np.zeros(lag), self._loop.path]))

    def _control(
        self, x: Floats, error: Floats, missing: Flags, now: float, *, known: bool
    ) -> Floats:
        loop = self._loop
        if loop is None or not self.control:
            return np.zeros(len(error))
        path, drive = loop.path, loop.process(x, error, missing, known=known, now=now)
        if loop.path is not path:
            self.around.meter.set_path(np.concatenate([np.zeros(loop.lag), loop.path]))
        if loop.mutes >= _MUTES:
            self._begin()
        return drive

    def _show(self, x: Floats, drive: Floats, error: Floats, explained: Flags) -> None:
        """Let the meter have a tenth of a second at a time."""
        self._parts.append((x, drive, error, explained))
        self._pending += len(x)
        if self._pending >= _REPORT_S * self.fs:
            parts, self._parts, self._pending = self._parts, [], 0
            self.around.meter.take(*(np.concatenate(part) for part in zip(*parts, strict=True)))
            self._steer()

    def _steer(self) -> None:
        """Keep the lag of the reference: by the sound where it tells one lag from others."""
        line = self._buffer.tracker.line
        clock = self.around.roster.clock_of_reference(self.device)
        if line is None or not np.isfinite(line.error_ppm):
            return
        if self.lag is None or self.around.margin_ms() is None:
            answer = self._guide.hold(clock)
        else:
            rate = 1e6 * (self._buffer.rate - 1)
            self._guide.told({"rate_ppm": rate, "jumps": self._buffer.jumps})
            x, _, _, disturbance = self.around.meter.window(_REPORT_S)
            answer = self._guide.take(x, disturbance, clock)
        if self._guide.has_moved():
            self.around.meter.doubt()
        if answer is not None:
            self._buffer.guide_ppm = answer["rate_ppm"]
            if answer["skip"]:
                self._buffer.skip(answer["skip"])


def _later(taps: Floats, by: int) -> Floats:
    """Return a filter moved by so many samples, negative: earlier; what falls off is lost."""
    moved = np.zeros(len(taps))
    if abs(by) < len(taps):
        moved[max(0, by) : len(taps) + min(0, by)] = taps[max(0, -by) : len(taps) - max(0, by)]
    return moved
