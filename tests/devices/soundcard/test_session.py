"""A sound card's device in a session of the real service."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from antiphase.control import Push, Rollback, SplitDevice
from antiphase.control.split_protocol import encode
from antiphase.devices.rig import call_server
from antiphase.devices.soundcard import Calibration, CardFormat, DeviceAgent
from antiphase.devices.soundcard.session import CardPeer, in_session, run_device
from antiphase.errors import ParameterError, ProtocolError, SignalError
from tests.devices.rig.live import free_port, service
from tests.devices.rig.server import CERTIFICATE
from tests.devices.soundcard.virtual import (
    FORM,
    Paced,
    VirtualCard,
    hum,
    measured,
    noisy_room,
    room_path,
    run_agent,
)


def test_a_server_solves_for_a_sound_card() -> None:
    """In a session of its own broadband noise falls by 10 dB; the session ends with the device."""
    card, agent = measured()
    told: list[dict[str, Any]] = []

    def tick(now: float) -> None:
        del now
        if (agent.status()["attenuation_db"]["estimated"] or 0.0) > 10:
            raise EOFError

    async def run(server: str) -> None:
        async with asyncio.timeout(60):
            await run_device(Paced(card, agent), agent, tick, server=server, told=told.append)

    with service() as (server, _):
        with pytest.raises(EOFError):
            asyncio.run(run(server))
        time.sleep(0.5)
        assert call_server(server, "GET", "/sessions") == []
    assert {"mode", "figures"} <= {message["type"] for message in told}


@pytest.mark.slow
def test_one_microphone_is_watched_by_the_server() -> None:
    """Without a reference the session is in mode `local`, and its figures say what falls."""
    form = CardFormat(16000, block=64)
    card = VirtualCard(form, hum(16000), room_path(16000))
    agent = DeviceAgent(server=True)
    agent.opened("virtual card", form, 0.0)
    while agent.state != "running":
        run_agent(card, agent, 0.5)
    told: list[dict[str, Any]] = []

    def tick(now: float) -> None:
        del now
        figures = [m for m in told if m["type"] == "figures"]
        if figures and (figures[-1]["attenuation_db"]["estimated"] or 0.0) > 10:
            raise EOFError

    async def run(server: str) -> None:
        async with asyncio.timeout(60):
            await run_device(Paced(card, agent), agent, tick, server=server, told=told.append)

    with service() as (server, _), pytest.raises(EOFError):
        asyncio.run(run(server))
    assert [m["mode"] for m in told if m["type"] == "mode"][-1] == "local"


def test_what_a_device_says_when_it_joins() -> None:
    """Roles by the mode, all on the data channel; Ŝ of the calibration; nothing before it."""
    with pytest.raises(ParameterError, match="calibration"):
        CardPeer(DeviceAgent(), certificate=CERTIFICATE).join_message()
    _, agent = measured()
    said = CardPeer(agent, certificate=CERTIFICATE).join_message()
    assert [role["role"] for role in said["roles"]] == ["reference", "error", "loudspeaker"]
    assert {role["track"] for role in said["roles"]} == {"data"}
    assert agent.calibration is not None
    np.testing.assert_allclose(
        said["secondary_path_estimate"], agent.calibration.path, atol=1e-8, rtol=0
    )
    assert (said["fs"], said["taps"]) == (8000, 512)


def test_messages_of_the_server_are_obeyed_and_nonsense_is_not() -> None:
    """A push reaches the filter, the switch the loop; other bytes change nothing."""
    card, agent = measured()
    peer = CardPeer(agent, certificate=CERTIFICATE)
    peer.read("anc.split", b"nonsense", 0.0)
    peer.read("anc.other", encode(Rollback(0)), 0.0)
    taps = np.zeros((1, 1, 512), np.float32)
    taps[0, 0, 3] = 1e-3
    peer.read("anc.split", encode(Push(1, taps, 0, 10)), 0.0)
    run_agent(card, agent, 0.2)
    assert agent.loop is not None
    device = agent.loop.controlled
    assert isinstance(device, SplitDevice)
    assert device.taps_version == 1
    peer.take_message({"type": "control", "on": False}, 0.0)
    assert not agent.control
    assert not agent.loop.control


def test_a_session_that_exists_is_named_by_its_address() -> None:
    """The WebSocket's address is made from it; other addresses are refused."""

    async def place(address: str) -> tuple[str, str | None]:
        async with in_session(address, "split", token="t") as found:  # noqa: S106
            return found.websocket, found.token

    assert asyncio.run(place("https://h:8443/abc")) == ("wss://h:8443/abc", "t")
    assert asyncio.run(place("http://h:1/abc/")) == ("ws://h:1/abc", "t")
    with pytest.raises(ParameterError, match="server"):
        asyncio.run(place("h:8443"))
    with pytest.raises(ProtocolError, match="no answer"):
        asyncio.run(place(f"http://127.0.0.1:{free_port()}"))


def test_it_ends_when_it_should() -> None:
    """After its seconds of control, and with the reason when the first measurement fails."""
    card, agent = measured(server=False)
    begin = time.monotonic()
    asyncio.run(run_device(Paced(card, agent), agent, lambda _: None, seconds=0.3))
    assert time.monotonic() - begin >= 0.3
    silent = VirtualCard(CardFormat(16000, block=64), np.zeros(16000), room_path(16000))
    dead = DeviceAgent()
    dead.opened("virtual card", silent.form, 0.0)
    with pytest.raises(SignalError, match="unmute it"):
        asyncio.run(run_device(Paced(silent, dead), dead, lambda _: None))


def test_a_calibration_is_a_goal_of_its_own() -> None:
    """With the goal `calibrate` it ends when all is measured, without control."""
    card, agent = noisy_room(), DeviceAgent(goal="calibrate")
    agent.opened("virtual card", FORM, card.time)
    while agent.state == "measuring":
        run_agent(card, agent, 0.5)
    asyncio.run(run_device(Paced(card, agent), agent, lambda _: None))
    assert agent.state == "done"
    assert isinstance(agent.calibration, Calibration)
    assert agent.runs == 0
