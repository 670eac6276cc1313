"""A real sound card as a device: measure the secondary path, then control, alone or with a server.

The core (`DeviceLoop`, `DeviceAgent`) takes blocks and gives blocks; `catalogue` and
`portaudio` alone touch a sound card, and are imported only where one is wanted.
"""

from __future__ import annotations

from antiphase.devices.soundcard.agent import DeviceAgent
from antiphase.devices.soundcard.bridge import BlockBridge, Captured
from antiphase.devices.soundcard.calibration import (
    Calibration,
    read_calibration,
    write_calibration,
)
from antiphase.devices.soundcard.card import CardConverter, CardFormat
from antiphase.devices.soundcard.events import AgentEvent
from antiphase.devices.soundcard.figures import LiveFigures
from antiphase.devices.soundcard.local import LocalDevice
from antiphase.devices.soundcard.loop import DeviceLoop, Recorded, Take
from antiphase.devices.soundcard.measure import Measured, check_latency, measure_here
from antiphase.devices.soundcard.progress import ControlWatch, why_silent
from antiphase.devices.soundcard.verdict import HerePlan, plan_here
from antiphase.devices.soundcard.watch import CardWatch

__all__ = [
    "AgentEvent",
    "BlockBridge",
    "Calibration",
    "Captured",
    "CardConverter",
    "CardFormat",
    "CardWatch",
    "ControlWatch",
    "DeviceAgent",
    "DeviceLoop",
    "HerePlan",
    "LiveFigures",
    "LocalDevice",
    "Measured",
    "Recorded",
    "Take",
    "check_latency",
    "measure_here",
    "plan_here",
    "read_calibration",
    "why_silent",
    "write_calibration",
]
