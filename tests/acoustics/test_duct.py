"""Plane waves in a duct."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics.duct import duct_path
from antiphase.dsp import first_arrival
from antiphase.errors import ParameterError

FS = 16000.0
DUCT = {"length_m": 4.0, "source_m": 0.8, "receiver_m": 3.1}


def closed_form(f: np.ndarray, ends: tuple[float, float], loss_db_per_m: float) -> np.ndarray:
    """Return the field between two reflecting ends, summed as a geometric series."""
    length, a, b = DUCT["length_m"], DUCT["source_m"], DUCT["receiver_m"]
    gamma = loss_db_per_m * np.log(10) / 20 + 2j * np.pi * f / 343.0
    first, last = ends

    def wave(distance: float) -> np.ndarray:
        factor: np.ndarray = np.exp(-gamma * distance)
        return factor

    direct = wave(abs(b - a)) + first * wave(a + b) + last * wave(2 * length - a - b)
    direct += first * last * wave(2 * length - abs(b - a))
    field: np.ndarray = direct / (1 - first * last * wave(2 * length))
    return field


@pytest.mark.parametrize("ends", [(0.6, -0.6), (-0.5, -0.5), (0.0, 0.4), (0.7, 0.0), (0.0, 0.0)])
def test_the_response_is_the_closed_form(ends: tuple[float, float]) -> None:
    """The image sum equals the travelling-wave solution of the duct up to 0.8 of Nyquist."""
    path = duct_path(FS, **DUCT, reflections=ends, n_taps=8192, loss_db_per_m=0.2)
    f = np.linspace(20, 0.8 * FS / 2, 400)
    found = np.exp(-2j * np.pi * np.outer(f, np.arange(len(path))) / FS) @ path
    np.testing.assert_allclose(found, closed_form(f, ends, 0.2), atol=2e-3)


def test_the_direct_sound_arrives_after_its_distance() -> None:
    """First arrival is distance over speed, within a sample."""
    path = duct_path(FS, **DUCT, reflections=(0.5, -0.5), n_taps=1024)
    assert first_arrival(path) == pytest.approx(2.3 / 343 * FS, abs=1)


def test_reciprocity() -> None:
    """Source and receiver may change places."""
    there = duct_path(FS, **DUCT, reflections=(0.5, -0.3), n_taps=1024)
    swapped = {**DUCT, "source_m": DUCT["receiver_m"], "receiver_m": DUCT["source_m"]}
    back = duct_path(FS, **swapped, reflections=(0.5, -0.3), n_taps=1024)
    np.testing.assert_allclose(there, back, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"length_m": 0.0}, "length_m"),
        ({"receiver_m": 5.0}, "receiver_m"),
        ({"source_m": -1.0}, "source_m"),
        ({"reflections": (1.0, 0.0)}, "reflections"),
        ({"n_taps": 0}, "n_taps"),
        ({"loss_db_per_m": -1.0}, "loss_db_per_m"),
        ({"fs": 0.0}, "fs"),
    ],
)
def test_what_can_not_be_is_refused(change: dict[str, object], name: str) -> None:
    """Each parameter outside its range is named."""
    given = {"fs": FS, **DUCT, "reflections": (0.5, -0.5), "n_taps": 64, **change}
    with pytest.raises(ParameterError, match=name):
        duct_path(**given)  # type: ignore[arg-type]
