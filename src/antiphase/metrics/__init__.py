"""Decibels, limits and quality figures: arrays in, numbers out."""

from __future__ import annotations

from antiphase.metrics.attenuation import (
    BandReduction,
    Boost,
    anr_db,
    band_reduction,
    noise_reduction_db,
    windowed_reduction_db,
    worst_boost,
)
from antiphase.metrics.bounds import (
    Bound,
    CoherenceBound,
    Duplex,
    coherence_bound,
    delayed_step_limit,
    duplex_latency,
    fixed_filter_bound,
    fxlms_step_limit,
    gain_phase_bound_db,
    gain_tolerance_db,
    phase_tolerance_deg,
    prediction_bound_db,
    reblocking_latency,
    zone_of_quiet_db,
    zone_of_quiet_radius,
)
from antiphase.metrics.convergence import (
    count_divergences,
    diverged,
    seconds_to_final,
    seconds_to_level,
)
from antiphase.metrics.path_error import PathError, path_error
from antiphase.metrics.prediction import spectral_factor, two_sided_density
from antiphase.metrics.quality import (
    Clipping,
    ToneQuality,
    clipping,
    level_db,
    peak_db,
    snr_db,
    tone_quality,
)
from antiphase.metrics.report import Metrics, report_metrics, to_plain
from antiphase.metrics.weighting import weight, weighting_db, weighting_filter

__all__ = [
    "BandReduction",
    "Boost",
    "Bound",
    "Clipping",
    "CoherenceBound",
    "Duplex",
    "Metrics",
    "PathError",
    "ToneQuality",
    "anr_db",
    "band_reduction",
    "clipping",
    "coherence_bound",
    "count_divergences",
    "delayed_step_limit",
    "diverged",
    "duplex_latency",
    "fixed_filter_bound",
    "fxlms_step_limit",
    "gain_phase_bound_db",
    "gain_tolerance_db",
    "level_db",
    "noise_reduction_db",
    "path_error",
    "peak_db",
    "phase_tolerance_deg",
    "prediction_bound_db",
    "reblocking_latency",
    "report_metrics",
    "seconds_to_final",
    "seconds_to_level",
    "snr_db",
    "spectral_factor",
    "to_plain",
    "tone_quality",
    "two_sided_density",
    "weight",
    "weighting_db",
    "weighting_filter",
    "windowed_reduction_db",
    "worst_boost",
    "zone_of_quiet_db",
    "zone_of_quiet_radius",
]
