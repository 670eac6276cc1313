"""The seam of the streaming blocks, and how to run one over a whole signal."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = ["Floats", "StreamBlock", "apply", "as_block"]

Floats = npt.NDArray[np.float64]


@runtime_checkable
class StreamBlock(Protocol):
    """Frames in, frames out; history is kept, so any split into blocks gives the same output."""

    @property
    def latency(self) -> int:
        """Samples (at the output's rate) by which the output lags the input."""

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Take the next frames, shape (n,) or (n, channels), and return those now ready."""

    def reset(self) -> None:
        """Forget all history."""


def as_block(signal: npt.ArrayLike, channels: int) -> tuple[Floats, bool]:
    """Check one block of a stream and give it two dimensions.

    Parameters
    ----------
    signal : array_like, shape (n,) or (n, channels)
        Finite frames; nothing of the block is used if one is not, so no state is poisoned.
    channels : int
        Channels of the stream.

    Returns
    -------
    block : ndarray of float64, shape (n, channels)
    flat : bool
        Whether the block came as (n,), which is how the answer should go.

    Raises
    ------
    SignalError
        If the shape does not fit or a sample is NaN or infinite.
    """
    block = as_signal("signal", signal)
    flat = block.ndim == 1
    have = 1 if flat else block.shape[1]
    if have != channels:
        raise SignalError(f"signal has {have} channels but must have {channels}")
    return (block[:, None] if flat else block), flat


def apply(block: StreamBlock, signal: npt.ArrayLike, block_size: int = 65536) -> Floats:
    """Run a block that keeps the rate over a whole signal and take its latency out.

    Parameters
    ----------
    block : StreamBlock
        Reset first.
    signal : array_like, shape (n,) or (n, channels)
    block_size : int
        Frames handed over at once, at least 1.

    Returns
    -------
    ndarray of float64, shape (n,) or (n, channels)
        Aligned with the input.

    Raises
    ------
    ParameterError
        If `block_size` is below 1.
    """
    require(block_size >= 1, "block_size", block_size, "at least 1")
    whole = as_signal("signal", signal)
    tail = np.zeros((block.latency, *whole.shape[1:]))
    padded = np.concatenate([whole, tail])
    block.reset()
    edges = range(0, max(1, len(padded)), block_size)
    parts = [block.process(padded[start : start + block_size]) for start in edges]
    return np.concatenate(parts)[block.latency :]
