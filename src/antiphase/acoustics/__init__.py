"""Sources and paths of sound: noise, ducts, headphones, rooms, free field."""

from __future__ import annotations

from antiphase.acoustics import noise
from antiphase.acoustics.duct import duct_path
from antiphase.acoustics.earcup import earcup_paths

__all__ = ["duct_path", "earcup_paths", "noise"]
