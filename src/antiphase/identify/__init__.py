"""Identification of paths and delays: arrays in, paths and their errors out."""

from __future__ import annotations

from antiphase.identify.latency import (
    DelayEstimate,
    check_span,
    chirp_probe,
    estimate_delay,
    round_trip,
)
from antiphase.identify.offline import PathEstimate, identify_mls, identify_path, mls
from antiphase.identify.online import OnlineIdentification, ProbeSchedule
from antiphase.identify.stability import (
    StabilityReport,
    StabilityWarning,
    StepLimit,
    check_stability,
    step_limit,
)
from antiphase.identify.sweep import ExponentialSweep, SweepResult, identify_sweep
from antiphase.identify.whitening import whitening_filter

__all__ = [
    "DelayEstimate",
    "ExponentialSweep",
    "OnlineIdentification",
    "PathEstimate",
    "ProbeSchedule",
    "StabilityReport",
    "StabilityWarning",
    "StepLimit",
    "SweepResult",
    "check_span",
    "check_stability",
    "chirp_probe",
    "estimate_delay",
    "identify_mls",
    "identify_path",
    "identify_sweep",
    "mls",
    "round_trip",
    "step_limit",
    "whitening_filter",
]
