"""Passing on."""

from __future__ import annotations

from antiphase.realtime import DeviceDescription, Engine, RoleBinding, SetRoutes


def test_a_track_goes_to_the_listener_and_nothing_else_happens() -> None:
    """Two devices, one flow, no modes beyond forward."""
    engine = Engine()
    engine.add_device("r", DeviceDescription("r", (RoleBinding("reference", "0"),)), 0.0)
    engine.add_device("l", DeviceDescription("l", (RoleBinding("listener", "0"),)), 0.0)
    flows = [o for o in engine.poll() if isinstance(o, SetRoutes)][-1].flows
    assert [(f.device_id, f.kind, f.to) for f in flows] == [("r", "forward", "l")]
    assert engine.mode == "forward"
