"""Level, distortion, noise and clipping against signals built to measure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import ParameterError, SignalError
from antiphase.metrics.quality import clipping, level_db, peak_db, snr_db, tone_quality

FS = 48_000
TIME = np.arange(48_000) / FS


def test_levels_of_a_sine() -> None:
    """Amplitude .5: −9.03 dB RMS, −6.02 dB peak; in pascals 85 dB SPL."""
    sine = 0.5 * np.sin(2 * np.pi * 1000 * TIME)
    assert level_db(sine) == pytest.approx(-9.03, abs=0.01)
    assert peak_db(sine) == pytest.approx(-6.02, abs=0.01)
    assert level_db(sine, reference=20e-6) == pytest.approx(84.95, abs=0.01)


def test_silence_is_minus_infinity() -> None:
    """No NaN for silence; no level for nothing at all."""
    assert level_db(np.zeros(9)) == peak_db(np.zeros(9)) == -np.inf
    with pytest.raises(SignalError, match="no level"):
        level_db([])
    with pytest.raises(SignalError, match="no peak"):
        peak_db([])


@given(st.floats(-60, 100))
def test_snr_is_the_ratio_it_was_built_with(snr: float) -> None:
    """Noise of known level gives that SNR."""
    rng = np.random.default_rng(1)
    clean, noise = rng.standard_normal((2, 500))
    noise *= 10 ** (-snr / 20) * np.linalg.norm(clean) / np.linalg.norm(noise)
    assert snr_db(clean, clean + noise) == pytest.approx(snr, abs=1e-3)


def test_snr_of_equal_signals() -> None:
    """Nothing added: inf; lengths that differ are refused."""
    assert snr_db(np.ones(4), np.ones(4)) == np.inf
    with pytest.raises(SignalError, match="degraded has shape"):
        snr_db(np.ones(4), np.ones(5))


@pytest.mark.parametrize("hertz", [100.0, 997.3, 1234.567])
def test_tone_is_taken_apart(hertz: float) -> None:
    """Second and third harmonic at −40 dB each and noise at −60 dB come back as they went in."""
    tone = sum(
        a * np.sin(2 * np.pi * k * hertz * TIME + k) for k, a in [(1, 1), (2, 0.01), (3, 0.01)]
    )
    noise = np.random.default_rng(2).standard_normal(len(TIME)) * np.sqrt(0.5e-6)
    found = tone_quality(tone + noise, FS)
    assert found.fundamental_hz == pytest.approx(hertz, abs=1e-3)
    assert found.level_db == pytest.approx(-3.01, abs=0.01)
    assert found.thd_db == pytest.approx(-37, abs=0.2)
    assert found.snr_db == pytest.approx(60, abs=0.2)
    assert found.sinad_db == pytest.approx(-10 * np.log10(2e-4 + 1e-6), abs=0.2)


def test_hard_clipping_is_distortion() -> None:
    """A square wave's harmonics up to the tenth: √(1/9 + 1/25 + 1/49 + 1/81)."""
    square = np.sign(np.sin(2 * np.pi * 99.7 * TIME + 1e-9))
    expected = 20 * np.log10(np.sqrt(sum(1 / k**2 for k in (3, 5, 7, 9))))
    assert tone_quality(square, FS).thd_db == pytest.approx(expected, abs=0.05)


def test_a_weaker_tone_is_found_where_one_looks() -> None:
    """With a fundamental given the stronger line elsewhere is left alone."""
    mix = np.sin(2 * np.pi * 50 * TIME) + 0.1 * np.sin(2 * np.pi * 1003 * TIME)
    found = tone_quality(mix, FS, fundamental_hz=1000)
    assert found.fundamental_hz == pytest.approx(1003, abs=0.5)
    assert found.level_db == pytest.approx(-23.01, abs=0.05)


def test_clipped_tops_are_told_from_peaks() -> None:
    """Each clipped half wave is one run; a tone that only touches full scale has none."""
    sine = np.sin(2 * np.pi * 100 * TIME)
    clipped = clipping(np.clip(1.5 * sine, -1, 1))
    assert clipped.runs == 200
    assert clipped.share == pytest.approx(1 - 2 / np.pi * np.arcsin(1 / 1.5), abs=0.01)
    assert clipped.longest == pytest.approx(clipped.samples / 200, abs=2)
    impulse = np.zeros(100)
    impulse[50] = 1.0
    assert clipping(impulse) == clipping(impulse[:, None])
    assert (clipping(impulse).runs, clipping(impulse).longest) == (0, 1)
    assert clipping([]).share == 0


def test_integer_full_scale_counts() -> None:
    """The largest int16 is full scale too."""
    assert clipping(np.full(10, 32767 / 32768)).samples == 10


def test_bad_input_says_what_to_change() -> None:
    """Silence, short tones and impossible limits are refused."""
    with pytest.raises(SignalError, match="no tone"):
        tone_quality(np.zeros(1000), FS)
    with pytest.raises(SignalError, match="ten periods"):
        tone_quality(np.sin(2 * np.pi * 50 * TIME[:4800]), FS)
    with pytest.raises(ParameterError, match="fundamental_hz"):
        tone_quality(np.ones(100), FS, fundamental_hz=30_000)
    with pytest.raises(ParameterError, match="limit"):
        clipping([1.0], limit=0)
    with pytest.raises(ParameterError, match="reference"):
        level_db([1.0], reference=0)
