"""Controller structures around the update rules, and what keeps them safe."""

from __future__ import annotations

from antiphase.control.feedback import FeedbackController
from antiphase.control.feedforward import FeedforwardController
from antiphase.control.fixed import FixedController
from antiphase.control.guard import Guard, GuardStatus
from antiphase.control.hybrid import HybridController
from antiphase.control.neutralisation import NeutralisedController
from antiphase.control.predictive import PredictiveMethod, predictive_controller
from antiphase.control.remote import SplitSolver
from antiphase.control.remote_device import SplitDevice
from antiphase.control.remote_distributed import DistributedSolver
from antiphase.control.remote_paths import ChangeRule, JointPaths
from antiphase.control.remote_settings import SplitSettings, SplitStatus
from antiphase.control.split_messages import Ack, Block, Message, Nack, Probe, Push, Rollback
from antiphase.control.supervisor import (
    Choice,
    Harm,
    Mode,
    Situation,
    Supervisor,
    choose_mode,
    predictable_db,
)
from antiphase.control.virtual_sensing import VirtualSensingController, observation_filter

__all__ = [
    "Ack",
    "Block",
    "ChangeRule",
    "Choice",
    "DistributedSolver",
    "FeedbackController",
    "FeedforwardController",
    "FixedController",
    "Guard",
    "GuardStatus",
    "Harm",
    "HybridController",
    "JointPaths",
    "Message",
    "Mode",
    "Nack",
    "NeutralisedController",
    "PredictiveMethod",
    "Probe",
    "Push",
    "Rollback",
    "Situation",
    "SplitDevice",
    "SplitSettings",
    "SplitSolver",
    "SplitStatus",
    "Supervisor",
    "VirtualSensingController",
    "choose_mode",
    "observation_filter",
    "predictable_db",
    "predictive_controller",
]
