"""A closed headphone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.acoustics.earcup import earcup_paths
from antiphase.dsp import group_delay
from antiphase.errors import ParameterError

FS = 48000.0


def level_db(path: np.ndarray, f: float) -> float:
    _, h = signal.freqz(path, worN=[f], fs=FS)
    return float(20 * np.log10(np.abs(h[0])))


def test_the_cup_lets_low_frequencies_in_and_keeps_high_ones_out() -> None:
    """Well below its corner the cup does nothing, above it the sound falls 12 dB an octave."""
    primary, _ = earcup_paths(FS, leak_hz=500.0, n_taps=8192)
    assert level_db(primary, 30.0) == pytest.approx(0.0, abs=0.2)
    assert level_db(primary, 4000.0) - level_db(primary, 2000.0) == pytest.approx(-12.0, abs=1.5)


def test_the_loudspeaker_falls_off_below_its_resonance() -> None:
    """A decade below resonance the loudspeaker is down by 40 dB."""
    _, secondary = earcup_paths(FS, resonance_hz=200.0, n_taps=16384)
    assert level_db(secondary, 20.0) - level_db(secondary, 1000.0) == pytest.approx(-40.0, abs=2)


def test_longer_ways_take_longer() -> None:
    """One more centimetre is 29 µs more in each path, at frequencies the fraction is flat at."""
    near = earcup_paths(FS, outside_m=0.05, inside_m=0.02, n_taps=8192)
    far = earcup_paths(FS, outside_m=0.06, inside_m=0.03, n_taps=8192)
    for a, b in zip(near, far, strict=True):
        f = np.array([300.0, 1000.0])
        more = group_delay(b, FS, frequency_hz=f) - group_delay(a, FS, frequency_hz=f)
        np.testing.assert_allclose(more, 0.01 / 343 * FS, atol=0.02)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"fs": 8000.0}, "fs"),
        ({"leak_hz": 0.0}, "leak_hz"),
        ({"resonance_hz": 20000.0}, "resonance_hz"),
        ({"outside_m": 0.0}, "outside_m"),
        ({"inside_m": -1.0}, "inside_m"),
        ({"n_taps": 8}, "n_taps"),
    ],
)
def test_what_can_not_be_is_refused(change: dict[str, float], name: str) -> None:
    """Each parameter outside its range is named."""
    with pytest.raises(ParameterError, match=name):
        earcup_paths(**{"fs": FS, **change})  # type: ignore[arg-type]
