"""The street against geometry and the published bounds over causality margin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import linalg

from antiphase.acoustics import Converter, StreetScene, noise, path_margin
from antiphase.dsp import FIRFilter, frequency_response
from antiphase.errors import ParameterError, SignalError

Floats = npt.NDArray[np.float64]

MARGINS_MS = [-40, -10, -3, -1, 0, 0.5, 1, 5, 20]
# Fixed-filter bound in dB, 512 taps, of the prototype.
PUBLISHED = {
    "white": [0, 0, 0, 0.1, 3.8, 16.7, 21.8, 28.1, 29.2],
    "band": [0, 0, 0.1, 1.6, 24.9, 29.9, 30.0, 29.9, 30.0],
    "hum": [26.8, 27.0, 27.0, 27.2, 28.8, 29.1, 29.2, 29.3, 29.1],
}


def wiener_bound_db(scene: StreetScene, emitted: Floats, margin_ms: float) -> float:
    """Best noise reduction of 512 taps: normal equations of the signals as recorded."""
    n_taps = 512
    signals = scene.signals(emitted, margin_ms=margin_ms)
    # A taper makes edges negligible, so that correlations through the FFT are those of the process.
    taper = np.hanning(len(signals.reference))
    filtered = taper * FIRFilter(scene.secondary_path).process(signals.reference)
    disturbance = taper * signals.disturbance
    size = 1 << (2 * len(filtered) - 1).bit_length()
    x, d = np.fft.rfft(filtered, size), np.fft.rfft(disturbance, size)
    auto = np.fft.irfft(np.abs(x) ** 2, size)[:n_taps]
    cross = np.fft.irfft(np.conj(x) * d, size)[:n_taps]
    taps = -linalg.solve_toeplitz(auto, cross)
    total = float(disturbance @ disturbance)
    ambient = float(np.sum((taper * signals.ambient) ** 2))
    return float(10 * np.log10((total + ambient) / (total + cross @ taps + ambient)))


@pytest.mark.parametrize("kind", PUBLISHED)
def test_bounds_over_margin_are_the_published_ones(kind: str) -> None:
    """White, band and hum meet the causality-cliff table within 1 dB at every margin."""
    emitted = noise.make(kind, 30, 8000)
    got = [wiener_bound_db(StreetScene(), emitted, margin) for margin in MARGINS_MS]
    np.testing.assert_allclose(got, PUBLISHED[kind], atol=1.0)


def test_margin_is_geometry() -> None:
    """54.1 ms of space; responses show it to a sample when the filters' delay is counted."""
    scene = StreetScene()
    by_hand = (np.hypot(20, 0.7) - 0.5 - 0.78) / 343.2 * 1000 - 0.5
    assert scene.margin().margin_ms == pytest.approx(by_hand, abs=1e-9)
    seen = path_margin(
        scene.reference_path(), scene.disturbance_path, scene.secondary_path, scene.fs
    )
    filters_ms = 2 * Converter(0.475 * 8000).group_delay_ms
    counted = by_hand + 0.5 - (0.23 + filters_ms)
    assert seen.samples(8000) == pytest.approx(8 * counted, abs=1.5)
    assert scene.electronics_for(5) == pytest.approx(by_hand - 5)


def test_electronics_delay_the_reference() -> None:
    """A later reference is the same response later, in fractions of a sample."""
    scene = StreetScene()
    early, late = scene.reference_path(10.0), scene.reference_path(10.0 + 3.5 / 8)
    frequency = np.linspace(50, 3500, 50)
    ratio = frequency_response(late, 8000, frequency_hz=frequency) / frequency_response(
        early, 8000, frequency_hz=frequency
    )
    expected = np.exp(-2j * np.pi * frequency * 3.5 / 8000)
    np.testing.assert_allclose(ratio, expected, atol=1e-4)


def test_signals_have_the_stated_levels() -> None:
    """Unit disturbance, ambient −30 dB, reference noise −50 dB, reproducible."""
    scene = StreetScene()
    signals = scene.signals(noise.make("band", 4, 8000), seed=3)
    assert np.std(signals.disturbance) == pytest.approx(1, rel=1e-3)
    assert 20 * np.log10(np.std(signals.ambient)) == pytest.approx(-30, abs=0.01)
    assert len(signals.ambient) == len(signals.reference) == len(signals.disturbance)
    ratio = np.std(signals.reference_noise) / np.std(signals.reference)
    assert 20 * np.log10(ratio) == pytest.approx(-50, abs=0.1)
    again = scene.signals(noise.make("band", 4, 8000), seed=3)
    np.testing.assert_array_equal(again.reference, signals.reference)


def test_a_listener_can_move() -> None:
    """Replacing a position changes the secondary path as geometry says."""
    scene = StreetScene()
    moved = replace(scene, error=(20.2, 0.0, 1.2))
    difference = scene.margin().secondary_ms - moved.margin().secondary_ms
    assert difference == pytest.approx(-0.2 / 343.2 * 1000, rel=0.01)
    assert not np.allclose(moved.secondary_path[:100], scene.secondary_path[:100])


def test_feedback_is_weak_over_20_m() -> None:
    """The loudspeaker at the reference is 24 to 28 dB below that at the error microphone."""
    scene = StreetScene()
    ratio = np.linalg.norm(scene.feedback_path) / np.linalg.norm(scene.secondary_path)
    assert -28 < 20 * np.log10(ratio) < -24


def test_margins_that_space_does_not_give_are_refused() -> None:
    """More margin than sound leaves, or a silent source."""
    with pytest.raises(ParameterError, match=r"margin_ms=60 must be at most 54\.0"):
        StreetScene().electronics_for(60)
    with pytest.raises(SignalError, match="silent"):
        StreetScene().signals(np.zeros(100))
    with pytest.raises(SignalError, match="give more than"):
        StreetScene().signals(np.ones(100))
    with pytest.raises(ParameterError, match="fs=100"):
        StreetScene(fs=100)
