"""Live figures from blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.control import Block
from antiphase.devices.soundcard import LiveFigures

FS = 8000
PATH = np.array([0.0, 0.0, 0.5, 0.2])


def blocks(d: np.ndarray, y: np.ndarray, *, gap: int | None = None) -> list[Block]:
    """Cut disturbance and drive into blocks of 100 ms."""
    e = d + signal.lfilter(PATH, [1.0], y)
    made = []
    for k, at in enumerate(range(0, len(d), 800)):
        part = slice(at, at + 800)
        gaps = ((0, 10),) if k == gap else ()
        arrays = (np.zeros((800, 1)), y[part, None], e[part, None])
        made.append(Block(k, at, FS, *arrays, gaps=gaps))
    return made


def harms(figures: LiveFigures, made: list[Block]) -> list[bool]:
    """Give blocks to the figures; whether there was harm after each."""
    seen = []
    for block in made:
        figures.take(block)
        seen.append(figures.harm)
    return seen


def test_estimated_is_true_with_the_true_path() -> None:
    """With Ŝ = S the estimate is the true reduction; the measured one compares with silence."""
    t = np.arange(3 * FS) / FS
    d = np.sin(2 * np.pi * 100 * t)
    y = np.where(t >= 1, -1.3 * np.sin(2 * np.pi * 100 * (t + 2.3 / FS)), 0.0)
    figures = LiveFigures(PATH)
    assert figures.estimated_db is None
    assert figures.level_db is None
    for block in blocks(d, y):
        figures.take(block)
    e = (d + signal.lfilter(PATH, [1.0], y))[2 * FS :]
    true = 10 * np.log10(np.sum(d[2 * FS :] ** 2) / np.sum(e**2))
    assert true > 15
    assert figures.estimated_db == pytest.approx(true, abs=0.1)
    assert figures.measured_db == pytest.approx(true, abs=0.1)
    assert figures.off_db == pytest.approx(-3.01, abs=0.05)
    assert not figures.harm
    figures.forget()
    assert figures.estimated_db is None
    assert figures.off_db == pytest.approx(-3.01, abs=0.05)


def test_harm_is_half_a_second_louder_than_silence() -> None:
    """A drive in phase with the noise is harm, whatever the estimate says; a short bang is not."""
    t = np.arange(3 * FS) / FS
    d = 0.1 * np.sin(2 * np.pi * 100 * t)
    y = np.where(t >= 1, 0.2 * np.sin(2 * np.pi * 100 * t), 0.0)
    figures = LiveFigures(PATH)
    seen = harms(figures, blocks(d, y))
    assert not any(seen[:14])
    assert all(seen[15:])
    bang = LiveFigures(PATH)
    y = np.where((t >= 1) & (t < 1.3), 0.2 * np.sin(2 * np.pi * 100 * t), 0.0)
    assert not any(harms(bang, blocks(d, y)))


def test_a_noise_that_grows_by_itself_is_no_harm() -> None:
    """Ten times the noise beside a drive that could not make it is not the drive's fault."""
    t = np.arange(3 * FS) / FS
    d = np.where(t >= 1, 1.0, 0.1) * np.sin(2 * np.pi * 100 * t)
    y = np.where(t >= 1, 0.01 * np.sin(2 * np.pi * 100 * t), 0.0)
    assert not any(harms(LiveFigures(PATH), blocks(d, y)))


def test_blocks_with_gaps_say_nothing() -> None:
    """A block whose error is partly unknown changes no figure, and one that is missing no other."""
    t = np.arange(FS) / FS
    d, y = np.sin(2 * np.pi * 100 * t), np.zeros(FS)
    figures = LiveFigures([1.0])
    whole = blocks(d, y, gap=5)
    for block in (*whole[:3], *whole[4:]):
        figures.take(block)
    assert figures.estimated_db == pytest.approx(0.0, abs=1e-9)
    assert figures.level_db == pytest.approx(-3.01, abs=0.05)
