"""G.711 against FFmpeg's codec through PyAV."""

from __future__ import annotations

from typing import Literal

import av
import numpy as np
import pytest

from antiphase.codecs import decode_g711, encode_g711

LAWS: list[tuple[Literal["mu", "a"], str]] = [("mu", "pcm_mulaw"), ("a", "pcm_alaw")]


@pytest.mark.parametrize(("law", "name"), LAWS)
def test_every_code_decodes_as_in_ffmpeg(law: Literal["mu", "a"], name: str) -> None:
    """All 256 codes have the level that FFmpeg gives them."""
    payload = bytes(range(256))
    context = av.AudioCodecContext.create(name, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = 8000, "mono"
    theirs = np.concatenate([f.to_ndarray()[0] for f in context.decode(av.Packet(payload))])
    ours = np.rint(decode_g711(payload, law=law) * 32767)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("law", "name"), LAWS)
def test_encoding_picks_the_nearest_level(law: Literal["mu", "a"], name: str) -> None:
    """Each 16-bit value becomes the code whose level is nearest."""
    values = np.arange(-32767, 32768, 7)
    levels = np.rint(decode_g711(bytes(range(256)), law=law) * 32767)
    got = np.rint(decode_g711(encode_g711(values / 32767, law=law), law=law) * 32767)
    best = np.min(np.abs(levels[None, :] - values[:, None]), axis=1)
    np.testing.assert_array_equal(np.abs(got - values), best)


@pytest.mark.parametrize("law", ["mu", "a"])
def test_signal_to_noise_of_a_tone(law: Literal["mu", "a"]) -> None:
    """A tone at −10 dB keeps 36 dB and more, the codec's design figure."""
    tone = 0.3 * np.sin(2 * np.pi * 0.0313 * np.arange(8000))
    noise = decode_g711(encode_g711(tone, law=law), law=law) - tone
    assert 10 * np.log10(np.sum(tone**2) / np.sum(noise**2)) > 36
