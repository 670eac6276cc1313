"""What the region computes: native kernels on one block, and designs from uploaded blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.signal

from antiphase.adaptive import (
    AffineProjectionFilter,
    FxNLMS,
    FxRLS,
    MultichannelFxLMS,
    NLMSFilter,
    RLSFilter,
)
from antiphase.metrics.fixed_filter import fixed_filter_bound
from antiphase.region.contract import FULL_SCALE, ContractError, Request
from antiphase.region.state_token import State

__all__ = ["Result", "block_signals", "design", "run_kernel", "run_small"]

Floats = npt.NDArray[np.float64]
LARGEST_DESIGN = 1024
# As at the edge, where each frame costs.
ESTIMATE_FRAMES = 256
# A blob of RLS grows with the square of the taps, its time too.
LARGEST_SQUARE = 512
PEAK_DECAY = 1.0 - 5e-6


@dataclass(frozen=True)
class Result:
    """Samples of the answer, frames first; what the next block needs; the attenuation.

    Exactly one of `state` (as the edge reads it) and `blob` (a kernel's own) is given, or none for
    a design.
    """

    samples: Floats
    attenuation_db: float | None
    state: State | None = None
    blob: bytes | None = None
    details: dict[str, Any] | None = None


def block_signals(request: Request) -> tuple[Floats, Floats]:
    """Return the references and the primaries or errors, frames first, full scale 1.0."""
    frames = np.frombuffer(request.audio, "<i2").astype(np.float64) / FULL_SCALE
    table = frames.reshape(-1, request.references + request.errors)
    return table[:, : request.references], table[:, request.references :]


def _path(request: Request) -> Floats:
    shape = (request.errors, request.loudspeakers, -1)
    return np.asarray(request.secondary_path, np.float64).reshape(shape)


def _ratio_db(before: Floats, after: Floats) -> float | None:
    above, below = float(np.sum(before**2)), float(np.sum(after**2))
    if not (above > 0.0 and below > 0.0 and np.isfinite(below)):
        return None
    return round(10.0 * float(np.log10(above / below)), 3)


def run_small(request: Request, state: State | None, sequence: int) -> Result:
    """Run NLMS or FxNLMS from a state that edge and region share.

    The kernel is brought to the state by playing it the history: the weights are still zero then,
    the error is zero, so nothing is learnt. An impulse before sets the running peak.
    """
    reference, second = block_signals(request)
    n = request.taps
    path = _path(request).ravel() if request.algorithm == "fxnlms" else np.ones(1)
    late = 0 if request.references else max(1, request.delay)
    width = n - 1 + (late if request.algorithm == "nlms" else path.size + request.delay)
    stored = b"" if state is None else state.history
    if state is not None and len(stored) != 2 * width:
        need = f"{width} samples of history, the state has {len(stored) // 2}"
        raise ContractError(400, f"delay and secondary_path need {need}")
    past = np.frombuffer(stored or bytes(2 * width), "<i2") / FULL_SCALE
    signal = np.concatenate([past, second[:, 0] if late else reference[:, 0]])
    x = signal[width - late :][: request.frames]
    kernel: NLMSFilter | FxNLMS
    if request.algorithm == "nlms":
        kernel = NLMSFilter(n, request.mu or 0.5, leakage=request.leakage, dtype=np.float64)
    else:
        kernel = FxNLMS(
            n,
            path,
            request.mu or 0.01,
            leakage=request.leakage,
            error_delay=request.delay,
            dtype=np.float64,
        )
    if state is not None:
        lead = _impulse(state.peak, path, n, width + n + 1)
        before = np.concatenate([lead, np.zeros(width + n + 1), past[: width - late]])
        kernel.process(before, np.zeros(len(before)))
        kernel.control_filter = np.asarray(state.taps)
    output = kernel.process(x, second[:, 0])
    peak = _peak(signal, path, n, request, 0.0 if state is None else state.peak)
    following = State(
        algorithm=request.algorithm,
        n_taps=n,
        sequence=sequence if state is None else max(sequence, state.sequence),
        sample_rate=request.sample_rate,
        taps=tuple(np.asarray(kernel.control_filter, np.float64).tolist()),
        history=np.rint(FULL_SCALE * signal[len(signal) - width :]).astype("<i2").tobytes(),
        peak=peak,
    )
    samples, gain = _outcome(request, np.asarray(output, np.float64)[:, None], second)
    return Result(samples, gain, state=following)


def _impulse(peak: float, path: Floats, n_taps: int, rest: int) -> Floats:
    """Return an impulse whose filtered energy is the peak, after `rest` samples of forgetting."""
    window = np.convolve(path**2, np.ones(n_taps))
    most = float(window.max())
    return np.array([np.sqrt(peak / PEAK_DECAY**rest / most) if most > 0.0 else 0.0])


def _peak(signal: Floats, path: Floats, n_taps: int, request: Request, before: float) -> float:
    """Return the running peak of the regressor's energy after the block."""
    frames = request.frames
    filtered = np.convolve(signal, path, "valid") if path.size > 1 else signal * path[0]
    sums = np.concatenate([[0.0], np.cumsum(filtered[: frames + n_taps - 1] ** 2)])
    energy = (sums[n_taps:] - sums[:-n_taps])[:frames]
    decay = PEAK_DECAY ** np.arange(len(energy) - 1, -1, -1.0)
    return float(max(before * PEAK_DECAY**frames, np.max(energy * decay)))


def _outcome(request: Request, output: Floats, second: Floats) -> tuple[Floats, float | None]:
    """Return the samples of the answer and the attenuation."""
    if request.algorithm in ("fxnlms", "fxrls", "multichannel"):
        return output, _estimate(request, output, second)
    gain = _ratio_db(second, output)
    return (output if request.output == "residual" else output - second), gain


def _estimate(request: Request, drive: Floats, error: Floats) -> float | None:
    """Return the attenuation with d̂ = e − ŝ∗y over the frames whose drive is all known."""
    path = _path(request)
    first = max(request.delay + path.shape[2], len(error) - ESTIMATE_FRAMES)
    if first >= len(error):
        return None
    late = error[first:]
    played = np.zeros_like(late)
    for m in range(request.errors):
        for k in range(request.loudspeakers):
            anti = np.convolve(drive[:, k], path[m, k])
            played[:, m] += anti[first - 1 - request.delay :][: len(late)]
    return _ratio_db(late - played, late)


def _kernel(request: Request) -> Any:  # noqa: ANN401 - a canceller or a controller
    n = request.taps
    if request.algorithm in ("rls", "fxrls") and n > LARGEST_SQUARE:
        raise ContractError(400, f"taps={n} must be at most {LARGEST_SQUARE} with RLS")
    if request.algorithm == "rls":
        return RLSFilter(n)
    if request.algorithm == "fxrls":
        return FxRLS(n, _path(request).ravel(), error_delay=request.delay)
    if request.algorithm == "affine_projection":
        return AffineProjectionFilter(n, request.order, request.mu or 0.5, leakage=request.leakage)
    if n * request.references * request.loudspeakers > 16384:
        raise ContractError(400, f"taps={n} must be fewer: at most 16384 weights in all")
    return MultichannelFxLMS(
        n,
        _path(request),
        request.mu or 0.01,
        references=request.references,
        leakage=request.leakage,
        error_delay=request.delay,
    )


def run_kernel(request: Request, blob: bytes | None) -> Result:
    """Run RLS, FxRLS, affine projection or multichannel FxLMS from its own saved state.

    Raises
    ------
    ContractError
        If the sizes are too large.
    StateError
        If the blob is of another kernel.
    """
    kernel = _kernel(request)
    if blob is not None:
        kernel.load_state(blob)
    reference, second = block_signals(request)
    if request.algorithm == "multichannel":
        output = np.asarray(kernel.process(_squeezed(reference), _squeezed(second)), np.float64)
    else:
        output = np.asarray(kernel.process(reference[:, 0], second[:, 0]), np.float64)
    samples, gain = _outcome(request, output.reshape(request.frames, -1), second)
    return Result(samples, gain, blob=bytes(kernel.state()))


def _squeezed(signal: Floats) -> Floats:
    return np.ascontiguousarray(signal[:, 0] if signal.shape[1] == 1 else signal)


def design(request: Request) -> Result:
    """Return the causal least-squares control filter for an uploaded block.

    The errors are taken as the disturbance (recorded with control off). Details: `control_filter`
    [loudspeaker][reference][tap], `nr_db`, the bound on these samples.

    Raises
    ------
    ContractError
        If the design is too large.
    """
    reference, disturbance = block_signals(request)
    size = request.taps * request.references * request.loudspeakers
    if size > LARGEST_DESIGN:
        rule = f"at most {LARGEST_DESIGN} weights in all"
        raise ContractError(400, f"taps={request.taps} must be fewer: {rule}, not {size}")
    if request.frames <= request.taps:
        raise ContractError(400, f"audio_data={request.frames} frames must outnumber the taps")
    path = _path(request)
    bound = fixed_filter_bound(reference, disturbance, path, request.taps, delay=request.delay)
    shape = (request.loudspeakers, request.references, request.taps)
    taps = np.asarray(bound.control_filter, np.float64).reshape(shape)
    drive = np.zeros((request.frames, request.loudspeakers))
    for k, j in np.ndindex(shape[:2]):
        drive[:, k] += scipy.signal.lfilter(taps[k, j], 1.0, reference[:, j])
    gain = round(float(bound.nr_db), 3) if np.isfinite(bound.nr_db) else None
    details = {"control_filter": taps.tolist(), "nr_db": gain}
    return Result(drive, gain, details=details)
