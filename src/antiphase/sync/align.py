"""Alignment read from the audio itself: how the lag between two recordings moves.

The cross-spectrum of reference and disturbance holds the path between them and the lag. When the
lag moves and the path does not, one cross-spectrum over an earlier one leaves the movement alone:
the path, with all its echoes, cancels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require
from antiphase.sync.clock import ClockLine

__all__ = ["LagChange", "LagTracker", "SyncLoop"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

_FINE = 4
# Share of the strongest cross-spectrum below which a frequency tells nothing.
_WEAK = 1e-4
# Errors of timestamps up to this size are worth listening to.
_TOLD_PPM = 100.0


@dataclass(frozen=True)
class LagChange:
    """How much later the disturbance follows the reference than at the start.

    Attributes
    ----------
    samples : float
        Positive: the reference comes earlier, relative to the disturbance, than it did.
    clarity : float
        In [0, 1]: 1 where all frequencies agree; below .5 the path itself has changed.
    error : float
        Standard error of `samples`, from how far the frequencies disagree.
    """

    samples: float
    clarity: float
    error: float = 0.0


class LagTracker:
    """Follows the lag between reference and disturbance to hundredths of a sample.

    Segments of `segment` samples with half overlap give cross-spectra, averaged over the newest
    `average` of them (G). Against the anchor G_0, likewise averaged from the segments before,
    each moved back by the lag known then: ``G·conj(G_0)/|G_0|`` is transformed (GCC-PHAT of the
    change), the highest peak within `max_lag` gives whole samples, and the weighted slope of the
    remaining phase the rest.

    Parameters
    ----------
    segment : int
        Samples per segment, at least 64; longer than the path.
    average : int
        Segments averaged, at least 1.
    max_lag : int
        Largest change looked for in one go, samples, in [1, segment / 2].
    least_clarity : float
        In [0, 1): below, the change is not believed and the anchor is taken anew.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Knapp & Carter (1976), The generalized correlation method for estimation of time delay.
    Piersol (1981), Time delay estimation using phase data.
    """

    def __init__(
        self,
        *,
        segment: int = 2048,
        average: int = 4,
        max_lag: int = 256,
        least_clarity: float = 0.4,
    ) -> None:
        require(segment >= 64, "segment", segment, "at least 64")
        require(average >= 1, "average", average, "at least 1")
        require(1 <= max_lag <= segment // 2, "max_lag", max_lag, f"in [1, {segment // 2}]")
        require(0 <= least_clarity < 1, "least_clarity", least_clarity, "in [0, 1)")
        self._segment = segment
        self._average = average
        self._max_lag = max_lag
        self._least = least_clarity
        self._window = np.hanning(segment + 2)[1:-1]
        self._omega = 2 * np.pi * np.arange(segment // 2 + 1) / segment
        self.reset()

    @property
    def hop(self) -> int:
        """Samples from one estimate to the next."""
        return self._segment // 2

    def reset(self) -> None:
        """Forget all, the anchor too."""
        self._reference: Floats = np.zeros(0)
        self._disturbance: Floats = np.zeros(0)
        self._recent: list[Complexes] = []
        self._anchor: Complexes = np.zeros(self._segment // 2 + 1, dtype=np.complex128)
        self._anchored = 0
        self._doubts = 0
        self._lag = 0.0
        self._lags: list[float] = []

    def process(self, reference: npt.ArrayLike, disturbance: npt.ArrayLike) -> list[LagChange]:
        """Take the next samples of both and return an estimate for each segment completed.

        Raises
        ------
        SignalError
            If the lengths differ or a value is not finite.
        """
        x = as_signal("reference", reference, channels=1)
        d = as_signal("disturbance", disturbance, channels=1)
        if len(x) != len(d):
            raise SignalError(f"disturbance has {len(d)} frames but reference has {len(x)}")
        self._reference = np.concatenate([self._reference, x])
        self._disturbance = np.concatenate([self._disturbance, d])
        found = []
        while len(self._reference) >= self._segment:
            spectra = (
                fft.rfft(self._window * signal[: self._segment])
                for signal in (self._reference, self._disturbance)
            )
            heard, felt = spectra
            change = self._take(np.asarray(felt * np.conj(heard)))
            if change is not None:
                found.append(change)
            self._reference = self._reference[self.hop :]
            self._disturbance = self._disturbance[self.hop :]
        return found

    def _take(self, cross: Complexes) -> LagChange | None:
        self._recent.append(cross)
        if len(self._recent) > self._average:
            oldest = self._recent.pop(0)
            self._anchor += oldest * np.exp(1j * self._omega * self._lag_then())
            self._anchored += 1
        if self._anchored < self._average:
            return None
        change = self._compare(np.sum(self._recent, axis=0))
        if change.clarity >= self._least:
            self._doubts = 0
            self._lag = change.samples
            self._lags = [*self._lags[-self._average - 1 :], self._lag]
        else:
            self._doubts += 1
            if self._doubts >= 2 * self._average:
                self._anchor[:] = 0.0
                self._anchored = 0
                self._doubts = 0
        # Old segments fade, so that a path that changes slowly is followed.
        self._anchor *= 1 - 1 / (16 * self._average)
        return change

    def _lag_then(self) -> float:
        """Return the lag of the segment that leaves the average; an estimate is for its middle."""
        ago = (self._average + 1) / 2
        at = np.arange(len(self._lags), 0, -1)
        return float(np.interp(-ago, -at, self._lags)) if self._lags else 0.0

    def _compare(self, cross: Complexes) -> LagChange:
        strength = np.abs(cross) * np.abs(self._anchor)
        peak = float(strength.max())
        if peak == 0:
            return LagChange(self._lag, 0.0)
        weight = np.where(strength > _WEAK * peak, strength, 0.0) ** 0.25
        phase = cross * np.conj(self._anchor)
        unit = np.where(weight > 0, phase / np.where(strength > 0, strength, 1.0), 0.0)
        # The search is centred on the lag known, the fine part on what the search found.
        centred = unit * np.exp(1j * self._omega * self._lag)
        curve = fft.irfft(weight * centred, _FINE * self._segment)
        lags = np.arange(-_FINE * self._max_lag, _FINE * self._max_lag + 1)
        best = float(lags[int(np.argmax(curve[lags]))]) / _FINE
        power = weight * self._omega**2
        for _ in range(2):
            angle = np.angle(centred * np.exp(1j * self._omega * best))
            best -= float(np.sum(weight * self._omega * angle) / np.sum(power))
        left = centred * np.exp(1j * self._omega * best)
        clarity = float(np.abs(np.sum(weight * left).real) / np.sum(weight))
        scatter = np.linalg.norm(weight * self._omega * np.angle(left))
        return LagChange(self._lag + best, clarity, float(scatter / np.sum(power)))


class SyncLoop:
    """Turns lag changes into the rate at which a stream must be played, a loop of second order.

    With L the lag in samples, σ its standard error and H the samples between estimates:

    ``s = L² / (L² + 4σ²)``, ``g = gain·s``,
    ``drift ← drift − g²/4·L/H + trust·(1 − s)·(drift told by timestamps − drift)``,
    ``rate = drift − g·L/H`` (critically damped for s = 1).

    A lag that may be noise of the estimate moves little and leaves the drift to the timestamps,
    which know a steady one better than sound does; a lag that can't be noise is corrected fast and
    overrules them, as they learn of a changed drift seconds later. Clocks that differ leave no lag.
    Unclear estimates leave the drift as it is, lags above `jump` samples are to be taken at once.

    Parameters
    ----------
    hop : int
        Samples between estimates (`LagTracker.hop`), at least 1.
    drift_ppm : float
        What timestamps told, to start with.
    gain : float
        Share of a certain lag corrected until the next estimate, in (0, .5]; an estimate is some
        hops old, so that a faster loop would swing.
    trust : float
        Share of the difference to the timestamps taken per estimate, in [0, 1].
    jump : float
        Samples, > 0; about what a buffer slips by at least.
    least_clarity : float
        In [0, 1].

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Gardner (2005), Phaselock Techniques, ch. 2.
    """

    def __init__(
        self,
        hop: int,
        *,
        drift_ppm: float = 0.0,
        gain: float = 0.3,
        trust: float = 0.3,
        jump: float = 12.0,
        least_clarity: float = 0.4,
    ) -> None:
        require(hop >= 1, "hop", hop, "at least 1")
        require(0 < gain <= 0.5, "gain", gain, "in (0, .5]")
        require(0 <= trust <= 1, "trust", trust, "in [0, 1]")
        require(jump > 0, "jump", jump, "> 0 samples")
        require(0 <= least_clarity <= 1, "least_clarity", least_clarity, "in [0, 1]")
        self._hop = hop
        self._gain = gain
        self._trust = trust
        self._jump = jump
        self._least = least_clarity
        self._drift = drift_ppm
        self._rate = drift_ppm

    @property
    def drift_ppm(self) -> float:
        """How much faster the sender's clock runs."""
        return self._drift

    @property
    def rate_ppm(self) -> float:
        """Rate to play at, re nominal: the drift and what works off the lag."""
        return self._rate

    def update(self, change: LagChange, line: ClockLine | None = None) -> float:
        """Take an estimate; return samples to skip at once (negative: to repeat), mostly 0.

        Parameters
        ----------
        change : LagChange
        line : ClockLine, optional
            What timestamps tell of the same clock (`ClockTracker.line`).
        """
        if change.clarity < self._least:
            self._rate = self._drift
            return 0.0
        if abs(change.samples) > self._jump:
            self._rate = self._drift
            return -change.samples
        power = change.samples**2
        sure = power / (power + 4 * change.error**2) if power else 0.0
        if line is not None and line.error_ppm < _TOLD_PPM:
            self._drift += self._trust * (1 - sure) * (line.drift_ppm - self._drift)
        gain = self._gain * sure
        push = 1e6 * gain * change.samples / self._hop
        self._drift -= gain / 4 * push
        self._rate = self._drift - push
        return 0.0
