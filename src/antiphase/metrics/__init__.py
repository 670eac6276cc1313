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
from antiphase.metrics.prediction import power_density, spectral_factor

__all__ = [
    "BandReduction",
    "Boost",
    "Bound",
    "CoherenceBound",
    "Duplex",
    "anr_db",
    "band_reduction",
    "coherence_bound",
    "delayed_step_limit",
    "duplex_latency",
    "fixed_filter_bound",
    "fxlms_step_limit",
    "gain_phase_bound_db",
    "gain_tolerance_db",
    "noise_reduction_db",
    "phase_tolerance_deg",
    "power_density",
    "prediction_bound_db",
    "reblocking_latency",
    "spectral_factor",
    "windowed_reduction_db",
    "worst_boost",
    "zone_of_quiet_db",
    "zone_of_quiet_radius",
]
