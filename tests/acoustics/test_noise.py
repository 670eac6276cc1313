"""Noise by name: levels, seeds, spectra as published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antiphase.acoustics import noise
from antiphase.errors import ParameterError, SignalError


@pytest.mark.parametrize("kind", noise.KINDS)
@pytest.mark.parametrize("fs", [8000.0, 16000.0, 44100.0])
def test_every_kind_has_unit_rms_at_any_rate(kind: str, fs: float) -> None:
    """Length as asked, unit RMS, no mean, all finite."""
    signal = noise.make(kind, 1.25, fs)
    assert signal.shape == (round(1.25 * fs),)
    assert np.isfinite(signal).all()
    assert np.sqrt(np.mean(signal**2)) == pytest.approx(1, rel=1e-12)
    assert abs(signal.mean()) < 1e-9


@pytest.mark.parametrize("kind", noise.KINDS)
def test_same_seed_same_noise(kind: str) -> None:
    """A seed names one noise for ever; another seed another, uncorrelated in its random part."""
    first, again, other = (noise.make(kind, 1, 8000, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", noise.KINDS)
@pytest.mark.parametrize("seconds", [1 / 8000, 0.01, 0.3])
def test_short_noise_works(kind: str, seconds: float) -> None:
    """One sample, or less than a run-in: still noise or a clear refusal, never NaN."""
    try:
        signal = noise.make(kind, seconds, 8000)
    except SignalError as problem:
        assert "make it longer" in str(problem)  # noqa: PT017
    else:
        assert np.isfinite(signal).all()
        assert len(signal) == round(8000 * seconds)


def test_parameters_are_listed() -> None:
    """The names and defaults that the documentation states."""
    assert noise.parameters("band") == {"low_hz": 100.0, "high_hz": 1000.0, "order": 4}
    assert noise.parameters("engine")["shaft_hz"] == 25.0


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("violet", {}, "kind='violet' must be one of white, pink"),
        ("band", {"middle_hz": 3.0}, "middle_hz=3.0 must be a parameter of band: low_hz"),
        ("band", {"low_hz": 2000.0}, "rising and in"),
        ("engine", {"drift": 0.7}, "drift=0.7"),
        ("fan", {"tonal_share": 1.0}, "tonal_share"),
        ("hum", {"mains_hz": 0.0}, "mains_hz"),
        ("drill", {"sag": 0.5}, "sag"),
        ("traffic", {"speed_m_s": 0.0}, "speed_m_s"),
        ("impulsive", {"decay_ms": 0.0}, "decay_ms"),
        ("babble", {"talkers": 0}, "talkers"),
        ("pink", {"lowest_hz": 0.0}, "lowest_hz"),
    ],
)
def test_bad_parameters_say_what_to_change(kind: str, params: dict[str, Any], message: str) -> None:
    """Each unknown or wrong parameter is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        noise.make(kind, 1, 8000, **params)


def test_bad_lengths_and_rates_are_refused() -> None:
    """Nothing shorter than a sample, no rate that telephone speech would not fit."""
    with pytest.raises(ParameterError, match="seconds=0"):
        noise.make("white", 0, 8000)
    with pytest.raises(ParameterError, match="at least one sample"):
        noise.make("white", 1e-5, 8000)
    with pytest.raises(ParameterError, match="fs=1000"):
        noise.make("white", 1, 1000)
    with pytest.raises(ParameterError, match="seed=-1"):
        noise.make("white", 1, 8000, seed=-1)


@pytest.mark.parametrize("kind", ["engine", "genset"])
def test_the_tacho_turns_with_the_sound(kind: str) -> None:
    """Sines of twice the shaft's angle hold as much of the noise as its main firing order."""
    angle = noise.tacho(kind, 10.0, 8000, seed=4)
    sound = noise.make(kind, 10.0, 8000, seed=4)
    share = abs(np.mean(sound * np.exp(-2j * angle))) ** 2 * 2
    assert share > 0.3
    assert abs(np.mean(sound * np.exp(-2.06j * angle))) ** 2 * 2 < 0.01
    with pytest.raises(ParameterError):
        noise.tacho("hum", 1.0, 8000)
