"""Paths and margins against geometry."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.acoustics import (
    AcousticPaths,
    CausalityMargin,
    distance_m,
    geometric_margin,
    path_margin,
)
from antiphase.dsp import sinc_delay_taps
from antiphase.errors import ParameterError, SignalError


def test_margin_by_hand() -> None:
    """Source 10 m and 1 m away, loudspeaker 0.5 m, 2 ms of electronics: 22.77 ms."""
    margin = geometric_margin(
        (0, 0, 1), (1, 0, 1), (10, 0, 1), (9.5, 0, 1), converters_ms=1, electronics_ms=2
    )
    assert margin.lead_ms == pytest.approx(9 / 343.2 * 1000)
    assert margin.secondary_ms == pytest.approx(0.5 / 343.2 * 1000 + 1)
    assert margin.margin_ms == pytest.approx((9 - 0.5) / 343.2 * 1000 - 3)
    assert margin.samples(8000) == pytest.approx(8 * margin.margin_ms)


def test_paths_show_the_margin_of_geometry() -> None:
    """Margins from responses and from distances agree to a sample (CASES 9)."""
    taps = [sinc_delay_taps(d)[:700] for d in (35.4, 600.7, 60.2)]
    margin = path_margin(taps[0], taps[1], taps[2], 8000, electronics_ms=1.5)
    assert margin.samples(8000) == pytest.approx(600.7 - 35.4 - 60.2 - 12, abs=1)


def test_a_late_secondary_path_gives_a_negative_margin() -> None:
    """No margin is not hidden: the sign says so."""
    assert CausalityMargin(1.0, 2.0, 0.5).margin_ms == -1.5


def test_arrivals_and_shortening() -> None:
    """Arrivals are read per microphone and source; cutting says what it costs."""
    taps = np.zeros((2, 1, 100))
    taps[0, 0, 34], taps[1, 0, 50], taps[1, 0, 90] = 1.0, 1.0, 0.1
    paths = AcousticPaths(taps, 8000, np.array([[1.46], [2.145]]))
    assert paths.arrival(1) == 50
    assert paths.geometric_arrival(0) == pytest.approx(34.03, abs=0.01)
    shorter, lost_db = paths.shortened(80)
    assert shorter.n_taps == 80
    assert lost_db == pytest.approx(10 * np.log10(0.01 / 2.01))
    longer, nothing = paths.shortened(120)
    assert longer.n_taps == 120
    assert nothing == -np.inf


def test_what_is_no_path_is_refused() -> None:
    """Wrong shapes, NaN, unknown distances and positions that are not points."""
    with pytest.raises(SignalError, match=r"must be \[mic, source, taps\]"):
        AcousticPaths(np.zeros(5), 8000)
    with pytest.raises(SignalError, match="NaN"):
        AcousticPaths(np.full((1, 1, 2), np.nan), 8000)
    with pytest.raises(SignalError, match="distance_m has shape"):
        AcousticPaths(np.zeros((1, 1, 2)), 8000, np.zeros((2, 1)))
    with pytest.raises(SignalError, match="not known"):
        AcousticPaths(np.zeros((1, 1, 2)), 8000).geometric_arrival()
    with pytest.raises(ParameterError, match="three finite coordinates"):
        distance_m((0, 0), (1, 1, 1))
    with pytest.raises(ParameterError, match="electronics_ms=-1"):
        geometric_margin((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), electronics_ms=-1)
