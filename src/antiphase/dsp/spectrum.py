"""Power and cross spectra by Welch's method, streaming, and octave and third-octave bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal

from antiphase.arrays import as_signal
from antiphase.dsp.stream import Floats, as_block
from antiphase.errors import SignalError, require

__all__ = [
    "Bands",
    "WelchAccumulator",
    "band_powers",
    "coherence",
    "cross_density",
    "octave_bands",
    "power_density",
    "segment_length",
]

Complexes = npt.NDArray[np.complex128]
_RATIO = 10**0.3
_REFERENCE_HZ = 1000.0


def segment_length(
    n_frames: int, *, path_taps: int = 0, fs: float | None = None, resolution_hz: float = 0.0
) -> int:
    """Return the Welch segment length that the rule of this package gives.

    At least four times the path (a shorter segment misses what the path spreads beyond it and
    reads coherence too low) and fine enough for `resolution_hz` (Hann: 1.5 bins), as a power of
    two ≥ 256; as long as this leaves eight averages the length grows up to 4096.

    Parameters
    ----------
    n_frames : int
        Length of the signal.
    path_taps : int
        Length of the path between the signals compared, 0 for one signal alone.
    fs : float, optional
        Hz; needed with `resolution_hz`.
    resolution_hz : float
        ≥ 0; 0 asks for nothing.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If the signal is too short for four averages of such segments.

    References
    ----------
    Welch (1967), The use of fast Fourier transform for the estimation of power spectra. Bendat &
    Piersol (2010), Random Data, ch. 9 (bias of coherence through short segments).
    """
    require(n_frames >= 1, "n_frames", n_frames, "at least 1")
    require(path_taps >= 0, "path_taps", path_taps, "≥ 0")
    require(resolution_hz >= 0, "resolution_hz", resolution_hz, "≥ 0 Hz")
    needed = max(256, 4 * path_taps)
    if resolution_hz > 0:
        require(fs is not None and fs > 0, "fs", fs, "given with resolution_hz, > 0 Hz")
        needed = max(needed, int(np.ceil(1.5 * float(fs or 0) / resolution_hz)))
    length = 1 << (needed - 1).bit_length()
    # Half overlap: k averages take (k + 1) / 2 segments.
    while length < 4096 and 2 * length * 4.5 <= n_frames:
        length *= 2
    if length * 2.5 > n_frames:
        raise SignalError(
            f"{n_frames} frames are too few for segments of {length}; "
            f"give at least {int(length * 2.5)} frames or a shorter path"
        )
    return length


class WelchAccumulator:
    """All power and cross spectra of a stream, in constant memory.

    Hann window, half overlap, mean removed per segment; one-sided densities as
    `scipy.signal.welch` and `csd` define them: ``S_ij = mean(conj(X_i)·X_j)``.

    Parameters
    ----------
    fs : float
        Hz, > 0.
    n_segment : int
        Segment length, even, at least 8 (see `segment_length`).
    channels : int

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    def __init__(self, fs: float, n_segment: int, *, channels: int = 1) -> None:
        require(fs > 0, "fs", fs, "> 0 Hz")
        require(n_segment >= 8 and n_segment % 2 == 0, "n_segment", n_segment, "even, at least 8")
        require(channels >= 1, "channels", channels, "at least 1")
        self._fs, self._size, self._channels = float(fs), n_segment, channels
        self._window: Floats = scipy_signal.get_window("hann", n_segment)
        self._scale = np.full(n_segment // 2 + 1, 2 / (fs * np.sum(self._window**2)))
        self._scale[[0, -1]] /= 2
        self.reset()

    @property
    def frequency_hz(self) -> Floats:
        """Frequencies of the bins, shape (n_segment/2 + 1,)."""
        return np.linspace(0.0, self._fs / 2, self._size // 2 + 1)

    @property
    def averages(self) -> int:
        """Segments taken in so far."""
        return self._count

    @property
    def density(self) -> Complexes:
        """Cross spectra [bin, channel, channel] in unit²/Hz; the diagonal holds the power spectra.

        Raises
        ------
        SignalError
            If not one whole segment has come yet.
        """
        if self._count == 0:
            raise SignalError(f"fewer than n_segment={self._size} frames so far; give more")
        mean: Complexes = self._sum * (self._scale / self._count)[:, None, None]
        return mean

    @property
    def coherence(self) -> Floats:
        """Magnitude-squared coherence [bin, channel, channel]; NaN where a channel is silent.

        Raises
        ------
        SignalError
            If fewer than two segments have come: one alone always reads 1.
        """
        if self._count < 2:
            raise SignalError("coherence needs at least two segments; give more frames")
        power = np.einsum("fcc->fc", self._sum).real
        below = power[:, :, None] * power[:, None, :]
        silent = below <= 0
        ratio = np.abs(self._sum) ** 2 / np.where(silent, 1, below)
        result: Floats = np.where(silent, np.nan, np.minimum(ratio, 1.0))
        return result

    def reset(self) -> None:
        """Forget everything."""
        self._pending: Floats = np.zeros((0, self._channels))
        shape = (self._size // 2 + 1, self._channels, self._channels)
        self._sum: Complexes = np.zeros(shape, dtype=np.complex128)
        self._count = 0

    def update(self, signal: npt.ArrayLike) -> None:
        """Take in the next frames, shape (n,) or (n, channels).

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite.
        """
        block, _ = as_block(signal, self._channels)
        joined = np.concatenate([self._pending, block])
        hop = self._size // 2
        start = 0
        while start + self._size <= len(joined):
            segment = joined[start : start + self._size]
            segment = (segment - segment.mean(axis=0)) * self._window[:, None]
            spectrum = np.fft.rfft(segment, axis=0)
            self._sum += np.conj(spectrum)[:, :, None] * spectrum[:, None, :]
            self._count += 1
            start += hop
        self._pending = joined[start:].copy()


def power_density(
    signal: npt.ArrayLike, fs: float, n_segment: int | None = None
) -> tuple[Floats, Floats]:
    """Return frequencies and one-sided power spectral density.

    Parameters
    ----------
    signal : array_like, shape (n,) or (n, channels)
    fs : float
        Hz, > 0.
    n_segment : int, optional
        Default as `segment_length` gives.

    Returns
    -------
    frequency_hz : ndarray, shape (f,)
    density : ndarray, shape (f,) or (f, channels)
        In unit²/Hz; summed over frequency it gives the signal's variance.

    Raises
    ------
    SignalError
        If the signal is too short.
    """
    whole = as_signal("signal", signal)
    channels = 1 if whole.ndim == 1 else whole.shape[1]
    welch = WelchAccumulator(fs, n_segment or segment_length(len(whole)), channels=channels)
    welch.update(whole)
    density = np.einsum("fcc->fc", welch.density).real
    return welch.frequency_hz, density[:, 0] if whole.ndim == 1 else density


def _pair(
    first: npt.ArrayLike, second: npt.ArrayLike, fs: float, n_segment: int | None, path_taps: int
) -> WelchAccumulator:
    a = as_signal("first", first, channels=1)
    b = as_signal("second", second, channels=1)
    if len(a) != len(b):
        raise SignalError(f"second has {len(b)} frames but first has {len(a)}")
    size = n_segment or segment_length(len(a), path_taps=path_taps)
    welch = WelchAccumulator(fs, size, channels=2)
    welch.update(np.column_stack([a, b]))
    return welch


def cross_density(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    fs: float,
    n_segment: int | None = None,
    *,
    path_taps: int = 0,
) -> tuple[Floats, Complexes]:
    """Return frequencies and the one-sided cross spectral density ``mean(conj(X)·Y)``.

    Parameters
    ----------
    first, second : array_like, shape (n,)
    fs : float
        Hz, > 0.
    n_segment : int, optional
        Default as `segment_length` gives for `path_taps`.
    path_taps : int
        Length of the path from the first to the second.

    Raises
    ------
    SignalError
        If the lengths differ or are too short.
    """
    welch = _pair(first, second, fs, n_segment, path_taps)
    return welch.frequency_hz, welch.density[:, 0, 1]


def coherence(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    fs: float,
    n_segment: int | None = None,
    *,
    path_taps: int = 0,
) -> tuple[Floats, Floats]:
    """Return frequencies and magnitude-squared coherence γ² in [0, 1].

    Parameters
    ----------
    first, second, fs, n_segment, path_taps
        As for `cross_density`. With segments not longer than the path, or few averages, γ² is
        biased; compare two lengths before trusting it.

    Raises
    ------
    SignalError
        If the lengths differ or leave fewer than two segments.
    """
    welch = _pair(first, second, fs, n_segment, path_taps)
    return welch.frequency_hz, welch.coherence[:, 0, 1]


@dataclass(frozen=True)
class Bands:
    """Octave-related bands: exact mid-band and edge frequencies in Hz, each of shape (bands,).

    Parameters
    ----------
    mid_hz, low_hz, high_hz : ndarray
    """

    mid_hz: Floats
    low_hz: Floats
    high_hz: Floats


def octave_bands(fraction: int = 3, low_hz: float = 25.0, high_hz: float = 20000.0) -> Bands:
    """Return the bands whose mid-band frequencies lie in [low_hz, high_hz] (2 % tolerance).

    ``G = 10^0.3``; mid ``1000·G^(x/b)`` for odd b, ``1000·G^((2x+1)/(2b))`` for even b; edges
    ``mid·G^(±1/(2b))``. The tolerance lets nominal frequencies (25, 31.5, 63 …) name the limits.

    Parameters
    ----------
    fraction : int
        b: 1 for octaves, 3 for third octaves.
    low_hz, high_hz : float
        > 0 and rising.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    IEC 61260-1:2014, base-10 system.
    """
    require(fraction >= 1, "fraction", fraction, "at least 1")
    require(0 < low_hz < high_hz, "low_hz", low_hz, f"in (0, high_hz={high_hz:g})")
    span = int(np.ceil(fraction * np.log2(max(high_hz, 1e6) / min(low_hz, 1.0)))) + 1
    x = np.arange(-span, span + 1)
    power = x / fraction if fraction % 2 else (2 * x + 1) / (2 * fraction)
    mid = _REFERENCE_HZ * _RATIO**power
    mid = mid[(mid >= 0.98 * low_hz) & (mid <= 1.02 * high_hz)]
    half = _RATIO ** (1 / (2 * fraction))
    return Bands(mid, mid / half, mid * half)


def band_powers(frequency_hz: npt.ArrayLike, density: npt.ArrayLike, bands: Bands) -> Floats:
    """Integrate a power spectral density over bands.

    Each bin counts as a rectangle one bin wide (half at either end of the spectrum), shared
    between bands by overlap, so adjoining bands add up to the whole.

    Parameters
    ----------
    frequency_hz : array_like, shape (f,)
        Evenly spaced from 0, as Welch's method gives.
    density : array_like, shape (f,)
        In unit²/Hz.
    bands : Bands

    Returns
    -------
    ndarray, shape (bands,)
        In unit²; NaN for bands that reach above the highest frequency or are narrower than a bin.

    Raises
    ------
    SignalError
        If the shapes differ.
    """
    frequency = as_signal("frequency_hz", frequency_hz, channels=1)
    power = as_signal("density", density, channels=1)
    if frequency.shape != power.shape or len(power) < 2:
        raise SignalError(f"density has {len(power)} bins but frequency_hz has {len(frequency)}")
    width = frequency[1] - frequency[0]
    edges = np.concatenate([[frequency[0]], frequency[:-1] + width / 2, [frequency[-1]]])
    total = np.concatenate([[0.0], np.cumsum(power) * width])
    inside = np.interp(bands.high_hz, edges, total) - np.interp(bands.low_hz, edges, total)
    unfit = (bands.high_hz > frequency[-1]) | (bands.high_hz - bands.low_hz < width)
    result: Floats = np.where(unfit, np.nan, inside)
    return result
