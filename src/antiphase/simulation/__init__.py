"""Closes the loop off line: the physical plant, and a loop that drives any controller on it."""

from __future__ import annotations

from antiphase.simulation.loop import LoopResult, run_loop
from antiphase.simulation.plant import PathChange, Plant, Saturation, filter_moving

__all__ = ["LoopResult", "PathChange", "Plant", "Saturation", "filter_moving", "run_loop"]
