"""The causality cliff: the bound of a fixed filter against the time left to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.acoustics import noise
from antiphase.arrays import as_signal
from antiphase.metrics import fixed_filter_bound, noise_reduction_db, to_plain
from antiphase.simulation.site import Site

__all__ = ["MARGINS_MS", "Case", "CliffTable", "Setting", "causality_cliff", "noise_cliff", "solve"]

Floats = npt.NDArray[np.float64]

_SETTLED_S = 0.5
MARGINS_MS = (-40.0, -10.0, -3.0, -1.0, 0.0, 0.5, 1.0, 5.0, 20.0)


@dataclass(frozen=True)
class CliffTable:
    """Fixed-filter bound over causality margin.

    Attributes
    ----------
    kinds : tuple of str
        Kinds of noise, one row each.
    margins_ms : tuple of float
        Causality margins, one column each.
    nr_db : ndarray, shape (kinds, margins)
        Bound in dB.
    """

    kinds: tuple[str, ...]
    margins_ms: tuple[float, ...]
    nr_db: Floats

    def to_json(self) -> object:
        """Return plain types for `json.dumps`."""
        return to_plain(self)


@dataclass(frozen=True)
class Setting:
    """What the bounds of one noise at one site share.

    Attributes
    ----------
    site : Site
        The paths.
    emitted : ndarray, shape (n,)
        The noise at its source.
    tonal : ndarray, shape (n,)
        The part of it that can be foretold; zeros where nobody asks.
    ambient_db : float
        Pink noise at the error microphone re the disturbance.
    reference_snr_db : float
        Reference over its white sensor noise.
    seed : int
        Of both.
    """

    site: Site
    emitted: Floats
    tonal: Floats
    ambient_db: float
    reference_snr_db: float
    seed: int

    @property
    def start(self) -> int:
        """First sample judged: flight and filters are filled by then."""
        return min(len(self.emitted) // 4, round(_SETTLED_S * self.site.fs))

    @cached_property
    def _pink(self) -> Floats:
        n, fs = len(self.emitted), self.site.fs
        return noise.make("pink", n / fs, fs, self.seed)[:n]

    def ambient(self, disturbance: Floats) -> Floats:
        """Return pink noise at the stated level below the disturbance."""
        level = np.sqrt(np.mean(disturbance**2)) * 10 ** (self.ambient_db / 20)
        result: Floats = level * self._pink
        return result

    def sensor(self, reference: Floats) -> Floats:
        """Return white noise at the stated level below the reference."""
        level = np.sqrt(np.mean(reference**2)) * 10 ** (-self.reference_snr_db / 20)
        random = np.random.default_rng([self.seed, 1])
        result: Floats = level * random.standard_normal(len(reference))
        return result


@dataclass(frozen=True)
class Case:
    """One bound.

    Attributes
    ----------
    disturbance, error : ndarray, shape (n,)
        Without ambient noise, control off and on.
    ambient : ndarray, shape (n,)
        What no reference hears.
    tones, tones_left : ndarray, shape (n,)
        The tonal part of the disturbance, and what the same filter leaves of it.
    start : int
        First sample judged.
    """

    disturbance: Floats
    error: Floats
    ambient: Floats
    tones: Floats
    tones_left: Floats
    start: int

    @property
    def nr_db(self) -> float:
        """The noise reduction with the ambient noise in both, once the paths are filled."""
        off, on = self.disturbance + self.ambient, self.error + self.ambient
        return noise_reduction_db(off, on, start=self.start)


def solve(setting: Setting, margin_ms: float, n_taps: int, *, sensor: bool = True) -> Case:
    """Return the fixed-filter bound at a margin, and what the same filter does to the tones.

    Parameters
    ----------
    setting : Setting
        Site and noise.
    margin_ms : float
        Causality margin in ms.
    n_taps : int
        Length of the control filter.
    sensor : bool
        Whether the reference's sensor is noisy.

    Returns
    -------
    Case
        Signals at the error microphone.
    """
    site = setting.site
    late_ms = site.margin_ms - margin_ms
    x, d = site.signals(setting.emitted, late_ms)
    heard = setting.sensor(x) if sensor else np.zeros_like(x)
    bound = fixed_filter_bound(
        x, d, site.secondary_path, n_taps, start=setting.start, reference_noise=heard
    )
    tones = tones_left = np.zeros_like(d)
    if setting.tonal.any():
        x_tones, tones = site.signals(setting.tonal, late_ms)
        drive = signal.oaconvolve(x_tones, bound.control_filter)
        tones_left = tones + signal.oaconvolve(drive, site.secondary_path)[: len(tones)]
    return Case(d, bound.error, setting.ambient(d), tones, tones_left, setting.start)


def causality_cliff(
    kinds: Sequence[str] = noise.KINDS,
    margins_ms: Sequence[float] = MARGINS_MS,
    *,
    site: Site | None = None,
    seconds: float = 30.0,
    n_taps: int = 512,
    ambient_db: float = -30.0,
    reference_snr_db: float = 50.0,
    seed: int = 0,
) -> CliffTable:
    """Return the fixed-filter bound of several noises over the causality margin.

    The honest answer to whether anti-noise can come over a network: with a millisecond to spare
    nearly everything can be cancelled, a millisecond late only what repeats.

    Parameters
    ----------
    kinds : sequence of str
        Of `acoustics.noise.KINDS`.
    margins_ms : sequence of float
        Causality margins in ms.
    site : Site, optional
        The standard street by default.
    seconds : float
        Length of the noises.
    n_taps : int
        Length of the control filter.
    ambient_db : float
        Pink ambient noise at the error microphone re the disturbance, dB: −30 caps the result at
        30 dB.
    reference_snr_db : float
        Reference over its sensor noise, dB.
    seed : int
        Of the noises.

    Returns
    -------
    CliffTable
        In dB.

    Raises
    ------
    ParameterError
        If a kind is unknown or a parameter outside its range.
    """
    place = Site.outdoors() if site is None else site
    rows = [
        noise_cliff(
            kind,
            noise.make(kind, seconds, place.fs, seed),
            place,
            margins_ms,
            n_taps=n_taps,
            ambient_db=ambient_db,
            reference_snr_db=reference_snr_db,
            seed=seed,
        ).nr_db
        for kind in kinds
    ]
    table = np.concatenate(rows) if rows else np.empty((0, len(margins_ms)))
    return CliffTable(tuple(kinds), tuple(margins_ms), table)


def noise_cliff(
    name: str,
    emitted: npt.ArrayLike,
    site: Site,
    margins_ms: Sequence[float] = MARGINS_MS,
    *,
    n_taps: int = 512,
    ambient_db: float = -30.0,
    reference_snr_db: float = 50.0,
    seed: int = 0,
) -> CliffTable:
    """Return the fixed-filter bound of one noise over the causality margin.

    Parameters
    ----------
    name : str
        What to call it in the table.
    emitted : array_like, shape (n,)
        The noise near its source, at the site's rate.
    site : Site
        The paths.
    margins_ms, n_taps, ambient_db, reference_snr_db, seed
        As for `causality_cliff`.

    Returns
    -------
    CliffTable
        One row.

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range or the noise is silent.
    """
    samples = as_signal("emitted", emitted, channels=1)
    setting = Setting(site, samples, np.zeros_like(samples), ambient_db, reference_snr_db, seed)
    bounds = [solve(setting, margin, n_taps).nr_db for margin in margins_ms]
    return CliffTable((name,), tuple(margins_ms), np.array([bounds]))
