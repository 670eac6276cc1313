"""What rooms allow, and how often they tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from antiphase.errors import require
from antiphase.realtime import EngineSettings

__all__ = ["RoomsSettings"]


@dataclass(frozen=True)
class RoomsSettings:
    """What rooms allow and how often they tell.

    Attributes
    ----------
    most_sessions, most_devices : int
        Rooms in all, devices in one.
    figures_s : float
        How often figures are sent to those in a room.
    connect_s : float
        A device with roles and without a connection is taken out after that long; one without
        only watches.
    engine : EngineSettings
    """

    most_sessions: int = 500
    most_devices: int = 16
    figures_s: float = 0.5
    connect_s: float = 30.0
    engine: EngineSettings = field(default_factory=EngineSettings)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.most_sessions >= 1, "most_sessions", self.most_sessions, "at least 1")
        require(self.most_devices >= 1, "most_devices", self.most_devices, "at least 1")
        require(self.figures_s > 0, "figures_s", self.figures_s, "> 0 s")
        require(self.connect_s > 0, "connect_s", self.connect_s, "> 0 s")
