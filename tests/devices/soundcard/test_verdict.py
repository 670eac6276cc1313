"""What is cancellable here."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.soundcard import plan_here
from antiphase.errors import SignalError

FS = 8000
LATE = np.zeros(600)
LATE[480] = 0.7
N = np.arange(40000) / FS
RNG = np.random.default_rng(4)
HUM = np.sin(2 * np.pi * 100 * N) + 0.5 * np.sin(2 * np.pi * 200 * N)
WHITE = RNG.standard_normal(40000)


def test_case_18_one_microphone_can_cancel_tones_only() -> None:
    """Behind 60 ms hum falls by 20 dB or more, white noise does not; of a mix only the tones."""
    tone = plan_here(HUM + 0.01 * WHITE, None, LATE, FS)
    white = plan_here(WHITE, None, LATE, FS)
    both = plan_here(HUM + 0.01 * WHITE + 0.5 * RNG.standard_normal(40000), None, LATE, FS)
    assert tone.mode == "local"
    assert tone.nr_db > 20
    assert "Hz" in tone.verdict
    assert any(low < 100 < high for low, high in tone.cancellable_hz)
    assert white.nr_db < 1
    assert white.verdict.startswith("No anti-noise here: local reaches")
    assert both.tones_db is not None
    assert both.broadband_db is not None
    assert both.tones_db > 6
    assert both.broadband_db < 1
    assert "broadband noise can't be cancelled" in both.verdict


def test_case_18_a_reference_in_time_allows_broadband_noise() -> None:
    """With a second microphone that hears the noise 80 ms earlier, white noise falls by 20 dB."""
    d = np.concatenate([np.zeros(640), WHITE[:-640]])
    plan = plan_here(d, WHITE, LATE, FS)
    assert plan.mode == "split"
    assert plan.nr_db > 20
    assert plan.broadband_db is not None
    assert plan.broadband_db > 20


def test_the_drive_is_what_the_path_asks_for() -> None:
    """A path of gain 0.7 needs a drive 1/0.7 as large as the noise."""
    plan = plan_here(0.1 * HUM + 1e-3 * WHITE, None, LATE, FS)
    assert plan.drive_peak == pytest.approx(0.1 * np.abs(HUM).max() / 0.7, rel=0.1)


def test_a_recording_that_is_too_short_is_refused() -> None:
    """The words say how long it must be."""
    with pytest.raises(SignalError, match="planning needs"):
        plan_here(WHITE[:3000], None, LATE, FS)
