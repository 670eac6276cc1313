"""The guard: keeps any controller from making things worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import Controller
from antiphase.control.wrapped import WrappedController, as_path, nest, nested_core, number_type
from antiphase.errors import require

__all__ = ["Guard", "GuardStatus"]


@dataclass(frozen=True)
class GuardStatus:
    """What the guard does now and has done since it was made."""

    state: Literal["active", "held", "muted", "testing"]
    """held: rolled back, adaptation rests; muted: no drive, start afresh later."""
    idle: bool
    """The reference is too quiet to learn from."""
    gain: float
    """Between controller and output, in 0 … 1."""
    frames: int
    """Frames seen, in whole hops of 4 ms; the next three are parts of it."""
    held_frames: int
    muted_frames: int
    idle_frames: int
    clipped: int
    """Drive samples cut at the limit."""
    overflows: int
    """Times that the controller's drive was not finite."""
    rollbacks: int
    mutes: int
    tests: int
    """Times that control was off for a tenth of a second to hear what it does."""
    outliers: int
    """Input samples taken as 0 because they stood far above the level."""
    rejected: int
    """Input samples taken as 0 because they were NaN or infinite."""

    @property
    def muted_share(self) -> float:
        """Share of the time in which the output was muted, 0 … 1."""
        return self.muted_frames / self.frames if self.frames else 0.0


class Guard(WrappedController):
    """Wraps a controller and is one: same seam, any block split, no allocation.

    * *Inputs.* NaN and Inf are taken as 0 and counted. So is a sample above `outlier_factor` times
      the RMS of the last 100 ms, or a tenth of that of its recent peak (a burst of them is a new
      level and passes).
    * *Activity.* Adaptation rests while the reference is more than `gate_db` below its own recent
      peak (which fades by 1 dB a second), or below `floor_rms`.
    * *Output.* played = clip(gain·y, ± limit). With a secondary path estimate the controller is
      given ``e + ŝ∗(y − played)``, the error it would have seen without the clip, so nothing winds
      up; without one adaptation rests while the output is cut. When more than 5 % of the samples
      are cut the gain goes down until the loudspeaker can follow.
    * *Watchdog.* Two estimates of the disturbance's level are kept: ``d̂ = e − ŝ∗played``, and the
      level per reference energy that was heard while the drive was off or small. Each 4 ms: an
      error 4 dB above d̂ (or above the expected level, with a drive that has grown; 6 dB without
      Ŝ), or a drive that alone is 16 dB above it, is harm. Each 0.1 s: an adaptation that has lost
      half the attenuation of the last good filter with a louder drive, or needs 6 dB more drive
      for nothing, is harm.
    * *Off test.* Where control seems to gain less than 1 dB (2 dB when the two estimates disagree
      or the drive has grown by 6 dB for it), it is turned off for about a tenth of a second: only
      that tells what it does. If the room is quieter without it, that is harm.
    * *Harm* → back to the last filter that was seen to cancel, adaptation held. Harm again, or no
      such filter → mute within 5 ms, and start afresh after a pause. Pauses start at 0.5 s and
      double each time, up to 30 s; ten calm seconds halve them.
    * *Overflow.* A drive that is not finite is replaced by 0, the controller is reset, and a
      RuntimeWarning is given once.

    Parameters
    ----------
    controller : Controller
        Native or Python. For roll-back it must have a `control_filter`; without one it is muted
        and reset instead.
    fs : float
        Sample rate in Hz.
    secondary_path_estimate : array_like, optional
        Ŝ, shape (taps,) or (microphones, loudspeakers, taps). Recommended: without it the first
        0.1 s go to listening and the watchdog needs a rise of 6 dB.
    limit : float, optional
        Largest drive, > 0.
    gate_db : float, optional
        Activity threshold below the running peak of the reference, < 0; None: always active.
    floor_rms : float
        RMS of the reference below which nothing is learnt, ≥ 0 (sensor noise, if it is known).
    outlier_factor : float
        See above, > 1.
    error_delay : int
        As the plant's: samples by which errors are late, ≥ 0.
    references, loudspeakers, errors : int, optional
        Channels of a controller in Python; taken from the native controller or from Ŝ.

    Raises
    ------
    ParameterError
        If a parameter is outside its range, or the controller has other channels.
    SignalError
        If Ŝ has another shape.

    Notes
    -----
    d̂ alone can't be trusted: where ``|Ŝ − S| > |S|``, as at the antiresonances of a path that was
    identified with noise, a loop may diverge while d̂ says that it cancels. `benchmarks.robustness`
    counts what gets past the guard.
    """

    def __init__(
        self,
        controller: Controller,
        *,
        fs: float,
        secondary_path_estimate: npt.ArrayLike | None = None,
        limit: float | None = None,
        gate_db: float | None = -35.0,
        floor_rms: float = 0.0,
        outlier_factor: float = 50.0,
        error_delay: int = 0,
        references: int | None = None,
        loudspeakers: int | None = None,
        errors: int | None = None,
    ) -> None:
        require(fs > 0, "fs", fs, "> 0 Hz")
        require(limit is None or limit > 0, "limit", limit, "> 0, or None")
        require(gate_db is None or gate_db < 0, "gate_db", gate_db, "< 0 dB, or None")
        require(floor_rms >= 0, "floor_rms", floor_rms, "≥ 0")
        require(outlier_factor > 1, "outlier_factor", outlier_factor, "> 1")
        require(error_delay >= 0, "error_delay", error_delay, "at least 0")
        dtype = number_type(controller)
        path = None
        if secondary_path_estimate is not None:
            path = as_path("secondary_path_estimate", secondary_path_estimate, dtype)
            errors, loudspeakers = path.shape[:2]
        inner = nested_core(
            controller, references=references, loudspeakers=loudspeakers, errors=errors
        )
        gate = -np.inf if gate_db is None else gate_db
        core = nest(
            "Guard",
            dtype,
            (inner,),
            fs,
            path,
            limit or 0.0,
            gate,
            floor_rms,
            outlier_factor,
            error_delay,
        )
        super().__init__(core, controller, dtype)
        self._estimate_shape = None if path is None else path.shape

    def begin_afresh(self) -> None:
        """Judge from here: a filter from elsewhere has taken over from silence."""
        self._core.begin_afresh()

    def set_secondary_path_estimate(self, path: npt.ArrayLike) -> None:
        """Judge by another Ŝ from now on; a mute or hold due to the old one ends.

        Set the filter that belongs to it first.

        Parameters
        ----------
        path : array_like
            Of the shape given at the start.

        Raises
        ------
        SignalError
            If it is not a path.
        ParameterError
            If it has another shape or the guard was made without an estimate.
        """
        taps = as_path("path", path, self._dtype)
        good = self._estimate_shape == taps.shape
        require(good, "path", taps.shape, f"of the shape {self._estimate_shape}")
        self._core.set_estimate(taps)

    @property
    def status(self) -> GuardStatus:
        """State and counters."""
        return GuardStatus(**self._core.status())
