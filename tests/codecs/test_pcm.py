"""Linear PCM."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.codecs import decode_pcm16, encode_pcm16
from antiphase.errors import SignalError


@given(st.binary(max_size=64).filter(lambda b: len(b) % 4 == 0), st.sampled_from(["little", "big"]))
def test_bytes_survive_the_round_trip(payload: bytes, order: str) -> None:
    """Decoding and encoding again gives the same bytes, −32768 (one step clipped) apart."""
    if np.any(np.frombuffer(payload, "<i2" if order == "little" else ">i2") == -32768):
        return
    signal = decode_pcm16(payload, channels=2, byte_order=order)  # type: ignore[arg-type]
    assert signal.shape == (len(payload) // 4, 2)
    assert encode_pcm16(signal, byte_order=order) == payload  # type: ignore[arg-type]


def test_loud_samples_are_clipped_not_wrapped() -> None:
    """Samples beyond full scale end at full scale."""
    assert np.frombuffer(encode_pcm16([2.0, -2.0]), "<i2").tolist() == [32767, -32767]


def test_half_a_frame_is_refused() -> None:
    """Bytes that are no whole number of frames are refused with the frame's size."""
    with pytest.raises(SignalError, match="4-byte frames"):
        decode_pcm16(b"123456", channels=2)


def test_nan_has_no_integer() -> None:
    """NaN would become full scale or zero, depending on the machine; it is refused."""
    with pytest.raises(SignalError, match="NaN"):
        encode_pcm16([np.nan])
