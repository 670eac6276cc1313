"""No state without a way out: what leads back to control, and what is said meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from antiphase.control import GuardStatus, SplitDevice
from antiphase.devices.soundcard import Calibration, CardFormat, DeviceAgent, LocalDevice
from antiphase.devices.soundcard.progress import ControlWatch, why_silent
from tests.devices.soundcard.virtual import VirtualCard, hum, room_path, run_agent

FORM = CardFormat(16000, block=64)
HUM_DBFS = 20 * float(np.log10(np.std(hum(16000))))


def begin(known: Calibration | None = None, begins: int = 0) -> tuple[VirtualCard, DeviceAgent]:
    made = VirtualCard(FORM, np.roll(hum(16000), -begins), room_path(16000))
    agent = DeviceAgent(known, goal="calibrate" if known is None else "run")
    agent.opened("virtual card", FORM, made.time)
    return made, agent


def quieter_db(card: VirtualCard) -> float:
    """How much quieter the last second was than the hum alone."""
    return HUM_DBFS - 20 * float(np.log10(np.std(np.concatenate(card.heard[-250:]))))


def seconds_until_quieter(card: VirtualCard, agent: DeviceAgent, most_s: float) -> float:
    began = card.time
    while quieter_db(card) < 15:
        assert card.time - began < most_s, [(e.time_s, e.text) for e in agent.log]
        run_agent(card, agent, 1.0)
    return card.time - began


@pytest.fixture(scope="module")
def known() -> Calibration:
    """Return the calibration of the virtual room."""
    card, agent = begin()
    while agent.state != "done":
        run_agent(card, agent, 0.5)
    assert agent.calibration is not None
    return agent.calibration


@pytest.mark.parametrize("begins", [40, 80])
def test_the_path_is_right_where_it_hums(known: Calibration, begins: int) -> None:
    """Whenever in its period the hum is met, the path at its lines is the same within 10 %."""
    card, agent = begin(None, begins)
    while agent.state != "done":
        run_agent(card, agent, 0.5)
    assert agent.calibration is not None
    lines = 100 * np.arange(1, 6)
    first, other = (
        np.exp(-2j * np.pi * np.outer(lines, np.arange(len(path))) / 8000) @ path
        for path in (known.path, agent.calibration.path)
    )
    assert np.abs(other / first - 1).max() < 0.1


@pytest.mark.parametrize("gain", [1 / 6, -1.0])
def test_a_path_that_is_wrong_is_measured_anew(known: Calibration, gain: float) -> None:
    """A calibration that fits in its round trip alone: the guard mutes; measured, quieter."""
    card, agent = begin(replace(known, path=known.path * gain))
    run_agent(card, agent, 2.0)
    seconds_until_quieter(card, agent, 45.0)
    assert agent.identified == 1
    assert agent.status()["why"] == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [*({"delay_ms": d} for d in (8.0, 10.0, 13.0, 17.0, 22.0)), {"gain": 1.8}, {"gain": 3.6}],
)
def test_a_jump_in_mid_run_is_got_over(known: Calibration, change: dict[str, float]) -> None:
    """Delays that jump, a loudspeaker turned up to six times its level: quieter in 45 s."""
    card, agent = begin(known)
    run_agent(card, agent, 6.0)
    card.plant.move(secondary_path=room_path(16000, **change))
    run_agent(card, agent, 3.0)
    seconds_until_quieter(card, agent, 45.0)


@pytest.mark.slow
@pytest.mark.parametrize("busy", ["bursts", "one in twenty", "every block"])
def test_overload_is_told_and_got_over(known: Calibration, busy: str) -> None:
    """While blocks come late the reason says so and nothing is measured; then 5 s to 15 dB."""

    def late(t: float) -> bool:
        kinds = {"bursts": t % 5 < 1, "one in twenty": round(t / 0.004) % 20 == 0}
        return kinds.get(busy, True)

    slow = VirtualCard(
        FORM,
        hum(16000),
        room_path(16000),
        work_s=lambda t: 0.013 if 8 < t < 40 and late(t) else 0.001,
    )
    agent = DeviceAgent(known)
    agent.opened("virtual card", FORM, 0.0)
    run_agent(slow, agent, 39.0)
    assert "blocks come too late" in agent.status()["why"]
    run_agent(slow, agent, 2.0)
    seconds_until_quieter(slow, agent, 5.0)
    assert agent.identified == 0


def guard(frames: int, muted: int = 0, state: Any = "active", *, idle: bool = False) -> GuardStatus:  # noqa: ANN401
    return GuardStatus(state, idle, 1.0, frames, 0, muted, 0, 0, 0, 0, 0, 0, 0, 0)


def test_pauses_between_measurements_double() -> None:
    """A guard that mutes for ever: 15 s, then 30, 60 … 600; 15 calm seconds begin anew."""
    watch, asked = ControlWatch(CardFormat(8000, block=64)), []
    for k in range(4000):
        watch.take(guard(8000 * k, 7200 * k, "muted"), 0)
        if watch.stuck(float(k)):
            asked.append(k)
            watch.begin()
    assert np.diff(asked)[:4].tolist() == [61, 61, 120, 240]
    assert max(np.diff(asked)) == 600
    watch.begin()
    for k in range(4000, 4062):
        watch.take(guard(8000 * k), 0)
        assert not watch.stuck(float(k))
    watch.begin()
    found = []
    for k in range(4062, 4130):
        watch.take(guard(8000 * k, 7200 * k, "muted"), 0)
        found.append(watch.stuck(float(k)))
    assert any(found)


def test_late_blocks_are_no_reason_to_measure() -> None:
    """More than 2 % late: the guard's mutes prove nothing."""
    watch = ControlWatch(CardFormat(8000, block=80))
    for k in range(200):
        watch.take(guard(2000 * k, 1900 * k, "muted"), k)
        assert not watch.stuck(float(k))
    assert watch.overloaded
    assert watch.late_share == pytest.approx(0.04)


def test_each_state_has_its_reason(known: Calibration) -> None:
    """Mute, switch, card, measurement, overload, guard, server, start, quiet, verdict, learning."""
    status = {
        "muted": False,
        "control": True,
        "state": "running",
        "attenuation_db": {"measured": 0.0, "bound": 20.0},
    }
    local = LocalDevice(64, secondary_path_estimate=known.path, fs=8000)
    split = SplitDevice(64, secondary_path_estimate=known.path, fs=8000)
    assert "press m" in why_silent({**status, "muted": True}, local)
    assert "press c" in why_silent({**status, "control": False}, local)
    assert "sound card" in why_silent({**status, "state": "waiting"}, None)
    failed = why_silent({**status, "state": "measuring"}, None, failure="it clips")
    assert "(it clips)" in failed
    assert "until the measurement" in why_silent({**status, "state": "checking"}, None)
    assert "20 % of the blocks come too late" in why_silent(status, local, late_share=0.2)
    assert "first filter" in why_silent(status, split)
    assert "half a second" in why_silent(status, local)
    local.adapting = False
    silence = np.zeros(local.settle + 1000, np.float32)
    local.process(silence, silence)
    assert "too quiet" in why_silent(status, local)
    local.process(silence, np.sin(np.arange(len(silence))).astype(np.float32))
    assert "learning" in why_silent(status, local)
    poor = {**status, "attenuation_db": {"measured": 0.0, "bound": 1.0}}
    assert "can't be cancelled" in why_silent(poor, local)
    good = {**status, "attenuation_db": {"measured": 12.0, "bound": 20.0}}
    assert why_silent(good, local) == ""
