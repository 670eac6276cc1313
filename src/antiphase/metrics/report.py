"""The figures reported with every run."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require
from antiphase.metrics.attenuation import (
    BandReduction,
    band_reduction,
    noise_reduction_db,
    worst_boost,
)
from antiphase.metrics.convergence import diverged, seconds_to_final, seconds_to_level
from antiphase.metrics.fixed_filter import Bound
from antiphase.metrics.path_error import path_error
from antiphase.metrics.weighting import weight

__all__ = ["Metrics", "report_metrics", "to_plain"]

Json = dict[str, object]


@dataclass(frozen=True)
class Metrics:
    """The figures reported with every run; None where there is nothing to tell them from.

    Attributes
    ----------
    nr_whole_db, nr_after_1s_db, nr_last_second_db : float
        Noise reduction over all samples, from 1 s to the end, over the last second.
    nr_a_weighted_db : float
        Over all samples, both signals A-weighted.
    octaves, third_octaves : BandReduction
        By band.
    bound_whole_db, bound_after_1s_db : float
        What the bound's filter leaves on the same samples.
    gap_whole_db, gap_after_1s_db : float
        Bound minus reached: 0 is perfect; negative where adaptation beats any fixed filter.
    margin_samples, margin_ms : float
        Causality margin: acoustic lead minus electronic latency.
    seconds_to_10_db, seconds_to_final : float
        When a 1 s mean first holds 10 dB, and when it is first within 1 dB of the end.
    worst_boost_db, worst_boost_hz : float
        Where control makes it louder, and by how much.
    drive_rms_db, drive_peak_db : float
        Output level re the limit, dB; 0 dB peak is clipping.
    model_error_db : float
        Energy of ŝ − s re s.
    model_phase_deg, model_phase_hz : float
        Largest phase error of ŝ where the path carries sound (within 20 dB of its peak), and where.
    diverged : bool
        Whether any second after the first got more than 1 dB louder.
    divergences, runs : int
        Over several seeds, where the caller ran them.
    """

    nr_whole_db: float
    nr_after_1s_db: float | None
    nr_last_second_db: float | None
    nr_a_weighted_db: float | None
    octaves: BandReduction
    third_octaves: BandReduction
    bound_whole_db: float | None
    bound_after_1s_db: float | None
    gap_whole_db: float | None
    gap_after_1s_db: float | None
    margin_samples: float | None
    margin_ms: float | None
    seconds_to_10_db: float | None
    seconds_to_final: float | None
    worst_boost_db: float
    worst_boost_hz: float
    drive_rms_db: float | None
    drive_peak_db: float | None
    model_error_db: float | None
    model_phase_deg: float | None
    model_phase_hz: float | None
    diverged: bool
    divergences: int | None
    runs: int | None

    def to_json(self) -> Json:
        """Return plain numbers, lists and None (infinities too become None), for `json.dumps`."""
        return {field.name: to_plain(getattr(self, field.name)) for field in fields(self)}


def to_plain(value: object) -> object:
    """Return a value object as what JSON knows: dicts, lists, numbers, None for infinities.

    Parameters
    ----------
    value : object
        A dataclass, array, sequence, number, string or None, nested as they like.

    Returns
    -------
    object
        For `json.dumps`.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _drive(drive: npt.ArrayLike | None, limit: float) -> tuple[float | None, float | None]:
    """Return RMS and peak re the limit in dB."""
    if drive is None:
        return None, None
    require(limit > 0, "drive_limit", limit, "> 0")
    y = as_signal("drive", drive) / limit
    with np.errstate(divide="ignore"):
        rms, peak = (float(20 * np.log10(v)) for v in (np.sqrt(np.mean(y**2)), np.abs(y).max()))
    return rms, peak


def _model(
    path: npt.ArrayLike | None, estimate: npt.ArrayLike | None, fs: float
) -> tuple[float | None, float | None, float | None]:
    """Return the model's error in dB and its largest phase error with the frequency."""
    if path is None or estimate is None:
        return None, None, None
    found = path_error(path, estimate, fs)
    loud = found.path_db >= found.path_db.max(axis=-1, keepdims=True) - 20
    phase = np.where(loud, np.abs(found.phase_deg), 0.0)
    at = np.unravel_index(int(np.argmax(phase)), phase.shape)
    return found.error_db, float(phase[at]), float(found.frequency_hz[at[-1]])


def _a_weighted(d: npt.ArrayLike, e: npt.ArrayLike, fs: float) -> float | None:
    return noise_reduction_db(weight(d, fs), weight(e, fs)) if fs >= 4000 else None


def _bound(
    d: npt.NDArray[np.float64], bound: Bound | None, second: int
) -> tuple[float | None, float | None]:
    """Return the bound over all samples and from 1 s on."""
    if bound is None:
        return None, None
    if bound.error.shape != d.shape:
        raise SignalError(f"bound.error has shape {bound.error.shape}, disturbance {d.shape}")
    later = noise_reduction_db(d, bound.error, start=second) if len(d) > second else None
    return noise_reduction_db(d, bound.error), later


def report_metrics(
    disturbance: npt.ArrayLike,
    error: npt.ArrayLike,
    fs: float,
    *,
    bound: Bound | None = None,
    margin_samples: float | None = None,
    drive: npt.ArrayLike | None = None,
    drive_limit: float = 1.0,
    secondary_path: npt.ArrayLike | None = None,
    secondary_path_estimate: npt.ArrayLike | None = None,
    divergences: int | None = None,
    runs: int | None = None,
) -> Metrics:
    """Return all figures that are reported with every run.

    Parameters
    ----------
    disturbance, error : array_like, shape (n,) or (n, mics)
        d and the true acoustic e.
    fs : float
        Sample rate in Hz.
    bound : Bound, optional
        From `fixed_filter_bound` on the same samples.
    margin_samples : float, optional
        Causality margin in samples.
    drive : array_like, optional
        y, and
    drive_limit : float
        the amplitude at which the output clips.
    secondary_path, secondary_path_estimate : array_like, shape (..., taps), optional
        s and ŝ.
    divergences, runs : int, optional
        Diverged runs of how many, where several were made (`count_divergences`).

    Returns
    -------
    Metrics
        A value object; `to_json` gives plain types.

    Raises
    ------
    ParameterError, SignalError
        If the signals do not fit each other.
    """
    require(fs > 0, "fs", fs, "> 0")
    d, e = as_signal("disturbance", disturbance), as_signal("error", error)
    whole = noise_reduction_db(d, e)
    second = round(fs)
    later = noise_reduction_db(d, e, start=second) if len(d) > second else None
    bound_whole, bound_later = _bound(d, bound, second)
    boost = worst_boost(d, e, fs)
    rms, peak = _drive(drive, drive_limit)
    model_db, phase, phase_hz = _model(secondary_path, secondary_path_estimate, fs)
    return Metrics(
        nr_whole_db=whole,
        nr_after_1s_db=later,
        nr_last_second_db=noise_reduction_db(d, e, start=len(d) - second)
        if len(d) >= second
        else None,
        nr_a_weighted_db=_a_weighted(d, e, fs),
        octaves=band_reduction(d, e, fs, fraction=1),
        third_octaves=band_reduction(d, e, fs, fraction=3),
        bound_whole_db=bound_whole,
        bound_after_1s_db=bound_later,
        gap_whole_db=None if bound_whole is None else bound_whole - whole,
        gap_after_1s_db=None if bound_later is None or later is None else bound_later - later,
        margin_samples=margin_samples,
        margin_ms=None if margin_samples is None else 1000 * margin_samples / fs,
        seconds_to_10_db=seconds_to_level(d, e, fs, 10.0),
        seconds_to_final=seconds_to_final(d, e, fs),
        worst_boost_db=boost.boost_db,
        worst_boost_hz=boost.frequency_hz,
        drive_rms_db=rms,
        drive_peak_db=peak,
        model_error_db=model_db,
        model_phase_deg=phase,
        model_phase_hz=phase_hz,
        diverged=diverged(d, e, fs),
        divergences=divergences,
        runs=runs,
    )
