"""Quality of the output."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.realtime.meter import Meter
from antiphase.realtime.quality import output_figures

FS = 8000


def played(y: np.ndarray) -> Meter:
    meter = Meter(FS)
    meter.take(np.zeros(len(y)), y, np.zeros(len(y)))
    return meter


def test_distortion_of_a_tone() -> None:
    """A third harmonic 40 dB down is 1 %."""
    t = np.arange(FS) / FS
    y = 0.3 * np.sin(2 * np.pi * 100 * t) + 0.003 * np.sin(2 * np.pi * 300 * t)
    figures = output_figures(played(y), 1.0, 50.0)
    assert figures.thd_percent == pytest.approx(1, rel=0.02)
    assert figures.rms == pytest.approx(0.3 / np.sqrt(2), rel=1e-3)
    assert figures.peak == pytest.approx(0.3, abs=0.01)
    assert figures.snr_db == 50


def test_noise_has_no_distortion_and_silence_no_figures() -> None:
    """Without a line that dominates there is nothing that harmonics could be measured against."""
    y = np.random.default_rng(1).standard_normal(FS)
    assert output_figures(played(y), 1.0).thd_percent is None
    assert output_figures(played(np.zeros(FS)), 1.0).rms is None
