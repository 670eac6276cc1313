"""G.722 at 64 kb/s: 16 kHz audio in 4 bits a sample, 22 samples of delay, no frames of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase import _native
from antiphase.codecs.pcm import from_int16, to_int16

__all__ = ["FS", "LATENCY", "G722Decoder", "G722Encoder"]

FS = 16000
"""Sample rate in Hz (RTP's clock for it is 8000, an old mistake that RFC 3551 keeps)."""

LATENCY = 22
"""Delay of encoder and decoder together in samples: two 24-tap quadrature mirror filters."""


class G722Encoder:
    """Encoder with its own history; one per stream.

    References
    ----------
    ITU-T Recommendation G.722 (2012), 7 kHz audio-coding within 64 kbit/s.
    """

    def __init__(self) -> None:
        self._core = _native.G722Encoder()

    def encode(self, signal: npt.ArrayLike) -> bytes:
        """Encode (n,) samples at 16 kHz, n even, to n / 2 bytes.

        Raises
        ------
        SignalError
            If n is odd or the signal holds NaN or Inf.
        """
        return self._core.encode(to_int16(signal))


class G722Decoder:
    """Decoder with its own history; one per stream."""

    def __init__(self) -> None:
        self._core = _native.G722Decoder()

    def decode(self, payload: bytes) -> npt.NDArray[np.float64]:
        """Decode n bytes to (2 n,) samples at 16 kHz with full scale 1.0."""
        return from_int16(np.asarray(self._core.decode(payload), dtype=np.int16))
