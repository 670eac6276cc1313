"""The messages of split control, as values.

A device sends blocks of what it heard and played and says what it did with the filters it was
sent; the solver sends filters. `split_protocol` turns them into bytes and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from antiphase.arrays import Signal
from antiphase.errors import ParameterError, require

__all__ = ["Ack", "Block", "Message", "Nack", "Probe", "Push", "Rollback"]

_MOST_VERSIONS = 2**32


def _version(name: str, version: int) -> None:
    require(0 <= version < _MOST_VERSIONS, name, version, "in 0 … 2³² − 1")


def _shaped(name: str, array: Signal, dimensions: int) -> None:
    if array.ndim != dimensions or not np.isfinite(array).all():
        raise ParameterError(name, array.shape, f"finite, of {dimensions} dimensions")


@dataclass(frozen=True, eq=False)
class Block:
    """What a device heard and played: device → solver, one per update.

    Attributes
    ----------
    seq : int
        Counts blocks from 0.
    first_sample : int
        Index of the first frame on the device's clock.
    fs : int
        Rate, Hz.
    reference, drive, error : ndarray, shape (n, channels)
        x; y exactly as played, probe and cross-fade included; e of the same instants.
    taps_version : int
        In force at the end of the block; 0 is silence.
    secondary_version : int
        Of the Ŝ by which the device's guard judges; 0 is the first.
    muted : bool
        The device's guard keeps the output silent.
    clipped : tuple of bool
        Whether x, y, e were cut at full scale somewhere in the block.
    gaps : tuple of (start, length)
        Frames of the block whose error is not known (overrun); they say nothing.
    """

    seq: int
    first_sample: int
    fs: int
    reference: Signal
    drive: Signal
    error: Signal
    taps_version: int = 0
    secondary_version: int = 0
    muted: bool = False
    clipped: tuple[bool, bool, bool] = (False, False, False)
    gaps: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Check what the bytes could not hold."""
        require(0 <= self.seq < _MOST_VERSIONS, "seq", self.seq, "in 0 … 2³² − 1")
        require(0 <= self.first_sample < 2**62, "first_sample", self.first_sample, "in 0 … 2⁶²")
        require(1 <= self.fs <= 768000, "fs", self.fs, "in 1 … 768000 Hz")
        _version("taps_version", self.taps_version)
        _version("secondary_version", self.secondary_version)
        for name in ("reference", "drive", "error"):
            signal: Signal = getattr(self, name)
            _shaped(name, signal, 2)
            frames, channels = signal.shape
            require(frames == len(self.reference), name, frames, "as long as reference")
            require(1 <= channels <= 64, f"{name} channels", channels, "in 1 … 64")
        for start, length in self.gaps:
            good = start >= 0 and length >= 1 and start + length <= self.frames
            require(good, "gaps", (start, length), "inside the block")

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.reference)


@dataclass(frozen=True, eq=False)
class Push:
    """A filter for the device: solver → device.

    Attributes
    ----------
    version : int
        ≥ 1, higher than all before.
    taps : ndarray of float32, shape (loudspeakers, references, taps)
        w.
    secondary_version : int
        The Ŝ that belongs to it.
    secondary_path : ndarray of float32, shape (errors, loudspeakers, taps), optional
        That Ŝ, sent when it is new; the guard judges by it from then on.
    apply_at : int
        Sample of the device's clock at which the fade begins; one already past means now.
    fade_samples : int
        Length of the fade, ≥ 0.
    """

    version: int
    taps: Signal
    apply_at: int
    fade_samples: int
    secondary_version: int = 0
    secondary_path: Signal = field(default_factory=lambda: np.zeros((1, 1, 0), np.float32))

    def __post_init__(self) -> None:
        """Check what the bytes could not hold."""
        require(1 <= self.version < _MOST_VERSIONS, "version", self.version, "in 1 … 2³² − 1")
        _version("secondary_version", self.secondary_version)
        require(0 <= self.apply_at < 2**62, "apply_at", self.apply_at, "in 0 … 2⁶²")
        require(0 <= self.fade_samples < 2**20, "fade_samples", self.fade_samples, "in 0 … 2²⁰")
        _shaped("taps", self.taps, 3)
        _shaped("secondary_path", self.secondary_path, 3)
        require(0 not in self.taps.shape, "taps", self.taps.shape, "not empty")


@dataclass(frozen=True)
class Ack:
    """The filter is in force: device → solver."""

    version: int
    applied_at: int


@dataclass(frozen=True)
class Nack:
    """The filter is not, or no longer, in force: device → solver.

    `reason` is one of: ``stale`` (an older version than the one in force), ``shape`` (not the
    device's taps or channels), ``rolled_back`` and ``muted`` (the device's guard took it back).
    """

    version: int
    reason: Literal["stale", "shape", "rolled_back", "muted"]


@dataclass(frozen=True)
class Rollback:
    """Go back to an older filter, 0 is silence: solver → device."""

    to_version: int


@dataclass(frozen=True)
class Probe:
    """Add a noise to the drive: solver → device.

    Attributes
    ----------
    generator : {"gaussian", "mls"}
        Gaussian, or a maximum-length sequence (± 1, period 32767).
    seed : int
        ≥ 0.
    level_db : float
        RMS relative to the running RMS of the error; −inf is off.
    """

    generator: Literal["gaussian", "mls"] = "mls"
    seed: int = 1
    level_db: float = -40.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(
            self.generator in ("gaussian", "mls"), "generator", self.generator, "gaussian or mls"
        )
        require(0 <= self.seed < _MOST_VERSIONS, "seed", self.seed, "in 0 … 2³² − 1")
        require(self.level_db <= 0, "level_db", self.level_db, "≤ 0 dB")


Message = Block | Push | Ack | Nack | Rollback | Probe
