"""Streams of devices on different clocks made one: drift, offset, lost frames."""

from __future__ import annotations

from antiphase.sync.clock import ClockLine, ClockTracker

__all__ = [
    "ClockLine",
    "ClockTracker",
]
