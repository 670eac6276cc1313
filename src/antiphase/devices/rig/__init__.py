"""Simulated devices in simulated places that join as real WebRTC clients."""

from __future__ import annotations

from antiphase.devices.rig.clock import LiveClock
from antiphase.devices.rig.device import Microphone, Place, RigDevice
from antiphase.devices.rig.link import LiveLink
from antiphase.devices.rig.listener import Listener, SpeechFigures, speech_figures
from antiphase.devices.rig.plant import RigPlant
from antiphase.devices.rig.playout import DrivePlayout
from antiphase.devices.rig.process import RigProcess, RigWish
from antiphase.devices.rig.record import LevelRecord
from antiphase.devices.rig.scene import Change, DeviceSpec, RigScene
from antiphase.devices.rig.scenes import SCENES, identify_in_quiet, make_scene, spoil_estimate
from antiphase.devices.rig.setup import make_devices
from antiphase.devices.rig.shell import RigReport, call_server, run_scene, wait_for_server
from antiphase.devices.rig.sounds import LoopedSound, seamless, through
from antiphase.devices.rig.speaker import LoudspeakerDevice
from antiphase.devices.rig.wire import DeviceWire

__all__ = [
    "SCENES",
    "Change",
    "DeviceSpec",
    "DeviceWire",
    "DrivePlayout",
    "LevelRecord",
    "Listener",
    "LiveClock",
    "LiveLink",
    "LoopedSound",
    "LoudspeakerDevice",
    "Microphone",
    "Place",
    "RigDevice",
    "RigPlant",
    "RigProcess",
    "RigReport",
    "RigScene",
    "RigWish",
    "SpeechFigures",
    "call_server",
    "identify_in_quiet",
    "make_devices",
    "make_scene",
    "run_scene",
    "seamless",
    "speech_figures",
    "spoil_estimate",
    "through",
    "wait_for_server",
]
