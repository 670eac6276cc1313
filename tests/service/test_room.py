"""One room, described."""

from __future__ import annotations

import json

from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.realtime import DeviceDescription, Engine, EngineSettings, InlinePool, RoleBinding
from antiphase.service.room import Room
from antiphase.service.rooms_routes import Switchboard


def test_a_room_is_described_with_who_is_in_it() -> None:
    """Wanted and actual mode, devices with roles and connection, all fit for JSON."""
    endpoint = Endpoint(EndpointSettings((("192.0.2.1", 8443),)))
    engine = Engine(EngineSettings(), pool=InlinePool(), now=0.0, scene=None)
    room = Room(engine, Switchboard(endpoint), "yard", "auto", 0.0, 0.0, {"lead_m": 3})
    for name in ("a", "b"):
        room.devices[name] = DeviceDescription(name, (RoleBinding("listener", "0"),))
    found = json.loads(json.dumps(room.as_dict("s", lambda device_id: device_id == "b")))
    assert (found["session_id"], found["name"], found["wanted_mode"]) == ("s", "yard", "auto")
    assert found["scene"] == {"lead_m": 3}
    assert [(d["device_id"], d["roles"], d["connected"]) for d in found["devices"]] == [
        ("a", ["listener"], False),
        ("b", ["listener"], True),
    ]
