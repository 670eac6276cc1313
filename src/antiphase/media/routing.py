"""Who hears whom, and what happens to the sound on the way.

A route joins one incoming section to one outgoing section. Both drivers take the same routes: the
native loop carries `Forward`, `Gain` and `Clean` by itself and hands `Listen` up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphase.adaptive.seam import NativeCanceller
from antiphase.arrays import Signal
from antiphase.errors import require

__all__ = ["Clean", "Forward", "Gain", "Listen", "Processing", "Route", "apply_processing"]


@dataclass(frozen=True)
class Forward:
    """The payload as it came, under our source; both sections must have the same format."""


@dataclass(frozen=True)
class Gain:
    """Decoded, multiplied, encoded; channels are matched (mono to both, stereo to the mean)."""

    factor: float = 1.0


@dataclass(frozen=True)
class Clean:
    """Stereo in (left primary, right reference), residual of the canceller out.

    Parameters
    ----------
    canceller : NativeCanceller
        Float32, mono; used by the route alone from now on.
    """

    canceller: NativeCanceller

    def __post_init__(self) -> None:
        """Check the number type, which the native loop relies on."""
        require(
            self.canceller.dtype == np.float32,
            "canceller",
            self.canceller.dtype.__name__,
            "a float32 canceller",
        )


@dataclass(frozen=True)
class Listen:
    """Decoded and reported as an `AudioReceived` event; needs no target."""


Processing = Forward | Gain | Clean | Listen


@dataclass(frozen=True)
class Route:
    """One way that sound takes from a section.

    Parameters
    ----------
    processing : Forward, Gain, Clean or Listen
        What is done.
    session_id, mid : str
        The section that it goes to; not used by `Listen`.
    """

    processing: Processing
    session_id: str = ""
    mid: str = ""


def apply_processing(processing: Gain | Clean, pcm: Signal, channels: int) -> Signal:
    """Return what a frame becomes on its way to a section with `channels` channels.

    Parameters
    ----------
    processing : Gain or Clean
        A mono frame passes `Clean` unchanged: it has no reference.
    pcm : ndarray, shape (n,) or (n, 2)
    channels : int
        Of the target.

    Returns
    -------
    ndarray, shape (n,) or (n, channels)
    """
    if isinstance(processing, Clean) and pcm.ndim == 2:
        stereo = np.ascontiguousarray(pcm.T, dtype=np.float32)
        pcm = processing.canceller.process(stereo[1], stereo[0])
    elif isinstance(processing, Gain):
        pcm = pcm * processing.factor
    if pcm.ndim == 1 and channels == 2:
        return np.repeat(pcm[:, None], 2, axis=1)
    return pcm.mean(axis=1) if pcm.ndim == 2 and channels == 1 else pcm
