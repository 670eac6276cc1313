"""Turns: everybody's comes once a period, and never all at once."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.service.turns import Turns, next_on_grid


def run(turns: Turns, times: list[float]) -> tuple[dict[str, list[float]], list[int]]:
    """Ask at some times; return when each was served, and how many at each time."""
    served: dict[str, list[float]] = {}
    counts = []
    for now in times:
        names = turns.take(now)
        counts.append(len(names))
        for name in names:
            served.setdefault(name, []).append(now)
    return served, counts


def test_each_is_served_once_a_period_and_few_at_a_time() -> None:
    """500 who came at once, asked for each 20 ms: at most a quarter above their mean share."""
    turns = Turns(0.5)
    for k in range(500):
        turns.add(str(k), 0.0)
    served, counts = run(turns, [0.02 * k for k in range(1, 501)])
    assert max(counts) <= 1.25 * 20 + 1
    gaps = np.concatenate([np.diff(times) for times in served.values()])
    assert len(served) == 500
    assert gaps.min() >= 0.5 - 0.021
    assert gaps.max() <= 0.5 + 0.041
    assert gaps.mean() == pytest.approx(0.5, abs=0.001)


def test_a_pause_does_not_bring_them_together() -> None:
    """After 2 s without a question two ticks' share comes at once, and the mean share later."""
    turns = Turns(0.5)
    for k in range(500):
        turns.add(str(k), 0.0)
    before = [0.02 * k for k in range(1, 101)]
    _, counts = run(turns, [*before, *(4.0 + 0.02 * k for k in range(200))])
    assert max(counts) <= 1.25 * 40 + 1
    assert max(counts[-100:]) <= 1.25 * 20 + 1
    assert sum(counts[-100:]) == pytest.approx(2000, abs=20)


def test_one_alone_is_served_on_time() -> None:
    """Each half second, whatever the step; who does not want it is passed over until the next."""
    turns = Turns(0.5)
    turns.add("a", 0.0)
    served, _ = run(turns, [0.01 * k for k in range(1, 301)])
    assert np.diff(served["a"]) == pytest.approx(0.5, abs=0.011)
    assert len(served["a"]) >= 5
    at = served["a"][-1]
    assert turns.take(at + 0.51, lambda _: False) == []
    assert turns.take(at + 0.9) == []
    assert turns.take(at + 1.02) == ["a"]
    turns.remove("a")
    turns.remove("a")
    assert turns.take(9.0) == []


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.999])
def test_a_grid_keeps_its_phase(phase: float) -> None:
    """However late one is, the next time is on the grid and after now."""
    for now in (0.0, 0.1, 3.07, 1e6):
        at = next_on_grid(now, 0.25, phase)
        assert now < at <= now + 0.25 + 1e-9
        assert (at / 0.25 - phase) % 1 == pytest.approx(0.0, abs=1e-6) or (
            at / 0.25 - phase
        ) % 1 == pytest.approx(1.0, abs=1e-6)
    assert next_on_grid(7.0, 0.0, phase) == 7.0
