"""NLMS and FxNLMS, exact, over plain floats.

Blocks of 16 frames: the outputs of a block are computed with the weights at its start and corrected
with sliding correlations of the regressor, then the weights are updated once. The result is that of
the sample-by-sample recursion to rounding. All inner loops run inside `map`, `accumulate` and
`math.sumprod` (Python 3.12; before, a sum over products).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate, repeat
from operator import add, mul, sub
from typing import NamedTuple

__all__ = ["Rule", "Step", "fxnlms", "nlms"]

Floats = list[float]
BLOCK = 16
# A filter wakes up for a source that stays quieter than it began: 1/e in 200,000 samples.
PEAK_DECAY = 1.0 - 5e-6
SMALLEST_ENERGY = 1e-28


def _sum_of_products(p: Sequence[float], q: Sequence[float]) -> float:
    return sum(map(mul, p, q), 0.0)


sumprod: Callable[[Sequence[float], Sequence[float]], float]
sumprod = getattr(math, "sumprod", _sum_of_products)


class Rule(NamedTuple):
    """How far an update goes: mu / (epsilon + energy), none below `energy_floor` · peak.

    Parameters
    ----------
    mu : float
        Step in (0, 2).
    leakage : float
        Multiplies the weights each sample, in (0, 1].
    epsilon : float
        Regularisation, in energy units of the samples.
    energy_floor : float
        In [0, 1).
    """

    mu: float
    leakage: float
    epsilon: float
    energy_floor: float = 1e-4


class Step(NamedTuple):
    """What a block gives.

    Parameters
    ----------
    output : list of float
        Residual (NLMS) or drive (FxNLMS).
    weights : list of float
        The filter after the block, oldest tap first.
    peak : float
        Running peak of the energy.
    """

    output: Floats
    weights: Floats
    peak: float


def sliding(a: Floats, b: Floats, lag: int, n_taps: int) -> Floats:
    """Return Σ a[k + t] b[k + t − lag] over a window of n_taps for each k, zeros for k < lag."""
    sums = list(accumulate(map(mul, a[lag:], b), initial=0.0))
    # A block shorter than the lag has no frame for it.
    absent = min(lag, len(a) - n_taps + 1)
    return [*repeat(0.0, absent), *map(sub, sums[n_taps:], sums)]


def _rows(a: Floats, b: Floats, first: int, n_taps: int) -> list[tuple[float, ...]]:
    """Return for each frame its correlations at the lags BLOCK − 1 ... first."""
    lags = range(BLOCK - 1, first - 1, -1)
    return list(zip(*[sliding(a, b, lag, n_taps) for lag in lags], strict=True))


def steps(energies: Sequence[float], rule: Rule, peak: float) -> tuple[Floats, float]:
    """Return the step of each frame and the peak after the last."""
    mu, _, epsilon, floor = rule
    steps = []
    for energy in energies:
        peak *= PEAK_DECAY
        peak = max(peak, energy)
        wake = energy > SMALLEST_ENERGY and energy >= floor * peak
        steps.append(mu / (epsilon + energy) if wake else 0.0)
    return steps, peak


def nlms(
    reference: Floats, primary: Floats, weights: Floats, rule: Rule, peak: float = 0.0
) -> Step:
    """Return residual = primary − w∗reference while w adapts.

    Parameters
    ----------
    reference : list of float, n + n_taps − 1 samples
        The block after its history.
    primary : list of float, n samples
    weights : list of float, n_taps
        Oldest tap first.
    rule : Rule
    peak : float
        Of the previous block.
    """
    n_taps = len(weights)
    keep = rule.leakage
    rows = _rows(reference, reference, 1, n_taps)
    sizes, peak = steps(sliding(reference, reference, 0, n_taps), rule, peak)
    pieces = [reference[i : i + BLOCK] for i in range(len(reference))]
    residual: Floats = []
    for start in range(0, len(primary), BLOCK):
        gains: Floats = []
        scale = 1.0
        skip = BLOCK - 1
        for k in range(start, min(start + BLOCK, len(primary))):
            explained = sumprod(weights, reference[k : k + n_taps]) + sumprod(gains, rows[k][skip:])
            error = primary[k] - scale * explained
            residual.append(error)
            scale *= keep
            gains.append(sizes[k] * error / scale)
            skip -= 1
        weights = _update(weights, gains, pieces, start, scale)
    return Step(residual, weights, peak)


def fxnlms(  # the two signals of a filtered-x controller differ in length only by the delay
    reference: Floats,
    filtered: Floats,
    error: Floats,
    weights: Floats,
    rule: Rule,
    peak: float = 0.0,
) -> Step:
    """Return the drive while w adapts: w ← leakage·w − step·e·x′ first, then y = w∗x.

    Parameters
    ----------
    reference : list of float, n + n_taps − 1 samples
        The block after its history.
    filtered : list of float, n + n_taps − 1 samples
        x′ of the frames that the errors belong to, in the same way.
    error : list of float, n samples
    weights : list of float, n_taps
        Oldest tap first.
    rule : Rule
    peak : float
        Of the previous block.
    """
    n_taps = len(weights)
    keep = rule.leakage
    rows = _rows(reference, filtered, 0, n_taps)
    energies = [max(0.0, energy) for energy in sliding(filtered, filtered, 0, n_taps)]
    sizes, peak = steps(energies, rule, peak)
    pieces = [filtered[i : i + BLOCK] for i in range(len(filtered))]
    drive: Floats = []
    for start in range(0, len(error), BLOCK):
        gains: Floats = []
        scale = 1.0
        skip = BLOCK - 1
        for k in range(start, min(start + BLOCK, len(error))):
            scale *= keep
            gains.append(-sizes[k] * error[k] / scale)
            output = sumprod(weights, reference[k : k + n_taps]) + sumprod(gains, rows[k][skip:])
            drive.append(scale * output)
            skip -= 1
        weights = _update(weights, gains, pieces, start, scale)
    return Step(drive, weights, peak)


def _update(
    weights: Floats, gains: Floats, pieces: list[Floats], start: int, scale: float
) -> Floats:
    """Return the weights after the block that begins at `start`."""
    window = pieces[start : start + len(weights)]
    if len(gains) < BLOCK:
        window = [piece[: len(gains)] for piece in window]
    updated = map(add, weights, map(sumprod, repeat(gains), window))
    if scale == 1.0:
        return list(updated)
    return [scale * weight for weight in updated]
