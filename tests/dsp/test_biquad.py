"""Second-order sections against scipy and the analogue prototype."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal as scipy_signal

from antiphase.dsp import BiquadFilter, butterworth
from antiphase.errors import ParameterError


def test_equals_sosfilt_for_any_split() -> None:
    """Blocks give what `scipy.signal.sosfilt` gives on the whole signal."""
    rng = np.random.default_rng(1)
    signal = rng.standard_normal((3000, 2))
    sections = butterworth("bandpass", (100.0, 1000.0), 8000, 3)
    filter_ = BiquadFilter(sections, channels=2)
    joined = np.concatenate([filter_.process(p) for p in np.split(signal, [1, 2, 700])])
    expected = scipy_signal.sosfilt(sections, signal, axis=0)
    np.testing.assert_allclose(joined, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4, 8])
def test_butterworth_has_its_slope(order: int) -> None:
    """−3 dB at the corner and the maximally flat law in the prewarped frequency."""
    sections = butterworth("highpass", 60.0, 8000, order)
    frequency = np.array([10.0, 30.0, 60.0, 500.0])
    _, response = scipy_signal.freqz_sos(sections, frequency, fs=8000)
    ratio = np.tan(np.pi * 60 / 8000) / np.tan(np.pi * frequency / 8000)
    np.testing.assert_allclose(np.abs(response) ** 2, 1 / (1 + ratio ** (2 * order)), rtol=1e-6)


def test_unstable_sections_are_refused() -> None:
    """A pole outside the unit circle would ring for ever."""
    with pytest.raises(ParameterError, match="pole radius"):
        BiquadFilter([[1.0, 0, 0, 1, -2.5, 1.2]])
    with pytest.raises(ParameterError, match="sections"):
        BiquadFilter([1.0, 0, 0, 1, 0, 0])


def test_a0_is_scaled_to_one() -> None:
    """Sections given with another a0 act as their ratio."""
    filter_ = BiquadFilter([[2.0, 0, 0, 4, 0, 0]])
    np.testing.assert_allclose(filter_.process([1.0, 3.0]), [0.5, 1.5])
    assert filter_.sections[0, 3] == 1


@pytest.mark.parametrize(
    ("kind", "frequency", "message"),
    [
        ("lowpass", 4000.0, "fs/2=4000"),
        ("bandpass", (500.0, 100.0), "rising"),
        ("bandpass", 100.0, "2 frequencies"),
        ("notch", 100.0, "one of lowpass"),
    ],
)
def test_bad_corner_frequencies_are_refused(kind: str, frequency: object, message: str) -> None:
    """Each wrong kind or corner is refused in one line."""
    with pytest.raises(ParameterError, match=message):
        butterworth(kind, frequency, 8000)  # type: ignore[arg-type]
