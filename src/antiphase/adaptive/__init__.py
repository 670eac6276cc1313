"""Update rules of adaptive filters: classes, equations and bounds over the native kernels."""

from __future__ import annotations

from antiphase.adaptive.affine_projection import AffineProjectionFilter, ModifiedFxAP
from antiphase.adaptive.batch import FilterBatch
from antiphase.adaptive.frequency_domain import (
    DelaylessFxLMS,
    FrequencyDomainKalmanFilter,
    PartitionedBlockFilter,
    PartitionedBlockFxLMS,
)
from antiphase.adaptive.fxlms import FilteredXController, FxLMS, FxNLMS, ModifiedFxNLMS
from antiphase.adaptive.least_squares import (
    LeastSquaresController,
    LeastSquaresSolver,
    least_squares_window_s,
)
from antiphase.adaptive.lms import LMSFilter, NLMSFilter
from antiphase.adaptive.multichannel import (
    MultichannelFxLMS,
    MultichannelModifiedFx,
    prewhitening_filters,
)
from antiphase.adaptive.narrowband import NarrowbandController
from antiphase.adaptive.rls import FxRLS, RLSFilter
from antiphase.adaptive.seam import Canceller, Controller
from antiphase.adaptive.step_rule import Robust

__all__ = [
    "AffineProjectionFilter",
    "Canceller",
    "Controller",
    "DelaylessFxLMS",
    "FilterBatch",
    "FilteredXController",
    "FrequencyDomainKalmanFilter",
    "FxLMS",
    "FxNLMS",
    "FxRLS",
    "LMSFilter",
    "LeastSquaresController",
    "LeastSquaresSolver",
    "ModifiedFxAP",
    "ModifiedFxNLMS",
    "MultichannelFxLMS",
    "MultichannelModifiedFx",
    "NLMSFilter",
    "NarrowbandController",
    "PartitionedBlockFilter",
    "PartitionedBlockFxLMS",
    "RLSFilter",
    "Robust",
    "least_squares_window_s",
    "prewhitening_filters",
]
