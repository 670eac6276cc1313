"""Live figures from reference, drive and error on one clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.dsp.spectrum import band_powers, octave_bands
from antiphase.errors import SignalError
from antiphase.metrics import weighting_db
from antiphase.realtime.figures import Attenuation, Octave, Spectrum
from antiphase.realtime.silence import Silence

__all__ = ["Meter", "Ring"]

Floats = npt.NDArray[np.float64]

_KEPT_S = 8.0
_LEVEL_S = 1.0
_SPECTRUM_S = 2.0
_SEGMENT_S = 0.128
_LEAST_S = 0.2
# Ŝ that makes d̂ louder or softer than silence foretells by more than that is wrong.
_WRONG_DB, _ABSURD_DB = 1.0, 12.0
_LEAST_LEVEL = 1e-30


class Ring:
    """The newest samples of some signals.

    Parameters
    ----------
    size : int
        Samples kept.
    rows : int
        Signals.
    """

    def __init__(self, size: int, rows: int) -> None:
        self._values: Floats = np.zeros((rows, size))
        self._size = size
        self.count = 0

    def push(self, values: Floats) -> None:
        """Take samples, shape (rows, n)."""
        n = values.shape[1]
        self.count += n
        if n >= self._size:
            self._values = np.array(values[:, n - self._size :])
        else:
            self._values = np.concatenate([self._values[:, n:], values], axis=1)

    def newest(self, n: int) -> Floats:
        """Return the newest n samples there are, shape (rows, ≤ n)."""
        have = min(n, self.count, self._size)
        return self._values[:, self._size - have :]

    def clear(self) -> None:
        """Forget all."""
        self._values[:] = 0
        self.count = 0


@dataclass(frozen=True)
class _Spectra:
    hz: Floats
    off: Floats
    on: Floats
    bound: Floats | None
    trust: float


class Meter:
    """Attenuation, spectra and levels of the last seconds.

    With control on the disturbance can't be heard; what is shown is the estimate ``d̂ = e − ŝ∗y``,
    or, where that contradicts what the last silence said of the same reference, the latter
    (`Silence`).

    Parameters
    ----------
    fs : int
        Rate, Hz.
    path : ndarray, shape (taps,)
        Ŝ at the start.
    """

    def __init__(self, fs: int = 8000, path: Floats | None = None) -> None:
        self.reset(fs, np.zeros(1) if path is None else path)

    def reset(self, fs: int, path: Floats) -> None:
        """Begin anew with another device."""
        self.fs = fs
        self._path = path
        self._ring = Ring(round(_KEPT_S * fs), 4)
        self._drive: Floats = np.zeros(max(0, len(path) - 1))
        self._bound: tuple[float, Floats, Floats] | None = None
        self._silence = Silence(fs, round(_SEGMENT_S * fs))
        self._spectra: tuple[int, _Spectra] | None = None

    def set_path(self, path: Floats) -> None:
        """Use another Ŝ from here on."""
        if len(path) != len(self._path):
            self._drive = np.zeros(max(0, len(path) - 1))
        self._path = path

    @property
    def _segment(self) -> int:
        return round(_SEGMENT_S * self.fs)

    @property
    def path(self) -> Floats:
        """Ŝ in use, shape (taps,)."""
        return self._path

    def take(self, reference: Floats, drive: Floats, error: Floats) -> None:
        """Take samples of the same instants.

        Parameters
        ----------
        reference, drive, error : ndarray, shape (n,)
            The error NaN where it is not known.

        Raises
        ------
        SignalError
            If their lengths differ.
        """
        if not len(reference) == len(drive) == len(error):
            raise SignalError("reference, drive and error must have the same length")
        joined = np.concatenate([self._drive, drive])
        played = signal.oaconvolve(joined, self._path)[len(self._path) - 1 : len(joined)]
        self._drive = joined[len(joined) - (len(self._path) - 1) :]
        disturbance = error - played
        self._silence.take(reference, played, error)
        self._ring.push(np.stack([reference, drive, error, disturbance]))

    def window(self, seconds: float) -> Floats:
        """Return x, y, e, d̂ of the last seconds, shape (4, n)."""
        return self._ring.newest(round(seconds * self.fs))

    @property
    def seconds(self) -> float:
        """How much has been heard since the start."""
        return self._ring.count / self.fs

    def energies(self, seconds: float) -> tuple[float, float]:
        """Return Σ d̂² and Σ e² of the last seconds."""
        _, _, e, d = self.window(seconds)
        known = np.isfinite(e)
        return float(np.sum(d[known] ** 2)), float(np.sum(e[known] ** 2))

    def set_bound(self, disturbance: Floats, error: Floats) -> None:
        """Take what the best fixed filter would have left of a stretch of d̂."""
        hz, before = self._density(disturbance)
        _, after = self._density(error)
        whole = 10 * np.log10(np.sum(disturbance**2) / max(float(np.sum(error**2)), _LEAST_LEVEL))
        self._bound = (float(whole), hz, after / np.maximum(before, _LEAST_LEVEL))
        self._spectra = None

    @property
    def bound_db(self) -> float | None:
        """The bound of the last stretch that one was computed for."""
        return None if self._bound is None else self._bound[0]

    def _density(self, samples: Floats) -> tuple[Floats, Floats]:
        segment = min(self._segment, len(samples))
        hz, density = signal.welch(samples, self.fs, nperseg=segment)
        return np.asarray(hz), np.asarray(density)

    def _now(self) -> _Spectra | None:
        """Return the spectra of now; computed once per what was heard."""
        if self._spectra is not None and self._spectra[0] == self._ring.count:
            return self._spectra[1]
        if self._ring.count < _LEAST_S * self.fs:
            return None
        x, _, e, d = np.nan_to_num(self.window(_SPECTRUM_S))
        hz, rebuilt = self._density(d)
        off = rebuilt
        _, on = self._density(e)
        known = self._silence.foretell(self._density(x)[1]) if len(x) >= self._segment else None
        if known is not None:
            wrong = abs(10 * np.log10(max(known.sum(), 1e-30) / max(off.sum(), 1e-30)))
            # Beyond that it is the reference that has changed.
            off = known if _WRONG_DB < wrong < _ABSURD_DB else off
        bound = None
        if self._bound is not None:
            bound = off * np.interp(hz, self._bound[1], self._bound[2])
        trust = float(off.sum() / max(rebuilt.sum(), _LEAST_LEVEL)) if off is known else 1.0
        self._spectra = (self._ring.count, _Spectra(hz, off, on, bound, trust))
        return self._spectra[1]

    def attenuation(self, true_db: float | None = None) -> Attenuation:
        """Return the attenuation of now."""
        spectra = self._now()
        if spectra is None:
            return Attenuation(true=true_db)
        before, after = self.energies(_LEVEL_S)
        before *= spectra.trust
        weight = 10 ** (weighting_db(np.maximum(spectra.hz, 1.0)) / 10)
        return Attenuation(
            estimated=_ratio_db(before, after),
            true=true_db,
            a_weighted=_ratio_db(float(weight @ spectra.off), float(weight @ spectra.on)),
            bound=self.bound_db,
            by_octave=self._octaves(spectra),
        )

    def _octaves(self, spectra: _Spectra) -> tuple[Octave, ...]:
        bands = octave_bands(1, 63.0, 0.35 * self.fs)
        off, on = (band_powers(spectra.hz, p, bands) for p in (spectra.off, spectra.on))
        least = off if spectra.bound is None else band_powers(spectra.hz, spectra.bound, bands)
        return tuple(
            Octave(
                float(np.round(centre)),
                _ratio_db(before, after),
                None if spectra.bound is None else _ratio_db(before, best),
            )
            for centre, before, after, best in zip(bands.mid_hz, off, on, least, strict=True)
        )

    def spectrum(self, points: int = 128) -> Spectrum:
        """Return the spectra of now for drawing, at most so many points."""
        spectra = self._now()
        if spectra is None:
            return Spectrum()
        step = max(1, len(spectra.hz) // points)
        keep = slice(1, None, step)
        lines = [_decibels(p[keep]) for p in (spectra.off, spectra.on)]
        bound = () if spectra.bound is None else _decibels(spectra.bound[keep])
        hz = tuple(np.round(spectra.hz[keep], 1).tolist())
        return Spectrum(hz, lines[0], lines[1], bound)


def _ratio_db(before: float, after: float) -> float | None:
    if before <= _LEAST_LEVEL:
        return None
    return float(10 * np.log10(before / max(after, 1e-12 * before)))


def _decibels(density: Floats) -> tuple[float, ...]:
    return tuple(np.round(10 * np.log10(np.maximum(density, 1e-20)), 2).tolist())
