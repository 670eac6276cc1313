"""From packets to a steady stream on the receiver's clock, always equally late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.dsp import SincInterpolator
from antiphase.errors import SignalError, require
from antiphase.sync.clock import ClockTracker
from antiphase.sync.concealment import Fill, fill_gap

__all__ = ["Played", "PlayoutBuffer"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_UNKNOWN, _REAL, _GUESSED = 0, 1, 2
_LONGEST_GAP_S = 0.06
_HISTORY_S = 0.15
# Time in which a small error of position is worked off.
_SETTLE_S = 3.0
# So long a row of packets that are all too late is a way that has become longer, not jitter.
_LATE_IN_A_ROW_S = 0.3


@dataclass(frozen=True)
class Played:
    """A block on the receiver's clock.

    Attributes
    ----------
    signal : ndarray, shape (n,)
    missing : ndarray of bool, shape (n,)
        True where there was no sample in time and it had to be guessed.
    """

    signal: Floats
    missing: Flags


class PlayoutBuffer:
    """Jitter buffer that resamples to the receiver's clock.

    Each sample of the sender is played `delay_s` after the earliest time at which it could have
    arrived: late packets have until then. The position moves at the sender's rate as the
    `ClockTracker` knows it; a difference from where it should be is worked off at no more than
    `slew_ppm`, since a filter that adapts follows slow changes only, and taken in one jump when it
    exceeds `jump_s` (a step that the tracker has confirmed). With `guide_ppm` set the position
    moves at that rate whatever the timestamps say, until packets are late for 0.3 s without pause.

    Parameters
    ----------
    fs : float
        Nominal rate of both clocks, Hz, > 0.
    delay_s : float
        > 0; the interpolator needs ``half_width / fs`` of it.
    fill : {"predict", "zero"}
        What to play where samples are missing.
    order : int
        Of the predictor, ≥ 1.
    compensate : bool
        False: never resample, as a receiver that trusts its own clock.
    half_width, bandwidth
        Of the interpolator, see `dsp.SincInterpolator`.
    slew_ppm : float
        ≥ 0.
    jump_s : float
        > 0.
    tracker : ClockTracker, optional
        By default a new one.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(
        self,
        fs: float,
        delay_s: float,
        *,
        fill: Fill = "predict",
        order: int = 64,
        compensate: bool = True,
        half_width: int = 16,
        bandwidth: float = 0.8,
        slew_ppm: float = 1.0,
        jump_s: float = 0.001,
        capacity_s: float = 2.0,
        tracker: ClockTracker | None = None,
    ) -> None:
        require(fs > 0, "fs", fs, "> 0 Hz")
        least = half_width / fs
        require(delay_s >= least, "delay_s", delay_s, f"≥ {least:g} s for half_width={half_width}")
        require(fill in {"zero", "predict"}, "fill", fill, "'zero' or 'predict'")
        require(order >= 1, "order", order, "≥ 1")
        require(slew_ppm >= 0, "slew_ppm", slew_ppm, "≥ 0 ppm")
        require(jump_s > 0, "jump_s", jump_s, "> 0 s")
        require(capacity_s > 2 * delay_s, "capacity_s", capacity_s, f"> {2 * delay_s:g} s")
        self.tracker = ClockTracker(fs) if tracker is None else tracker
        self._fs = fs
        self._delay_s = delay_s
        self._fill: Fill = fill
        self._order = order
        self._compensate = compensate
        self._interpolator = SincInterpolator(half_width, bandwidth)
        self._slew = slew_ppm * 1e-6
        self._jump = jump_s * fs
        self._size = 1 << int(np.ceil(np.log2(capacity_s * fs)))
        self.reset()

    def reset(self) -> None:
        """Forget the stream (and the clock)."""
        self.tracker.reset()
        self._values: Floats = np.zeros(self._size)
        self._kinds = np.zeros(self._size, dtype=np.int8)
        self._end = 0
        self._position: float | None = None
        self._shift = 0.0
        self._rate = 1.0
        self.guide_ppm: float | None = None
        """Rate re nominal that alignment by audio asks for; None follows the timestamps."""
        self._late_s = 0.0
        self.late = 0
        """Packets that came after they were due."""
        self.jumps = 0
        """Times the position was moved at once."""

    @property
    def rate(self) -> float:
        """Sender samples per receiver sample in the last block."""
        return self._rate

    @property
    def position(self) -> float | None:
        """Sender index that is played next; None before the first packet."""
        return self._position

    def skip(self, samples: float) -> None:
        """Go ahead by so many samples at once (negative: back), as alignment by audio asks."""
        if self._position is not None:
            self._position += samples
            self._shift += samples
            self.jumps += 1

    def push(self, timestamp: int, arrival_s: float, samples: npt.ArrayLike) -> None:
        """Take a packet, in order of arrival.

        Parameters
        ----------
        timestamp : int
            The sender's index of the first sample, ≥ 0, not wrapped.
        arrival_s : float
            On the receiver's clock.
        samples : array_like, shape (frame,)

        Raises
        ------
        SignalError
            If it is longer than the buffer or not one finite channel.
        """
        frame = as_signal("samples", samples, channels=1)
        if len(frame) > self._size // 2:
            raise SignalError(f"a packet of {len(frame)} samples is longer than the buffer")
        self.tracker.update(timestamp, arrival_s)
        end = timestamp + len(frame)
        if self._position is not None and end <= self._position:
            self.late += 1
            self._late_s += len(frame) / self._fs
            if self.guide_ppm is not None and self._late_s >= _LATE_IN_A_ROW_S:
                self._position, self.guide_ppm, self._shift = None, None, 0.0
                self.jumps += 1
            return
        self._late_s = 0.0
        if end > self._end:
            fresh = np.arange(max(self._end, end - self._size), end) % self._size
            self._values[fresh] = 0.0
            self._kinds[fresh] = _UNKNOWN
            self._end = end
        at = np.arange(timestamp, end) % self._size
        self._values[at] = frame
        self._kinds[at] = _REAL

    def pull(self, n: int, time_s: float) -> Played:
        """Return the n samples to be played from `time_s` on (receiver's clock); call in order.

        Raises
        ------
        ParameterError
            If `n` is longer than half the buffer or below 1.
        """
        require(1 <= n <= self._size // 2, "n", n, f"in [1, {self._size // 2}]")
        if self.tracker.line is None:
            return Played(np.zeros(n), np.ones(n, dtype=bool))
        self._steer(time_s)
        position = float(self._position or 0.0) + self._rate * np.arange(n)
        self._position = float(self._position or 0.0) + self._rate * n
        whole = np.floor(position).astype(np.int64)
        half = self._interpolator.half_width
        start, stop = int(whole[0]) - half + 1, int(whole[-1]) + half + 1
        self._conceal(start, stop)
        at = np.arange(start, stop) % self._size
        inside = (np.arange(start, stop) >= max(0, self._end - self._size)) & (
            np.arange(start, stop) < self._end
        )
        values = np.where(inside, self._values[at], 0.0)
        kinds = np.where(inside, self._kinds[at], _UNKNOWN)
        signal = self._interpolator.at(values[:, None], whole - start, position - whole)[:, 0]
        nearest = np.rint(position).astype(np.int64) - start
        return Played(signal, kinds[nearest] != _REAL)

    def _steer(self, time_s: float) -> None:
        line = self.tracker.line
        if line is None:
            return
        aim = line.index_at(time_s - self._delay_s) + self._shift
        if self._position is None:
            self._position = aim
        if not self._compensate:
            self._rate = 1.0
            return
        if self.guide_ppm is not None:
            self._rate = 1 + 1e-6 * self.guide_ppm
            self._shift += self._position - aim
            return
        error = aim - self._position
        # Until the clock is known nothing has adapted yet that a jump could disturb.
        jump = self._jump if np.isfinite(line.error_ppm) else self._jump / 8
        if abs(error) > jump:
            self._position = aim
            self.jumps += 1
            error = 0.0
        correction = float(np.clip(error / (_SETTLE_S * self._fs), -self._slew, self._slew))
        self._rate = 1 / (line.period_s * self._fs) + correction

    def _conceal(self, start: int, stop: int) -> None:
        """Guess the samples in a range that are not there; a gap is filled as far as it goes."""
        if self._fill == "zero":
            return
        start = max(start, 0, self._end - self._size)
        longest = round(_LONGEST_GAP_S * self._fs)
        if stop > self._end:
            fresh = np.arange(self._end, stop) % self._size
            self._values[fresh] = 0.0
            self._kinds[fresh] = _UNKNOWN
            self._end = stop
        kinds = self._kinds[np.arange(start, stop) % self._size]
        unknown = np.flatnonzero(kinds == _UNKNOWN)
        while len(unknown):
            first = start + int(unknown[0])
            ahead = np.arange(first, min(first + longest, self._end))
            known = np.flatnonzero(self._kinds[ahead % self._size] == _REAL)
            length = int(known[0]) if len(known) else min(stop - first, longest)
            self._guess(first, length, followed=bool(len(known)))
            unknown = unknown[unknown >= first + length - start]

    def _guess(self, first: int, n: int, *, followed: bool) -> None:
        oldest = max(0, self._end - self._size, first - round(_HISTORY_S * self._fs))
        before = self._values[np.arange(oldest, first) % self._size]
        after: Floats = np.zeros(0)
        if followed:
            ahead = np.arange(first + n, min(first + n + self._order, self._end)) % self._size
            real = self._kinds[ahead] == _REAL
            count = len(real) if real.all() else int(np.argmin(real))
            after = self._values[ahead[:count]]
        at = np.arange(first, first + n) % self._size
        self._values[at] = fill_gap(before, n, after, order=self._order)
        self._kinds[at] = _GUESSED
