"""Spectra against scipy, Parseval and the standard's frequencies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal as scipy_signal

from antiphase.dsp import (
    FIRFilter,
    WelchAccumulator,
    band_powers,
    coherence,
    cross_density,
    octave_bands,
    power_density,
    segment_length,
)
from antiphase.errors import ParameterError, SignalError

RNG = np.random.default_rng(1)
STEREO = RNG.standard_normal((20_000, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])


def test_equals_scipy_welch_and_csd() -> None:
    """Densities are scipy's for the same window and overlap, streamed or not."""
    welch = WelchAccumulator(8000, 512, channels=2)
    for piece in np.split(STEREO, [1, 300, 301, 5000]):
        welch.update(piece)
    frequency, power = scipy_signal.welch(STEREO[:, 0], 8000, nperseg=512)
    _, cross = scipy_signal.csd(STEREO[:, 0], STEREO[:, 1], 8000, nperseg=512)
    np.testing.assert_allclose(welch.frequency_hz, frequency)
    np.testing.assert_allclose(welch.density[:, 0, 0], power, rtol=1e-10)
    np.testing.assert_allclose(welch.density[:, 0, 1], cross, rtol=1e-9, atol=1e-12)
    _, ours = cross_density(STEREO[:, 0], STEREO[:, 1], 8000, 512)
    np.testing.assert_allclose(ours, cross, rtol=1e-9, atol=1e-12)


def test_coherence_equals_scipy() -> None:
    """γ² is scipy's and within [0, 1]."""
    _, ours = coherence(STEREO[:, 0], STEREO[:, 1], 8000, 512)
    _, theirs = scipy_signal.coherence(STEREO[:, 0], STEREO[:, 1], 8000, nperseg=512)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_short_segments_hide_coherence_and_the_rule_avoids_it() -> None:
    """A path longer than the segment reads incoherent; the rule's segments do not (CASES 19)."""
    x = np.random.default_rng(2).standard_normal(160_000)
    y = FIRFilter(np.eye(1, 600, 599)[0]).process(x)
    _, short = coherence(x, y, 8000, 512)
    _, ruled = coherence(x, y, 8000, path_taps=600)
    assert np.median(short) < 0.3
    assert np.median(ruled) > 0.7
    assert segment_length(160_000, path_taps=600) >= 4 * 600


def test_power_density_adds_up_to_the_variance() -> None:
    """Parseval: summed over frequency it is the variance of each channel."""
    frequency, density = power_density(STEREO, 8000)
    np.testing.assert_allclose(density.sum(axis=0) * frequency[1], STEREO.var(axis=0), rtol=0.02)


def test_coherence_of_a_silent_channel_is_not_a_number() -> None:
    """Silence is coherent with nothing and incoherent with nothing."""
    _, gamma = coherence(STEREO[:, 0], np.zeros(len(STEREO)), 8000)
    assert np.isnan(gamma).all()


def test_segment_rule_follows_path_and_resolution() -> None:
    """Four times the path, 1.5 bins per resolution, a power of two, longer where data allows."""
    assert segment_length(3000, path_taps=100) == 512
    assert segment_length(10**6, path_taps=100) == 4096
    assert segment_length(10**6, path_taps=5000) == 32768
    assert segment_length(10**6, fs=48000, resolution_hz=5) == 16384
    with pytest.raises(SignalError, match="too few for segments of 4096"):
        segment_length(5000, path_taps=1000)
    with pytest.raises(ParameterError, match="fs=None"):
        segment_length(5000, resolution_hz=5)


def test_third_octaves_are_those_of_the_standard() -> None:
    """Exact mid-bands of IEC 61260-1 (base ten), known to five digits."""
    bands = octave_bands(3, 25, 20000)
    assert len(bands.mid_hz) == 30
    known = {6: 100.0, 7: 125.89, 8: 158.49, 9: 199.53, 16: 1000.0, 17: 1258.9, 29: 19953.0}
    for index, mid in known.items():
        assert bands.mid_hz[index] == pytest.approx(mid, rel=1e-4)
    np.testing.assert_allclose(bands.high_hz[:-1], bands.low_hz[1:], rtol=1e-12)
    octaves = octave_bands(1, 31.5, 16000)
    np.testing.assert_allclose(octaves.mid_hz[5], 1000, rtol=1e-12)
    assert len(octaves.mid_hz) == 10
    assert octave_bands(2, 500, 2000).mid_hz[0] == pytest.approx(1000 * 10 ** (-0.225), rel=1e-9)


def test_band_powers_add_up_and_find_the_tone() -> None:
    """Adjoining bands hold all of a tone's power, and the right band most of it."""
    tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(80_000) / 8000)
    frequency, density = power_density(tone, 8000)
    bands = octave_bands(3, 100, 3150)
    power = band_powers(frequency, density, bands)
    assert np.nansum(power) == pytest.approx(1, rel=1e-3)
    assert power[np.argmin(np.abs(bands.mid_hz - 1000))] > 0.99


def test_bands_that_do_not_fit_are_not_numbers() -> None:
    """Above Nyquist, or narrower than a bin: NaN instead of a guess."""
    frequency, density = power_density(STEREO[:, 0], 8000, 256)
    power = band_powers(frequency, density, octave_bands(3, 25, 8000))
    assert np.isnan(power[[0, -1]]).all()
    assert np.isfinite(power[10:20]).all()


def test_white_noise_rises_by_the_bandwidth() -> None:
    """Octave levels of white noise are proportional to the bands' widths."""
    frequency, density = power_density(STEREO[:, 0], 8000)
    bands = octave_bands(1, 125, 2000)
    ratio = band_powers(frequency, density, bands) / (bands.high_hz - bands.low_hz) * 4000
    np.testing.assert_allclose(ratio, 1, rtol=0.2)


def test_too_little_data_is_refused() -> None:
    """No spectrum from nothing, no coherence from one segment."""
    welch = WelchAccumulator(8000, 64)
    with pytest.raises(SignalError, match="n_segment=64"):
        _ = welch.density
    welch.update(np.ones(64))
    with pytest.raises(SignalError, match="two segments"):
        _ = welch.coherence
    assert welch.averages == 1
    with pytest.raises(SignalError, match="second has 3 frames but first has 4"):
        coherence(np.ones(4), np.ones(3), 8000)
    with pytest.raises(ParameterError, match="n_segment=7"):
        WelchAccumulator(8000, 7)
    with pytest.raises(SignalError, match="bins"):
        band_powers(np.arange(3), np.ones(4), octave_bands())
    with pytest.raises(ParameterError, match="fraction=0"):
        octave_bands(0)
