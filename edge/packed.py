"""NLMS over PCM16, exact, with the inner loops inside Python's own big integers.

A row packs `BLOCK` neighbouring samples into one integer, a sample a slot. One sample times its row
is a product of one digit, and the difference of two running sums of such products holds the
correlations of a regressor with the next `BLOCK` regressors: all lags at once. Within a block a
second integer collects gain · correlations, so that its lowest slot corrects the output of the next
frame for the updates before it. At the end of the block one product of the packed gains with the
packed samples is the update of all weights. Outputs and weights are floats as in `filter`; gains
are whole numbers of a unit so small that results agree with float64 to about 1e-12.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from itertools import accumulate, chain, islice, repeat, tee
from operator import add, lshift, mul, rshift, sub

from . import filter as plain
from .filter import Floats, Rule, Step, sumprod

__all__ = ["nlms"]

BLOCK = 20
# Frames at a time, so that a long signal does not fill the memory with rows.
PIECE = 160 * BLOCK
# A correction is rounded to 2⁻²⁴ of a sample, or less where the reference is quieter than this.
FRACTION_BITS = 24
LEAST_ENERGY_BITS = 30
# 96 bits hold the corrections of a block of PCM16 unless a reference that was silent sets in at
# full scale, or the filter is far off; that is found out.
SLOT = 96
MASK = (1 << SLOT) - 1
LIFT = 1 << (SLOT - 1)
LIFTS = sum(LIFT << SLOT * k for k in range(BLOCK))
# Bits of a gain such that `BLOCK` products with PCM16 fit a signed slot of 64 bits.
GAIN_BITS = 42


def nlms(
    reference: array[int], primary: Floats, weights: Floats, rule: Rule, peak: float = 0.0
) -> Step:
    """Return residual = primary − w∗reference while w adapts; see `filter.nlms`.

    Parameters
    ----------
    reference : array of int16, n + n_taps − 1 samples
        The block after its history.
    primary : list of float, n samples
        In units of the reference.
    weights : list of float, n_taps
        Oldest tap first.
    rule : Rule
    peak : float
        Of the previous block.
    """
    residual: Floats = []
    for start in range(0, len(primary), PIECE):
        wanted = primary[start : start + PIECE]
        part = reference[start : start + len(wanted) + len(weights) - 1]
        floats = list(map(float, part))
        try:
            step = _packed(part, floats, wanted, weights, rule, peak)
        except OverflowError:
            step = plain.nlms(floats, wanted, weights, rule, peak)
        residual += step.output
        weights, peak = step.weights, step.peak
    return Step(residual, weights, peak)


def _packed(
    reference: array[int],
    floats: Floats,
    primary: Floats,
    weights: Floats,
    rule: Rule,
    peak: float,
) -> Step:
    n_taps = len(weights)
    energies = plain.sliding(floats, floats, 0, n_taps)
    steps, peak = plain.steps(energies, rule, peak)
    loudest = max(1.0, *energies)
    units = 2.0 ** (FRACTION_BITS + max(LEAST_ENERGY_BITS, math.frexp(loudest)[1]))
    samples = _Samples(reference, n_taps)
    weights = [units * weight for weight in weights]
    residual: Floats = []
    frames = zip(primary, steps, _rows(reference, n_taps), strict=True)
    for start in range(0, len(primary), BLOCK):
        gains: list[int] = []
        corrections = LIFTS
        scale = 1.0
        k = start
        for wanted, step, row in islice(frames, BLOCK):
            explained = sumprod(weights, floats[k : k + n_taps]) + ((corrections & MASK) - LIFT)
            error = wanted - scale / units * explained
            residual.append(error)
            scale *= rule.leakage
            gain = int(units * step * error / scale)
            gains.append(gain)
            corrections = (corrections + gain * row) >> SLOT
            k += 1
        if sum(map(abs, gains)) > LIFT / loudest:
            raise OverflowError
        weights = list(map(add, weights, samples.update(gains, start)))
        if scale != 1.0:
            weights = [scale * weight for weight in weights]
    return Step(residual, [weight / units for weight in weights], peak)


def _rows(reference: array[int], n_taps: int) -> Iterator[int]:
    """Give for each frame the correlations of its regressor with those of the next frames."""
    # From the newest sample backwards: each row is the one before, a slot up, less what falls out.
    newest_first = reference[::-1]
    gone = chain(repeat(0, BLOCK), map(lshift, newest_first, repeat(SLOT * BLOCK)))
    packed = list(accumulate(map(sub, newest_first, gone), lambda row, x: (row << SLOT) + x))
    packed.reverse()
    ends, starts = tee(accumulate(map(mul, reference, packed), initial=0))
    return map(sub, islice(ends, n_taps, None), starts)


class _Samples:
    """The reference in slots of 64 bits, for the updates of the weights."""

    def __init__(self, reference: array[int], n_taps: int) -> None:
        self._window = 8 * (n_taps + BLOCK - 1)
        self._first = 8 * (BLOCK - 1)
        self._after = self._first + 8 * n_taps
        padded = array("q", reference)
        padded.extend(repeat(0, BLOCK))
        self._data = padded.tobytes()
        self._gain_signs = _signs(8 * BLOCK)
        self._sample_signs = _signs(self._window)
        self._sum_signs = _signs(self._window + self._first)

    def update(self, gains: list[int], start: int) -> Iterator[int]:
        """Return what the gains of the block that begins at `start` add to each weight."""
        if max(map(abs, gains)) >> GAIN_BITS:
            # Too long for their slots: in two parts.
            high = list(map(rshift, gains, repeat(GAIN_BITS)))
            low = list(map(sub, gains, map(lshift, high, repeat(GAIN_BITS))))
            above = map(lshift, self.update(high, start), repeat(GAIN_BITS))
            return map(add, above, self.update(low, start))
        quanta = array("q", reversed(gains)).tobytes().rjust(8 * BLOCK, b"\0")
        window = self._data[8 * start : 8 * start + self._window]
        product = _signed(quanta, self._gain_signs) * _signed(window, self._sample_signs)
        # Two's complement in each slot again.
        slots = (product + self._sum_signs) ^ self._sum_signs
        data = slots.to_bytes(self._window + self._first, "little")
        return iter(memoryview(data)[self._first : self._after].cast("q"))


def _signed(data: bytes, signs: int) -> int:
    """Return the sum of signed 64-bit numbers, each in its slot."""
    return (int.from_bytes(data, "little") ^ signs) - signs


def _signs(size: int) -> int:
    """Return the sign bits of the 64-bit slots in `size` bytes."""
    return int.from_bytes(b"\0\0\0\0\0\0\0\x80" * (size // 8), "little")
