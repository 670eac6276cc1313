"""Path errors of models with known faults."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.errors import ParameterError, SignalError
from antiphase.metrics.path_error import path_error

PATH = np.random.default_rng(1).standard_normal((2, 3, 32)) * np.exp(-np.arange(32) / 6)


def test_a_gain_error_is_a_gain_at_every_frequency() -> None:
    """10 % too large: −20 dB of error, +0.83 dB, no phase."""
    found = path_error(PATH, 1.1 * PATH, 8000)
    assert found.error_db == pytest.approx(-20)
    np.testing.assert_allclose(found.magnitude_db, 0.828, atol=1e-3)
    np.testing.assert_allclose(found.phase_deg, 0, atol=1e-9)
    np.testing.assert_allclose(found.relative_db, -20, atol=1e-9)


def test_a_delay_is_a_phase_that_grows_with_frequency() -> None:
    """One sample late: −360° f / fs."""
    late = np.concatenate([np.zeros((2, 3, 1)), PATH], axis=-1)
    found = path_error(PATH, late, 8000)
    expected = -360 * found.frequency_hz / 8000
    np.testing.assert_allclose(found.phase_deg[..., :-1], np.tile(expected, (2, 3, 1))[..., :-1])
    np.testing.assert_allclose(found.magnitude_db, 0, atol=1e-9)


def test_a_perfect_model_has_no_error() -> None:
    """Equal paths: nothing to tell but the floor, and never NaN."""
    found = path_error(PATH, PATH, 8000)
    assert found.error_db == -300
    assert np.isfinite(found.relative_db).all()


def test_truncation_counts_the_missing_tail() -> None:
    """A shorter model counts as zero beyond its end."""
    expected = 10 * np.log10(np.sum(PATH[..., 8:] ** 2) / np.sum(PATH**2))
    assert path_error(PATH, PATH[..., :8], 8000).error_db == pytest.approx(expected)


def test_bad_input_says_what_to_change() -> None:
    """Shapes, silent and broken paths are refused by name."""
    with pytest.raises(SignalError, match="estimate has shape"):
        path_error(PATH, PATH[0], 8000)
    with pytest.raises(SignalError, match="silent"):
        path_error(np.zeros(8), np.ones(8), 8000)
    with pytest.raises(SignalError, match="NaN"):
        path_error(np.ones(8), np.full(8, np.nan), 8000)
    with pytest.raises(ParameterError, match="n_fft"):
        path_error(PATH, PATH, 8000, n_fft=16)
