"""Delays against the delayed sine and the ideal frequency response."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.dsp import (
    FractionalDelay,
    IntegerDelay,
    VariableDelay,
    frequency_response,
    lagrange_delay_taps,
    sinc_delay_taps,
)
from antiphase.dsp.interpolate import sinc_accuracy_db
from antiphase.errors import ParameterError, SignalError


@settings(max_examples=30)
@given(st.floats(32, 200), st.sampled_from([(8, 0.7), (16, 0.9), (32, 0.9)]))
def test_sinc_delay_keeps_its_stated_accuracy(delay: float, shape: tuple[int, float]) -> None:
    """The response is exp(−jωD) within the stated decibels (+1) over the whole bandwidth."""
    half_width, bandwidth = shape
    taps = sinc_delay_taps(delay, half_width=half_width, bandwidth=bandwidth)
    frequency = np.linspace(0, bandwidth / 2, 200)
    ideal = np.exp(-2j * np.pi * frequency * delay)
    error = np.abs(frequency_response(taps, 1.0, frequency_hz=frequency) - ideal).max()
    assert 20 * np.log10(error) < -sinc_accuracy_db(half_width, bandwidth) + 1


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_lagrange_delay_is_exact_for_polynomials(order: int) -> None:
    """A polynomial of the interpolator's order is delayed without any error."""
    delay = order / 2 + 0.2
    taps = lagrange_delay_taps(delay, order)
    t = np.arange(order + 1.0)
    for power in range(order + 1):
        assert taps @ (order - t) ** power == pytest.approx((order - delay) ** power, abs=1e-12)


@pytest.mark.parametrize(("top", "level_db"), [(0.05, -70), (0.2, -25)])
def test_lagrange_accuracy_as_documented(top: float, level_db: float) -> None:
    """The figures in the docstring hold for order 3 in the middle."""
    frequency = np.linspace(0, top, 100)
    got = frequency_response(lagrange_delay_taps(1.5, 3), 1.0, frequency_hz=frequency)
    error = np.abs(got - np.exp(-2j * np.pi * frequency * 1.5)).max()
    assert 20 * np.log10(error) < level_db


def test_integer_delay_moves_frames() -> None:
    """Frame n comes out as frame n + delay, delay 0 included."""
    signal = np.arange(20.0)
    np.testing.assert_array_equal(
        IntegerDelay(3).process(signal), np.concatenate([np.zeros(3), signal[:-3]])
    )
    np.testing.assert_array_equal(IntegerDelay(0).process(signal), signal)


def test_fractional_delay_moves_a_sine() -> None:
    """A 1 kHz sine at 8 kHz comes out delayed by 50.37 samples, at −92 dB accuracy."""
    n = np.arange(2000)
    delay = FractionalDelay(50.37)
    got = delay.process(np.sin(2 * np.pi * n / 8))
    expected = np.sin(2 * np.pi * (n - 50.37) / 8)
    assert np.abs(got - expected)[100:].max() < 10 ** (-delay.accuracy_db / 20) * 1.1
    assert delay.latency == 50
    assert delay.delay == 50.37


def test_variable_delay_makes_the_doppler_shift() -> None:
    """A path that shortens by 1 % of a sample per sample raises the frequency by 1 %."""
    n = np.arange(8000)
    delays = 200 - 0.01 * n
    got = VariableDelay(200.0).process(np.sin(0.3 * n), delays)
    np.testing.assert_allclose(got[400:], np.sin(0.3 * (1.01 * n - 200))[400:], rtol=0, atol=2e-5)


def test_variable_delay_is_block_size_invariant() -> None:
    """Any split of signal and delays gives the same output."""
    rng = np.random.default_rng(1)
    signal, delays = rng.standard_normal((900, 2)), rng.uniform(32, 90, 900)
    whole = VariableDelay(90.0, channels=2).process(signal, delays)
    parts = VariableDelay(90.0, channels=2)
    edges = [0, 1, 5, 200, 201, 640]
    pieces = zip(np.split(signal, edges), np.split(delays, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-12)


def test_variable_delay_with_one_number_equals_the_fixed_delay() -> None:
    """A constant delay gives what `FractionalDelay` gives, to the table's accuracy."""
    signal = np.random.default_rng(2).standard_normal(1000)
    fixed = FractionalDelay(45.61).process(signal)
    np.testing.assert_allclose(VariableDelay(60.0).process(signal, 45.61), fixed, rtol=0, atol=3e-6)


def test_delays_outside_the_range_are_refused() -> None:
    """Shorter than the interpolator or longer than the line: refused with the limit."""
    with pytest.raises(ParameterError, match="half_width=32"):
        FractionalDelay(10.0)
    with pytest.raises(ParameterError, match=r"delay=31\.0 must be ≥ 32 samples"):
        VariableDelay(60.0).process(np.zeros(4), 31.0)
    with pytest.raises(ParameterError, match=r"max_delay=60"):
        VariableDelay(60.0).process(np.zeros(4), 61.0)
    with pytest.raises(SignalError, match="delay has shape"):
        VariableDelay(60.0).process(np.zeros(4), np.full(3, 40.0))
    with pytest.raises(ParameterError, match=r"in \[1, 2\] for order 3"):
        lagrange_delay_taps(0.5, 3)
    with pytest.raises(ParameterError, match="delay=-1"):
        IntegerDelay(-1)
