"""The physical plant: loudspeakers, secondary path, microphones, and what goes wrong with them.

::

    sound at the error microphones   e = d + s∗sat(y)       (true error)
    what the controller is given     e + error_noise
    reference it is given            x + f∗sat(y) + reference_noise

The drive passes through saturation and S before it meets d, sample by sample, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import signal as dsp

from antiphase import _native
from antiphase.adaptive import Controller
from antiphase.adaptive.seam import native_core
from antiphase.arrays import as_signal
from antiphase.errors import ParameterError, SignalError, require

__all__ = ["PathChange", "Plant", "Saturation", "filter_moving"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Saturation:
    """What a loudspeaker does with drives that are too large.

    Parameters
    ----------
    limit : float
        Largest value that leaves the loudspeaker, > 0, in units of the drive.
    kind : {"soft", "hard"}
        soft: ``limit·tanh(y/limit)``; hard: y clipped to ± limit.

    Raises
    ------
    ParameterError
        If a value is outside its range.
    """

    limit: float
    kind: Literal["soft", "hard"] = "soft"

    def __post_init__(self) -> None:
        require(self.limit > 0, "limit", self.limit, "> 0")
        require(self.kind in ("soft", "hard"), "kind", self.kind, "'soft' or 'hard'")


@dataclass(frozen=True)
class PathChange:
    """From frame `at` on the path is another one.

    Parameters
    ----------
    at : int
        First frame that the new path takes part in, ≥ 0.
    path : array_like
        The new path, of the same channels as the one it replaces.
    fade : int
        Frames over which the output goes linearly from the old path's to the new path's, ≥ 0.

    Raises
    ------
    ParameterError
        If `at` or `fade` is negative.
    """

    at: int
    path: npt.ArrayLike
    fade: int = 0

    def __post_init__(self) -> None:
        require(self.at >= 0, "at", self.at, "at least 0")
        require(self.fade >= 0, "fade", self.fade, "at least 0")


Change = PathChange | tuple[int, npt.ArrayLike] | tuple[int, npt.ArrayLike, int]


def _path(name: str, path: npt.ArrayLike) -> Floats:
    """Return `path` as (outputs, inputs, taps)."""
    taps = np.asarray(path, dtype=np.float64)
    if taps.ndim == 1:
        taps = taps[None, None, :]
    if taps.ndim != 3 or 0 in taps.shape:
        raise SignalError(
            f"{name} has the shape {np.shape(path)} but must be (taps,) or (microphones, "
            "loudspeakers, taps)"
        )
    if not np.isfinite(taps).all():
        raise SignalError(f"{name} holds NaN or Inf")
    return np.ascontiguousarray(taps)


def _changes(changes: Sequence[Change]) -> list[PathChange]:
    """Return the changes in order; a change must not start before the last fade has ended."""
    listed = [c if isinstance(c, PathChange) else PathChange(*c) for c in changes]
    free = 0
    for change in listed:
        require(change.at >= free, "at", change.at, f"at least {free}, the end of the last fade")
        free = change.at + change.fade
    return listed


def filter_moving(
    reference: npt.ArrayLike, path: npt.ArrayLike, changes: Sequence[Change] = ()
) -> Floats:
    """Filter one signal through a path that changes, such as a moving source's primary path.

    Parameters
    ----------
    reference : array_like, shape (n,)
    path : array_like, shape (taps,)
        The path at the start.
    changes : sequence of PathChange or (at, path[, fade])
        In order of time.

    Returns
    -------
    ndarray, shape (n,)
        Within a fade ``(1 − g)·old∗x + g·new∗x`` with g linear in time.

    Raises
    ------
    SignalError, ParameterError
        If a signal, a path or the order of the changes is wrong.
    """
    x = as_signal("reference", reference, channels=1)
    output = dsp.lfilter(_path("path", path)[0, 0], [1.0], x)
    frames = np.arange(len(x))
    for change in _changes(changes):
        fresh = dsp.lfilter(_path("path", change.path)[0, 0], [1.0], x)
        gain = np.clip((frames - change.at + 1) / (change.fade + 1), 0.0, 1.0)
        output = (1.0 - gain) * output + gain * fresh
    return np.asarray(output, dtype=np.float64)


class Plant:
    """A simulated room with the verb of a sound card: ``exchange(drive) -> (reference, error)``.

    Parameters
    ----------
    reference : array_like, shape (n,) or (n, references)
        Noise at the reference microphones, control off.
    disturbance : array_like, shape (n,) or (n, microphones)
        Noise at the error microphones, control off.
    secondary_path : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        The true path S from drive to error microphone.
    feedback_path : array_like, shape (taps,) or (references, loudspeakers, taps), optional
        Acoustic feedback from the loudspeakers to the reference microphones; must start with at
        least one exact zero.
    reference_noise, error_noise : array_like, same shape as reference / disturbance, optional
        Sensor noise: heard by the controller, not part of the sound.
    saturation : Saturation or float, optional
        Of each loudspeaker; a number is the limit of a soft saturation.
    secondary_path_changes : sequence of PathChange or (at, path[, fade])
        How S moves, in order of time.
    error_delay : int
        Further samples until the controller learns of an error (a network), ≥ 0.

    Raises
    ------
    SignalError
        If shapes or lengths do not fit each other, or values are not finite.
    ParameterError
        If a parameter is outside its range, or the feedback path has no delay.

    Notes
    -----
    `exchange` returns what the microphones heard *while* the drive was played, as a sound card
    does: a controller fed from it runs one block late. `run` closes the loop without that block.
    Signals in float64 are read when played: one known only as it comes is written before each call.
    """

    def __init__(
        self,
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
    ) -> None:
        secondary = _path("secondary_path", secondary_path)
        self._source = self._frames("reference", reference)
        n, references = self._source.shape
        self._disturbance = self._frames("disturbance", disturbance, n, secondary.shape[0])
        self._reference_noise = self._noise("reference_noise", reference_noise, self._source)
        self._error_noise = self._noise("error_noise", error_noise, self._disturbance)
        require(error_delay >= 0, "error_delay", error_delay, "at least 0")
        self._shape = (references, secondary.shape[1], secondary.shape[0])
        changes = _changes(secondary_path_changes)
        paths = [_path("secondary_path_changes", change.path) for change in changes]
        for path in paths:
            if path.shape[:2] != secondary.shape[:2]:
                raise SignalError("a changed secondary path must keep its channels")
        feedback = self._feedback(feedback_path)
        if isinstance(saturation, (int, float)):
            saturation = Saturation(float(saturation))
        kind = {None: 0, "soft": 1, "hard": 2}[saturation.kind if saturation else None]
        history = max(
            p.shape[2] for p in (secondary, *paths, *([feedback] if feedback is not None else []))
        )
        self._core = _native.Plant(
            references,
            secondary,
            feedback,
            kind,
            saturation.limit if saturation else 1.0,
            error_delay,
            history,
        )
        for change, path in zip(changes, paths, strict=True):
            self._core.add_change(change.at, change.fade, path)

    @property
    def frames(self) -> int:
        """Frames that the plant lasts."""
        return len(self._source)

    @property
    def frame(self) -> int:
        """Frames played so far."""
        return int(self._core.frame)

    @property
    def exact_block(self) -> int:
        """Largest block in which a controller sees what it would see sample by sample.

        D + 1 + error_delay where all secondary paths start with D exact zeros, and no more than the
        leading zeros of the feedback path.
        """
        return int(self._core.exact_block)

    def exchange(self, drive: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Play a block of drives and return what the microphones heard meanwhile.

        Parameters
        ----------
        drive : array_like, shape (n,) or (n, loudspeakers)

        Returns
        -------
        reference : ndarray, shape (n,) or (n, references)
        error : ndarray, shape (n,) or (n, microphones)
            Both with feedback and sensor noise.

        Raises
        ------
        SignalError
            If the shape does not fit or the plant's signals have ended.
        """
        y = self._frames("drive", drive, channels=self._shape[1])
        at = self._span(len(y))
        reference = np.empty((len(y), self._shape[0]))
        error = np.empty((len(y), self._shape[2]))
        source, disturbance, reference_noise, error_noise = self._inputs(at)
        self._core.exchange(y, source, disturbance, reference_noise, error_noise, reference, error)
        if self._error_noise is not None:
            error += self._error_noise[at]
        return _squeeze(reference), _squeeze(error)

    def run(
        self,
        controller: Controller,
        *,
        block_size: int | None = None,
        progress: Callable[[float], object] | None = None,
        chunk: int = 16384,
    ) -> tuple[Floats, Floats, Floats]:
        """Drive the controller from here to the end of the signals.

        Parameters
        ----------
        controller : Controller
            Native or Python.
        block_size : int, optional
            Frames per call, at most `exact_block` (the default): all give the same result.
        progress : callable, optional
            Called with the share done, in (0, 1], after each `chunk` frames.
        chunk : int
            Frames between two calls of `progress`.

        Returns
        -------
        error : ndarray, shape (n,) or (n, microphones)
            The true sound e = d + s∗y, without sensor noise.
        drive : ndarray, shape (n,) or (n, loudspeakers)
            As the controller sent it, before saturation.
        reference : ndarray, shape (n,) or (n, references)
            As the controller heard it.

        Raises
        ------
        ParameterError
            If the controller has other channels, or the block is too long to be exact.
        """
        require(chunk >= 1, "chunk", chunk, "at least 1")
        n = self.frames - self.frame
        parts = [self.advance(controller, min(chunk, n), block_size=block_size)]
        for start in range(chunk, n, chunk):
            if progress:
                progress(start / n)
            parts.append(self.advance(controller, min(chunk, n - start), block_size=block_size))
        if progress:
            progress(1.0)
        error, drive, heard = (np.concatenate(part) for part in zip(*parts, strict=True))
        return error, drive, heard

    def advance(
        self, controller: Controller, frames: int, *, block_size: int | None = None
    ) -> tuple[Floats, Floats, Floats]:
        """Drive the controller for some frames and stay there: `run` in pieces.

        Parameters
        ----------
        controller : Controller
        frames : int
            At most what is left.
        block_size : int, optional
            As for `run`.

        Returns
        -------
        error, drive, reference : ndarray
            As `run` returns them.

        Raises
        ------
        ParameterError, SignalError
            As `run`, and if the plant's signals end before.
        """
        block = self.exact_block if block_size is None else block_size
        require(1 <= block <= self.exact_block, "block_size", block, f"in 1 ... {self.exact_block}")
        require(frames >= 0, "frames", frames, "at least 0")
        names = ("references", "loudspeakers", "errors")
        core = native_core(controller, **dict(zip(names, self._shape, strict=True)))
        reference, drive, error = (np.empty((frames, channels)) for channels in self._shape)
        if frames:
            inputs = self._inputs(self._span(frames))
            _native.run_loop(core, self._core, min(block, frames), *inputs, reference, drive, error)
        return _squeeze(error), _squeeze(drive), _squeeze(reference)

    def _span(self, n: int) -> slice:
        start = self.frame
        if start + n > self.frames:
            raise SignalError(f"the plant has {self.frames - start} frames left, not {n}")
        return slice(start, start + n)

    def _inputs(self, at: slice) -> tuple[Floats, Floats, Floats | None, Floats | None]:
        noises = (self._reference_noise, self._error_noise)
        at_reference, at_error = (None if noise is None else noise[at] for noise in noises)
        return self._source[at], self._disturbance[at], at_reference, at_error

    def _feedback(self, path: npt.ArrayLike | None) -> Floats | None:
        if path is None:
            return None
        feedback = _path("feedback_path", path)
        if feedback.shape[:2] != self._shape[:2]:
            raise SignalError(
                f"feedback_path has {feedback.shape[:2]} (references, loudspeakers) but must "
                f"have {self._shape[:2]}"
            )
        if np.any(feedback[:, :, 0] != 0.0):
            raise ParameterError(
                "feedback_path[..., 0]",
                float(np.abs(feedback[:, :, 0]).max()),
                "0: sound needs at least one sample from loudspeaker to reference microphone",
            )
        return feedback if feedback.any() else None

    @staticmethod
    def _frames(
        name: str, value: npt.ArrayLike, n: int | None = None, channels: int | None = None
    ) -> Floats:
        frames = as_signal(name, value, channels=channels)
        if n is not None and len(frames) != n:
            raise SignalError(f"{name} has {len(frames)} frames but reference has {n}")
        return frames.reshape(len(frames), -1)

    @classmethod
    def _noise(cls, name: str, value: npt.ArrayLike | None, signal: Floats) -> Floats | None:
        return None if value is None else cls._frames(name, value, *signal.shape)


def _squeeze(frames: Floats) -> Floats:
    return frames[:, 0] if frames.shape[1] == 1 else frames
