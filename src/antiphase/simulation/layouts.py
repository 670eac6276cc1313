"""Layouts: where source, microphones and loudspeakers are, and what lies between them."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import ClassVar

from antiphase.errors import require

__all__ = [
    "PATH_KINDS",
    "DuctPaths",
    "EarcupPaths",
    "FreeFieldPaths",
    "MeasuredPaths",
    "Paths",
    "Position",
    "RoomPaths",
]

Position = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class MeasuredPaths:
    """Paths from files (WAV, npz, MATLAB, SOFA); the noise is what the reference microphone hears.

    Attributes
    ----------
    primary, secondary : str
        Files of the impulse responses, relative to the scenario's folder or ``bench:NAME``.
    primary_key, secondary_key : str
        The arrays in npz or MATLAB files.
    """

    kind: ClassVar[str] = "measured"
    primary: str
    secondary: str
    primary_key: str = ""
    secondary_key: str = ""


@dataclass(frozen=True, kw_only=True)
class DuctPaths:
    """Plane waves in a straight duct with reflecting ends, noise source at its start.

    Attributes
    ----------
    length_m : float
        Length of the duct.
    reference_m, loudspeaker_m, error_m : float
        Places along the duct, from the noise source.
    source_reflection, outlet_reflection : float
        Pressure reflection factors of the two ends, in (−1, 1); an open end is negative.
    n_taps : int
        Length of the impulse responses.
    """

    kind: ClassVar[str] = "duct"
    length_m: float = 4.0
    reference_m: float = 0.3
    loudspeaker_m: float = 2.5
    error_m: float = 3.4
    source_reflection: float = 0.6
    outlet_reflection: float = -0.6
    n_taps: int = 1024

    def __post_init__(self) -> None:
        require(self.length_m > 0, "paths.length_m", self.length_m, "> 0")
        for name in ("reference_m", "loudspeaker_m", "error_m"):
            value = getattr(self, name)
            require(0 <= value <= self.length_m, f"paths.{name}", value, f"in [0, {self.length_m}]")
        for name in ("source_reflection", "outlet_reflection"):
            require(
                abs(getattr(self, name)) < 1, f"paths.{name}", getattr(self, name), "in (-1, 1)"
            )
        require(self.n_taps >= 1, "paths.n_taps", self.n_taps, "at least 1")


@dataclass(frozen=True, kw_only=True)
class EarcupPaths:
    """A closed headphone: passive leak into the cup, small loudspeaker close to the ear.

    Attributes
    ----------
    leak_hz : float
        Corner of the second-order low-pass that the cup is for sound from outside.
    outside_m : float
        Way from the reference microphone on the shell to the error microphone at the ear.
    inside_m : float
        Way from the loudspeaker to the error microphone.
    resonance_hz : float
        Resonance of the loudspeaker in its cup.
    n_taps : int
        Length of the impulse responses.
    """

    kind: ClassVar[str] = "earcup"
    leak_hz: float = 500.0
    outside_m: float = 0.05
    inside_m: float = 0.015
    resonance_hz: float = 120.0
    n_taps: int = 512

    def __post_init__(self) -> None:
        for name in ("leak_hz", "outside_m", "inside_m", "resonance_hz"):
            require(getattr(self, name) > 0, f"paths.{name}", getattr(self, name), "> 0")
        require(self.n_taps >= 1, "paths.n_taps", self.n_taps, "at least 1")


@dataclass(frozen=True, kw_only=True)
class FreeFieldPaths:
    """Outdoors: direct sound and a ground reflection.

    Attributes
    ----------
    source_m, reference_m : (x, y, z)
        Noise source and reference microphone, in m; z is the height above ground.
    loudspeakers_m, errors_m : list of (x, y, z)
        Loudspeakers and error microphones.
    ground : bool
        Whether there is an asphalt ground at z = 0.
    n_taps : int
        Length of the impulse responses.
    """

    kind: ClassVar[str] = "free_field"
    source_m: Position
    reference_m: Position
    loudspeakers_m: tuple[Position, ...]
    errors_m: tuple[Position, ...]
    ground: bool = True
    n_taps: int = 1024

    def __post_init__(self) -> None:
        _check_places(self)


@dataclass(frozen=True, kw_only=True)
class RoomPaths:
    """A rectangular room by image sources.

    Attributes
    ----------
    size_m : (x, y, z)
        Inner size of the room in m.
    t60_s : float
        Reverberation time in s.
    source_m, reference_m : (x, y, z)
        Noise source and reference microphone, in m from one corner.
    loudspeakers_m, errors_m : list of (x, y, z)
        Loudspeakers and error microphones.
    n_taps : int
        Length of the impulse responses.
    """

    kind: ClassVar[str] = "room"
    size_m: Position
    t60_s: float
    source_m: Position
    reference_m: Position
    loudspeakers_m: tuple[Position, ...]
    errors_m: tuple[Position, ...]
    n_taps: int = 2048

    def __post_init__(self) -> None:
        require(min(self.size_m) > 0, "paths.size_m", self.size_m, "> 0 in each direction")
        require(self.t60_s > 0, "paths.t60_s", self.t60_s, "> 0")
        _check_places(self)
        for place in (self.source_m, self.reference_m, *self.loudspeakers_m, *self.errors_m):
            inside = all(0 < p < s for p, s in zip(place, self.size_m, strict=True))
            require(inside, "paths: position", place, f"inside the room of {self.size_m} m")


Paths = MeasuredPaths | DuctPaths | EarcupPaths | FreeFieldPaths | RoomPaths
PATH_KINDS = {cls.kind: cls for cls in typing.get_args(Paths)}


def _check_places(paths: FreeFieldPaths | RoomPaths) -> None:
    require(len(paths.loudspeakers_m) > 0, "paths.loudspeakers_m", [], "at least one position")
    require(len(paths.errors_m) > 0, "paths.errors_m", [], "at least one position")
    require(paths.n_taps >= 1, "paths.n_taps", paths.n_taps, "at least 1")
