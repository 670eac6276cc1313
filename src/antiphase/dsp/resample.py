"""Streaming change of the sample rate: rational ratios, and ratios that follow a drifting clock."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal

from antiphase.arrays import as_signal
from antiphase.dsp.interpolate import SincInterpolator
from antiphase.dsp.response import group_delay, minimum_phase
from antiphase.dsp.stream import Floats, as_block
from antiphase.errors import require

__all__ = ["DriftResampler", "PolyphaseResampler", "rate_ratio", "resample"]

_MAX_FACTOR = 1024
# Positions are integers in units of 2^-40 sample: the same for any split, 1e-6 ppm fine.
_FRACTION_BITS = 40


def rate_ratio(fs_in: float, fs_out: float) -> tuple[int, int]:
    """Return (up, down) in lowest terms with ``fs_out / fs_in = up / down``.

    Raises
    ------
    ParameterError
        If a rate is not positive or the ratio needs a factor above 1024 (use `DriftResampler`).
    """
    require(fs_in > 0, "fs_in", fs_in, "> 0 Hz")
    require(fs_out > 0, "fs_out", fs_out, "> 0 Hz")
    ratio = Fraction(fs_out).limit_denominator(1000) / Fraction(fs_in).limit_denominator(1000)
    small = max(ratio.numerator, ratio.denominator) <= _MAX_FACTOR
    require(small, "fs_out/fs_in", str(ratio), f"a ratio of integers up to {_MAX_FACTOR}")
    return ratio.numerator, ratio.denominator


class PolyphaseResampler:
    """Rational sample-rate converter: ``fs_out = fs_in · up / down``.

    Zero-stuffing by `up`, a Kaiser-windowed low-pass, keeping each `down`-th sample, evaluated
    only where needed. Passband: up to `bandwidth` times the lower Nyquist frequency f_N, ripple
    below ``10^(−attenuation_db/20)``. Stopband: from ``(2 − bandwidth)·f_N`` on, so what folds
    back lands above the passband.

    Parameters
    ----------
    up, down : int
        At least 1, at most 1024; brought to lowest terms.
    bandwidth : float
        In (0, 1).
    attenuation_db : float
        In [20, 140].
    phase : {"linear", "minimum"}
        "linear" delays all frequencies alike; "minimum" has the least delay that this magnitude
        allows, for loops where each millisecond counts, at the price of phase that bends towards
        the band's end.
    channels : int

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Crochiere & Rabiner (1983), Multirate Digital Signal Processing, ch. 2 and 4.
    """

    def __init__(
        self,
        up: int,
        down: int,
        *,
        bandwidth: float = 0.9,
        attenuation_db: float = 90.0,
        phase: Literal["linear", "minimum"] = "linear",
        channels: int = 1,
    ) -> None:
        require(1 <= up <= _MAX_FACTOR, "up", up, f"in [1, {_MAX_FACTOR}]")
        require(1 <= down <= _MAX_FACTOR, "down", down, f"in [1, {_MAX_FACTOR}]")
        require(0 < bandwidth < 1, "bandwidth", bandwidth, "in (0, 1)")
        require(20 <= attenuation_db <= 140, "attenuation_db", attenuation_db, "in [20, 140]")
        require(phase in {"linear", "minimum"}, "phase", phase, "'linear' or 'minimum'")
        require(channels >= 1, "channels", channels, "at least 1")
        ratio = Fraction(up, down)
        self._up, self._down = ratio.numerator, ratio.denominator
        self._channels = channels
        self._taps = self._design(bandwidth, attenuation_db)
        self._delay = (len(self._taps) - 1) / 2 / self._down
        if phase == "minimum" and len(self._taps) > 1:
            size = max(1 << 19, 1 << (16 * len(self._taps)).bit_length())
            self._taps = self._up * minimum_phase(self._taps / self._up, n_fft=size)
            at_zero = group_delay(self._taps, 1.0, frequency_hz=np.zeros(1))[0]
            self._delay = float(at_zero) / self._down
        self._reach = -(-len(self._taps) // self._up) - 1
        self.reset()

    def _design(self, bandwidth: float, attenuation_db: float) -> Floats:
        larger = max(self._up, self._down)
        if larger == 1:
            return np.ones(1)
        n_taps, beta = scipy_signal.kaiserord(attenuation_db, 2 * (1 - bandwidth) / larger)
        # A delay of whole output samples keeps input and output aligned.
        half = -(-n_taps // 2 // self._down) * self._down
        taps: Floats = scipy_signal.firwin(2 * half + 1, 1 / larger, window=("kaiser", beta))
        return self._up * taps

    @property
    def up(self) -> int:
        """Interpolation factor in lowest terms."""
        return self._up

    @property
    def down(self) -> int:
        """Decimation factor in lowest terms."""
        return self._down

    @property
    def delay(self) -> float:
        """Delay in output samples; for minimum phase the group delay at 0 Hz."""
        return self._delay

    @property
    def latency(self) -> int:
        """Delay in output samples, rounded (exact for linear phase)."""
        return round(self._delay)

    def reset(self) -> None:
        """Forget all history and start at time 0."""
        self._history: Floats = np.zeros((self._reach, self._channels))
        # Upsampled time of the next output, counted from the next input frame.
        self._next = 0

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Take the next frames and return those output frames that are due.

        Parameters
        ----------
        signal : array_like, shape (n,) or (n, channels)

        Returns
        -------
        ndarray of float64, shape (m,) or (m, channels)
            ``⌈n_total·up/down⌉`` frames over all calls.

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite; the history stays as it was.
        """
        block, flat = as_block(signal, self._channels)
        joined = np.concatenate([self._history, block])
        end = len(block) * self._up
        count = max(0, -(-(end - self._next) // self._down))
        result = np.zeros((0, self._channels))
        if count:
            # Outputs lie at first + k·down from the start of `joined`; zeros before the taps
            # shift the grid of upfirdn onto them.
            first = self._reach * self._up + self._next
            shift = -first % self._down
            taps = np.concatenate([np.zeros(shift), self._taps])
            lead = (first + shift) // self._down
            full = scipy_signal.upfirdn(taps, joined, self._up, self._down, axis=0)
            result = full[lead : lead + count]
        self._next += count * self._down - end
        self._history = joined[len(joined) - self._reach :]
        return result[:, 0] if flat else result


class DriftResampler:
    """Converter whose ratio can be steered while it runs, to follow a drifting clock.

    Each output frame is the band-limited signal at its instant (`SincInterpolator`); instants
    advance by ``1 / ratio`` input samples. Positions are kept as integers, so any split into
    blocks gives the same output and nothing creeps over days.

    Parameters
    ----------
    ratio : float
        Nominal output rate over input rate, in [1/16, 16].
    max_deviation_ppm : float
        How far `ratio` may be steered from the nominal one, in (0, 100 000].
    half_width : int
        Input samples used on either side (for ratios below 1: that many output samples).
    bandwidth : float
        As a share of the lower Nyquist frequency, in (0, 1).
    channels : int

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(
        self,
        ratio: float = 1.0,
        *,
        max_deviation_ppm: float = 2000.0,
        half_width: int = 32,
        bandwidth: float = 0.9,
        channels: int = 1,
    ) -> None:
        require(1 / 16 <= ratio <= 16, "ratio", ratio, "in [1/16, 16]")
        ok = 0 < max_deviation_ppm <= 1e5
        require(ok, "max_deviation_ppm", max_deviation_ppm, "in (0, 100000]")
        require(channels >= 1, "channels", channels, "at least 1")
        # Near 1 the band above `bandwidth` gives room enough; no need to narrow the filter.
        cutoff = 1.0 if ratio >= 0.99 else ratio
        width = int(np.ceil(half_width / cutoff))
        self._interpolator = SincInterpolator(width, bandwidth, cutoff=cutoff)
        self._nominal = ratio
        self._limit = max_deviation_ppm
        self._channels = channels
        self._set(ratio)
        self.reset()

    def _set(self, ratio: float) -> None:
        self._ratio = ratio
        self._step = round((1 << _FRACTION_BITS) / ratio)

    @property
    def ratio(self) -> float:
        """Output rate over input rate, from the next output frame on."""
        return self._ratio

    @ratio.setter
    def ratio(self, ratio: float) -> None:
        deviation = abs(ratio / self._nominal - 1) * 1e6
        rule = f"within {self._limit:g} ppm of {self._nominal:g}"
        require(deviation <= self._limit * (1 + 1e-9), "ratio", ratio, rule)
        self._set(ratio)

    @property
    def accuracy_db(self) -> float:
        """Level of the largest complex error below the signal, within the bandwidth."""
        return self._interpolator.accuracy_db

    @property
    def delay(self) -> float:
        """Delay in output samples at the nominal ratio."""
        return self._interpolator.half_width * self._nominal

    @property
    def latency(self) -> int:
        """Delay in output samples at the nominal ratio, rounded."""
        return round(self.delay)

    def reset(self) -> None:
        """Forget all history and start at time 0 (the ratio stays)."""
        width = 2 * self._interpolator.half_width
        self._history: Floats = np.zeros((width, self._channels))
        # Position of the next output in `history`, such that the newest frame just reaches it.
        self._position = self._interpolator.half_width << _FRACTION_BITS

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Take the next frames and return those output frames that are due.

        Parameters
        ----------
        signal : array_like, shape (n,) or (n, channels)

        Returns
        -------
        ndarray of float64, shape (m,) or (m, channels)
            About ``n·ratio`` frames.

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite; the history stays as it was.
        """
        block, flat = as_block(signal, self._channels)
        joined = np.concatenate([self._history, block])
        half_width = self._interpolator.half_width
        end = (len(joined) - half_width) << _FRACTION_BITS
        count = max(0, -(-(end - self._position) // self._step))
        positions = self._position + self._step * np.arange(count, dtype=np.int64)
        whole = positions >> _FRACTION_BITS
        fraction = (positions - (whole << _FRACTION_BITS)) / float(1 << _FRACTION_BITS)
        result = self._interpolator.at(joined, whole, fraction)
        self._position += count * self._step - (len(block) << _FRACTION_BITS)
        self._history = joined[len(block) :]
        return result[:, 0] if flat else result


def resample(
    signal: npt.ArrayLike,
    fs_in: float,
    fs_out: float,
    *,
    bandwidth: float = 0.95,
    attenuation_db: float = 100.0,
) -> Floats:
    """Return a whole signal at another rate, aligned with the original.

    Parameters
    ----------
    signal : array_like, shape (n,) or (n, channels)
    fs_in, fs_out : float
        Hz.
    bandwidth, attenuation_db
        As for `PolyphaseResampler`.

    Returns
    -------
    ndarray of float64, shape (⌈n·fs_out/fs_in⌉,) or (…, channels)

    Raises
    ------
    ParameterError
        If the ratio needs a factor above 1024.
    """
    whole = as_signal("signal", signal)
    up, down = rate_ratio(fs_in, fs_out)
    if up == down:
        return whole.copy()
    channels = 1 if whole.ndim == 1 else whole.shape[1]
    converter = PolyphaseResampler(
        up, down, bandwidth=bandwidth, attenuation_db=attenuation_db, channels=channels
    )
    frames = -(-len(whole) * up // down)
    tail = np.zeros((-(-converter.latency * down // up) + 1, *whole.shape[1:]))
    result = converter.process(np.concatenate([whole, tail]))
    return result[converter.latency :][:frames]
