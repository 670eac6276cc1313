"""One room: its engine, its wiring, and who is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from antiphase.realtime import DeviceDescription, Engine
from antiphase.service.rooms_routes import Switchboard

__all__ = ["Room"]


@dataclass(eq=False)
class Room:
    """What `Rooms` knows of one session.

    Attributes
    ----------
    engine : Engine
    switchboard : Switchboard
    name, mode : str
        As asked for.
    created, told_at : float
        When it was opened, and when its figures were told, s.
    scene : dict or None
    devices : dict of str to DeviceDescription
        By device id.
    silent : dict of str to float
        Devices that have offered nothing yet, and since when, s.
    due : float
        When the engine is to be ticked next, s.
    faulty : bool
        Whether it has had a fault and only forwards.
    """

    engine: Engine
    switchboard: Switchboard
    name: str
    mode: str
    created: float
    told_at: float
    scene: dict[str, Any] | None
    devices: dict[str, DeviceDescription] = field(default_factory=dict)
    silent: dict[str, float] = field(default_factory=dict)
    due: float = 0.0
    faulty: bool = False

    def as_dict(self, session_id: str, connected: Callable[[str], bool]) -> dict[str, Any]:
        """Describe it, ready for JSON; `connected` tells whether a device's media are."""
        return {
            "session_id": session_id,
            "name": self.name,
            "mode": self.engine.mode,
            "wanted_mode": self.mode,
            "reason": self.engine.reason,
            "control": self.engine.control,
            "scene": self.scene,
            "devices": [
                {
                    "device_id": device_id,
                    "name": description.name,
                    "roles": description.role_names,
                    "connected": connected(device_id),
                }
                for device_id, description in self.devices.items()
            ],
        }
