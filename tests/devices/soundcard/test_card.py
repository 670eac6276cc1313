"""Formats, and the way between the rates."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.soundcard import CardConverter, CardFormat
from antiphase.errors import ParameterError


@pytest.mark.parametrize(
    ("rate", "factor", "fs"),
    [(8000, 1, 8000), (16000, 2, 8000), (22050, 3, 7350), (44100, 6, 7350), (48000, 6, 8000)],
)
def test_control_rates_are_whole_fractions_near_8_khz(rate: int, factor: int, fs: int) -> None:
    """Each usual rate of a card has its control rate."""
    form = CardFormat(rate)
    assert (form.factor, form.fs) == (factor, fs)


def test_formats_that_can_not_be_are_refused() -> None:
    """Rates without a control rate and blocks shorter than a control sample name the value."""
    with pytest.raises(ParameterError, match="rate=44101"):
        CardFormat(44101)
    with pytest.raises(ParameterError, match="block=3"):
        CardFormat(48000, block=3)
    with pytest.raises(ParameterError, match="inputs=0"):
        CardFormat(48000, 0)


@pytest.mark.parametrize("block", [192, 256, 1024])
def test_there_and_back_is_a_delay(block: int) -> None:
    """A band-limited sound comes back as it was, later by the delay told; any block length."""
    form = CardFormat(48000, block=block)
    converter = CardConverter(form)
    n = block * (9600 // block)
    t = np.arange(n) / 48000
    sound = np.sin(2 * np.pi * 440 * t) + 0.5 * np.sin(2 * np.pi * 1500 * t)
    out = []
    for k in range(0, n, block):
        low, reference = converter.down(sound[k : k + block, None].astype(np.float32))
        assert reference is None
        out.append(converter.up(low))
        assert len(out[-1]) == block
    back = np.concatenate(out)
    late = round(converter.delay * form.factor)
    rest = back[4800:] - sound[4800 - late : n - late]
    # The high-pass of 40 Hz turns 440 Hz by 7 degrees.
    assert np.sqrt(np.mean(rest**2)) < 0.15
    assert np.std(back[4800:]) == pytest.approx(np.std(sound), rel=0.01)


def test_the_offset_of_a_cheap_microphone_is_gone() -> None:
    """A constant at the input fades to nothing, hum of 100 Hz stays."""
    converter = CardConverter(CardFormat(16000, block=64))
    t = np.arange(16000) / 16000
    sound = (0.3 + 0.1 * np.sin(2 * np.pi * 100 * t)).astype(np.float32)
    low = np.concatenate([converter.down(sound[k : k + 64, None])[0] for k in range(0, 16000, 64)])
    assert abs(np.mean(low[4000:])) < 1e-3
    assert np.std(low[4000:]) == pytest.approx(0.1 / np.sqrt(2), rel=0.03)


def test_two_channels_are_error_and_reference_and_faults_are_counted() -> None:
    """The second channel comes beside the first; NaN and Inf are taken as 0 and counted."""
    converter = CardConverter(CardFormat(16000, 2, block=64))
    frames = np.zeros((64, 2), np.float32)
    frames[:, 1] = 0.5
    frames[3, 0], frames[5, 1] = np.nan, np.inf
    error, reference = converter.down(frames)
    assert reference is not None
    assert not error.any()
    assert np.abs(reference).max() > 0.1
    assert converter.rejected == 2
