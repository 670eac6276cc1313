"""G.711 (PCMU and PCMA): 8 bits a sample, logarithmic steps."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphase.codecs.pcm import from_int16, to_int16

__all__ = ["decode_g711", "encode_g711"]

Law = Literal["mu", "a"]


def _mu_law_levels() -> npt.NDArray[np.int16]:
    """Output value of each of the 256 codes (ITU-T G.711, table 2a/2b), on the 16-bit scale."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = ((mantissa.astype(np.int32) << 3) + 0x84 << exponent) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _a_law_levels() -> npt.NDArray[np.int16]:
    """Output value of each of the 256 codes (ITU-T G.711, table 1a/1b), on the 16-bit scale."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    linear = (mantissa << 4) + 8
    size = np.where(exponent == 0, linear, linear + 0x100 << np.maximum(exponent, 1) - 1)
    return np.where(code & 0x80, size, -size).astype(np.int16)


_LEVELS = {"mu": _mu_law_levels(), "a": _a_law_levels()}


def _nearest_codes(levels: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """Code with the nearest level for every 16-bit value, indexed by value + 32768."""
    order = np.argsort(levels, kind="stable")
    ordered = levels[order].astype(np.int64)
    edges = (ordered[1:] + ordered[:-1]) / 2
    return order[np.searchsorted(edges, np.arange(-32768, 32768))].astype(np.uint8)


_CODES = {law: _nearest_codes(levels) for law, levels in _LEVELS.items()}


def encode_g711(signal: npt.ArrayLike, *, law: Law = "mu") -> bytes:
    """Encode a mono signal (full scale 1.0), one byte a sample.

    Parameters
    ----------
    signal : array_like, shape (n,)
    law : {"mu", "a"}
        PCMU or PCMA.

    Raises
    ------
    SignalError
        If it holds NaN or Inf.

    References
    ----------
    ITU-T Recommendation G.711 (1988).
    """
    return _CODES[law][to_int16(signal).astype(np.int32) + 32768].tobytes()


def decode_g711(payload: bytes, *, law: Law = "mu") -> npt.NDArray[np.float64]:
    """Decode one byte a sample to a mono signal of shape (n,) with full scale 1.0."""
    return from_int16(_LEVELS[law][np.frombuffer(payload, dtype=np.uint8)])
