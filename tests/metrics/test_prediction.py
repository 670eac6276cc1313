"""The prediction bound against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.errors import ParameterError, SignalError
from antiphase.metrics.fixed_filter import fixed_filter_bound
from antiphase.metrics.prediction import prediction_bound_db, spectral_factor, two_sided_density


def test_white_noise_has_no_future() -> None:
    """A flat spectrum can't be predicted at all."""
    np.testing.assert_allclose(prediction_bound_db(np.ones(513), [1, 2, 40]), 0, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 0.9, -0.8])
def test_first_order_noise_follows_the_closed_form(alpha: float) -> None:
    """AR(1): −10 log10(1 − α^2D) from its exact spectrum."""
    _, response = signal.freqz([1], [1, -alpha], 2049, include_nyquist=True)
    late = np.array([1, 2, 5, 10])
    ours = prediction_bound_db(np.abs(response) ** 2, late)
    np.testing.assert_allclose(ours, -10 * np.log10(1 - alpha ** (2.0 * late)), atol=1e-9)


def test_factor_is_the_minimum_phase_one() -> None:
    """Of all filters with this spectrum the factor is the one with zeros inside the circle."""
    inside = np.poly([0.5, -0.7, 0.3 + 0.6j, 0.3 - 0.6j]).real
    outside = np.poly([2.0, -0.7, 0.3 + 0.6j, 0.3 - 0.6j]).real / 2
    _, response = signal.freqz(outside, [1], 1025, include_nyquist=True)
    np.testing.assert_allclose(spectral_factor(np.abs(response) ** 2)[:5], inside, atol=1e-12)


def test_one_step_gain_is_the_spectral_flatness() -> None:
    """D = 1: the ratio of arithmetic and geometric mean of the spectrum (Szegő's theorem)."""
    _, response = signal.freqz([1, 0.4, 0.2], [1, -1.2, 0.7], 4097, include_nyquist=True)
    phi = np.abs(response) ** 2
    circle = np.concatenate([phi, phi[-2:0:-1]])
    flatness = 10 * np.log10(circle.mean()) - 10 * np.mean(np.log10(circle))
    assert prediction_bound_db(phi, 1) == pytest.approx(flatness, abs=1e-9)


def test_estimated_spectrum_gives_the_bound_within_a_tenth() -> None:
    """From 200,000 samples of second-order noise: within 0.1 dB of theory and of least squares."""
    b, a = [1.0], [1, -1.6, 0.8]
    x = signal.lfilter(b, a, np.random.default_rng(1).standard_normal(200_000))
    impulse = signal.lfilter(b, a, np.eye(1, 500)[0])
    theory = 10 * np.log10(np.sum(impulse**2) / np.sum(impulse[:4] ** 2))
    assert prediction_bound_db(two_sided_density(x, 1024), 4) == pytest.approx(theory, abs=0.1)
    assert fixed_filter_bound(x, x, [1.0], 32, delay=4).nr_db == pytest.approx(theory, abs=0.1)


def test_density_has_the_power_of_the_signal() -> None:
    """The mean over the circle is the mean square."""
    x = 3 * np.random.default_rng(2).standard_normal(100_000)
    density = two_sided_density(x, 256)
    circle = np.concatenate([density, density[-2:0:-1]])
    assert circle.mean() == pytest.approx(np.mean(x**2), rel=0.01)


def test_nothing_is_late_at_zero() -> None:
    """On time there is no prediction limit; beyond the factor's length nothing is left."""
    bound = prediction_bound_db(np.array([2.0, 1.0, 0.5]), [0, 10_000])
    assert bound[0] == np.inf
    assert bound[1] == pytest.approx(0)


def test_bad_input_says_what_to_change() -> None:
    """Impossible spectra, fractional delays and short signals are refused."""
    with pytest.raises(SignalError, match="not negative"):
        spectral_factor([1.0, -1.0, 1.0])
    with pytest.raises(SignalError, match="zero throughout"):
        spectral_factor(np.zeros(5))
    with pytest.raises(ParameterError, match="late"):
        prediction_bound_db(np.ones(5), 0.5)
    with pytest.raises(ParameterError, match="segment=5"):
        two_sided_density(np.ones(100), 5)
    with pytest.raises(SignalError, match="too few"):
        two_sided_density(np.ones(100), 128)
