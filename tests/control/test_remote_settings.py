"""Settings of the solver, and its measure of what control does."""

from __future__ import annotations

import pytest

from antiphase.control.remote_settings import Energies, SplitSettings
from antiphase.errors import ParameterError


def test_settings_outside_their_range_are_refused() -> None:
    """Each is named."""
    for bad in ({"memory_s": 0.0}, {"first_push": -1.0}, {"iterations": 0}, {"fade_ms": -1.0}):
        with pytest.raises(ParameterError):
            SplitSettings(**bad)


def test_the_reduction_forgets_with_its_time_constant() -> None:
    """Ten time constants after a change only the new ratio counts."""
    energies = Energies(100.0)
    assert energies.reduction_db == 0
    energies.add(1.0, 1.0, 100)
    for _ in range(10):
        energies.add(1.0, 0.1, 100)
    assert energies.reduction_db == pytest.approx(10.0, abs=0.01)
    energies.clear()
    assert energies.reduction_db == 0
