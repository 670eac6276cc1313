"""Sources and paths of sound: noise, ducts, headphones, rooms, free field."""

from __future__ import annotations

from antiphase.acoustics import noise
from antiphase.acoustics.duct import duct_path
from antiphase.acoustics.earcup import earcup_paths
from antiphase.acoustics.free_field import Air, Converter, free_field_path, free_field_response
from antiphase.acoustics.medium import air_absorption_db_per_m, air_density, speed_of_sound
from antiphase.acoustics.paths import (
    AcousticPaths,
    CausalityMargin,
    distance_m,
    geometric_margin,
    path_margin,
)
from antiphase.acoustics.street import SceneSignals, StreetScene

__all__ = [
    "AcousticPaths",
    "Air",
    "CausalityMargin",
    "Converter",
    "SceneSignals",
    "StreetScene",
    "air_absorption_db_per_m",
    "air_density",
    "distance_m",
    "duct_path",
    "earcup_paths",
    "free_field_path",
    "free_field_response",
    "geometric_margin",
    "noise",
    "path_margin",
    "speed_of_sound",
]
