"""A and C weighting against the standard's table and its Class 1 limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.errors import ParameterError
from antiphase.metrics.weighting import Weighting, weight, weighting_db, weighting_filter

# IEC 61672-1:2013 table 3, every third band: nominal Hz, A, C, upper and lower Class 1 limit in dB.
TABLE = [
    (10, -70.4, -14.3, 3.0, np.inf),
    (20, -50.5, -6.2, 2.0, 2.0),
    (31.5, -39.4, -3.0, 1.5, 1.5),
    (63, -26.2, -0.8, 1.0, 1.0),
    (125, -16.1, -0.2, 1.0, 1.0),
    (250, -8.6, 0.0, 1.0, 1.0),
    (500, -3.2, 0.0, 1.0, 1.0),
    (1000, 0.0, 0.0, 0.7, 0.7),
    (2000, 1.2, -0.2, 1.0, 1.0),
    (4000, 1.0, -0.8, 1.0, 1.0),
    (5000, 0.5, -1.3, 1.5, 1.5),
    (6300, -0.1, -2.0, 1.5, 2.0),
    (8000, -1.1, -3.0, 1.5, 2.5),
    (10000, -2.5, -4.4, 2.0, 3.0),
    (12500, -4.3, -6.2, 2.0, 5.0),
    (16000, -6.6, -8.5, 2.5, 16.0),
    (20000, -9.3, -11.2, 3.0, np.inf),
]


def exact(nominal: float) -> float:
    """Return the exact band frequency behind a nominal one."""
    return float(1000 * 10 ** (np.round(10 * np.log10(nominal / 1000)) / 10))


@pytest.mark.parametrize(("nominal", "a_db", "c_db", "_up", "_down"), TABLE)
def test_analogue_curves_are_those_of_the_table(
    nominal: float, a_db: float, c_db: float, _up: float, _down: float
) -> None:
    """The equations give the standard's rounded values."""
    assert weighting_db(exact(nominal), "A") == pytest.approx(a_db, abs=0.06)
    assert weighting_db(exact(nominal), "C") == pytest.approx(c_db, abs=0.06)


@pytest.mark.parametrize("kind", ["A", "C"])
@pytest.mark.parametrize("fs", [4000, 8000, 16000, 22050, 32000, 44100, 48000, 96000, 192000])
def test_digital_filter_is_within_class_1(kind: Weighting, fs: float) -> None:
    """At every table frequency below fs / 2 the deviation is within the acceptance limits."""
    rows = [row for row in TABLE if exact(row[0]) < fs / 2]
    frequencies = np.array([exact(row[0]) for row in rows])
    _, response = signal.freqz_sos(weighting_filter(fs, kind), frequencies, fs=fs)
    deviation = 20 * np.log10(np.abs(response)) - weighting_db(frequencies, kind)
    assert (deviation <= [row[3] for row in rows]).all()
    assert (deviation >= [-row[4] for row in rows]).all()
    inside = frequencies <= 0.25 * fs
    assert np.abs(deviation[inside]).max() < 1.0


@pytest.mark.parametrize(("fs", "stated"), [(8000, 0.2), (16000, 0.4), (48000, 1.2)])
def test_stated_accuracy(fs: float, stated: float) -> None:
    """The deviations that the docstring states hold."""
    frequencies = np.geomspace(10, min(20_000, 0.49 * fs), 500)
    _, response = signal.freqz_sos(weighting_filter(fs), frequencies, fs=fs)
    deviation = 20 * np.log10(np.abs(response)) - weighting_db(frequencies)
    assert np.abs(deviation).max() < stated


def test_a_tone_reads_its_weight() -> None:
    """100 Hz through the A filter loses 19.1 dB."""
    tone = np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000)
    weighted = weight(tone, 16_000)[8000:]
    level = 10 * np.log10(np.mean(weighted**2) / 0.5)
    assert level == pytest.approx(-19.1, abs=0.1)


def test_z_changes_nothing_and_channels_are_separate() -> None:
    """Z is transparent; each channel is filtered by itself."""
    x = np.random.default_rng(1).standard_normal((500, 2))
    np.testing.assert_array_equal(weight(x, 8000, "Z"), x)
    assert weighting_db(50, "Z") == 0
    np.testing.assert_allclose(weight(x, 8000)[:, 1], weight(x[:, 1], 8000))


def test_bad_parameters_say_what_to_change() -> None:
    """Unknown curves and rates too low for the 1 kHz reference are refused."""
    with pytest.raises(ParameterError, match="kind='B'"):
        weighting_filter(8000, "B")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="kind='B'"):
        weighting_db(100, "B")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="fs=2000"):
        weighting_filter(2000)
