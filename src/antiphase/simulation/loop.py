"""One call that closes the loop of a controller on the physical plant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import Controller
from antiphase.arrays import as_signal
from antiphase.errors import SignalError
from antiphase.simulation.plant import Change, Plant, Saturation

__all__ = ["LoopResult", "run_loop"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LoopResult:
    """What a run gave; frames first, one channel as shape (n,)."""

    error: Floats
    """Sound at the error microphones, e = d + s∗y, without sensor noise."""
    drive: Floats
    """As the controller sent it, before the loudspeaker's saturation."""
    reference: Floats
    """As the controller heard it: with acoustic feedback and sensor noise."""
    disturbance: Floats
    """Sound at the error microphones with control off."""


def run_loop(
    controller: Controller,
    *,
    reference: npt.ArrayLike,
    disturbance: npt.ArrayLike,
    secondary_path: npt.ArrayLike,
    feedback_path: npt.ArrayLike | None = None,
    reference_noise: npt.ArrayLike | None = None,
    error_noise: npt.ArrayLike | None = None,
    saturation: Saturation | float | None = None,
    secondary_path_changes: Sequence[Change] = (),
    error_delay: int = 0,
    block_size: int | None = None,
    progress: Callable[[float], object] | None = None,
    adapting: npt.ArrayLike | None = None,
) -> LoopResult:
    """Run a controller on the physical plant, for the whole length of the signals.

    Native controllers run natively, sample by sample or in the largest exact block; a controller in
    Python is called once per such block.

    Parameters
    ----------
    controller : Controller
        Goes on from the state it is in, and keeps the state it ends in.
    reference : array_like, shape (n,) or (n, references)
        Noise at the reference microphones.
    disturbance : array_like, shape (n,) or (n, microphones)
        Noise at the error microphones with control off (the primary path is applied already).
    secondary_path : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        The true path S; what the controller believes it to be is the controller's own parameter.
    feedback_path, reference_noise, error_noise, saturation, secondary_path_changes, error_delay
        As for `Plant`.
    block_size : int, optional
        Frames per call of the controller, at most ``Plant.exact_block`` (the default); 1 is sample
        by sample. All give the same result.
    progress : callable, optional
        Called with the share done, in (0, 1].
    adapting : array_like of bool, shape (n,), optional
        Where the controller may adapt; elsewhere its weights rest. It must have the property
        `adapting`, as all of this package have, and keeps the last value.

    Returns
    -------
    LoopResult

    Raises
    ------
    SignalError
        If shapes or lengths do not fit each other.
    ParameterError
        If a parameter is outside its range or the controller has other channels than the plant.
    """
    plant = Plant(
        reference=reference,
        disturbance=disturbance,
        secondary_path=secondary_path,
        feedback_path=feedback_path,
        reference_noise=reference_noise,
        error_noise=error_noise,
        saturation=saturation,
        secondary_path_changes=secondary_path_changes,
        error_delay=error_delay,
    )
    if adapting is None:
        error, drive, heard = plant.run(controller, block_size=block_size, progress=progress)
    else:
        parts = []
        for start, stop, on in _stretches(adapting, plant.frames):
            controller.adapting = on  # type: ignore[attr-defined]
            parts.append(plant.advance(controller, stop - start, block_size=block_size))
            if progress is not None:
                progress(stop / plant.frames)
        error, drive, heard = (np.concatenate(signals) for signals in zip(*parts, strict=True))
    return LoopResult(
        error, drive, heard, as_signal("disturbance", disturbance).reshape(error.shape)
    )


def _stretches(adapting: npt.ArrayLike, n: int) -> list[tuple[int, int, bool]]:
    """Return (start, stop, adapting) of stretches over which it does not change."""
    flags = np.asarray(adapting, dtype=bool)
    if flags.shape != (n,):
        raise SignalError(f"adapting has the shape {flags.shape} but must be ({n},)")
    edges = [0, *(np.flatnonzero(np.diff(flags)) + 1).tolist(), n] if n else []
    return [(a, b, bool(flags[a])) for a, b in pairwise(edges)]
