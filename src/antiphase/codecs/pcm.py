"""Linear 16-bit PCM: little endian (PCM16: WAV, data channels) and big endian (L16: RTP)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphase.errors import SignalError

__all__ = ["decode_pcm16", "encode_pcm16", "from_int16", "to_int16"]

ByteOrder = Literal["little", "big"]


def to_int16(signal: npt.ArrayLike) -> npt.NDArray[np.int16]:
    """Round a signal with full scale 1.0 to 16-bit integers; louder samples are clipped.

    Parameters
    ----------
    signal : array_like, any shape
        Full scale 1.0 becomes 32767 (−1.0 becomes −32767, so that silence has no bias).

    Returns
    -------
    ndarray of int16, same shape

    Raises
    ------
    SignalError
        If it holds NaN or Inf, which have no integer.
    """
    values = np.asarray(signal, dtype=np.float64)
    if not np.isfinite(values).all():
        raise SignalError(
            "signal holds NaN or Inf, which PCM can't carry; pass it through the guard"
        )
    return np.asarray(np.rint(np.clip(values, -1.0, 1.0) * 32767.0), dtype=np.int16)


def from_int16(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Return 16-bit integers as float64 with full scale 1.0 (32767)."""
    return np.asarray(samples, dtype=np.float64) / 32767.0


def encode_pcm16(signal: npt.ArrayLike, *, byte_order: ByteOrder = "little") -> bytes:
    """Return a signal as 16-bit PCM, frames interleaved; RTP's L16 (RFC 3551) is big endian.

    Raises
    ------
    SignalError
        If it holds NaN or Inf.
    """
    return to_int16(signal).astype("<i2" if byte_order == "little" else ">i2").tobytes()


def decode_pcm16(
    payload: bytes, *, channels: int = 1, byte_order: ByteOrder = "little"
) -> npt.NDArray[np.float64]:
    """Return 16-bit PCM as float64, shape (n,) or (n, channels).

    Raises
    ------
    SignalError
        If the number of bytes is not a multiple of a frame's.
    """
    if len(payload) % (2 * channels):
        raise SignalError(f"{len(payload)} bytes are no whole number of {2 * channels}-byte frames")
    samples = np.frombuffer(payload, dtype="<i2" if byte_order == "little" else ">i2")
    signal = from_int16(samples.astype(np.int16))
    return signal if channels == 1 else signal.reshape(-1, channels)
