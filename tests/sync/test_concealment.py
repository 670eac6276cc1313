"""Filled gaps against tones that are known and noise that is not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import signal

from antiphase.acoustics import noise
from antiphase.errors import ParameterError
from antiphase.sync.concealment import AdaptationGate, burg, fill_gap

FS = 8000


def test_burg_finds_the_model() -> None:
    """An autoregressive process gives back its coefficients, with all poles inside the circle."""
    model = np.array([1.0, -1.6, 0.9])
    x = signal.lfilter([1.0], model, np.random.default_rng(0).standard_normal(20000))
    np.testing.assert_allclose(burg(x, 2), model, atol=0.02)
    assert np.abs(np.roots(burg(x[:300], 40))).max() < 1


def test_tones_go_through_a_gap() -> None:
    """Three tones over 10 ms of loss: within −25 dB from one side, −45 dB from two."""
    time = np.arange(3000) / FS
    tones = np.array([[100.0], [230.0], [417.0]])
    x = np.sin(2 * np.pi * tones * time + tones).sum(axis=0)
    gap = slice(2000, 2080)
    one = fill_gap(x[:2000], 80)
    two = fill_gap(x[:2000], 80, x[2080:])
    power = np.sum(x[gap] ** 2)
    assert 10 * np.log10(np.sum((one - x[gap]) ** 2) / power) < -25
    assert 10 * np.log10(np.sum((two - x[gap]) ** 2) / power) < -45


def test_noise_is_hardly_worse_than_silence() -> None:
    """At most 0.4 dB worse on white noise; both sides help where the band is narrow."""
    for kind in ("white", "band"):
        x = noise.make(kind, 6, FS)
        gaps = range(2000, len(x) - 200, 700)
        left = {0: 0.0, 1: 0.0}
        power = 0.0
        for at in gaps:
            power += np.sum(x[at : at + 40] ** 2)
            for sides in left:
                after = x[at + 40 :][: 64 * sides]
                error = fill_gap(x[at - 1200 : at], 40, after) - x[at : at + 40]
                left[sides] += float(np.sum(error**2))
        assert max(left.values()) < 1.1 * power
    assert left[1] < 0.85 * power


def test_silence_and_no_history_give_silence() -> None:
    """Nothing known, nothing said; an endless gap fades and stays finite."""
    assert not fill_gap(np.zeros(500), 40).any()
    assert fill_gap([], 5).tolist() == [0] * 5
    assert fill_gap(np.ones(10), 0).shape == (0,)
    long = fill_gap(np.random.default_rng(1).standard_normal(800), 20000)
    assert np.isfinite(long).all()
    assert np.abs(long[-100:]).max() < 1e-3


def test_adaptation_rests_until_the_guess_has_left_in_any_split() -> None:
    """From the first guessed sample to `span` samples behind the last."""
    missing = np.zeros(400, dtype=bool)
    missing[[50, 51, 60, 200]] = True
    whole = AdaptationGate(30).process(missing)
    rest = np.zeros(400, dtype=bool)
    for at in np.flatnonzero(missing):
        rest[at : at + 31] = True
    np.testing.assert_array_equal(whole, ~rest)
    gate = AdaptationGate(30)
    edges = [0, 1, 49, 51, 51, 77, 200, 210, 231, 400]
    parts = [gate.process(missing[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_silence_before_the_stream_starts_is_no_gap() -> None:
    """Adaptation does not rest before the first real sample, in any split."""
    missing = np.array([True] * 40 + [False] * 60 + [True] + [False] * 19)
    gate = AdaptationGate(10)
    got = np.concatenate([gate.process(missing[:20]), gate.process(missing[20:])])
    np.testing.assert_array_equal(np.flatnonzero(~got), np.arange(100, 111))


def test_bad_parameters_are_refused() -> None:
    """Orders, lengths, spans."""
    with pytest.raises(ParameterError, match="order=5"):
        burg(np.ones(5), 5)
    with pytest.raises(ParameterError, match="n=-1"):
        fill_gap(np.ones(5), -1)
    with pytest.raises(ParameterError, match="span=-1"):
        AdaptationGate(-1)
