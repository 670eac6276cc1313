"""Closes the loop off line: the physical plant, and a loop that drives any controller on it."""

from __future__ import annotations

from antiphase.simulation.clocks import DriftingClock, sample_on
from antiphase.simulation.coding import Codec, transcode
from antiphase.simulation.loop import LoopResult, run_loop
from antiphase.simulation.motion import delay_by, moving_source, straight_line, wind_delay_s
from antiphase.simulation.network import (
    ExponentialJitter,
    GilbertLoss,
    HalfNormalJitter,
    IndependentLoss,
    Link,
    Packet,
    WifiJitter,
    packetise,
)
from antiphase.simulation.planner import CliffTable, ModePlan, Plan, causality_cliff, plan
from antiphase.simulation.plant import PathChange, Plant, Saturation, filter_moving
from antiphase.simulation.site import Latency, Site

__all__ = [
    "CliffTable",
    "Codec",
    "DriftingClock",
    "ExponentialJitter",
    "GilbertLoss",
    "HalfNormalJitter",
    "IndependentLoss",
    "Latency",
    "Link",
    "LoopResult",
    "ModePlan",
    "Packet",
    "PathChange",
    "Plan",
    "Plant",
    "Saturation",
    "Site",
    "WifiJitter",
    "causality_cliff",
    "delay_by",
    "filter_moving",
    "moving_source",
    "packetise",
    "plan",
    "run_loop",
    "sample_on",
    "straight_line",
    "transcode",
    "wind_delay_s",
]
