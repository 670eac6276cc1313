"""Delays: whole samples, fractions of a sample, and delays that move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.dsp.fir import FIRFilter
from antiphase.dsp.interpolate import (
    SincInterpolator,
    kaiser_beta,
    sinc_accuracy_db,
    windowed_sinc,
)
from antiphase.dsp.stream import Floats, as_block
from antiphase.errors import SignalError, require

__all__ = [
    "FractionalDelay",
    "IntegerDelay",
    "VariableDelay",
    "lagrange_delay_taps",
    "sinc_delay_taps",
]


def sinc_delay_taps(delay: float, *, half_width: int = 32, bandwidth: float = 0.9) -> Floats:
    """Return an impulse response that delays by a fraction of a sample.

    ``h[n] = sinc(n − delay)·kaiser``. The complex error against ``exp(−jω·delay)`` stays below
    −`sinc_accuracy_db(half_width, bandwidth)` (−92 dB for the defaults, at best −114 dB) up to
    `bandwidth` times the Nyquist frequency, for delays ≥ `half_width`; for shorter ones the
    part before time 0 is cut off and the error grows.

    Parameters
    ----------
    delay : float
        In samples, ≥ 0.
    half_width : int
        Samples used on either side of the delay, at least 1.
    bandwidth : float
        As a share of the Nyquist frequency, in (0, 1).

    Returns
    -------
    ndarray, shape (⌊delay⌋ + half_width + 1,)
        A whole delay gives a single tap of 1 among zeros.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Laakso, Välimäki, Karjalainen & Laine (1996), Splitting the unit delay.
    """
    require(delay >= 0, "delay", delay, "≥ 0 samples")
    beta = kaiser_beta(half_width, bandwidth)
    offsets = np.arange(int(delay) + half_width + 1, dtype=np.float64) - delay
    return windowed_sinc(offsets, half_width, beta)


def lagrange_delay_taps(delay: float, order: int = 3) -> Floats:
    """Return an impulse response that delays by Lagrange interpolation.

    ``h[n] = Π_{k≠n} (delay − k) / (n − k)``, k = 0…order. Maximally flat at 0 Hz; short, with an
    error that grows with frequency: with order 3 and ``delay`` = 1.5 below −70 dB up to 0.05 and
    −25 dB up to 0.2 of the sample rate.

    Parameters
    ----------
    delay : float
        In samples, in [(order − 1)/2, (order + 1)/2], where the interpolator is passive.
    order : int
        At least 1.

    Returns
    -------
    ndarray, shape (order + 1,)

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Laakso, Välimäki, Karjalainen & Laine (1996), Splitting the unit delay.
    """
    require(order >= 1, "order", order, "at least 1")
    low, high = (order - 1) / 2, (order + 1) / 2
    require(low <= delay <= high, "delay", delay, f"in [{low:g}, {high:g}] for order {order}")
    k = np.arange(order + 1)
    taps = np.ones(order + 1)
    for n in range(order + 1):
        others = k[k != n]
        taps[n] = np.prod((delay - others) / (n - others))
    return taps


class IntegerDelay:
    """Delay by whole samples.

    Parameters
    ----------
    delay : int
        In samples, ≥ 0.
    channels : int

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(self, delay: int, *, channels: int = 1) -> None:
        require(delay >= 0, "delay", delay, "≥ 0 samples")
        require(channels >= 1, "channels", channels, "at least 1")
        self._history: Floats = np.zeros((delay, channels))

    @property
    def latency(self) -> int:
        """The delay in samples."""
        return len(self._history)

    def reset(self) -> None:
        """Forget all history."""
        self._history = np.zeros_like(self._history)

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Return the frames that came `latency` samples earlier, of the block's shape.

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite.
        """
        block, flat = as_block(signal, self._history.shape[1])
        joined = np.concatenate([self._history, block])
        self._history = joined[len(block) :]
        result = joined[: len(block)]
        return result[:, 0] if flat else result


class FractionalDelay:
    """Fixed delay in fractions of a sample, by a windowed sinc (see `sinc_delay_taps`).

    Parameters
    ----------
    delay : float
        In samples, ≥ `half_width` so that the stated accuracy holds.
    half_width, bandwidth
        As for `sinc_delay_taps`.
    channels : int

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(
        self, delay: float, *, half_width: int = 32, bandwidth: float = 0.9, channels: int = 1
    ) -> None:
        require(delay >= half_width, "delay", delay, f"≥ half_width={half_width} samples")
        self._delay = float(delay)
        self._accuracy_db = sinc_accuracy_db(half_width, bandwidth)
        taps = sinc_delay_taps(delay, half_width=half_width, bandwidth=bandwidth)
        lead = int(delay) - half_width
        self._line = IntegerDelay(lead, channels=channels)
        self._filter = FIRFilter(taps[lead:], channels=channels)

    @property
    def delay(self) -> float:
        """The delay in samples."""
        return self._delay

    @property
    def accuracy_db(self) -> float:
        """Level of the largest complex error below the signal, within the bandwidth."""
        return self._accuracy_db

    @property
    def latency(self) -> int:
        """The delay in samples, rounded."""
        return round(self._delay)

    def reset(self) -> None:
        """Forget all history."""
        self._line.reset()
        self._filter.reset()

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Return the delayed frames, of the block's shape.

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite.
        """
        return self._filter.process(self._line.process(signal))


class VariableDelay:
    """Delay that may differ for each frame: moving sources, clock drift, wind.

    ``y[n] = x(n − delay[n])`` with x(t) the band-limited signal; the Doppler shift follows from
    the motion. Bandwidth and accuracy as for `SincInterpolator`.

    Parameters
    ----------
    max_delay : float
        Longest delay that will be asked for, in samples.
    half_width : int
        Shortest delay that can be asked for (the interpolation needs that many frames ahead).
    bandwidth : float
        As a share of the Nyquist frequency, in (0, 1).
    channels : int

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(
        self,
        max_delay: float,
        *,
        half_width: int = 32,
        bandwidth: float = 0.9,
        channels: int = 1,
    ) -> None:
        require(max_delay >= half_width, "max_delay", max_delay, f"≥ half_width={half_width}")
        require(channels >= 1, "channels", channels, "at least 1")
        self._interpolator = SincInterpolator(half_width, bandwidth)
        self._max_delay = float(max_delay)
        self._history: Floats = np.zeros((int(np.ceil(max_delay)) + half_width, channels))

    @property
    def latency(self) -> int:
        """Shortest delay that can be asked for, in samples."""
        return self._interpolator.half_width

    @property
    def max_delay(self) -> float:
        """Longest delay that can be asked for, in samples."""
        return self._max_delay

    def reset(self) -> None:
        """Forget all history."""
        self._history = np.zeros_like(self._history)

    def process(self, signal: npt.ArrayLike, delay: npt.ArrayLike) -> Floats:
        """Return the delayed frames, of the block's shape.

        Parameters
        ----------
        signal : array_like, shape (n,) or (n, channels)
        delay : array_like, shape () or (n,)
            In samples, in [`latency`, `max_delay`].

        Raises
        ------
        ParameterError
            If a delay is outside its range.
        SignalError
            If a shape does not fit or a sample is not finite.
        """
        block, flat = as_block(signal, self._history.shape[1])
        delays = np.asarray(delay, dtype=np.float64)
        if delays.shape not in {(), (len(block),)}:
            raise SignalError(f"delay has shape {delays.shape} but must be () or ({len(block)},)")
        if not len(block):
            return np.zeros_like(block[:, 0]) if flat else block
        low, high = float(delays.min()), float(delays.max())
        require(low >= self.latency, "delay", low, f"≥ {self.latency} samples")
        require(high <= self._max_delay, "delay", high, f"≤ max_delay={self._max_delay:g}")
        joined = np.concatenate([self._history, block])
        instants = len(self._history) + np.arange(len(block)) - delays
        whole = np.floor(instants).astype(np.int64)
        result = self._interpolator.at(joined, whole, instants - whole)
        self._history = joined[len(block) :]
        return result[:, 0] if flat else result
