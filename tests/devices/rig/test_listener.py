"""What becomes of a talker."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.rig import speech_figures


def test_talker_and_rest_are_told_apart() -> None:
    """Level, lag and ratio are those that were put in, a short filter counting as the talker."""
    rng = np.random.default_rng(1)
    speech = np.convolve(rng.standard_normal(8000), [1, 0.9, 0.5])[:8000]
    rest = rng.standard_normal(8000) * np.std(speech) * 10 ** (-15 / 20)
    heard = np.roll(0.8 * speech, 300) + rest
    found = speech_figures(heard, speech, 1000)
    assert found.lag == 300
    assert found.level_db == pytest.approx(20 * np.log10(0.8), abs=0.1)
    assert found.snr_db == pytest.approx(15 + 20 * np.log10(0.8), abs=0.3)
