"""How costs are taken: processor time, interleaved runs, medians, the machine's state beside."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["StealMeter", "calibration_ns", "interleaved"]


def interleaved(
    runs: Mapping[str, tuple[Callable[[], object], int]], rounds: int = 7
) -> dict[str, float]:
    """Return ns of processor time per unit of work of each run.

    Parameters
    ----------
    runs : mapping of name to (callable, units)
        What to call, and how many samples (or calls) it works through.
    rounds : int
        All are called once in each round, one after the other, so that a disturbance meets all. A
        round before the first is not counted: caches, compilers.

    Returns
    -------
    dict
        Median over the rounds.
    """
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, (run, units) in runs.items():
            start = time.thread_time_ns()
            run()
            costs[name].append((time.thread_time_ns() - start) / units)
    return {name: statistics.median(values[1:]) for name, values in costs.items()}


def calibration_ns(rounds: int = 5) -> float:
    """Return ns per turn of a fixed loop of the interpreter: how fast this machine is just now."""

    def loop() -> None:
        total = 0
        for k in range(100_000):
            total += k & 3

    return interleaved({"loop": (loop, 100_000)}, rounds)["loop"]


class StealMeter:
    """Share of processor time that the host gave to others since the meter was made."""

    def __init__(self) -> None:
        self._start = self._read()

    @staticmethod
    def _read() -> tuple[int, int]:
        try:
            line = Path("/proc/stat").read_text().split("\n", 1)[0]
        except OSError:
            return 0, 0
        ticks = [int(field) for field in line.split()[1:9]]
        return ticks[7], sum(ticks)

    def percent(self) -> float:
        """Return the share in per cent, 0 where the system does not tell."""
        stolen, total = (now - then for now, then in zip(self._read(), self._start, strict=True))
        return 100.0 * stolen / total if total else 0.0
