"""Choosing by band energies."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics.noise import make
from antiphase.region.inference import SELECTORS, band_energies_db


@pytest.mark.parametrize("kind", ["white", "hum", "traffic"])
def test_kind_of_noise_is_recognised(kind: str) -> None:
    """A fresh recording of each kind is nearest to its own template."""
    signal = make(kind, 1.0, 16000, seed=7)
    assert next(iter(SELECTORS["band-energy"](signal, 16000))) == kind


def test_level_does_not_matter() -> None:
    """A louder recording has the same shape."""
    signal = np.random.default_rng(0).standard_normal(4000)
    np.testing.assert_allclose(band_energies_db(signal, 8000), band_energies_db(7 * signal, 8000))
