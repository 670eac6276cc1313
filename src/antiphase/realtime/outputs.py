"""What an engine asks its surroundings to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from antiphase.adaptive.seam import NativeCanceller
from antiphase.arrays import Signal

__all__ = ["Flow", "Notice", "Output", "PlayAudio", "SendMessage", "SetRoutes"]


@dataclass(frozen=True, eq=False)
class PlayAudio:
    """Send one frame to a device.

    Attributes
    ----------
    device_id, mid : str
        Where to; an empty mid means the device's first section that we send on.
    pcm : ndarray, shape (n,)
        Full scale 1.0.
    fs : int
        Its rate, Hz.
    timestamp : int
        Index of its first sample at that rate, on the clock of the device that plays it where the
        engine knows that clock.
    """

    device_id: str
    mid: str
    pcm: Signal
    fs: int
    timestamp: int


@dataclass(frozen=True)
class SendMessage:
    """Send a message on a device's data channel.

    Attributes
    ----------
    device_id, label : str
    data : bytes or str
        Text for ``anc.control``.
    """

    device_id: str
    label: str
    data: bytes | str


@dataclass(frozen=True)
class Flow:
    """One way that sound takes through the session.

    Attributes
    ----------
    device_id, mid : str
        The track that it comes from.
    kind : str
        ``forward`` as it is; ``clean`` through the canceller (stereo: primary left, reference
        right); ``hear``: the engine wants the samples.
    to : str
        The device that hears it; empty for ``hear``.
    to_mid : str
        The section that it goes out on; empty: the device's first one that we send on.
    canceller : NativeCanceller, optional
        Of ``clean``.
    """

    device_id: str
    mid: str
    kind: Literal["forward", "clean", "hear"]
    to: str = ""
    to_mid: str = ""
    canceller: NativeCanceller | None = None


@dataclass(frozen=True)
class SetRoutes:
    """All flows of the session from now on; they replace the ones before as a whole."""

    flows: tuple[Flow, ...]


@dataclass(frozen=True)
class Notice:
    """Something that people in the session should be told.

    Attributes
    ----------
    message : dict
        A signalling message with its ``type``.
    device_id : str, optional
        For that device alone; None for all.
    """

    message: dict[str, Any] = field(default_factory=dict)
    device_id: str | None = None


Output = PlayAudio | SendMessage | SetRoutes | Notice
