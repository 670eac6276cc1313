"""Band-limited interpolation against sines, whose value between samples is known."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.dsp.interpolate import SincInterpolator, sinc_accuracy_db, windowed_sinc
from antiphase.errors import ParameterError


@pytest.mark.parametrize(("half_width", "bandwidth"), [(8, 0.7), (16, 0.9), (32, 0.9), (64, 0.95)])
@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_sines_are_met_at_the_stated_accuracy(
    half_width: int, bandwidth: float, share: float
) -> None:
    """A sine anywhere in the band is interpolated with an error below `accuracy_db` (+1 dB)."""
    interpolator = SincInterpolator(half_width, bandwidth)
    omega = np.pi * bandwidth * share
    frames = np.sin(omega * np.arange(3000) + 0.3)[:, None]
    instants = np.random.default_rng(1).uniform(200, 2800, 2000)
    whole = np.floor(instants).astype(np.int64)
    error = interpolator.at(frames, whole, instants - whole)[:, 0] - np.sin(omega * instants + 0.3)
    assert 20 * np.log10(np.max(np.abs(error))) < -interpolator.accuracy_db + 1


def test_whole_instants_give_the_samples() -> None:
    """Between no samples there is nothing to interpolate."""
    frames = np.random.default_rng(2).standard_normal((200, 2))
    whole = np.arange(40, 150, dtype=np.int64)
    got = SincInterpolator().at(frames, whole, np.zeros(len(whole)))
    np.testing.assert_allclose(got, frames[40:150], rtol=0, atol=1e-15)


def test_width_buys_accuracy() -> None:
    """Twice the width about doubles the decibels (Kaiser's formula)."""
    narrow, wide = sinc_accuracy_db(16, 0.9), sinc_accuracy_db(32, 0.9)
    assert wide - 2 == pytest.approx(63 / 31 * (narrow - 2))


def test_windowed_sinc_ends_at_its_half_width() -> None:
    """Nothing beyond the window."""
    assert not np.any(windowed_sinc(np.array([-8.0, 8.0, 8.5]), 8, 6.0))


def test_bad_parameters_are_refused() -> None:
    """Each parameter outside its range is named."""
    with pytest.raises(ParameterError, match="half_width=0"):
        SincInterpolator(0)
    with pytest.raises(ParameterError, match=r"bandwidth=1\.0"):
        SincInterpolator(8, 1.0)
    with pytest.raises(ParameterError, match=r"cutoff=1\.5"):
        SincInterpolator(8, 0.9, cutoff=1.5)
