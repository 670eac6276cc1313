"""The supervisor's choices and its veto."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from antiphase.acoustics import noise
from antiphase.control import Harm, Situation, Supervisor, choose_mode, predictable_db
from antiphase.errors import ParameterError

FULL = Situation(has_reference=True, has_error=True, has_loudspeaker=True)


@pytest.mark.parametrize(
    ("facts", "mode", "word"),
    [
        ({"margin_ms": 5.0}, "lookahead", "5.0 ms before"),
        ({"margin_ms": -40.0, "predictable_db": 26.0}, "predictive", "26 dB"),
        ({"margin_ms": -40.0, "predictable_db": 0.2}, "forward", "41.0 ms too late"),
        ({"margin_ms": 0.2, "predictable_db": 0.2}, "forward", "too late"),
        ({"margin_ms": 5.0, "loss": 0.2}, "local", "20 %"),
        ({"margin_ms": 5.0, "jitter_ms": 9.0, "predictable_db": 20}, "predictive", "unsteadily"),
        ({"margin_ms": 2.0, "device_margin_ms": 4.0}, "split", "4.0 ms"),
        ({"device_margin_ms": 4.0, "solver_is_free": False}, "local", "no solver"),
        ({"has_reference": False}, "local", "no reference"),
        ({}, "local", "not measured"),
        ({"has_loudspeaker": False, "has_talker": True}, "clean", "talker"),
        ({"has_loudspeaker": False}, "forward", "loudspeaker"),
        ({"has_error": False}, "forward", "error microphone"),
    ],
)
def test_each_situation_has_its_mode_and_says_why(
    facts: dict[str, object], mode: str, word: str
) -> None:
    """One row per mode and reason."""
    choice = choose_mode(dataclasses.replace(FULL, **facts))  # type: ignore[arg-type]
    assert choice.mode == mode
    assert word in choice.reason


def test_hum_can_be_foretold_and_white_noise_can_not() -> None:
    """At −40 ms: hum above 20 dB, white noise below 0.5 dB."""
    hum, white = (noise.make(kind, 8.0, 8000, 1) for kind in ("hum", "white"))
    assert predictable_db(hum, 8000, -40.0, segment=8192) > 20
    assert predictable_db(white, 8000, -40.0) < 0.5


def test_a_mode_changes_only_when_the_reason_lasts() -> None:
    """A margin that dips for a second changes nothing; one that stays away does."""
    supervisor = Supervisor(settle_s=2.0)
    good = dataclasses.replace(FULL, margin_ms=5.0)
    bad = dataclasses.replace(FULL, margin_ms=-5.0)
    for _ in range(4):
        supervisor.consider(good, 1.0)
    assert supervisor.choice.mode == "lookahead"
    supervisor.consider(bad, 1.0)
    assert supervisor.consider(good, 1.0).mode == "lookahead"
    for _ in range(3):
        supervisor.consider(bad, 1.0)
    assert "too late" in supervisor.choice.reason


def test_control_that_adds_sound_is_silenced_and_tried_again_more_rarely() -> None:
    """Harm mutes within half a second; the second silence is twice as long."""
    supervisor = Supervisor(Harm(first_pause_s=1.0))
    silences = []
    for _ in range(2):
        steps = 0
        while not supervisor.observe(1.0, 1.3, 0.1):
            steps += 1
        assert steps * 0.1 <= 0.5
        assert "add sound" in supervisor.choice.reason
        steps = 1
        while supervisor.observe(1.0, 1.0, 0.1):
            steps += 1
        silences.append(steps)
    assert silences[1] >= 2 * silences[0] - 2
    assert supervisor.mutes == 2


def test_control_that_helps_is_never_silenced() -> None:
    """3 dB for a minute, then a short disturbance."""
    supervisor = Supervisor()
    assert not any(supervisor.observe(1.0, 0.5, 0.1) for _ in range(600))
    assert not any(supervisor.observe(1.0, 1.5, 0.1) for _ in range(2))
    assert supervisor.estimated_db == pytest.approx(1.0, abs=2.0)


def test_impossible_measurements_are_refused() -> None:
    """Loss above one, negative energies, no time at all."""
    with pytest.raises(ParameterError):
        Situation(loss=1.1)
    for energies in ((-1.0, 1.0, 0.1), (1.0, 1.0, 0.0)):
        with pytest.raises(ParameterError):
            Supervisor().observe(*energies)
    with pytest.raises(ParameterError):
        Harm(memory_s=0.0)
    assert np.isfinite(Supervisor().estimated_db)
