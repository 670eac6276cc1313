"""One room: its engine, its wiring, and who is in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from antiphase.realtime import DeviceDescription, Engine
from antiphase.service.recorder import RoomRecorder
from antiphase.service.rooms_routes import Switchboard

__all__ = ["Room", "device_message"]

_LOG = logging.getLogger("antiphase.service")


@dataclass(eq=False)
class Room:
    """What `Rooms` knows of one session.

    Attributes
    ----------
    engine : Engine
    switchboard : Switchboard
    name, mode : str
        As asked for.
    created : float
        When it was opened, s.
    phase : float
        Where in their common period it has its turn, 0 … 1.
    scene : dict or None
    devices : dict of str to DeviceDescription
        By device id.
    silent : dict of str to float
        Devices that have offered nothing yet, and since when, s.
    due : float
        When the engine is to be ticked next, s.
    faulty : bool
        Whether it has had a fault and only forwards.
    recorder : RoomRecorder or None
        Of the recording under way.
    """

    engine: Engine
    switchboard: Switchboard
    name: str
    mode: str
    created: float
    phase: float
    scene: dict[str, Any] | None
    devices: dict[str, DeviceDescription] = field(default_factory=dict)
    silent: dict[str, float] = field(default_factory=dict)
    due: float = 0.0
    faulty: bool = False
    recorder: RoomRecorder | None = None

    def keep(self, work: Callable[[RoomRecorder], None]) -> bool:
        """Let the recorder do something; False where there is none, or a fault has ended it."""
        if self.recorder is None:
            return False
        try:
            work(self.recorder)
        except Exception:  # noqa: BLE001 - whatever it is, the session must go on
            _LOG.exception("a recording has a fault and ends")
            self.recorder = None
        return self.recorder is not None

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


def device_message(
    device_id: str, description: DeviceDescription, event: str, reason: str | None
) -> dict[str, Any]:
    """Return what everybody in a session is told of a device that has come or gone."""
    message = {
        "type": "device",
        "device_id": device_id,
        "event": event,
        "name": description.name,
        "roles": description.role_names,
    }
    return message if reason is None else message | {"reason": reason}
