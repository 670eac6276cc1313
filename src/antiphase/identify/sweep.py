"""Path identification by an exponential sine sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg, signal

from antiphase.arrays import as_signal
from antiphase.dsp.normal_equations import covariance_matrix, cross_covariance, solve_ridge
from antiphase.errors import SignalError, require
from antiphase.identify.whitening import whitening_filter

__all__ = ["ExponentialSweep", "SweepResult", "identify_sweep"]

Floats = npt.NDArray[np.float64]

_RIDGE = 1e-5
_WHITE_S = 0.064
_OCTAVES = 1 / 12
_FLOOR = 0.1
_DRAWS = 16


class ExponentialSweep:
    """A sine whose frequency grows exponentially, and the filter that turns it into a pulse.

    ``x(t) = sin(2π·f1·(T/R)·(e^{tR/T} − 1))`` with R = ln(f2/f1); through the inverse filter it
    becomes a pulse with unit gain from f1 to f2 (`deconvolve`). Harmonics of order k of a
    distorting loudspeaker come out as separate pulses ``T·ln(k)/R`` before the linear one.

    Parameters
    ----------
    fs : float
        Sample rate in Hz.
    seconds : float
        T. Twice as long is 3 dB less noise.
    low_hz, high_hz : float
        f1 and f2; f2 is .475 fs by default, 0 < f1 < f2 ≤ fs / 2.
    fade_s : float
        Half-cosine fades at either end, seconds.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Farina (2000), Simultaneous measurement of impulse response and distortion with a swept-sine
    technique. Müller & Massarani (2001), Transfer-function measurement with sweeps.
    """

    def __init__(
        self,
        fs: float,
        *,
        seconds: float = 5.0,
        low_hz: float = 20.0,
        high_hz: float | None = None,
        fade_s: float = 0.02,
    ) -> None:
        require(fs > 0, "fs", fs, "> 0")
        top = 0.475 * fs if high_hz is None else high_hz
        require(0 < top <= fs / 2, "high_hz", top, f"in (0, {fs / 2:g}]")
        require(0 < low_hz < top, "low_hz", low_hz, f"in (0, {top:g})")
        n = round(seconds * fs)
        require(n >= 256, "seconds", seconds, "at least 256 samples long")
        require(0 <= fade_s <= seconds / 2, "fade_s", fade_s, "in [0, seconds / 2]")
        self.fs, self.low_hz, self.high_hz = fs, low_hz, top
        self.rate = math.log(top / low_hz)
        grown = np.expm1(np.arange(n) / n * self.rate)
        phase = 2 * math.pi * low_hz * n / fs / self.rate * grown
        self.samples: Floats = np.sin(phase) * _fades(n, round(fade_s * fs))

    def __len__(self) -> int:
        return len(self.samples)

    def band(self, frequency_hz: Floats) -> Floats:
        """Return 1 where the sweep tells something and 0 elsewhere.

        Parameters
        ----------
        frequency_hz : ndarray
            Frequencies in Hz.

        Returns
        -------
        ndarray
            Rolls off over a sixth of an octave inside f1 and f2.
        """
        octaves = 1 / 6
        f = np.maximum(frequency_hz, 1e-9)
        up = np.clip(np.log2(f / self.low_hz) / octaves, 0, 1)
        down = np.clip(np.log2(self.high_hz / f) / octaves, 0, 1)
        window: Floats = np.sin(np.pi / 2 * up) ** 2 * np.sin(np.pi / 2 * down) ** 2
        return window

    def deconvolve(self, recording: Floats) -> tuple[Floats, int]:
        """Return the recording through the inverse filter, and the index of lag 0 in it.

        ``conj(X) / (|X|² + ε)`` with ε nothing from f1 to f2 and the largest |X|² outside: within
        the band it is Farina's time-reversed sweep with a 6 dB per octave envelope, without the
        ripple that the fades leave.

        Parameters
        ----------
        recording : ndarray, shape (n,)
            From the first sample played.

        Returns
        -------
        pulse : ndarray, shape (n + sweep,)
            Harmonics before, the linear response from lag 0 on.
        zero : int
            Index of lag 0: the length of the sweep.
        """
        n = len(self)
        size = fft.next_fast_len(len(recording) + 2 * n, real=True)
        spectrum = fft.rfft(self.samples, size)
        power = np.abs(spectrum) ** 2
        inverse = (
            self.band(np.arange(len(power)) * self.fs / size)
            * np.conj(spectrum)
            / np.maximum(power, 1e-12 * power.max())
        )
        circular = fft.irfft(fft.rfft(recording, size) * inverse, size)
        return np.concatenate([circular[-n:], circular[: len(recording)]]), n

    def harmonic_lead(self, order: int) -> float:
        """Return how many samples before the linear response the pulse of a harmonic appears.

        Parameters
        ----------
        order : int
            k ≥ 1.

        Returns
        -------
        float
            ``n·ln(k)/R``.
        """
        require(order >= 1, "order", order, "at least 1")
        return len(self) * math.log(order) / self.rate


def _fades(n: int, length: int) -> Floats:
    window = np.ones(n)
    if length:
        ramp = np.sin(np.pi / 2 * (np.arange(length) + 0.5) / length) ** 2
        window[:length] *= ramp
        window[n - length :] *= ramp[::-1]
    return window


@dataclass(frozen=True)
class SweepResult:
    """What a sweep tells about a path.

    Attributes
    ----------
    taps : ndarray, shape (n_taps,)
        ŝ from the first sample played, valid from the sweep's lowest to its highest frequency.
    noise_db : float
        Expected error of the taps re their energy, dB, from what they leave unexplained.
    hum_db : float
        Expected error of the taps where the noise is, ``E‖(ŝ − s)∗r‖² / ‖ŝ∗r‖²`` with r what they
        leave unexplained well inside the band, dB: a room that hums at a few frequencies spoils
        the taps just there, where control needs them.
    distortion_db : ndarray, shape (orders − 1,)
        Energy of the harmonics 2 … re the linear response, dB (noise included).
    """

    taps: Floats
    noise_db: float
    hum_db: float
    distortion_db: Floats

    @property
    def error_db(self) -> float:
        """The worse of `noise_db` and `hum_db`."""
        return max(self.noise_db, self.hum_db)


def _decibels(ratio: float) -> float:
    return 10 * math.log10(max(ratio, 1e-30))


def identify_sweep(
    sweep: ExponentialSweep, response: npt.ArrayLike, n_taps: int, *, harmonics: int = 5
) -> SweepResult:
    """Return the path that turned a sweep into a recording.

    The taps are the causal FIR filter that explains the recording best (least squares, held
    near zero where the sweep has no energy); cutting the band-limited pulse of
    the deconvolution to the same length would leave the ringing of its band edges. What a first fit
    leaves unexplained is the noise; the second fit is weighted by how quiet it is at each
    frequency (`whitening_filter`), so that hum does not pass for response. Distortion is read from
    the deconvolution.

    Parameters
    ----------
    sweep : ExponentialSweep
        As played.
    response : array_like, shape (n,)
        Recorded from the first sample played; n ≥ the sweep's length plus the path's.
    n_taps : int
        Taps kept.
    harmonics : int
        Highest order looked at for distortion, ≥ 1.

    Returns
    -------
    SweepResult
        Taps, their noise, distortion by order.

    Raises
    ------
    ParameterError, SignalError
        If a size does not fit, the recording is silent, or it starts later than the sweep (its
        response would come before it).
    """
    r = as_signal("response", response, channels=1)
    n = len(sweep)
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(harmonics >= 1, "harmonics", harmonics, "at least 1")
    if len(r) < n:
        raise SignalError(
            f"response has {len(r)} frames but the sweep takes {n}; record to its end"
        )
    if not r.any():
        raise SignalError("response is silent; is the microphone muted?")
    pulse, zero = sweep.deconvolve(r)

    peak = int(np.argmax(np.abs(pulse)))
    # A band-limited pulse rings for a few periods of its bandwidth before its peak.
    ringing = math.ceil(2 * sweep.fs / (sweep.high_hz - sweep.low_hz)) + 1
    if peak < zero - ringing and not _is_harmonic(sweep, zero - peak, n_taps):
        raise SignalError(
            f"the response comes {zero - peak} samples before the sweep: the recording starts late"
        )
    fit = _fit(sweep, r, n_taps)
    linear = float(np.sum(pulse[zero : zero + n_taps] ** 2))
    width = min(n_taps, math.ceil(sweep.harmonic_lead(harmonics + 1) / (harmonics + 1)))
    orders = []
    for order in range(2, harmonics + 1):
        at = zero - round(sweep.harmonic_lead(order))
        orders.append(
            _decibels(float(np.sum(pulse[max(at, 0) : max(at + width, 0)] ** 2)) / linear)
        )
    noise, hum = _errors(sweep, fit)
    return SweepResult(fit.taps, noise, hum, np.array(orders))


@dataclass(frozen=True, eq=False)
class _Fit:
    """Taps, draws of their error by noise, their error by the load, what they leave unexplained."""

    taps: Floats
    errors: Floats
    held: Floats
    unexplained: Floats


def _fit(sweep: ExponentialSweep, response: Floats, n_taps: int) -> _Fit:
    """Fit the taps by least squares, then once more weighted by the noise that is left."""
    if len(response) <= n_taps:
        raise SignalError(f"{len(response)} frames can't fix {n_taps} taps; record longer")
    drive = np.pad(sweep.samples, (0, len(response) - len(sweep)))
    matrix, _ = _equations(sweep, drive, n_taps, 0)
    right = cross_covariance(drive[None, None], response[None], n_taps)
    rough = solve_ridge(matrix, right, _RIDGE)
    unexplained = response - signal.oaconvolve(drive, rough)[: len(drive)]
    # The filter's first samples are lost: no more than the sweep takes for a twelfth of an octave.
    lost = len(sweep) * _OCTAVES * math.log(2) / sweep.rate
    order = max(1, round(min(_WHITE_S * sweep.fs, lost, len(response) / 4)))
    # What is far below the response is no noise: so many taps can't tell it.
    noise = np.abs(fft.rfft(unexplained)) ** 2
    floor = _FLOOR * (np.sum(unexplained**2) + np.sum(response**2))
    white = whitening_filter(noise + floor, order)
    return _weighted(sweep, drive, response, n_taps, white)


def _equations(
    sweep: ExponentialSweep, drive: Floats, n_taps: int, start: int
) -> tuple[Floats, Floats]:
    """Return the matrix of the fit, and its part that holds the taps where there is no sweep."""
    matrix = covariance_matrix(drive[None, None], n_taps, start=start)
    size = fft.next_fast_len(8 * n_taps, real=True)
    outside = 1 - sweep.band(np.arange(size // 2 + 1) * sweep.fs / size)
    load = matrix[0, 0] * linalg.toeplitz(fft.irfft(outside, size)[:n_taps])
    return matrix + load, load


def _weighted(
    sweep: ExponentialSweep, drive: Floats, response: Floats, n_taps: int, white: Floats
) -> _Fit:
    """Fit behind a whitening filter; the same fit to white noise shows how far it errs."""
    n, start = len(drive), len(white) - 1
    x = signal.oaconvolve(drive, white)[:n]
    r = signal.oaconvolve(response, white)[:n]
    matrix, load = _equations(sweep, x, n_taps, start)
    draws = np.random.default_rng(0).standard_normal((_DRAWS, n))
    right = [
        cross_covariance(x[None, None], each[None], n_taps, start=start) for each in (r, *draws)
    ]
    solved = solve_ridge(matrix, np.stack(right, axis=1), _RIDGE).T
    left = (r - signal.oaconvolve(x, solved[0])[:n])[start:]
    # By the noise, and by what holds the taps back where the filter leaves no sweep to fit.
    held = solve_ridge(matrix, load @ solved[0], 0.0)
    errors = solved[1:] * np.sqrt(np.mean(left**2))
    unexplained = response - signal.oaconvolve(drive, solved[0])[:n]
    return _Fit(solved[0], errors, held, unexplained)


def _errors(sweep: ExponentialSweep, fit: _Fit) -> tuple[float, float]:
    """Return the expected error of the taps re them, dB: of all frequencies, and of the noise's."""
    energy = float(np.mean(np.sum(fit.errors**2, axis=1)))
    size = fft.next_fast_len(len(fit.unexplained) + len(fit.taps), real=True)
    noise = np.abs(fft.rfft(fit.unexplained, size)) ** 2
    # Towards the ends of its band the fit is held back by intent, which is no noise.
    frequency = np.arange(len(noise)) * sweep.fs / size
    noise[(frequency < 2 * sweep.low_hz) | (frequency > sweep.high_hz / 1.5)] = 0.0
    found, *wrong = (
        float(np.sum(noise * np.abs(fft.rfft(s, size)) ** 2))
        for s in (fit.taps, *(fit.errors + fit.held))
    )
    hum = float(np.mean(wrong)) / found if found > 0 else 0.0
    return _decibels(energy / max(float(np.sum(fit.taps**2)), 1e-30)), _decibels(hum)


def _is_harmonic(sweep: ExponentialSweep, lead: int, n_taps: int) -> bool:
    """Whether a peak that early may be a harmonic louder than the linear response."""
    return any(0 <= sweep.harmonic_lead(k) - lead <= n_taps for k in range(2, 10))
