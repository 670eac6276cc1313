"""Sources and paths of sound: noise, rooms, free field."""

from __future__ import annotations

from antiphase.acoustics import noise

__all__ = ["noise"]
