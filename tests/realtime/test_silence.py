"""What silence tells of the disturbance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.realtime.meter import Meter
from antiphase.realtime.silence import Silence

FS = 8000


def test_the_level_is_foretold_from_the_reference() -> None:
    """After half a second of silence the level of d follows from x, loud or soft."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(FS)
    d = signal.lfilter([0, 0, 0.5, 0.2], 1, x)
    silence = Silence(FS, 1024)
    for start in range(0, FS // 2, 800):
        part = slice(start, start + 800)
        silence.take(x[part], np.zeros(len(x[part])), d[part])
    density = signal.welch(3 * x, FS, nperseg=1024)[1]
    known = silence.foretell(density)
    assert known is not None
    wanted = signal.welch(3 * d, FS, nperseg=1024)[1]
    assert known.sum() / wanted.sum() == pytest.approx(1, abs=0.1)


def test_sound_is_no_silence() -> None:
    """While something is played nothing is learnt."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, FS))
    silence = Silence(FS, 1024)
    silence.take(x, y, x + y)
    assert silence.foretell(np.ones(513)) is None


def test_a_wrong_estimate_is_overruled() -> None:
    """With Ŝ 10 dB too loud the shown attenuation is still the true one."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(6 * FS)
    d = signal.lfilter([0, 0, 0, 0.5], 1, x)
    y = np.where(np.arange(len(x)) < FS, 0.0, -0.95 * np.roll(d, -1))
    e = d + signal.lfilter([0, 1.0], 1, y)
    meter = Meter(FS, np.array([0, 10**0.5]))
    for start in range(0, len(x) - 800, 800):
        part = slice(start, start + 800)
        meter.take(x[part], y[part], e[part])
    assert meter.attenuation().estimated == pytest.approx(26, abs=1)
