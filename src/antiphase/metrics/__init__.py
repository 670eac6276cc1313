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
from antiphase.metrics.fixed_filter import Bound, fixed_filter_bound

__all__ = [
    "BandReduction",
    "Boost",
    "Bound",
    "anr_db",
    "band_reduction",
    "fixed_filter_bound",
    "noise_reduction_db",
    "windowed_reduction_db",
    "worst_boost",
]
