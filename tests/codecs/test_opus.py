"""Opus through libopus, against FFmpeg's own decoder and by its stated delay."""

from __future__ import annotations

import av
import numpy as np
import pytest

from antiphase.codecs import OpusDecoder, OpusEncoder
from antiphase.codecs.opus import FRAME_MS, Application, library
from antiphase.errors import ParameterError, SignalError


@pytest.mark.parametrize("frame_ms", FRAME_MS)
@pytest.mark.parametrize("fs", [16000, 48000])
def test_all_frame_lengths_round_trip(fs: int, frame_ms: float) -> None:
    """Each frame decodes to as many samples as were encoded, and the tone comes back."""
    encoder, decoder = OpusEncoder(fs, bitrate=96000), OpusDecoder(fs)
    n = round(fs * frame_ms / 1000)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(40 * n) / fs)
    frames = [decoder.decode(encoder.encode(frame)) for frame in tone.reshape(-1, n)]
    assert all(len(frame) == n for frame in frames)
    out = np.concatenate(frames)[encoder.latency :]
    error = out[fs // 20 :] - tone[fs // 20 : len(out)]
    assert 10 * np.log10(np.mean(tone**2) / np.mean(error**2)) > 20


@pytest.mark.parametrize(("application", "ms"), [("lowdelay", 2.5), ("audio", 6.5), ("voip", 6.5)])
def test_stated_latency_is_the_true_one(application: Application, ms: float) -> None:
    """A burst comes back `latency` samples later, by cross-correlation."""
    encoder = OpusEncoder(48000, application=application, bitrate=256000)
    decoder = OpusDecoder(48000)
    assert encoder.latency == round(48 * ms)
    x = np.random.default_rng(1).standard_normal(9600) * 0.1
    y = np.concatenate([decoder.decode(encoder.encode(f)) for f in x.reshape(-1, 480)])
    assert abs(int(np.argmax(np.correlate(y, x, "full"))) - 9599 - encoder.latency) <= 1


def test_packets_decode_in_ffmpeg() -> None:
    """An independent decoder reads the packets (its own, not libopus)."""
    encoder = OpusEncoder(48000, application="audio", bitrate=128000)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)).reshape(-1, 960)
    context = av.CodecContext.create("opus", "r")
    context.sample_rate, context.layout = 48000, "mono"
    out = [f.to_ndarray()[0] for t in tone for f in context.decode(av.Packet(encoder.encode(t)))]
    level = np.sqrt(np.mean(np.concatenate(out)[9600:] ** 2))
    assert abs(20 * np.log10(level / (0.3 / np.sqrt(2)))) < 0.5


def test_stereo_keeps_its_channels_apart() -> None:
    """A tone on the left does not leak to the right by more than −30 dB at 128 kb/s."""
    encoder, decoder = OpusEncoder(48000, 2, bitrate=128000), OpusDecoder(48000, 2)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    frames = np.stack([tone, np.zeros_like(tone)], axis=1).reshape(-1, 480, 2)
    out = np.concatenate([decoder.decode(encoder.encode(f)) for f in frames])[4800:]
    left, right = np.sqrt(np.mean(out**2, axis=0))
    assert 20 * np.log10(right / left) < -30


def test_lost_frames_are_concealed() -> None:
    """A gap is filled with sound, not silence, and decoding goes on."""
    encoder, decoder = OpusEncoder(48000, bitrate=64000), OpusDecoder(48000)
    tone = (0.3 * np.sin(2 * np.pi * 200 * np.arange(24000) / 48000)).reshape(-1, 480)
    packets = [encoder.encode(t) for t in tone]
    for packet in packets[:20]:
        decoder.decode(packet)
    assert np.sqrt(np.mean(decoder.conceal(480) ** 2)) > 0.05
    assert len(decoder.decode(packets[21])) == 480


def test_forward_error_correction_restores_a_lost_frame() -> None:
    """With expected loss the packet after a gap carries a copy of the lost speech frame."""
    encoder = OpusEncoder(16000, application="voip", bitrate=32000, expected_loss=0.3)
    decoder = OpusDecoder(16000)
    t = np.arange(16000) / 16000
    voice = 0.3 * np.sign(np.sin(2 * np.pi * 110 * t)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    frames = voice.reshape(-1, 320)
    packets = [encoder.encode(f) for f in frames]
    for packet in packets[:25]:
        decoder.decode(packet)
    restored = decoder.conceal(320, packets[26])
    assert np.corrcoef(restored[104:], frames[25][:-104])[0, 1] > 0.5


def test_bitrate_changes_while_running() -> None:
    """A lower bitrate makes smaller packets from the next frame on."""
    encoder = OpusEncoder(48000, bitrate=128000)
    noise = np.random.default_rng(2).standard_normal((100, 480)) * 0.1
    before = np.mean([len(encoder.encode(f)) for f in noise[:50]])
    encoder.bitrate = 24000
    after = np.mean([len(encoder.encode(f)) for f in noise[60:]])
    assert encoder.bitrate == 24000
    assert after < before / 3


@pytest.mark.parametrize(
    ("kwargs", "name"),
    [
        ({"fs": 44100}, "fs"),
        ({"channels": 3}, "channels"),
        ({"application": "music"}, "application"),
        ({"complexity": 11}, "complexity"),
        ({"bitrate": 100}, "bitrate"),
        ({"expected_loss": 2.0}, "expected_loss"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, int], name: str) -> None:
    """Each parameter outside its range is refused by name."""
    with pytest.raises(ParameterError, match=name):
        OpusEncoder(**kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [0, 100, 481, 5000])
def test_frames_of_other_lengths_are_refused(n: int) -> None:
    """A frame that Opus doesn't know names those that it does."""
    with pytest.raises(SignalError, match=r"2\.5"):
        OpusEncoder().encode(np.zeros(n))


def test_hostile_packets_raise_one_error() -> None:
    """Random bytes decode or raise SignalError, nothing else, and the decoder lives on."""
    rng = np.random.default_rng(3)
    decoder = OpusDecoder()
    for size in rng.integers(0, 400, 300):
        try:
            decoder.decode(rng.bytes(int(size)))
        except SignalError:
            continue
    good = OpusEncoder().encode(np.zeros(480))
    assert np.isfinite(decoder.decode(good)).all()


def test_gaps_of_other_lengths_are_refused() -> None:
    """A gap must be a multiple of 2.5 ms."""
    with pytest.raises(SignalError, match=r"2\.5 ms"):
        OpusDecoder().conceal(100)


def test_the_library_is_the_one_that_was_measured() -> None:
    """Version 1.x of libopus is loaded from the wheel."""
    assert library().opus_get_version_string().startswith(b"libopus 1.")
