"""Closes the loop off line: the physical plant, and a loop that drives any controller on it."""

from __future__ import annotations

from antiphase.simulation.loop import LoopResult, run_loop
from antiphase.simulation.planner import CliffTable, ModePlan, Plan, causality_cliff, plan
from antiphase.simulation.plant import PathChange, Plant, Saturation, filter_moving
from antiphase.simulation.site import Latency, Site

__all__ = [
    "CliffTable",
    "Latency",
    "LoopResult",
    "ModePlan",
    "PathChange",
    "Plan",
    "Plant",
    "Saturation",
    "Site",
    "causality_cliff",
    "filter_moving",
    "plan",
    "run_loop",
]
