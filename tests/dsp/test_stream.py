"""The seam of the streaming blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from antiphase import dsp
from antiphase.dsp.stream import StreamBlock, apply, as_block
from antiphase.errors import ParameterError, SignalError

BLOCKS: dict[str, Callable[[int], StreamBlock]] = {
    "fir": lambda channels: dsp.FIRFilter(np.array([0.5, 0.2, -0.1]), channels=channels),
    "integer delay": lambda channels: dsp.IntegerDelay(7, channels=channels),
    "fractional delay": lambda channels: dsp.FractionalDelay(40.3, channels=channels),
    "polyphase": lambda channels: dsp.PolyphaseResampler(3, 2, channels=channels),
    "drift": lambda channels: dsp.DriftResampler(1.0001, channels=channels),
    "overlap-save": lambda channels: dsp.OverlapSave(np.ones(40) / 40, 16, channels=channels),
    "biquad": lambda channels: dsp.BiquadFilter(
        dsp.butterworth("lowpass", 1000.0, 8000), channels=channels
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_fits_the_seam(name: str) -> None:
    """Each block has the three members and a latency that is a whole number."""
    block = BLOCKS[name](1)
    assert isinstance(block, StreamBlock)
    assert isinstance(block.latency, int)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", BLOCKS)
def test_block_size_invariance(name: str, channels: int) -> None:
    """Any split, empty blocks and single frames included, gives the same output to 1e-12."""
    signal = np.random.default_rng(1).standard_normal((1500, channels))
    whole = BLOCKS[name](channels).process(signal)
    parts = BLOCKS[name](channels)
    edges = [0, 1, 2, 2, 3, 10, 27, 28, 300, 301, 1024]
    joined = np.concatenate([parts.process(piece) for piece in np.split(signal, edges)])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", BLOCKS)
def test_nan_is_refused_and_leaves_no_trace(name: str) -> None:
    """A block with NaN raises and the stream goes on as if it had never come."""
    signal = np.random.default_rng(2).standard_normal(600)
    clean, struck = BLOCKS[name](1), BLOCKS[name](1)
    for block in (clean, struck):
        block.process(signal[:300])
    with pytest.raises(SignalError, match="NaN or Inf"):
        struck.process(np.array([1.0, np.nan]))
    np.testing.assert_array_equal(struck.process(signal[300:]), clean.process(signal[300:]))


@pytest.mark.parametrize("name", BLOCKS)
def test_reset_forgets_everything(name: str) -> None:
    """After a reset the block answers as a new one does."""
    signal = np.random.default_rng(3).standard_normal(500)
    used = BLOCKS[name](1)
    used.process(signal[::-1])
    used.reset()
    np.testing.assert_array_equal(used.process(signal), BLOCKS[name](1).process(signal))


@pytest.mark.parametrize("name", BLOCKS)
def test_silence_gives_silence(name: str) -> None:
    """Long silence after sound ends in exact zeros: no denormals stay in any state."""
    block = BLOCKS[name](1)
    block.process(np.random.default_rng(4).standard_normal(500))
    block.process(np.zeros(20000))
    assert not np.any(block.process(np.zeros(500)))


@pytest.mark.parametrize("name", BLOCKS)
def test_wrong_number_of_channels_is_refused(name: str) -> None:
    """Stereo into a mono block says so."""
    with pytest.raises(SignalError, match="signal has 2 channels but must have 1"):
        BLOCKS[name](1).process(np.zeros((4, 2)))


@pytest.mark.parametrize("name", ["fir", "integer delay", "fractional delay", "overlap-save"])
def test_shape_in_is_shape_out(name: str) -> None:
    """(n,) gives (n,) and (n, 1) gives (n, 1), for n = 0 as well."""
    for n in (0, 5):
        assert BLOCKS[name](1).process(np.zeros(n)).shape == (n,)
        assert BLOCKS[name](1).process(np.zeros((n, 1))).shape == (n, 1)


def test_apply_takes_the_latency_out() -> None:
    """A delay run by `apply` gives the signal back."""
    signal = np.random.default_rng(5).standard_normal((1000, 2))
    delay = dsp.IntegerDelay(100, channels=2)
    np.testing.assert_array_equal(apply(delay, signal, block_size=64), signal)
    with pytest.raises(ParameterError, match="block_size=0"):
        apply(delay, signal, block_size=0)


def test_as_block_gives_two_dimensions() -> None:
    """A flat block becomes one column and is remembered as flat."""
    block, flat = as_block([1.0, 2.0], 1)
    assert block.shape == (2, 1)
    assert flat
