"""Mode `forward`: sound is passed on, nothing is cancelled."""

from __future__ import annotations

from typing import ClassVar

from antiphase.control import Mode
from antiphase.realtime.mode import ModeRunner

__all__ = ["ForwardMode"]


class ForwardMode(ModeRunner):
    """Passes tracks on to listeners; the meter still sees what devices upload."""

    mode: ClassVar[Mode] = "forward"
