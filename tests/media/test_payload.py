"""Formats of RTP: what is known and what each carries."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.errors import SignalError
from antiphase.media.payload import AudioFormat, check_channels, known_format

FORMATS = [
    AudioFormat("opus", 111, 48000, 2),
    AudioFormat("L16", 96, 8000),
    AudioFormat("L16", 97, 16000, 2),
    AudioFormat("G722", 9, 8000),
    AudioFormat("PCMU", 0, 8000),
    AudioFormat("PCMA", 8, 8000),
]


@pytest.mark.parametrize("form", FORMATS, ids=lambda f: f"{f.name}-{f.channels}")
def test_a_tone_survives(form: AudioFormat) -> None:
    """Each format carries a tone at 20 dB signal to noise and better."""
    fs = form.sample_rate()
    n = fs // 100
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(50 * n) / fs)
    signal = tone if form.channels == 1 else np.repeat(tone[:, None], form.channels, axis=1)
    encoder, decoder = form.encoder(), form.decoder()
    out = np.concatenate([decoder.decode(encoder.encode(f)) for f in np.split(signal, 50)])
    noise = min(np.sum((out[lag:] - signal[: len(out) - lag]) ** 2) for lag in [0, 22, 120])
    assert 10 * np.log10(np.sum(signal**2) / noise) > 20


@pytest.mark.parametrize(
    "form",
    [
        AudioFormat("opus", 111, 16000),
        AudioFormat("L16", 96, 12345),
        AudioFormat("G722", 9, 16000),
        AudioFormat("PCMU", 0, 8000, 2),
        AudioFormat("telephone-event", 101, 8000),
    ],
    ids=lambda f: f.name,
)
def test_what_we_cannot_code_is_not_known(form: AudioFormat) -> None:
    """Formats with another clock, more channels or an unknown name are left to the peer's next."""
    assert not known_format(form)


@pytest.mark.parametrize("form", FORMATS[1:], ids=lambda f: f.name)
def test_a_waveform_gap_fades_out(form: AudioFormat) -> None:
    """The first lost frame is the last one fading, further ones are quieter still."""
    decoder, encoder = form.decoder(), form.encoder()
    n = form.sample_rate() // 100
    shape = (n,) if form.channels == 1 else (n, form.channels)
    decoder.decode(encoder.encode(np.full(shape, 0.5)))
    levels = [np.sum(decoder.conceal(n, None) ** 2) for _ in range(3)]
    assert levels[0] > levels[1] > levels[2] > 0


def test_frames_with_other_channels_are_refused() -> None:
    """A stereo frame does not slip into a mono stream."""
    with pytest.raises(SignalError, match="2 channels but the stream has 1"):
        check_channels(np.zeros((10, 2)), 1)
