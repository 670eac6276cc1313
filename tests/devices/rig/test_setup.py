"""Devices put in place."""

from __future__ import annotations

from antiphase.devices.rig import Listener, LoudspeakerDevice, Microphone, make_devices, make_scene
from tests.devices.rig.server import CERTIFICATE


def test_each_role_has_its_kind_of_device() -> None:
    """A road has a microphone and a loudspeaker, an office two microphones and a listener."""
    kinds = {
        name: [
            type(d) for d in make_devices(make_scene(name, seconds=2), 0.0, certificate=CERTIFICATE)
        ]
        for name in ("road", "drill", "office")
    }
    assert kinds["road"] == [Microphone, LoudspeakerDevice]
    assert kinds["drill"] == [LoudspeakerDevice]
    assert kinds["office"] == [Microphone, Microphone, Listener]
