"""Moving paths against geometry."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.errors import ParameterError, SignalError
from antiphase.simulation.motion import delay_by, moving_source, straight_line, wind_delay_s

FS = 8000


def test_wind_has_the_stated_strength_and_pace() -> None:
    """1 m/s over 20 m is 170 µs RMS; after one time constant still related, after ten not."""
    delays = np.array(
        [
            wind_delay_s(5 * FS, FS, distance_m=20, time_scale_s=0.5, seed=s)[::400]
            for s in range(60)
        ]
    )
    assert np.sqrt(np.mean(delays**2)) == pytest.approx(20 / 343.2**2, rel=0.1)
    power = np.mean(delays**2)
    assert np.mean(delays[:, 10:] * delays[:, :-10]) / power == pytest.approx(0.74, abs=0.1)
    assert abs(np.mean(delays[:, 90:] * delays[:, :-90]) / power) < 0.25


def test_delay_by_a_fraction_and_back() -> None:
    """A tone comes later by 3.3 samples; ahead of the start there is silence."""
    time = np.arange(FS) / FS
    tone = np.sin(2 * np.pi * 440 * time)
    late = delay_by(tone, FS, 3.3 / FS)
    expected = np.sin(2 * np.pi * 440 * (time - 3.3 / FS))
    np.testing.assert_allclose(late[100:-100], expected[100:-100], atol=1e-4)
    assert np.abs(delay_by(np.ones(100), FS, 1.0)).max() < 1e-12
    assert np.abs(delay_by(np.ones(100), FS, -1.0)).max() < 1e-12


def test_a_passing_source_shifts_the_tone() -> None:
    """Doppler: 30 m/s towards a far microphone raises the tone by c / (c − v)."""
    tone = np.sin(2 * np.pi * 500 * np.arange(2 * FS) / FS)
    way = straight_line(2 * FS, FS, (-100, 0, 1), (30, 0, 0))
    heard = moving_source(tone, FS, way, (0, 0, 1), ground_reflection=0)[FS:]
    frequency = np.fft.rfftfreq(1 << 20, 1 / FS)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 1 << 20))
    assert frequency[spectrum.argmax()] == pytest.approx(500 * 343.2 / 313.2, rel=1e-4)


def test_the_ground_reflects() -> None:
    """At rest: direct sound and image, each with its distance."""
    click = np.zeros(2000)
    click[500] = 1
    heard = moving_source(click, FS, (0, 0, 0.5), (20, 0, 1.2), ground_reflection=0.9)
    energy = heard.sum()
    assert energy == pytest.approx(1 / np.hypot(20, 0.7) + 0.9 / np.hypot(20, 1.7), rel=1e-3)
    assert np.abs(heard).argmax() == pytest.approx(500 + 20.05 / 343.2 * FS, abs=2)


def test_impossible_motion_is_refused() -> None:
    """Faster than sound, through the microphone, or of the wrong shape."""
    fast = straight_line(1000, FS, (-100, 0, 1), (400, 0, 0))
    with pytest.raises(SignalError, match="slower than sound"):
        moving_source(np.ones(1000), FS, fast, (0, 0, 1))
    with pytest.raises(SignalError, match="positions"):
        moving_source(np.ones(1000), FS, np.zeros((3, 3)), (0, 0, 1))
    with pytest.raises(SignalError, match="delay_s has shape"):
        delay_by(np.ones(10), FS, np.ones(3))
    with pytest.raises(SignalError, match="NaN"):
        delay_by(np.ones(10), FS, np.nan)
    with pytest.raises(ParameterError, match="time_scale_s=0"):
        wind_delay_s(10, FS, distance_m=1, time_scale_s=0)
