"""Sounds without an end."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.rig import LoopedSound, seamless, through
from antiphase.errors import SignalError


def test_a_loop_has_no_seam() -> None:
    """The step at the seam of a slow noise is no larger than its other steps; its power is kept."""
    rng = np.random.default_rng(1)
    slow = np.convolve(rng.standard_normal(9000), np.hanning(64), mode="valid")
    looped = seamless(slow, 500)
    steps = np.abs(np.diff(np.concatenate([looped, looped[:1]])))
    assert steps[-1] <= steps.max() * 1.001
    assert np.mean(looped[:500] ** 2) == pytest.approx(np.mean(looped**2), rel=0.6)


def test_a_path_is_heard_in_its_steady_state() -> None:
    """Behind a path a repeating sound is what the second period of a convolution gives."""
    rng = np.random.default_rng(2)
    sound, path = rng.standard_normal(300), rng.standard_normal(700)
    twice = np.convolve(np.tile(sound, 5), path)[1200:1500]
    np.testing.assert_allclose(through(sound, path), twice, atol=1e-9)


def test_reading_between_samples_follows_the_sine() -> None:
    """A sine read off its grid, across the seam, is the sine to −90 dB."""
    n = 800
    sound = LoopedSound(np.sin(2 * np.pi * 40 * np.arange(n) / n))
    at = np.linspace(790.3, 830.9, 60)
    np.testing.assert_allclose(sound.at(at), np.sin(2 * np.pi * 40 * at / n), atol=3e-5)


def test_a_loop_that_is_too_short_is_refused() -> None:
    """More overlap than half of the recording has no meaning."""
    with pytest.raises(SignalError, match="overlap"):
        seamless(np.zeros(10), 6)
