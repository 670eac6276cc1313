"""Air against the figures of the standards."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics import air_absorption_db_per_m, air_density, speed_of_sound
from antiphase.errors import ParameterError

# Octave-band attenuation in dB/km for 63 Hz … 8 kHz, ISO 9613-2:1996, table 2.
TABLE: dict[tuple[float, float], list[float]] = {
    (10, 70): [0.1, 0.4, 1.0, 1.9, 3.7, 9.7, 32.8, 117],
    (20, 70): [0.1, 0.3, 1.1, 2.8, 5.0, 9.0, 22.9, 76.6],
    (30, 70): [0.1, 0.3, 1.0, 3.1, 7.4, 12.7, 23.1, 59.3],
    (15, 20): [0.3, 0.6, 1.2, 2.7, 8.2, 28.2, 88.8, 202],
    (15, 50): [0.1, 0.5, 1.2, 2.2, 4.2, 10.8, 36.2, 129],
    (15, 80): [0.1, 0.3, 1.1, 2.4, 4.1, 8.3, 23.7, 82.8],
}


@pytest.mark.parametrize(("temperature", "humidity"), TABLE)
def test_absorption_is_that_of_the_standard(temperature: float, humidity: float) -> None:
    """Every entry of the table is met to its printed digits or 1 %."""
    mid = 1000 * 10 ** (0.3 * np.arange(-4.0, 4.0))
    got = 1000 * air_absorption_db_per_m(mid, temperature, humidity)
    np.testing.assert_allclose(got, TABLE[temperature, humidity], rtol=0.01, atol=0.06)


def test_speed_of_sound_at_known_temperatures() -> None:
    """343.2 m/s at 20 °C, 331.3 at 0 °C, to the digit."""
    assert speed_of_sound() == pytest.approx(343.2, abs=0.01)
    assert speed_of_sound(0) == pytest.approx(331.3, abs=0.05)


def test_density_at_20_degrees() -> None:
    """1.204 kg/m³."""
    assert air_density() == pytest.approx(1.204, abs=0.001)


def test_no_absorption_at_0_hz() -> None:
    """A constant pressure is not absorbed; dry air only a little."""
    assert air_absorption_db_per_m(0.0) == 0
    assert np.isfinite(air_absorption_db_per_m([100.0, 1000.0], humidity_percent=0)).all()


def test_states_of_air_that_do_not_exist_are_refused() -> None:
    """Each parameter outside its range is named."""
    with pytest.raises(ParameterError, match="temperature_c=80"):
        speed_of_sound(80)
    with pytest.raises(ParameterError, match="humidity_percent=120"):
        air_absorption_db_per_m(100.0, humidity_percent=120)
    with pytest.raises(ParameterError, match="pressure_kpa=0"):
        air_density(pressure_kpa=0)
    with pytest.raises(ParameterError, match="frequency_hz"):
        air_absorption_db_per_m([-1.0])
