"""Update rules of adaptive filters: classes, equations and bounds over the native kernels."""

from __future__ import annotations

from antiphase.adaptive.frequency_domain import (
    DelaylessFxLMS,
    FrequencyDomainKalmanFilter,
    PartitionedBlockFilter,
    PartitionedBlockFxLMS,
)
from antiphase.adaptive.lms import LMSFilter, NLMSFilter
from antiphase.adaptive.rls import FxRLS, RLSFilter
from antiphase.adaptive.seam import Canceller, Controller

__all__ = [
    "Canceller",
    "Controller",
    "DelaylessFxLMS",
    "FrequencyDomainKalmanFilter",
    "FxRLS",
    "LMSFilter",
    "NLMSFilter",
    "PartitionedBlockFilter",
    "PartitionedBlockFxLMS",
    "RLSFilter",
]
