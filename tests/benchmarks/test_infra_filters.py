"""Counting of what a barrier played and what a listener got."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.infra_filters import CleanSession, SplitSession, longest_silence_s

FRONTS = ["ws://127.0.0.1:1"]
TONE = 0.1 * np.sin(2 * np.pi * 440 * np.arange(160) / 8000)


def rows(*parts: tuple[float, float, float]) -> np.ndarray:
    """Return blocks of 20 ms: for each part its end, s, and its mean squares of e and y; d is 1."""
    found, at = [], 0.0
    for until, error, drive in parts:
        while at < until - 1e-9:
            found.append((at, 1.0, error, drive))
            at += 0.02
    return np.array(found)


def test_a_drive_that_is_a_hundredth_is_silence() -> None:
    """Silence is 20 dB below what was played before: a probe is silence, a softer drive is not."""
    played = rows((5, 0.01, 1.0), (7.4, 1.0, 0.003), (9, 0.1, 0.05), (9.5, 1.0, 0.0), (12, 0.1, 1))
    assert longest_silence_s(played, 5.0, 12.0) == pytest.approx(2.4, abs=0.15)
    assert longest_silence_s(played, 9.6, 12.0) == 0


def test_no_blocks_are_silence() -> None:
    """A device that stops altogether is silent."""
    assert longest_silence_s(rows((5, 0.01, 1.0)), 3.0, 9.0) == pytest.approx(4.0, abs=0.15)


def test_a_barrier_knows_its_noise_reduction() -> None:
    """The true reduction is that of the last two seconds."""
    session = SplitSession("a", FRONTS)
    session._levels.rows = [tuple(row) for row in rows((5, 1.0, 0.0), (10, 0.01, 1.0))]
    assert session.reduction_db(10.0) == pytest.approx(20)
    assert session.reduction_db(4.0) == pytest.approx(0)


def test_what_is_left_of_the_noise_is_measured_beside_the_tone() -> None:
    """The talker as he came has no reduction; the tone alone is not taken for noise."""
    session = CleanSession("a", FRONTS)
    frames = [session.talker.speak() for _ in range(100)]
    assert frames[0].shape == (160, 2)
    session.listener.heard = [0.02 * k for k in range(100)]
    for frame in frames:
        session.listener.hear(frame[:, 0])
    assert session.reduction_db(1.99) == pytest.approx(0, abs=0.5)
    session._left[:] = []
    for frame in frames:
        session.listener.hear(TONE + 0.1 * (frame[:, 0] - TONE))
    assert session.reduction_db(1.99) == pytest.approx(20, abs=0.5)
