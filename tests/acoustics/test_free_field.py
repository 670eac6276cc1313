"""Outdoor propagation against closed forms and the exact integral over an impedance plane."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from antiphase.acoustics.free_field import (
    ASPHALT,
    GRASS,
    Air,
    Converter,
    delany_bazley_impedance,
    free_field_path,
    free_field_response,
    ground_reflection,
)
from antiphase.dsp import first_arrival, frequency_response, group_delay
from antiphase.errors import ParameterError

STILL = Air(absorbing=False)


def exact_reflection(k: float, beta: complex, across: float, height: float) -> complex:
    """Q by a line of images at complex heights (exact for local reaction), exp(−iωt)."""
    r2 = np.hypot(across, height)

    def image(q: float) -> complex:
        far = np.sqrt(across**2 + (height + 1j * q) ** 2 + 0j)
        return complex(np.exp(-k * beta * q + 1j * k * far) / far)

    top = 60 / (k * beta.real)
    real = integrate.quad(lambda q: image(q).real, 0, top, limit=2000)[0]
    imaginary = integrate.quad(lambda q: image(q).imag, 0, top, limit=2000)[0]
    return complex(1 - 2 * k * beta * (real + 1j * imaginary) * r2 * np.exp(-1j * k * r2))


@pytest.mark.parametrize("sigma", [GRASS, 1e6])
@pytest.mark.parametrize(("across", "height"), [(5.0, 2.0), (10.0, 1.0), (2.0, 3.0)])
@pytest.mark.parametrize("frequency", [200.0, 500.0, 1000.0])
def test_spherical_reflection_is_the_exact_one(
    sigma: float, across: float, height: float, frequency: float
) -> None:
    """Q agrees with the exact integral to a few percent from grazing to steep incidence."""
    k = 2 * np.pi * frequency / 343.2
    impedance = delany_bazley_impedance([frequency], sigma)
    r2 = float(np.hypot(across, height))
    got = ground_reflection([frequency], impedance, r2, height / r2)[0]
    exact = np.conj(exact_reflection(k, complex(1 / np.conj(impedance[0])), across, height))
    assert abs(got - exact) < 0.05


def test_hard_ground_is_a_mirror() -> None:
    """Infinite impedance reflects all: two spherical waves, closed form."""
    frequency = np.array([50.0, 500.0, 3000.0])
    got = ground_reflection(frequency, np.full(3, 1e9 + 0j), 20.0, 0.1)
    np.testing.assert_allclose(got, 1, atol=1e-4)
    response = free_field_response(
        frequency, (0, 0, 0.5), (20, 0, 1.2), flow_resistivity=1e12, air=STILL
    )
    r1, r2 = np.hypot(20, 0.7), np.hypot(20, 1.7)
    k = 2 * np.pi * frequency / 343.2
    np.testing.assert_allclose(
        response, np.exp(-1j * k * r1) / r1 + np.exp(-1j * k * r2) / r2, rtol=0.01
    )


def test_steep_incidence_gives_the_plane_wave_coefficient() -> None:
    """Far away and steep, the sphere is a plane."""
    impedance = delany_bazley_impedance([1000.0], GRASS)
    got = ground_reflection([1000.0], impedance, 200.0, 1.0)[0]
    assert got == pytest.approx((impedance[0] - 1) / (impedance[0] + 1), abs=0.002)


def test_soft_ground_cancels_at_grazing() -> None:
    """Over grass, far and low, middle frequencies lose more than 6 dB against free field."""
    with_ground = free_field_response([500.0], (0, 0, 0.3), (100, 0, 0.3), flow_resistivity=GRASS)
    without = free_field_response([500.0], (0, 0, 0.3), (100, 0, 0.3), flow_resistivity=None)
    assert 20 * np.log10(abs(with_ground[0] / without[0])) < -6


def test_ground_impedance_of_grass_is_the_published_one() -> None:
    """σ = 2e5 at 1 kHz: X = 6.02e-3, |Z| about 4.8, phase about −41°."""
    z = delany_bazley_impedance([1000.0], GRASS)[0]
    x = 1.204 * 1000 / GRASS
    assert z.real == pytest.approx(1 + 0.0571 * x**-0.754, rel=1e-3)
    assert z.imag == pytest.approx(-0.0870 * x**-0.732, rel=1e-3)
    assert np.degrees(np.angle(z)) == pytest.approx(-41, abs=4)


@pytest.mark.parametrize("distance", [0.5, 3.21, 20.0])
def test_sampled_path_is_the_analogue_one(distance: float) -> None:
    """Up to 0.4·fs the taps' response is wave times converter, delay exact in fractions."""
    fs = 8000.0
    converter = Converter(0.45 * fs, latency_ms=0.3)
    taps = free_field_path(
        (0, 0, 1),
        (distance, 0, 1),
        fs,
        900,
        converters=[converter],
        flow_resistivity=None,
        air=STILL,
    )
    frequency = np.linspace(10, 0.4 * fs, 100)
    got = frequency_response(taps, fs, frequency_hz=frequency)
    wave = np.exp(-2j * np.pi * frequency * distance / 343.2) / distance
    expected = wave * converter.response(frequency)
    # What folds back from 0.6·fs is 20 dB down in this filter: compare with it added.
    mirrored = fs - frequency
    folded = np.exp(-2j * np.pi * mirrored * distance / 343.2) / distance
    expected += np.conj(folded * converter.response(mirrored))
    np.testing.assert_allclose(got, expected, atol=2e-3 / distance)


def test_nothing_arrives_before_the_sound() -> None:
    """Before the flight: −90 dB in still air, −55 dB with the acausal fits of ground and air."""
    flight = int(np.hypot(20, 0.7) / 343.2 * 8000)
    for sigma, air, level_db in ((None, STILL, -90), (ASPHALT, Air(), -55)):
        taps = free_field_path(
            (0, 0, 0.5), (20, 0, 1.2), 8000, 1000, flow_resistivity=sigma, air=air
        )
        early = np.abs(taps[: flight - 1]).max() / np.abs(taps).max()
        assert 20 * np.log10(early) < level_db
    assert first_arrival(taps) == pytest.approx(flight + 2.5, abs=1.5)


def test_source_and_receiver_can_change_places() -> None:
    """Reciprocity."""
    there = free_field_path((0, 0, 0.5), (5, 2, 1.2), 8000, 400)
    back = free_field_path((5, 2, 1.2), (0, 0, 0.5), 8000, 400)
    np.testing.assert_allclose(there, back, atol=1e-12)


def test_air_takes_the_high_frequencies() -> None:
    """Over 100 m at 20 °C and 70 %, 4 kHz loses 2.3 dB and 125 Hz nothing to speak of."""
    air = Air(20, 70)
    frequency = np.array([125.0, 3981.0])
    loud = free_field_response(frequency, (0, 0, 1), (100, 0, 1), flow_resistivity=None, air=air)
    np.testing.assert_allclose(-20 * np.log10(np.abs(loud) * 100), [0.04, 2.29], atol=0.05)


def test_group_delay_of_a_converter() -> None:
    """The stated low-frequency delay is that of the sampled response."""
    converter = Converter(3600.0, 8, latency_ms=1.0)
    taps = free_field_path(
        (0, 0, 1),
        (3.432, 0, 1),
        8000,
        300,
        converters=[converter],
        flow_resistivity=None,
        air=STILL,
    )
    delay_ms = group_delay(taps, 8000, frequency_hz=[50.0])[0] / 8
    assert delay_ms == pytest.approx(10 + converter.group_delay_ms, abs=0.01)


def test_loudspeaker_high_pass() -> None:
    """−3 dB at the corner, 12 dB per octave below."""
    converter = Converter(3600.0, highpass_hz=60.0)
    level = 20 * np.log10(np.abs(converter.response([15.0, 60.0, 500.0])))
    np.testing.assert_allclose(level, [-24.1, -3.01, 0], atol=0.05)


def test_what_does_not_fit_is_refused() -> None:
    """Paths shorter than the flight, points below ground, no filter: refused in one line."""
    with pytest.raises(ParameterError, match="n_taps=100 must be above"):
        free_field_path((0, 0, 1), (20, 0, 1), 8000, 100)
    with pytest.raises(ParameterError, match="height=-1"):
        free_field_response([100.0], (0, 0, -1), (1, 0, 1), flow_resistivity=ASPHALT)
    with pytest.raises(ParameterError, match="converters"):
        free_field_path((0, 0, 1), (1, 0, 1), 8000, 100, converters=[])
    with pytest.raises(ParameterError, match="between source and receiver"):
        free_field_response([100.0], (0, 0, 1), (0, 0, 1))
    with pytest.raises(ParameterError, match="cutoff_hz=0"):
        Converter(0)
    with pytest.raises(ParameterError, match="flow_resistivity=0"):
        delany_bazley_impedance([100.0], 0)
    with pytest.raises(ParameterError, match="cos_incidence=2"):
        ground_reflection([100.0], [1 + 0j], 1.0, 2)
    with pytest.raises(ParameterError, match="frequency_hz"):
        ground_reflection([0.0], [1 + 0j], 1.0, 1)
