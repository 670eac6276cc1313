"""What can be cancelled, before anything is built: geometry, latency, noise in; decibels out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require
from antiphase.metrics import (
    BandReduction,
    band_reduction,
    fixed_filter_bound,
    noise_reduction_db,
    to_plain,
    zone_of_quiet_radius,
)
from antiphase.simulation.cliff import Case, CliffTable, Setting, causality_cliff, solve
from antiphase.simulation.site import Latency, Site

__all__ = [
    "CliffTable",
    "ModePlan",
    "Plan",
    "cancellable_ranges",
    "causality_cliff",
    "plan",
    "settled",
    "tonal_least",
    "tonal_part",
]

Floats = npt.NDArray[np.float64]

_TONE_S = 0.1  # what can be foretold this far ahead is called a tone
_TONE_TAPS = 1024
_USEFUL_DB = 3.0
_BAND_DB = 6.0
_AMPLE_MS = 5.0


@dataclass(frozen=True)
class ModePlan:
    """What one mode can reach.

    Attributes
    ----------
    mode : {"split", "lookahead", "predictive"}
        Where the filter runs and whether the reference comes in time.
    margin_ms : float
        Causality margin with this mode's latency.
    used_ms : float
        Margin that the filter is best given; the rest is spent on delaying the reference, so that
        the taps lie where they are needed.
    nr_db : float
        Bound of the noise reduction, ambient noise included.
    tones_db, broadband_db : float or None
        The same for the part of the noise that can be foretold 0.1 s ahead and for the rest; None
        where there is no such part.
    bands : BandReduction
        By third octave.
    cancellable_hz : tuple of (float, float)
        Ranges in which loud third octaves fall by 6 dB or more.
    limit : {"causality", "ambient", "taps", "reference noise", "none"}
        What would help most if it were better.
    why : str
        One sentence.
    """

    mode: str
    margin_ms: float
    used_ms: float
    nr_db: float
    tones_db: float | None
    broadband_db: float | None
    bands: BandReduction
    cancellable_hz: tuple[tuple[float, float], ...]
    limit: str
    why: str


@dataclass(frozen=True)
class Plan:
    """Result of `plan`.

    Attributes
    ----------
    modes : tuple of ModePlan
        One with the reference wired to the device, one with the reference over the network.
    best : str
        The mode to choose: the one with most reduction, ``clean`` where none reaches 3 dB.
    tonal_share : float
        Share of the noise's power at the listener that can be foretold 0.1 s ahead, in [0, 1].
    quiet_radius_m : float or None
        How far from the error microphone 10 dB can hold at the highest cancellable frequency.
    verdict : str
        What to expect, in a sentence or two.
    """

    modes: tuple[ModePlan, ...]
    best: str
    tonal_share: float
    quiet_radius_m: float | None
    verdict: str

    def to_json(self) -> object:
        """Return plain types for `json.dumps`."""
        return to_plain(self)


def tonal_part(emitted: Floats, fs: float) -> Floats:
    """Return what a linear predictor foretells of the noise 0.1 s ahead.

    Raises
    ------
    SignalError
        If the noise is too short.
    """
    delay = round(_TONE_S * fs)
    if len(emitted) < 2 * (delay + _TONE_TAPS):
        raise SignalError(
            f"the noise lasts {len(emitted) / fs:.2f} s but planning needs "
            f"{2 * (delay + _TONE_TAPS) / fs:.2f} s or more"
        )
    bound = fixed_filter_bound(
        emitted, emitted, [1.0], _TONE_TAPS, delay=delay, start=delay + _TONE_TAPS, ridge=1e-6
    )
    return emitted - bound.error


def _best_case(setting: Setting, margin_ms: float, n_taps: int) -> tuple[float, Case]:
    """Return the margin to use and its bound: what is too much may be spent on a bulk delay."""
    margins = [margin_ms, *(m for m in (_AMPLE_MS, 4 * _AMPLE_MS) if m < margin_ms)]
    cases = [(margin, solve(setting, margin, n_taps)) for margin in margins]
    return max(cases, key=lambda pair: pair[1].nr_db)


def _limit(setting: Setting, margin_ms: float, n_taps: int, case: Case) -> tuple[str, float]:
    """Return what would help most, and the noise reduction with it."""
    more = {
        "ambient": noise_reduction_db(case.disturbance, case.error, start=case.start),
        "taps": solve(setting, margin_ms, 4 * n_taps).nr_db,
        "reference noise": solve(setting, margin_ms, n_taps, sensor=False).nr_db,
    }
    if margin_ms < _AMPLE_MS:
        more["causality"] = solve(setting, _AMPLE_MS, n_taps).nr_db
    name = max(more, key=lambda key: more[key])
    return (name, more[name]) if more[name] > case.nr_db + 1 else ("none", case.nr_db)


def cancellable_ranges(bands: BandReduction) -> tuple[tuple[float, float], ...]:
    """Return ranges of neighbouring loud third octaves that fall by 6 dB or more."""
    if len(bands.centre_hz) == 0:
        return ()
    loud = bands.disturbance_db >= bands.disturbance_db.max() - 30
    good = np.concatenate([[False], loud & (bands.reduction_db >= _BAND_DB), [False]])
    steps = np.diff(good.astype(np.int8))
    half = 10**0.05
    return tuple(
        (float(bands.centre_hz[a] / half), float(bands.centre_hz[b - 1] * half))
        for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    )


def _words(figures: dict[str, float | None], limit: str, more_db: float, n_taps: int) -> str:
    """Return why a mode reaches what it reaches."""
    margin, nr = figures["margin"] or 0.0, figures["nr"] or 0.0
    if margin < 0:
        parts = []
        for name, key in (("tones", "tones"), ("broadband noise", "broadband")):
            part = figures[key]
            if part is not None:
                falls = part >= 1
                parts.append(
                    f"{name} fall{'' if key == 'tones' else 's'} by {part:.1f} dB"
                    if falls
                    else f"{name} can't be foretold ({part:.1f} dB)"
                )
        what = f"the anti-noise comes {-margin:.1f} ms too late: " + ", ".join(parts)
    else:
        what = f"{margin:.1f} ms of margin allow {nr:.1f} dB"
    limits = {
        "causality": f"what limits it is causality: {_AMPLE_MS:.0f} ms of margin would give",
        "ambient": "what limits it is ambient noise that no reference hears: without it",
        "taps": f"what limits it is the filter's length: {4 * n_taps} taps would give",
        "reference noise": "what limits it is noise of the reference sensor: without it",
    }
    return f"{what}; {limits[limit]} {more_db:.1f} dB" if limit in limits else what


def _mode(setting: Setting, mode: str, margin_ms: float, n_taps: int) -> ModePlan:
    used_ms, case = _best_case(setting, margin_ms, n_taps)
    start = settled(setting.site.fs)
    whole = float(np.sum(case.disturbance[start:] ** 2))
    rest, rest_left = case.disturbance - case.tones, case.error - case.tones_left
    least = tonal_least(len(case.disturbance))

    def part(before: Floats, after: Floats) -> float | None:
        """Return the reduction of a part of the noise, where that is more than chance."""
        if np.sum(before[start:] ** 2) < least * whole:
            return None
        return noise_reduction_db(before, after, start=start)

    tones, broadband = part(case.tones, case.tones_left), part(rest, rest_left)
    limit, more_db = _limit(setting, used_ms, n_taps, case)
    bands = band_reduction(
        (case.disturbance + case.ambient)[case.start :],
        (case.error + case.ambient)[case.start :],
        setting.site.fs,
    )
    figures = {"margin": margin_ms, "nr": case.nr_db, "tones": tones, "broadband": broadband}
    return ModePlan(
        mode=mode,
        margin_ms=margin_ms,
        used_ms=used_ms,
        nr_db=case.nr_db,
        tones_db=tones,
        broadband_db=broadband,
        bands=bands,
        cancellable_hz=cancellable_ranges(bands),
        limit=limit,
        why=_words(figures, limit, more_db, n_taps),
    )


def settled(fs: float) -> int:
    """Return the first sample for which the predictor of tones had a full history."""
    return round(_TONE_S * fs) + 2 * _TONE_TAPS


def tonal_least(n: int) -> float:
    """Return the share of n samples' energy below which a part of them may be chance.

    By chance a predictor explains as much as its share of taps in the samples.
    """
    return max(0.05, 2 * _TONE_TAPS / n)


def _verdict(best: ModePlan, radius: float | None) -> tuple[str, str]:
    """Return the mode to choose and what to expect."""
    if best.nr_db < _USEFUL_DB:
        return "clean", (
            f"No anti-noise: {best.mode} reaches {best.nr_db:.1f} dB at most, since {best.why}. "
            "Clean the talker's signal instead, or bring reference and loudspeaker closer to the "
            "noise and the listener."
        )
    where = " and ".join(f"{low:.0f}–{high:.0f} Hz" for low, high in best.cancellable_hz)
    text = f"{best.mode}: up to {best.nr_db:.1f} dB"
    text += f", cancellable {where}" if where else ""
    text += f"; {best.why}"
    if radius is not None:
        text += (
            f"; at the highest of these 10 dB hold within {100 * radius:.0f} cm of the microphone"
        )
    return best.mode, text + "."


def plan(
    emitted: npt.ArrayLike,
    site: Site,
    latency: Latency | None = None,
    *,
    n_taps: int = 512,
    ambient_db: float = -30.0,
    reference_snr_db: float = 50.0,
    seed: int = 0,
) -> Plan:
    """Return what can be cancelled on a site, by mode and band, and why not more.

    Two modes are compared: `split` (the reference is wired to the device that drives the
    loudspeaker, only the device's own latency counts) and `lookahead` (the reference comes over the
    network), which is called `predictive` where it comes too late. Figures are bounds of the best
    fixed filter on this very noise; an adaptive filter comes close to them and can pass them only
    where the noise changes its character.

    Parameters
    ----------
    emitted : array_like, shape (n,)
        A recording of the noise near its source (for `Site.measured`: at the reference microphone),
        at the site's rate, of 10 s or more.
    site : Site
        Geometry or measured paths.
    latency : Latency, optional
        Electronics; typical values by default.
    n_taps : int
        Length of the control filter.
    ambient_db : float
        Ambient noise at the listener re the noise to cancel, dB.
    reference_snr_db : float
        Reference over its sensor noise, dB.
    seed : int
        Of ambient and sensor noise.

    Returns
    -------
    Plan
        With words and `to_json`.

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range or the noise silent or too short.
    """
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    delays = Latency() if latency is None else latency
    samples = as_signal("emitted", emitted, channels=1)
    if not samples.any():
        raise SignalError("the noise is silent; there is nothing to cancel")
    tonal = tonal_part(samples, site.fs)
    setting = Setting(site, samples, tonal, ambient_db, reference_snr_db, seed)
    remote = site.margin_ms - delays.remote_ms
    modes = (
        _mode(setting, "split", site.margin_ms - delays.local_ms, n_taps),
        _mode(setting, "lookahead" if remote >= 0 else "predictive", remote, n_taps),
    )
    # A wired reference is simpler: the network must earn its place.
    best = modes[1] if modes[1].nr_db > modes[0].nr_db + 0.5 else modes[0]
    radius = None
    if best.cancellable_hz:
        radius = zone_of_quiet_radius(best.cancellable_hz[-1][1])
    chosen, verdict = _verdict(best, radius)
    _, at_listener = site.signals(samples, 0.0)
    _, tones_there = site.signals(tonal, 0.0) if tonal.any() else (tonal, tonal)
    start = settled(site.fs)
    share = float(np.sum(tones_there[start:] ** 2) / np.sum(at_listener[start:] ** 2))
    return Plan(modes, chosen, min(share, 1.0), radius, verdict)
