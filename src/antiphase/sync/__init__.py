"""Streams of devices on different clocks made one: drift, offset, lost frames."""

from __future__ import annotations

from antiphase.sync.align import LagChange, LagTracker, SyncLoop
from antiphase.sync.clock import ClockLine, ClockTracker
from antiphase.sync.concealment import AdaptationGate, fill_gap
from antiphase.sync.playout import Played, PlayoutBuffer

__all__ = [
    "AdaptationGate",
    "ClockLine",
    "ClockTracker",
    "LagChange",
    "LagTracker",
    "Played",
    "PlayoutBuffer",
    "SyncLoop",
    "fill_gap",
]
