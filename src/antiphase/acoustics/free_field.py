"""Sound outdoors: direct wave, reflection from a ground of finite impedance, absorption in air.

Responses are made in the frequency domain up to eight times the Nyquist frequency, passed through
the analogue anti-alias filters of the converters, and only then sampled: delays are exact in
fractions of a sample, and what would fold back does so as in the real converter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal
from scipy import special

from antiphase.acoustics.medium import air_absorption_db_per_m, air_density, speed_of_sound
from antiphase.acoustics.paths import distance_m
from antiphase.dsp.stream import Floats
from antiphase.errors import require

__all__ = [
    "ASPHALT",
    "GRASS",
    "Air",
    "Converter",
    "delany_bazley_impedance",
    "free_field_path",
    "free_field_response",
    "ground_reflection",
]

Complexes = npt.NDArray[np.complex128]

# Flow resistivities in Pa·s/m².
ASPHALT = 2e7
GRASS = 2e5
_OVERSAMPLING = 8


@dataclass(frozen=True)
class Air:
    """State of the air.

    Parameters
    ----------
    temperature_c : float
        In [−50, 60] °C.
    humidity_percent : float
        In [0, 100].
    absorbing : bool
        Whether paths lose high frequencies on their way (ISO 9613-1).
    """

    temperature_c: float = 20.0
    humidity_percent: float = 50.0
    absorbing: bool = True


@dataclass(frozen=True)
class Converter:
    """One converter with the transducer behind it, as an analogue filter.

    Parameters
    ----------
    cutoff_hz : float
        −3 dB frequency of the Butterworth anti-alias or reconstruction low-pass.
    order : int
        Of the low-pass, at least 1.
    highpass_hz : float
        −3 dB frequency of a second-order Butterworth high-pass (a loudspeaker's lower end), 0 for
        none.
    latency_ms : float
        Pure delay (conversion, buffers in the device), ≥ 0.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    cutoff_hz: float
    order: int = 8
    highpass_hz: float = 0.0
    latency_ms: float = 0.0

    def __post_init__(self) -> None:
        require(self.cutoff_hz > 0, "cutoff_hz", self.cutoff_hz, "> 0 Hz")
        require(self.order >= 1, "order", self.order, "at least 1")
        require(self.highpass_hz >= 0, "highpass_hz", self.highpass_hz, "≥ 0 Hz")
        require(self.latency_ms >= 0, "latency_ms", self.latency_ms, "≥ 0 ms")

    def response(self, frequency_hz: npt.ArrayLike) -> Complexes:
        """Return the complex frequency response, shape (f,)."""
        f = np.asarray(frequency_hz, dtype=np.float64)
        omega = 2 * np.pi * f
        low = scipy_signal.butter(self.order, 2 * np.pi * self.cutoff_hz, analog=True, output="zpk")
        result: Complexes = scipy_signal.freqs_zpk(*low, worN=omega)[1]
        if self.highpass_hz > 0:
            corner = 2 * np.pi * self.highpass_hz
            high = scipy_signal.butter(2, corner, "highpass", analog=True, output="zpk")
            result = result * scipy_signal.freqs_zpk(*high, worN=omega)[1]
        delayed: Complexes = result * np.exp(-1j * omega * self.latency_ms / 1000)
        return delayed

    @property
    def group_delay_ms(self) -> float:
        """Delay at low frequencies of low-pass and `latency_ms` together."""
        corner = 2 * np.pi * self.cutoff_hz
        _, poles, _ = scipy_signal.butter(self.order, corner, analog=True, output="zpk")
        return float(np.sum(-1 / poles).real * 1000 + self.latency_ms)


def delany_bazley_impedance(
    frequency_hz: npt.ArrayLike, flow_resistivity: float, air: Air = Air()
) -> Complexes:
    """Return the normalised impedance of a porous ground, time convention exp(+jωt).

    ``Z = 1 + 0.0571·X^−0.754 − j·0.0870·X^−0.732``, ``X = ρ·f / σ``. Fitted for 0.01 < X < 1; used
    beyond it, as is usual for grounds, it tends to a rigid plane for hard ones. The fit is not
    exactly causal: reflections get a precursor, 58 dB below the direct sound on asphalt.

    Parameters
    ----------
    frequency_hz : array_like, shape (f,)
        > 0.
    flow_resistivity : float
        σ in Pa·s/m²: `ASPHALT` 2e7, `GRASS` 2e5; > 0.
    air : Air

    Returns
    -------
    ndarray of complex128, shape (f,)

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Delany & Bazley (1970), Acoustical properties of fibrous absorbent materials.
    """
    require(flow_resistivity > 0, "flow_resistivity", flow_resistivity, "> 0 Pa·s/m²")
    f = np.asarray(frequency_hz, dtype=np.float64)
    require(bool((f > 0).all()), "frequency_hz", "0 or below", "> 0 Hz")
    x = air_density(air.temperature_c) * f / flow_resistivity
    result: Complexes = 1 + 0.0571 * x**-0.754 - 0.0870j * x**-0.732
    return result


def ground_reflection(
    frequency_hz: npt.ArrayLike,
    impedance: npt.ArrayLike,
    reflected_m: float,
    cos_incidence: float,
    speed: float = 343.2,
) -> Complexes:
    """Return the spherical-wave reflection coefficient Q of a locally reacting plane.

    ``Q = R_p + (1 − R_p)·F(w)`` with the plane-wave coefficient
    ``R_p = (cos θ − β) / (cos θ + β)``, admittance ``β = 1/Z``, numerical distance
    ``w² = ½·i·k·r·(cos θ + β)²`` and ``F(w) = 1 + i·√π·w·exp(−w²)·erfc(−i·w)``.

    Parameters
    ----------
    frequency_hz : array_like, shape (f,)
        > 0.
    impedance : array_like of complex, shape (f,)
        Normalised, time convention exp(+jωt).
    reflected_m : float
        Length r of the reflected path, > 0; accurate where k·r is above about 1.
    cos_incidence : float
        Cosine of the angle between that path and the ground's normal, in [0, 1].
    speed : float
        Of sound, m/s.

    Returns
    -------
    ndarray of complex128, shape (f,)
        Time convention exp(+jωt).

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Attenborough, Hayek & Lawther (1980), Propagation of sound above a porous half-space. Chien &
    Soroka (1975), Sound propagation along an impedance plane.
    """
    require(reflected_m > 0, "reflected_m", reflected_m, "> 0 m")
    require(0 <= cos_incidence <= 1, "cos_incidence", cos_incidence, "in [0, 1]")
    f = np.asarray(frequency_hz, dtype=np.float64)
    require(bool((f > 0).all()), "frequency_hz", "0 or below", "> 0 Hz")
    # The formulae are for exp(−iωt); conjugating goes in and comes back.
    beta = 1 / np.conj(np.asarray(impedance, dtype=np.complex128))
    wave_number = 2 * np.pi * f / speed
    plane = (cos_incidence - beta) / (cos_incidence + beta)
    w = np.sqrt(0.5j * wave_number * reflected_m) * (cos_incidence + beta)
    # Faddeeva's function is exp(−w²)·erfc(−iw) without overflow.
    loss = 1 + 1j * np.sqrt(np.pi) * w * special.wofz(w)
    result: Complexes = np.conj(plane + (1 - plane) * loss)
    return result


def free_field_response(
    frequency_hz: npt.ArrayLike,
    source: Sequence[float],
    receiver: Sequence[float],
    *,
    flow_resistivity: float | None = ASPHALT,
    air: Air = Air(),
) -> Complexes:
    """Return the transfer function from a point source to a point above ground.

    ``H = exp(−jkr₁)/r₁ + Q·exp(−jkr₂)/r₂``, both damped by the air: 1 at 1 m without ground.
    The air's damping goes without its dispersion, which is below 1e-4 of the speed of sound.

    Parameters
    ----------
    frequency_hz : array_like, shape (f,)
        ≥ 0; at 0 Hz the ground is taken as rigid.
    source, receiver : sequence of float
        (x, y, z) in m, z ≥ 0 above the ground, apart from each other.
    flow_resistivity : float, optional
        Of the ground in Pa·s/m²; None for no ground at all.
    air : Air

    Returns
    -------
    ndarray of complex128, shape (f,)

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """
    f = np.asarray(frequency_hz, dtype=np.float64)
    direct = distance_m(source, receiver)
    require(direct > 0, "distance", direct, "> 0 m between source and receiver")
    speed = speed_of_sound(air.temperature_c)
    damping = air_absorption_db_per_m(f, air.temperature_c, air.humidity_percent) * air.absorbing

    def wave(length: float) -> Complexes:
        amplitude = 10 ** (-damping * length / 20) / length
        result: Complexes = amplitude * np.exp(-2j * np.pi * f * length / speed)
        return result

    if flow_resistivity is None:
        return wave(direct)
    low = min(source[2], receiver[2])
    require(low >= 0, "height", low, "≥ 0 m above the ground")
    image = (source[0], source[1], -source[2])
    reflected = distance_m(image, receiver)
    coefficient = np.ones(f.shape, dtype=np.complex128)
    sounding = f > 0
    coefficient[sounding] = ground_reflection(
        f[sounding],
        delany_bazley_impedance(f[sounding], flow_resistivity, air),
        reflected,
        (source[2] + receiver[2]) / reflected,
        speed,
    )
    return wave(direct) + coefficient * wave(reflected)


def free_field_path(
    source: Sequence[float],
    receiver: Sequence[float],
    fs: float,
    n_taps: int,
    *,
    converters: Sequence[Converter] | None = None,
    flow_resistivity: float | None = ASPHALT,
    air: Air = Air(),
) -> Floats:
    """Return the sampled impulse response from a point source to a point above ground.

    Parameters
    ----------
    source, receiver : sequence of float
        (x, y, z) in m, z ≥ 0 above the ground.
    fs : float
        Hz, > 0.
    n_taps : int
        Length; must hold the direct sound.
    converters : sequence of Converter, optional
        Those that the signal passes. None is one anti-alias filter of order 8 at 0.45·fs; at least
        one filter is needed, or there would be nothing to sample.
    flow_resistivity : float, optional
        Of the ground in Pa·s/m²; None for no ground at all.
    air : Air

    Returns
    -------
    ndarray, shape (n_taps,)
        Tap 0 is the instant of emission.

    Raises
    ------
    ParameterError
        If a parameter is outside its range or `n_taps` ends before the direct sound.
    """
    require(fs > 0, "fs", fs, "> 0 Hz")
    chain = (Converter(0.45 * fs),) if converters is None else tuple(converters)
    require(len(chain) >= 1, "converters", chain, "at least one")
    latest = distance_m(source, receiver) / speed_of_sound(air.temperature_c) * fs
    latest += sum(c.group_delay_ms for c in chain) * fs / 1000
    require(n_taps > latest + 1, "n_taps", n_taps, f"above {latest + 1:.0f}, the direct sound")
    # Long enough that the tails of a 10 Hz high-pass die out before they wrap around.
    size = 1 << (n_taps + round(0.5 * fs) - 1).bit_length()
    frequency = np.linspace(0.0, _OVERSAMPLING * fs / 2, _OVERSAMPLING * size // 2 + 1)
    response = free_field_response(
        frequency, source, receiver, flow_resistivity=flow_resistivity, air=air
    )
    for converter in chain:
        response = response * converter.response(frequency)
    fine = np.fft.irfft(response, _OVERSAMPLING * size)
    result: Floats = _OVERSAMPLING * fine[::_OVERSAMPLING][:n_taps]
    return result
