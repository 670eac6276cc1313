"""G.722 bit by bit against FFmpeg's codec through PyAV."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
import pytest

from antiphase.codecs import G722Decoder, G722Encoder, from_int16, to_int16
from antiphase.codecs.g722 import FS, LATENCY
from antiphase.errors import SignalError


def signals() -> dict[str, npt.NDArray[np.int16]]:
    """Tone, loud noise, quiet noise, clipping square wave and silence, a second of each."""
    rng = np.random.default_rng(5)
    t = np.arange(FS) / FS
    return {
        "tone": to_int16(0.3 * np.sin(2 * np.pi * 440 * t)),
        "noise": to_int16(0.3 * rng.standard_normal(FS)),
        "quiet": to_int16(1e-3 * rng.standard_normal(FS)),
        "square": to_int16(np.sign(np.sin(2 * np.pi * 1000 * t))),
        "silence": np.zeros(FS, np.int16),
    }


def ffmpeg_encode(samples: npt.NDArray[np.int16]) -> bytes:
    context = av.CodecContext.create("g722", "w")
    context.sample_rate, context.layout, context.format = FS, "mono", "s16"
    payload = b""
    for start in range(0, len(samples), 320):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 320], "s16", "mono")
        frame.sample_rate, frame.pts = FS, start
        payload += b"".join(bytes(p) for p in context.encode(frame))
    return payload + b"".join(bytes(p) for p in context.encode(None))


def ffmpeg_decode(payload: bytes) -> npt.NDArray[np.int16]:
    context = av.CodecContext.create("g722", "r")
    context.sample_rate, context.layout = FS, "mono"
    return np.concatenate([f.to_ndarray()[0] for f in context.decode(av.Packet(payload))])


@pytest.mark.parametrize("name", signals())
def test_encoder_agrees_bit_by_bit(name: str) -> None:
    """The bytes are those of FFmpeg's encoder."""
    samples = signals()[name]
    assert G722Encoder().encode(from_int16(samples)) == ffmpeg_encode(samples)


@pytest.mark.parametrize("name", signals())
def test_decoder_agrees_bit_by_bit(name: str) -> None:
    """The samples are those of FFmpeg's decoder."""
    payload = ffmpeg_encode(signals()[name])
    decoded = np.rint(G722Decoder().decode(payload) * 32767)
    np.testing.assert_array_equal(decoded, ffmpeg_decode(payload))


def test_any_bytes_decode_as_in_ffmpeg() -> None:
    """Damaged payloads give the same samples as FFmpeg's decoder gives."""
    payload = np.random.default_rng(6).bytes(4000)
    decoded = np.rint(G722Decoder().decode(payload) * 32767)
    np.testing.assert_array_equal(decoded, ffmpeg_decode(payload))


def test_stated_latency_is_the_true_one() -> None:
    """The decoded signal lags the input by LATENCY samples, by cross-correlation."""
    x = np.random.default_rng(7).standard_normal(FS) * 0.1
    y = G722Decoder().decode(G722Encoder().encode(x))
    lags = np.correlate(y[:8000], x[:8000], "full")
    assert int(np.argmax(lags)) - 7999 == LATENCY


def test_block_size_invariance() -> None:
    """Frames of any even length give the bytes of one long frame."""
    x = np.random.default_rng(8).standard_normal(1000) * 0.1
    parts = G722Encoder()
    joined = b"".join(parts.encode(part) for part in np.split(x, [80, 82, 500]))
    assert joined == G722Encoder().encode(x)


def test_odd_frames_are_refused() -> None:
    """Two samples make one byte, so an odd frame has no encoding."""
    with pytest.raises(SignalError, match="even"):
        G722Encoder().encode(np.zeros(81))
