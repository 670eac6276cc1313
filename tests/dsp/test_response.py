"""Responses against scipy, closed forms and known arrivals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as scipy_signal

from antiphase.dsp import (
    first_arrival,
    frequency_response,
    group_delay,
    minimum_phase,
    sinc_delay_taps,
)
from antiphase.errors import ParameterError, SignalError


def test_frequency_response_equals_freqz() -> None:
    """The sum is what `scipy.signal.freqz` gives, for stacked responses too."""
    taps = np.random.default_rng(1).standard_normal((2, 3, 50))
    frequency = np.array([0.0, 10.0, 1234.5, 4000.0])
    got = frequency_response(taps, 8000, frequency_hz=frequency)
    _, expected = scipy_signal.freqz(taps[1, 2], worN=frequency, fs=8000)
    np.testing.assert_allclose(got[1, 2], expected, rtol=0, atol=1e-12)


def test_group_delay_of_known_filters() -> None:
    """A delay has its delay, linear phase half its length, a zero of the response NaN."""
    frequency = np.array([100.0, 1000.0, 3000.0])
    np.testing.assert_allclose(
        group_delay(np.eye(1, 40, 17)[0], 8000, frequency_hz=frequency), 17, atol=1e-9
    )
    np.testing.assert_allclose(
        group_delay(scipy_signal.firwin(31, 0.9), 8000, frequency_hz=frequency), 15, atol=1e-9
    )
    assert np.isnan(group_delay([1.0, 1.0], 2.0, frequency_hz=[1.0])[0])


def test_minimum_phase_of_a_known_polynomial() -> None:
    """Zeros outside the unit circle move inside, by the closed form."""
    mixed = np.convolve([1.0, -2.0], [1.0, 0.5])
    expected = np.convolve([2.0, -1.0], [1.0, 0.5])
    got = minimum_phase(np.concatenate([mixed, np.zeros(40)]))
    np.testing.assert_allclose(got[:3], expected, atol=1e-9)
    np.testing.assert_allclose(got[3:], 0, atol=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_minimum_phase_keeps_magnitude_and_brings_energy_forward(seed: int) -> None:
    """Same magnitude; no response of that magnitude has more energy in its first samples."""
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal(64) * np.exp(-np.arange(64) / 10)
    got = minimum_phase(np.concatenate([taps, np.zeros(400)]), n_fft=1 << 15)
    frequency = np.linspace(0, 0.5, 200)
    ours = np.abs(frequency_response(got, 1.0, frequency_hz=frequency))
    theirs = np.abs(frequency_response(taps, 1.0, frequency_hz=frequency))
    np.testing.assert_allclose(ours, theirs, atol=1e-3 * theirs.max())
    assert (np.cumsum(got[:64] ** 2) >= np.cumsum(taps**2) - 1e-6).all()


@settings(max_examples=60)
@given(
    st.floats(33, 300),
    st.lists(st.tuples(st.floats(8, 400), st.floats(-1, 1)), max_size=12),
)
def test_first_arrival_is_the_direct_sound(
    direct: float, reflections: list[tuple[float, float]]
) -> None:
    """Whatever reflections follow, the direct sound is found to ± 1 sample (CASES 10)."""
    taps = np.zeros(800)
    for delay, gain in [(direct, 1.0), *((direct + late, gain) for late, gain in reflections)]:
        pulse = sinc_delay_taps(delay)[: len(taps)]
        taps[: len(pulse)] += gain * pulse
    assert abs(first_arrival(taps) - direct) <= 1


def test_coinciding_reflections_do_not_win_over_the_direct_sound() -> None:
    """Where reflections add up to three times the direct sound, argmax is late and we are not."""
    taps = np.zeros(300)
    for delay, gain in [(60.4, 1.0), (90.2, 1.5), (90.4, 1.5)]:
        pulse = sinc_delay_taps(delay)
        taps[: len(pulse)] += gain * pulse
    assert np.argmax(np.abs(taps)) == 90
    assert abs(first_arrival(taps) - 60.4) < 0.5


def test_noise_before_the_arrival_does_not_count() -> None:
    """A measured response with a noise floor 30 dB down is read as well as a clean one."""
    rng = np.random.default_rng(2)
    taps = 0.03 * rng.standard_normal(1000)
    pulse = sinc_delay_taps(333.3)
    taps[: len(pulse)] += pulse
    assert abs(first_arrival(taps, threshold_db=-40) - 333.3) < 1


def test_arrival_at_the_very_start_and_end() -> None:
    """Edges are no special case."""
    assert first_arrival([1.0, 0.0, 0.0]) == 0
    assert first_arrival([0.0, 0.0, -1.0]) == 2
    assert first_arrival([3.0]) == 0


def test_responses_without_energy_are_refused() -> None:
    """Zeros have neither phase nor arrival."""
    with pytest.raises(SignalError, match="all zero"):
        first_arrival(np.zeros(10))
    with pytest.raises(SignalError, match="all zero"):
        minimum_phase(np.zeros(10))
    with pytest.raises(ParameterError, match="threshold_db=0"):
        first_arrival([1.0], threshold_db=0)
    with pytest.raises(ParameterError, match="n_fft=2"):
        minimum_phase(np.ones(4), n_fft=2)
    with pytest.raises(ParameterError, match="fs=0"):
        group_delay([1.0], 0, frequency_hz=[1.0])
