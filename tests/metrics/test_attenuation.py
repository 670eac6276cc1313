"""Decibels against closed forms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from antiphase.errors import ParameterError, SignalError
from antiphase.metrics.attenuation import (
    anr_db,
    band_reduction,
    noise_reduction_db,
    windowed_reduction_db,
    worst_boost,
)

Floats = npt.NDArray[np.float64]
FS = 8000.0


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


@given(st.floats(-60, 60), st.integers(1, 3))
def test_a_scaled_error_gives_its_scale_in_db(db: float, mics: int) -> None:
    """An error that is the disturbance g times as large gives −20 log10 g, mics or not."""
    d = white(300).reshape(-1, mics)
    assert noise_reduction_db(d, 10 ** (-db / 20) * d) == pytest.approx(db, abs=1e-9)


def test_silence_has_defined_answers() -> None:
    """Silent error: inf; silent disturbance: −inf; both: 0, never NaN."""
    d, zero = white(10), np.zeros(10)
    assert noise_reduction_db(d, zero) == np.inf
    assert noise_reduction_db(zero, d) == -np.inf
    assert noise_reduction_db(zero, zero) == 0


def test_ranges_select_samples() -> None:
    """Start and stop name the samples summed over."""
    d = np.ones(100)
    e = np.concatenate([np.ones(50), np.full(50, 0.1)])
    assert noise_reduction_db(d, e, start=50) == pytest.approx(20)
    assert noise_reduction_db(d, e, stop=50) == pytest.approx(0)


def test_windows_follow_the_level() -> None:
    """Each window shows its own reduction; the incomplete last one is left out."""
    d = white(2450)
    gain = np.repeat([1.0, 0.1, 0.01, 1.0], [800, 800, 800, 50])
    seconds, db = windowed_reduction_db(d, gain * d, FS, window_s=0.1)
    np.testing.assert_allclose(seconds, [0, 0.1, 0.2])
    np.testing.assert_allclose(db, [0, 20, 40], atol=1e-6)
    overlapping, _ = windowed_reduction_db(d, d, FS, window_s=0.1, hop_s=0.05)
    np.testing.assert_allclose(overlapping[:3], [0, 0.05, 0.1])


def test_anr_is_the_recursion() -> None:
    """ANR follows A(n) = λ A(n−1) + (1−λ)|·| sample by sample and is negative when quieter."""
    d = white(500)
    e = 0.5 * white(500, 2)
    a_d = a_e = 0.0
    expected = []
    for dn, en in zip(d, e, strict=True):
        a_d, a_e = 0.99 * a_d + 0.01 * abs(dn), 0.99 * a_e + 0.01 * abs(en)
        expected.append(20 * np.log10(a_e / a_d))
    np.testing.assert_allclose(anr_db(d, e, forgetting=0.99), expected, atol=1e-9)
    assert expected[-1] < 0


@pytest.mark.parametrize("fraction", [1, 3])
def test_bands_add_up_to_the_whole(fraction: int) -> None:
    """The band powers of band-limited noise sum to its mean square."""
    band = signal.firwin(2001, [200, 1500], pass_zero=False, fs=FS)
    d = signal.lfilter(band, [1], white(80_000))
    bands = band_reduction(d, 0.1 * d, FS, fraction=fraction)
    total = 10 * np.log10(np.sum(10 ** (bands.disturbance_db / 10)))
    assert total == pytest.approx(10 * np.log10(np.mean(d**2)), abs=0.1)
    np.testing.assert_allclose(bands.reduction_db, 20, atol=1e-3)
    np.testing.assert_allclose(bands.disturbance_db - bands.error_db, 20, atol=1e-3)


def test_a_tone_lands_in_its_band() -> None:
    """1 kHz at amplitude 1 reads −3 dB in the band at 1 kHz and nowhere else."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / FS)
    bands = band_reduction(tone, tone, FS)
    at = int(np.argmin(np.abs(bands.centre_hz - 1000)))
    assert bands.centre_hz[at] == pytest.approx(1000)
    assert bands.disturbance_db[at] == pytest.approx(-3.01, abs=0.01)
    assert np.delete(bands.disturbance_db, at).max() < -60


@pytest.mark.parametrize(("fs", "highest"), [(8000, 3162), (16000, 6310), (48000, 19953)])
def test_third_octaves_are_those_of_the_standard(fs: float, highest: float) -> None:
    """From 25 Hz to the last band that ends below fs / 2, exact base-10 frequencies."""
    centre = band_reduction(white(int(fs)), white(int(fs)), fs).centre_hz
    assert centre[0] == pytest.approx(25.12, abs=0.01)
    assert centre[-1] == pytest.approx(highest, abs=1)
    np.testing.assert_allclose(centre[1:] / centre[:-1], 10**0.1)


def test_only_the_band_that_is_controlled_is_reduced() -> None:
    """A notch in the error shows where it is."""
    d = white(160_000)
    b, a = signal.butter(4, [400, 600], "bandstop", fs=FS)
    bands = band_reduction(d, signal.lfilter(b, a, d), FS, fraction=3)
    at = int(np.argmin(np.abs(bands.centre_hz - 500)))
    assert bands.reduction_db[at] > 20
    assert abs(bands.reduction_db[bands.centre_hz < 200]).max() < 0.5


def test_short_runs_report_only_bands_they_resolve() -> None:
    """A tenth of a second can't tell 25 from 31.5 Hz and doesn't claim to."""
    bands = band_reduction(white(800), white(800), FS)
    assert bands.centre_hz[0] * (10**0.05 - 10**-0.05) >= 30


def test_worst_boost_is_found() -> None:
    """A 6 dB peak at 1 kHz on a 10 dB reduction: +6 − 10 dB there."""
    d = white(400_000)
    b, a = signal.iirpeak(1000, 4, fs=FS)
    boost = worst_boost(d, 10 ** (-10 / 20) * (d + signal.lfilter(b, a, d)), FS)
    assert boost.boost_db == pytest.approx(6.02 - 10, abs=0.6)
    assert boost.frequency_hz == pytest.approx(1000, abs=50)


def test_boost_in_a_spectral_gap_counts_from_the_floor() -> None:
    """Noise at −50 dB where there was nothing is below the floor and isn't a boost."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(80_000) / FS)
    quiet = worst_boost(tone, 0.1 * tone + 1e-5 * white(80_000), FS)
    assert quiet.boost_db <= 0
    loud = worst_boost(tone, tone + white(80_000), FS)
    assert loud.boost_db > 20


def test_bad_input_says_what_to_change() -> None:
    """Shapes and lengths that do not fit are refused by name."""
    with pytest.raises(SignalError, match="error has shape"):
        noise_reduction_db(white(10), white(9))
    with pytest.raises(SignalError, match="0 frames"):
        noise_reduction_db([], [])
    with pytest.raises(SignalError, match="no sample lies in 10:None"):
        noise_reduction_db(white(10), white(10), start=10)
    with pytest.raises(SignalError, match="NaN"):
        noise_reduction_db([np.nan], [1.0])
    with pytest.raises(ParameterError, match="forgetting"):
        anr_db(white(10), white(10), forgetting=1.0)
    with pytest.raises(ParameterError, match="window_s"):
        windowed_reduction_db(white(10), white(10), FS, window_s=0.0)
    with pytest.raises(ParameterError, match="fraction"):
        band_reduction(white(10), white(10), FS, fraction=0)
    with pytest.raises(ParameterError, match="floor_db"):
        worst_boost(white(10), white(10), FS, floor_db=0)
