"""Controller structures around the update rules, and what keeps them safe."""

from __future__ import annotations

from antiphase.control.feedback import FeedbackController
from antiphase.control.feedforward import FeedforwardController
from antiphase.control.fixed import FixedController
from antiphase.control.guard import Guard, GuardStatus
from antiphase.control.hybrid import HybridController
from antiphase.control.neutralisation import NeutralisedController
from antiphase.control.virtual_sensing import VirtualSensingController, observation_filter

__all__ = [
    "FeedbackController",
    "FeedforwardController",
    "FixedController",
    "Guard",
    "GuardStatus",
    "HybridController",
    "NeutralisedController",
    "VirtualSensingController",
    "observation_filter",
]
