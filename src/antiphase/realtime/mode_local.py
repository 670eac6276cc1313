"""Mode `local`: the device works on its error microphone alone."""

from __future__ import annotations

from typing import Any, ClassVar

from antiphase.control import Mode
from antiphase.realtime.mode import ModeRunner, Surroundings
from antiphase.realtime.roster import Device

__all__ = ["LocalMode"]


class LocalMode(ModeRunner):
    """Feedback or narrowband control on the device; from here come only the figures.

    Parameters
    ----------
    around : Surroundings
    device : Device
    """

    mode: ClassVar[Mode] = "local"

    def __init__(self, around: Surroundings, device: Device) -> None:
        super().__init__(around)
        self.device = device

    def fits(self) -> bool:
        """Whether the device is still the one that closes the loop."""
        return self.around.roster.looper() is self.device

    def parameters(self) -> dict[str, Any]:
        """Return whose loop it is."""
        return {"device_id": self.device.device_id, "reference": "error"}
