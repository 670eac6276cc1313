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
Flags = npt.NDArray[np.bool_]

_KEPT_S = 8.0
_LEVEL_S = 1.0
_SPECTRUM_S = 2.0
_SEGMENT_S = 0.128
_LEAST_S = 0.2
# Ŝ that makes d̂ louder or softer than silence foretells by more than that is wrong.
_WRONG_DB, _ABSURD_DB = 1.0, 12.0
_LEAST_LEVEL = 1e-30
# Of a window that is less known than that nothing is said.
_LEAST_KNOWN = 0.5
_LEAST_SEGMENTS = 4


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

    def fill(self, row: int, value: float) -> None:
        """Set what is kept of one signal."""
        self._values[row] = value

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
        self.doubts = 0
        """Times the lag of the reference has moved."""
        self.reset(fs, np.zeros(1) if path is None else path)

    def reset(self, fs: int, path: Floats) -> None:
        """Begin anew with another device."""
        self.fs = fs
        self._path = path
        self._ring = Ring(round(_KEPT_S * fs), 5)
        self._drive: Floats = np.zeros(max(0, len(path) - 1))
        self._best: Floats | None = None
        self._bound_error_db: float | None = None
        self._silence = Silence(fs, round(_SEGMENT_S * fs))
        self._spectra: tuple[int, _Spectra] | None = None

    def doubt(self) -> None:
        """Know that the reference has another lag from here on: no one filter fits both sides."""
        self._ring.fill(4, 0.0)
        self._best = self._bound_error_db = self._spectra = None
        self.doubts += 1

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

    def take(
        self, reference: Floats, drive: Floats, error: Floats, explained: Flags | None = None
    ) -> None:
        """Take samples of the same instants.

        Parameters
        ----------
        reference, drive, error : ndarray, shape (n,)
            The error NaN where it is not known; exact zeros, which no microphone gives for long,
            count as not known too.
        explained : ndarray of bool, shape (n,), optional
            False where the reference had to be guessed; True everywhere by default.

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
        explains = np.ones(len(error)) if explained is None else explained
        self._ring.push(np.stack([reference, drive, error, disturbance, explains]))

    def window(self, seconds: float) -> Floats:
        """Return x, y, e, d̂ of the last seconds, shape (4, n)."""
        return self._ring.newest(round(seconds * self.fs))[:4]

    def explained(self, seconds: float) -> Flags:
        """Return where e is known and the reference explains it, shape (n,)."""
        _, _, e, _, explains = self._ring.newest(round(seconds * self.fs))
        return np.asarray(_known(e) & (explains > 0))

    @property
    def count(self) -> int:
        """How many samples have been heard since the start."""
        return self._ring.count

    @property
    def seconds(self) -> float:
        """How much has been heard since the start."""
        return self._ring.count / self.fs

    def energies(self, seconds: float) -> tuple[float, float] | None:
        """Return Σ d̂² and Σ e² of the last seconds; None where most of it is not known."""
        _, _, e, d = self.window(seconds)
        known = _known(e)
        if not len(e) or np.mean(known) < _LEAST_KNOWN:
            return None
        return float(np.sum(d[known] ** 2)), float(np.sum(e[known] ** 2))

    def set_bound(self, taps: Floats, error_db: float) -> None:
        """Take the best fixed filter of the last seconds and by how much its bound may be off."""
        self._best, self._bound_error_db = taps, error_db
        self._spectra = None

    def _left(self, seconds: float) -> tuple[Floats, Floats, Flags] | None:
        """Return d̂, what the best filter leaves of it, and where that is known."""
        if self._best is None:
            return None
        n, memory = round(seconds * self.fs), len(self._best) + len(self._path)
        x, _, _, d = np.nan_to_num(self._ring.newest(n + memory)[:4])
        known = self.explained(seconds)
        if len(x) < memory + len(known) or np.mean(known) < _LEAST_KNOWN:
            return None
        made = signal.oaconvolve(signal.oaconvolve(x, self._best), self._path)
        n = len(known)
        return d[-n:], (d + made[: len(d)])[-n:], known

    @property
    def bound_db(self) -> float | None:
        """What the best fixed filter would have reached in the last second."""
        found = self._left(_LEVEL_S)
        if found is None:
            return None
        d, left, known = found
        return _ratio_db(float(np.sum(d[known] ** 2)), float(np.sum(left[known] ** 2)))

    def passed_by_db(self) -> float | None:
        """Return by how much what is reached passes the bound beyond its error, dB."""
        energies, bound = self.energies(_LEVEL_S), self.bound_db
        reached = None if energies is None else _ratio_db(*energies)
        if reached is None or bound is None:
            return None
        return reached - bound - (self._bound_error_db or 0.0)

    def _density(self, samples: Floats, known: Flags | None = None) -> tuple[Floats, Floats]:
        """Return frequencies and density, of the segments alone that are known throughout."""
        segment = min(self._segment, len(samples))
        hz, _, pieces = signal.spectrogram(
            samples, self.fs, "hann", segment, segment // 2, detrend="constant"
        )
        if known is not None:
            starts = np.arange(pieces.shape[1]) * (segment - segment // 2)
            whole = np.array([known[k : k + segment].all() for k in starts])
            if whole.sum() >= _LEAST_SEGMENTS:
                pieces = pieces[:, whole]
        return np.asarray(hz), np.asarray(pieces.mean(axis=1))

    def _now(self) -> _Spectra | None:
        """Return the spectra of now; computed once per what was heard."""
        if self._spectra is not None and self._spectra[0] == self._ring.count:
            return self._spectra[1]
        if self._ring.count < _LEAST_S * self.fs:
            return None
        window = self.window(_SPECTRUM_S)
        heard = _known(window[2])
        if np.mean(heard) < _LEAST_KNOWN:
            return None
        x, _, e, d = np.nan_to_num(window)
        hz, rebuilt = self._density(d, heard)
        off = rebuilt
        _, on = self._density(e, heard)
        known = self._silence.foretell(self._density(x)[1]) if len(x) >= self._segment else None
        if known is not None:
            wrong = abs(10 * np.log10(max(known.sum(), 1e-30) / max(off.sum(), 1e-30)))
            # Beyond that it is the reference that has changed.
            off = known if _WRONG_DB < wrong < _ABSURD_DB else off
        trust = float(off.sum() / max(rebuilt.sum(), _LEAST_LEVEL)) if off is known else 1.0
        found = self._left(_SPECTRUM_S)
        bound = None
        if found is not None:
            # By the ratio on the same segments: those without a lost frame are fewer.
            whole, left = (self._density(part, found[2])[1] for part in found[:2])
            bound = off * left / np.maximum(whole, _LEAST_LEVEL)
        self._spectra = (self._ring.count, _Spectra(hz, off, on, bound, trust))
        return self._spectra[1]

    def attenuation(self, true_db: float | None = None) -> Attenuation:
        """Return the attenuation of now."""
        spectra, energies = self._now(), self.energies(_LEVEL_S)
        if spectra is None or energies is None:
            return Attenuation(true=true_db)
        before, after = energies[0] * spectra.trust, energies[1]
        bound = self.bound_db
        weight = 10 ** (weighting_db(np.maximum(spectra.hz, 1.0)) / 10)
        return Attenuation(
            estimated=_ratio_db(before, after),
            true=true_db,
            a_weighted=_ratio_db(float(weight @ spectra.off), float(weight @ spectra.on)),
            bound=None if bound is None else bound + float(10 * np.log10(spectra.trust)),
            bound_error=self._bound_error(bound, _ratio_db(*energies)),
            by_octave=self._octaves(spectra),
        )

    def _bound_error(self, bound: float | None, reached: float | None) -> float | None:
        """Return by how much the bound may be off: no less than by how much it was passed."""
        if bound is None or reached is None or self._bound_error_db is None:
            return None
        return max(self._bound_error_db, reached - bound)

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


def _known(error: Floats) -> Flags:
    known: Flags = np.isfinite(error) & (error != 0)
    return known


def _ratio_db(before: float, after: float) -> float | None:
    if before <= _LEAST_LEVEL:
        return None
    return float(10 * np.log10(before / max(after, 1e-12 * before)))


def _decibels(density: Floats) -> tuple[float, ...]:
    return tuple(np.round(10 * np.log10(np.maximum(density, 1e-20)), 2).tolist())
