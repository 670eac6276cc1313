"""Update rules of adaptive filters: classes, equations and bounds over the native kernels."""

from __future__ import annotations

from antiphase.adaptive.lms import LMSFilter, NLMSFilter
from antiphase.adaptive.rls import FxRLS, RLSFilter
from antiphase.adaptive.seam import Canceller, Controller

__all__ = ["Canceller", "Controller", "FxRLS", "LMSFilter", "NLMSFilter", "RLSFilter"]
