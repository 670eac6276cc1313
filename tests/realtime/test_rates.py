"""Rates brought together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from antiphase.realtime.rates import RateConverter
from antiphase.realtime.roster import Frame


def test_frames_of_the_wanted_rate_pass() -> None:
    """Same samples, same timestamp; what is no number is silence."""
    pcm = np.array([0.5, np.nan, np.inf])
    first, made = RateConverter(8000).take(Frame(pcm, 7, 8000), 0)
    assert (first, made.tolist()) == (7, [0.5, 0.0, 0.0])


@pytest.mark.parametrize(("before", "after"), [(48000, 8000), (16000, 48000), (44100, 16000)])
def test_a_tone_keeps_its_frequency_and_timestamps_their_count(before: int, after: int) -> None:
    """A second of 440 Hz in frames of 10 ms is that tone at the other rate, without a seam."""
    n = before // 100
    t = np.arange(before) / before
    sound = np.sin(2 * np.pi * 440 * t)
    converter = RateConverter(after)
    parts = [
        converter.take(Frame(sound[k : k + n], 960 + k, before), 0) for k in range(0, before, n)
    ]
    for (first, made), (second, _) in itertools.pairwise(parts):
        assert second == first + len(made)
    whole = np.concatenate([made for _, made in parts])
    assert len(whole) == pytest.approx(after, abs=n)
    steady = whole[after // 2 : after // 2 + after // 4]
    basis = np.exp(2j * np.pi * 440 * np.arange(len(steady)) / after)
    amplitude = 2 * abs(steady @ basis) / len(steady)
    assert amplitude == pytest.approx(1, abs=0.01)
    assert np.mean(steady**2) == pytest.approx(amplitude**2 / 2, rel=0.01)


def test_a_stream_that_jumps_or_changes_its_rate_begins_anew() -> None:
    """Timestamps follow the stream's own, at the wanted rate."""
    converter = RateConverter(8000)
    assert converter.take(Frame(np.zeros(480), 48000, 48000), 0)[0] == 8000
    assert converter.take(Frame(np.zeros(480), 96000, 48000), 0)[0] == 16000
    assert converter.take(Frame(np.zeros(160), 16000, 16000), 0)[0] == 8000
