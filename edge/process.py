"""One block through NLMS or FxNLMS: token in, samples and the next state out."""

from __future__ import annotations

import math
from array import array
from typing import NamedTuple

from . import native, packed
from .contract import FULL_SCALE, ContractError, Request
from .filter import Floats, Rule, Step, fxnlms, sumprod
from .state_token import State, next_sequence

__all__ = ["Processed", "history_samples", "process_block"]

UNIT = FULL_SCALE * FULL_SCALE
EPSILON = 1e-6
DEFAULT_MU = {"nlms": 0.5, "fxnlms": 0.01}
# Frames over which the attenuation of a filtered-x block is estimated.
ESTIMATE_FRAMES = 256


class Processed(NamedTuple):
    """Samples (full scale 1.0), the next state, the attenuation, and the kernel that ran."""

    samples: Floats
    state: State
    attenuation_db: float | None
    engine: str


def history_samples(request: Request) -> int:
    """Return how many samples of the reference the next block needs."""
    before = request.taps - 1
    if request.algorithm == "fxnlms":
        return before + len(request.secondary_path) + request.delay
    return before if request.references else before + max(1, request.delay)


def process_block(request: Request, state: State | None) -> Processed:
    """Filter one block.

    Raises
    ------
    ContractError
        If the state does not fit the request.
    """
    sequence = next_sequence(request, state)
    width = history_samples(request)
    past = array("h", bytes(2 * width)) if state is None else _int16(state.history)
    if len(past) != width:
        raise ContractError(
            400,
            f"delay and secondary_path need {width} samples of history, the state has {len(past)}",
        )
    weights = [0.0] * request.taps if state is None else list(reversed(state.taps))
    frames = _int16(request.audio)
    channels = request.references + request.errors
    reference = past + frames[0::channels]
    second = list(map(float, frames[channels - 1 :: channels]))
    mu = DEFAULT_MU[request.algorithm] if request.mu is None else request.mu
    rule = Rule(mu, request.leakage, EPSILON * UNIT)
    peak = 0.0 if state is None else state.peak * UNIT
    run = _control if request.algorithm == "fxnlms" else _cancel
    step, samples, attenuation_db = run(request, reference, second, weights, rule, peak)
    newest = reference[len(reference) - width :]
    following = State(
        algorithm=request.algorithm,
        n_taps=request.taps,
        sequence=sequence if state is None else max(sequence, state.sequence),
        sample_rate=request.sample_rate,
        taps=tuple(reversed(step.weights)),
        history=_bytes(newest),
        peak=step.peak / UNIT,
    )
    return Processed(samples, following, attenuation_db, native.ENGINE)


def _cancel(
    request: Request,
    reference: array[int],
    primary: Floats,
    weights: Floats,
    rule: Rule,
    peak: float,
) -> tuple[Step, Floats, float | None]:
    regressor = reference[: len(primary) + request.taps - 1]
    run = native.nlms or packed.nlms
    step = run(regressor, primary, weights, rule, peak)
    scale = 1.0 / FULL_SCALE
    if request.output == "residual":
        samples = [scale * e for e in step.output]
    else:
        samples = [scale * (e - d) for e, d in zip(step.output, primary, strict=True)]
    return step, samples, _ratio_db(primary, step.output)


def _control(
    request: Request,
    samples: array[int],
    error: Floats,
    weights: Floats,
    rule: Rule,
    peak: float,
) -> tuple[Step, Floats, float | None]:
    reference = list(map(float, samples))
    path = request.secondary_path[::-1]
    length = len(path)
    frames = len(error)
    span = frames + request.taps - 1
    # x′ of the frame before the block, `delay` back, is the newest that the first error may teach.
    make = native.convolve
    if make is not None:
        filtered = make(reference[: span + length - 1], list(path))
    else:
        filtered = [sumprod(path, reference[k : k + length]) for k in range(span)]
    run = native.fxnlms or fxnlms
    step = run(reference[len(reference) - span :], filtered, error, weights, rule, peak)
    scale = 1.0 / FULL_SCALE
    gain = _estimate_db(step.output, error, path, request.delay)
    return step, [scale * y for y in step.output], gain


def _estimate_db(drive: Floats, error: Floats, path: tuple[float, ...], delay: int) -> float | None:
    """Return the attenuation with d̂ = e − ŝ∗y, over the last frames whose drive is all known."""
    length = len(path)
    first = max(delay + length, len(error) - ESTIMATE_FRAMES)
    frames = range(first, len(error))
    newest = -delay - length
    played = (sumprod(path, drive[k + newest : k + newest + length]) for k in frames)
    late = error[first:]
    return _ratio_db([e - y for e, y in zip(late, played, strict=True)], late)


def _ratio_db(before: Floats, after: Floats) -> float | None:
    above, below = sumprod(before, before), sumprod(after, after)
    usable = above > 0.0 and below > 0.0 and math.isfinite(above) and math.isfinite(below)
    return round(10.0 * math.log10(above / below), 3) if usable else None


def _int16(data: bytes) -> array[int]:
    samples = array("h")
    samples.frombytes(data)
    return samples


def _bytes(samples: array[int]) -> bytes:
    return samples.tobytes()
