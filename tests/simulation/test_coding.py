"""Streams through codecs: aligned, and as good as the codec."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics import noise
from antiphase.errors import ParameterError
from antiphase.metrics import noise_reduction_db
from antiphase.simulation.coding import Codec, transcode


@pytest.mark.parametrize(
    ("codec", "least_db", "most_db", "latency_ms"),
    [
        (Codec("none"), np.inf, np.inf, 0.0),
        (Codec("pcm16"), 75, 95, 0.0),
        (Codec("g722"), 40, 50, 8.625),
        (Codec("opus", 10, 64000), 26, 40, 2.5),
        (Codec("opus", 10, 32000), 15, 27, 2.5),
    ],
    ids=["none", "pcm16", "g722", "opus64", "opus32"],
)
def test_the_decoded_stream_is_aligned(
    codec: Codec, least_db: float, most_db: float, latency_ms: float
) -> None:
    """Signal over coding error of band noise lies where the codec's ceiling is."""
    signal = noise.make("band", 2, 8000)
    got = transcode(signal, 8000, codec)
    assert len(got.signal) == len(signal)
    assert got.latency_ms == pytest.approx(latency_ms)
    inner = slice(800, -800)
    if codec.name == "none":
        np.testing.assert_array_equal(got.signal, signal)
    else:
        ratio = noise_reduction_db(signal[inner], (got.signal - signal)[inner])
        assert least_db < ratio < most_db


def test_silence_and_wrong_rates() -> None:
    """Silence passes; G.722 has two rates."""
    assert not transcode(np.zeros(100), 8000, Codec("opus")).signal.any()
    with pytest.raises(ParameterError, match=r"for G\.722"):
        transcode(np.ones(100), 12000, Codec("g722"))
    with pytest.raises(ParameterError, match="peak=2"):
        Codec(peak=2)
