"""Air: speed of sound and absorption."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.dsp.stream import Floats
from antiphase.errors import require

__all__ = ["air_absorption_db_per_m", "air_density", "speed_of_sound"]

_KELVIN = 273.15
_REFERENCE_KELVIN = 293.15
_TRIPLE_KELVIN = 273.16
_REFERENCE_KPA = 101.325


def _kelvin(temperature_c: float) -> float:
    require(-50 <= temperature_c <= 60, "temperature_c", temperature_c, "in [−50, 60] °C")
    return temperature_c + _KELVIN


def speed_of_sound(temperature_c: float = 20.0) -> float:
    """Return the speed of sound in dry air in m/s, ``343.2·sqrt(T / 293.15 K)``.

    Parameters
    ----------
    temperature_c : float
        In [−50, 60] °C.

    Raises
    ------
    ParameterError
        If the temperature is outside its range.

    References
    ----------
    ISO 9613-1:1993, Annex A.
    """
    return float(343.2 * np.sqrt(_kelvin(temperature_c) / _REFERENCE_KELVIN))


def air_density(temperature_c: float = 20.0, pressure_kpa: float = _REFERENCE_KPA) -> float:
    """Return the density of dry air in kg/m³, ``p / (287.05·T)``.

    Parameters
    ----------
    temperature_c : float
        In [−50, 60] °C.
    pressure_kpa : float
        > 0.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """
    require(pressure_kpa > 0, "pressure_kpa", pressure_kpa, "> 0 kPa")
    return 1000 * pressure_kpa / (287.05 * _kelvin(temperature_c))


def air_absorption_db_per_m(
    frequency_hz: npt.ArrayLike,
    temperature_c: float = 20.0,
    humidity_percent: float = 50.0,
    pressure_kpa: float = _REFERENCE_KPA,
) -> Floats:
    """Return the pure-tone attenuation of sound in air.

    Classical absorption plus the vibrational relaxation of oxygen and nitrogen.

    Parameters
    ----------
    frequency_hz : array_like
        ≥ 0.
    temperature_c : float
        In [−50, 60] °C (the standard tabulates −20 … 50).
    humidity_percent : float
        Relative humidity in [0, 100].
    pressure_kpa : float
        > 0.

    Returns
    -------
    ndarray
        dB/m, of the frequencies' shape.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    ISO 9613-1:1993, equations 3 to 5 and B.2, B.3.
    """
    kelvin = _kelvin(temperature_c)
    require(0 <= humidity_percent <= 100, "humidity_percent", humidity_percent, "in [0, 100] %")
    require(pressure_kpa > 0, "pressure_kpa", pressure_kpa, "> 0 kPa")
    f = np.asarray(frequency_hz, dtype=np.float64)
    require(bool((f >= 0).all()), "frequency_hz", "negative", "≥ 0 Hz")
    pressure = pressure_kpa / _REFERENCE_KPA
    warmth = kelvin / _REFERENCE_KELVIN
    saturation = 10 ** (-6.8346 * (_TRIPLE_KELVIN / kelvin) ** 1.261 + 4.6151)
    # Molar concentration of water vapour in percent.
    water = humidity_percent * saturation / pressure
    oxygen_hz = pressure * (24 + 4.04e4 * water * (0.02 + water) / (0.391 + water))
    cold = np.exp(-4.170 * (warmth ** (-1 / 3) - 1))
    nitrogen_hz = pressure * warmth**-0.5 * (9 + 280 * water * cold)
    oxygen = 0.01275 * np.exp(-2239.1 / kelvin) / (oxygen_hz + f**2 / oxygen_hz)
    nitrogen = 0.1068 * np.exp(-3352.0 / kelvin) / (nitrogen_hz + f**2 / nitrogen_hz)
    classical = 1.84e-11 / pressure * warmth**0.5
    result: Floats = 8.686 * f**2 * (classical + warmth**-2.5 * (oxygen + nitrogen))
    return result
