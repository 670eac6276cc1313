"""What a device does from the first block on, in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.control import Block, Probe, SplitSettings, SplitSolver
from antiphase.devices.soundcard import Calibration, CardFormat, DeviceAgent
from antiphase.errors import ParameterError
from tests.devices.soundcard.virtual import VirtualCard, hum, room_path, run_agent

FORM = CardFormat(16000, block=64)


def room(form: CardFormat = FORM, delay_ms: float = 12.0) -> VirtualCard:
    return VirtualCard(form, hum(form.rate), room_path(form.rate, delay_ms=delay_ms))


def begin(card: VirtualCard, known: Calibration | None = None, *, goal: str = "run") -> DeviceAgent:
    agent = DeviceAgent(known, goal="run" if goal == "run" else "calibrate")
    agent.opened("virtual card", card.form, card.time)
    return agent


def until(card: VirtualCard, agent: DeviceAgent, state: str, most_s: float = 40.0) -> None:
    end = card.time + most_s
    while agent.state != state:
        assert card.time < end, agent.log
        run_agent(card, agent, 0.1)


@pytest.fixture(scope="module")
def known() -> Calibration:
    """Return the calibration of the virtual room."""
    card = room()
    agent = begin(card, goal="calibrate")
    until(card, agent, "done")
    assert agent.calibration is not None
    return agent.calibration


def level(card: VirtualCard, seconds: float) -> float:
    frames = round(seconds * card.form.rate)
    return 20 * float(np.log10(np.std(np.concatenate(card.heard)[-frames:])))


def measured_db(agent: DeviceAgent) -> float:
    return float(agent.status()["attenuation_db"]["measured"] or 0.0)


def test_it_measures_and_then_hum_falls() -> None:
    """Without a calibration the measurement comes first; then hum falls by more than 25 dB."""
    card = room()
    agent = begin(card)
    assert agent.status()["state"] == "measuring"
    until(card, agent, "running")
    run_agent(card, agent, 0.5)
    off = level(card, 0.3)
    run_agent(card, agent, 9.5)
    assert level(card, 1.0) < off - 25
    status = agent.status()
    # The figures know the control band only.
    assert status["attenuation_db"]["measured"] == pytest.approx(off - level(card, 1.0), abs=5)
    assert status["attenuation_db"]["estimated"] > 20
    assert status["attenuation_db"]["bound"] > 25
    assert status["mode"] == "local"
    assert (status["identified"], status["reopened"]) == (1, 0)


def test_a_calibration_that_fits_takes_one_chirp(known: Calibration) -> None:
    """Control runs within a second and a half, with the path of the file."""
    card = room()
    agent = begin(card, known)
    assert agent.status()["state"] == "checking"
    run_agent(card, agent, 1.5)
    assert agent.status()["state"] == "running"
    assert agent.status()["identified"] == 0


def test_a_calibration_that_does_not_fit_is_made_anew(known: Calibration) -> None:
    """Another round trip, or another format, leads to a new measurement, and the log says why."""
    moved = room(delay_ms=15.0)
    agent = begin(moved, known)
    run_agent(moved, agent, 1.5)
    assert agent.state == "measuring"
    assert any("the round trip is" in e.text for e in agent.log)
    other = room(CardFormat(16000, block=128))
    agent = begin(other, known)
    assert agent.state == "measuring"
    assert any("the calibration is for 16 kHz" in e.text for e in agent.log)


def test_case_23_a_headset_that_changes_rate_and_channels(known: Calibration) -> None:
    """From 16 kHz mono to 48 kHz stereo in mid-run: silent, identified anew, quieter, logged."""
    card = room()
    agent = begin(card, known)
    until(card, agent, "running")
    run_agent(card, agent, 7.0)
    assert measured_db(agent) > 20
    loop = agent.loop
    assert loop is not None
    agent.changed("48000 frames a second come, not 16000", card.time)
    assert not loop.process(np.zeros((64, 1), np.float32))[32:].any()
    assert agent.loop is None
    assert agent.status()["state"] == "waiting"
    headset = room(CardFormat(48000, 2, 2, 192))
    headset.time = card.time
    agent.opened("virtual card", headset.form, headset.time)
    assert agent.state == "measuring"
    until(headset, agent, "running")
    run_agent(headset, agent, 9.0)
    assert measured_db(agent) > 20
    assert agent.status()["reopened"] == 1
    assert agent.calibration is not None
    assert agent.calibration.form.rate == 48000
    texts = " / ".join(e.text for e in agent.log)
    assert "muted: 48000 frames a second come" in texts
    assert "opened virtual card: 48 kHz, 2 input channels" in texts
    assert texts.count("identified:") == 1


def test_case_16_overrun_in_mid_run_is_survived(known: Calibration) -> None:
    """A second in which the work takes too long is counted, and the hum stays down afterwards."""
    slow = {"on": False}
    card = VirtualCard(
        FORM, hum(16000), room_path(16000), work_s=lambda _: 0.013 if slow["on"] else 0.001
    )
    agent = begin(card, known)
    until(card, agent, "running")
    run_agent(card, agent, 6.0)
    assert measured_db(agent) > 15
    slow["on"] = True
    run_agent(card, agent, 1.0)
    slow["on"] = False
    run_agent(card, agent, 8.0)
    status = agent.status()
    assert card.bridge.waiting <= 1
    assert status["lost_blocks"] == card.bridge.dropped > 100
    assert agent.state == "running"
    assert measured_db(agent) > 15


def test_louder_than_without_control_is_checked_and_measured(known: Calibration) -> None:
    """A path that turns over in mid-run: muted, checked by a chirp, measured anew, quieter."""
    card = room()
    agent = begin(card, known)
    until(card, agent, "running")
    run_agent(card, agent, 5.0)
    card.plant.move(secondary_path=room_path(16000, delay_ms=17.0))
    run_agent(card, agent, 30.0)
    texts = " / ".join(e.text for e in agent.log)
    assert agent.status()["identified"] + texts.count("louder with control") >= 1
    until(card, agent, "running")
    run_agent(card, agent, 8.0)
    assert measured_db(agent) > 15


def test_mute_and_switch_outlive_a_new_card(known: Calibration) -> None:
    """A muted device stays muted when its card is opened anew; unmuted it measures and runs."""
    card = room()
    agent = begin(card, known)
    agent.muted = True
    agent.control = False
    agent.changed("the card has stopped", card.time)
    loop = agent.opened("virtual card", FORM, card.time)
    assert loop.muted
    assert not loop.control
    run_agent(card, agent, 3.0)
    assert not np.concatenate(card.played).any()
    agent.muted, agent.control = False, True
    until(card, agent, "running")
    run_agent(card, agent, 4.0)
    agent.muted = True
    run_agent(card, agent, 0.5)
    assert agent.status()["attenuation_db"]["measured"] is None


def test_a_first_measurement_that_fails_ends_it_and_a_later_one_is_tried_again(
    known: Calibration,
) -> None:
    """At the start the reason is told; after control has run once it is tried every 5 s."""
    silent = VirtualCard(FORM, np.zeros(16000), room_path(16000))
    agent = begin(silent)
    until(silent, agent, "failed")
    assert "unmute it" in str(agent.failure)
    card = room()
    agent = begin(card, known)
    until(card, agent, "running")
    agent.changed("the card has stopped", card.time)
    silent.time = card.time
    other = CardFormat(16000, block=128)
    dead = VirtualCard(other, np.zeros(16000), room_path(16000))
    agent.opened("virtual card", other, dead.time)
    run_agent(dead, agent, 8.0)
    assert agent.state == "measuring"
    assert sum("unmute it" in e.text for e in agent.log) == 2


def test_a_server_solves_for_a_device_with_a_reference() -> None:
    """With a second microphone and a solver behind the queue broadband noise falls by 10 dB."""
    form = CardFormat(16000, 2, block=64)
    x = 0.02 * np.random.default_rng(0).standard_normal(16000)
    card = VirtualCard(form, np.roll(x, 800), room_path(16000), reference=x)
    agent = DeviceAgent(server=True)
    agent.opened("virtual card", form, 0.0)
    until(card, agent, "running")
    assert agent.mode == "split"
    assert agent.calibration is not None
    solver = SplitSolver(
        512,
        secondary_path_estimate=agent.calibration.path,
        fs=8000,
        settings=SplitSettings(probe=Probe(level_db=-np.inf)),
    )
    for _ in range(80):
        run_agent(card, agent, 0.1)
        for message in agent.poll():
            if isinstance(message, Block):
                assert message.reference.any()
            for answer in solver.receive(message):
                agent.receive(answer)
    assert (agent.status()["attenuation_db"]["estimated"] or 0.0) > 10
    assert agent.status()["messages_dropped"] == 0


def test_goals_are_known() -> None:
    """Another goal is refused."""
    with pytest.raises(ParameterError, match="goal"):
        DeviceAgent(goal="dance")  # type: ignore[arg-type]
