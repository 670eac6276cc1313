"""Closes the loop off line: plant, loop, scenarios from scene to verdict, plans, reports."""

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
from antiphase.simulation.report import summarise, write_report
from antiphase.simulation.scenario import Scenario, load_scenario
from antiphase.simulation.site import Latency, Site
from antiphase.simulation.split import SplitResult, SteadyLink, run_split
from antiphase.simulation.street_cases import (
    MovedListener,
    blown,
    moved_listener,
    passing_vehicle,
    quiet_radius_m,
)
from antiphase.simulation.study import Study, run_study

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
    "MovedListener",
    "Packet",
    "PathChange",
    "Plan",
    "Plant",
    "Saturation",
    "Scenario",
    "Site",
    "SplitResult",
    "SteadyLink",
    "Study",
    "WifiJitter",
    "blown",
    "causality_cliff",
    "delay_by",
    "filter_moving",
    "load_scenario",
    "moved_listener",
    "moving_source",
    "packetise",
    "passing_vehicle",
    "plan",
    "quiet_radius_m",
    "run_loop",
    "run_split",
    "run_study",
    "sample_on",
    "straight_line",
    "summarise",
    "transcode",
    "wind_delay_s",
    "write_report",
]
