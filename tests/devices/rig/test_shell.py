"""A scene in real time against the real service."""

from __future__ import annotations

import asyncio

import pytest

from antiphase.devices.rig import RigReport, call_server, make_scene, run_scene, wait_for_server
from antiphase.devices.rig.wire import DeviceWire
from antiphase.errors import ParameterError, ProtocolError
from tests.devices.rig.live import free_port, service
from tests.service.running import live


def test_a_scene_is_attenuated_over_real_webrtc() -> None:
    """Band noise on this machine's sockets and clocks: quieter, and nothing stays."""
    scene = make_scene("drill", seconds=10, kind="band", margin_ms=5.0)
    reports: list[RigReport] = []
    with service() as (server, _):
        last = asyncio.run(run_scene(server, scene, reports.append, seconds=8.0))
        assert call_server(server, "GET", "/sessions") == []
    assert max(r.true_db or 0.0 for r in reports) > 10
    assert last.figures["mode"] == "split"
    assert last.figures["attenuation_db"]["estimated"] is not None
    assert last.joins == 1


def test_its_length_counts_from_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that takes longer to connect than the scene is long it plays all the same."""
    run = DeviceWire.run

    async def late(wire: DeviceWire) -> None:
        await asyncio.sleep(2.0)
        await run(wire)

    monkeypatch.setattr(DeviceWire, "run", late)
    with live() as server:
        scene = make_scene("office", seconds=10)
        last = asyncio.run(run_scene(server.url, scene, lambda _: None, seconds=1.5))
    assert last.figures["mode"] == "clean"


def test_a_server_that_is_not_there_is_said_in_one_line() -> None:
    """No answer, a refusal and a wrong address each name what is wrong."""
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ProtocolError, match="no answer"):
        wait_for_server(nobody, 0.0)
    with pytest.raises(ParameterError, match="http"):
        call_server("ftp://somewhere", "GET", "/")
    with service() as (server, _), pytest.raises(ProtocolError, match="404"):
        call_server(server, "GET", "/sessions/none")
