"""Choosing a mode."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.realtime.choice import Chooser, budget, missing_for
from antiphase.realtime.meter import Meter
from antiphase.realtime.roles import DeviceDescription, RoleBinding
from antiphase.realtime.roster import Roster

from .engine_loop import FS, paths, speaker


def roster() -> Roster:
    made = Roster()
    made.add("w", speaker(paths()[1])).channels.add("anc.split")
    return made


def heard(x: np.ndarray, d: np.ndarray) -> Meter:
    meter = Meter(FS, paths()[1])
    meter.take(x, np.zeros(len(x)), d)
    return meter


def test_split_begins_while_the_margin_is_measured() -> None:
    """Nothing is known, but the loop can be closed: the device may start in silence."""
    assert Chooser().choose(roster(), 0.0, room=True).mode == "split"
    assert Chooser().choose(roster(), 0.0, room=False).mode == "local"


def test_the_first_choice_is_taken_at_once() -> None:
    """White noise 10 ms early is for split; 10 ms late there is nothing to be done."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(3 * FS)
    primary = paths()[0]
    d = np.convolve(x, primary)[: len(x)]
    late = np.concatenate([np.zeros(160), x[:-160]])
    for reference, mode in ((x, "split"), (late, "forward")):
        chooser = Chooser()
        chooser.measure(heard(reference, d), 1.0)
        assert chooser.choose(roster(), 0.0, room=True).mode == mode


def test_what_was_too_late_is_measured_again() -> None:
    """After 15 s, then 30: by what has come since alone; in time it is split, late it waits on."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(3 * FS)
    d = np.convolve(x, paths()[0])[: len(x)]
    late = np.concatenate([np.zeros(160), x[:-160]])
    meter, chooser, now = heard(late, d), Chooser(), 1.0

    def wait(seconds: float) -> str:
        nonlocal now
        for _ in range(round(4 * seconds)):
            now += 0.25
            chooser.measure(meter, now)
            mode = chooser.choose(roster(), 0.25, room=True).mode
        return mode

    assert wait(14.5) == "forward"
    assert wait(1.0) == "split"  # it looks: nothing is known, nothing is played
    assert chooser.margin is None
    meter.take(late, np.zeros(len(x)), d)
    assert wait(29.0) == "forward"
    assert wait(1.5) == "split"
    meter.take(x, np.zeros(len(x)), d)
    assert wait(1.0) == "split"
    assert chooser.margin_ms == pytest.approx(10.0, abs=0.2)


def test_lines_can_be_foretold() -> None:
    """Hum is for prediction, whatever its lag may be."""
    t = np.arange(4 * FS) / FS
    hum = sum(np.sin(2 * np.pi * 100 * k * t + k) for k in range(1, 5))
    noise = np.random.default_rng(1).standard_normal((2, len(t)))
    chooser = Chooser()
    chooser.measure(heard(hum + 1e-3 * noise[0], hum + 1e-2 * noise[1]), 1.0)
    assert chooser.margin_ms is None
    choice = chooser.choose(roster(), 0.0, room=True)
    assert choice.mode == "predictive"
    assert "foretold" in choice.reason


def test_what_is_missing_is_named() -> None:
    """Each mode names the first thing that it lacks."""
    empty = Roster()
    assert "reference" in str(missing_for("split", empty))
    assert "talker" in str(missing_for("clean", empty))
    assert "loudspeaker" in str(missing_for("local", empty))
    assert missing_for("forward", empty) is None
    full = roster()
    assert missing_for("split", full) is None
    full.devices[0].channels.clear()
    assert "anc.split" in str(missing_for("split", full))
    blind = Roster()
    blind.add("w", speaker(paths()[1], secondary_path_estimate=None))
    assert "secondary path" in str(missing_for("predictive", blind))
    assert "tracks" in str(missing_for("lookahead", full))


def plain() -> Roster:
    made = Roster()
    made.add("k", DeviceDescription("k", (RoleBinding("reference", "0"),)))
    made.add(
        "w", speaker(paths()[1], roles=(RoleBinding("error", "0"), RoleBinding("loudspeaker", "0")))
    )
    return made


def test_a_loudspeaker_without_a_filter_gets_its_anti_noise_from_the_server() -> None:
    """No channel for filters: look-ahead while the margin allows it, and why in words."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(3 * FS)
    d = np.convolve(x, paths()[0])[: len(x)]
    late = np.concatenate([np.zeros(160), x[:-160]])
    chooser = Chooser()
    assert chooser.choose(plain(), 0.0, room=True).mode == "lookahead"
    chooser.measure(heard(x, d), 1.0)
    choice = chooser.choose(plain(), 0.0, room=True)
    assert choice.mode == "lookahead"
    assert "10.0 ms before its answer is due" in choice.reason
    chooser = Chooser()
    chooser.measure(heard(late, d), 1.0)
    choice = chooser.choose(plain(), 0.0, room=True)
    assert choice.mode == "forward"
    assert "ms too late" in choice.reason


def test_the_budget_adds_up() -> None:
    """Lead = margin + all latencies; of the network half the round trips."""
    full = Roster()
    kerb = full.add("k", DeviceDescription("k", (RoleBinding("reference", "0"),)))
    roles = (RoleBinding("error", "0"), RoleBinding("loudspeaker", "0"))
    window = full.add("w", speaker(paths()[1], roles=roles))
    kerb.round_trip_ms, window.round_trip_ms = 10.0, 20.0
    window.told_ms = {"capture": 5.0, "buffer": 15.0, "converters": 0.5}
    told = budget(full, 20.0, 0.5)
    assert told.acoustic_lead == pytest.approx(20 + 5 + 5 + 0.5 + 10 + 15 + 0.5)
    assert budget(Roster(), 20.0, 0.5).acoustic_lead is None
