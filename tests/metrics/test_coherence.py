"""The coherence bound against sources and sensor noise of known share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.errors import ParameterError, SignalError
from antiphase.metrics.coherence import coherence_bound

Floats = npt.NDArray[np.float64]


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


@pytest.mark.parametrize(("gamma2", "nr_db"), [(0.9, 10), (0.99, 20), (0.999, 30)])
def test_coherence_sets_the_reduction(gamma2: float, nr_db: float) -> None:
    """γ² = .9, .99, .999 allow 10, 20, 30 dB, at every frequency and in total."""
    x = white(400_000)
    d = x + np.sqrt(1 / gamma2 - 1) * white(400_000, 2)
    bound = coherence_bound(x, d, 8000, path_taps=8)
    assert bound.total_db == pytest.approx(nr_db, abs=0.1)
    assert np.median(bound.nr_db) == pytest.approx(nr_db, abs=0.1)


def test_delay_is_no_loss_of_coherence() -> None:
    """Forty decibels through 400 samples of delay stay forty, also with short segments."""
    x = white(400_000)
    d = np.concatenate([np.zeros(400), x[:-400]]) + 0.01 * white(400_000, 2)
    bound = coherence_bound(x, d, 8000, path_taps=401, segment=802)
    assert bound.total_db == pytest.approx(40, abs=0.2)


def test_segments_shorter_than_the_path_are_refused_and_two_lengths_reported() -> None:
    """A reverberant path: short segments understate, and the longer figure beside it shows so."""
    x = white(400_000)
    path = white(2000, 3) * np.exp(-np.arange(2000) / 400)
    d = signal.oaconvolve(x, path)[:400_000]
    d += 0.01 * np.std(d) * white(400_000, 2)
    with pytest.raises(ParameterError, match="segment=512 must be at least 4000"):
        coherence_bound(x, d, 8000, path_taps=2000, segment=512)
    short = coherence_bound(x, d, 8000, path_taps=2000, segment=4000)
    assert short.longer is not None
    assert (short.longer.segment, short.longer.longer) == (16_000, None)
    assert short.total_db + 1 < short.longer.total_db < 40.5


def test_a_second_reference_explains_the_second_source() -> None:
    """Two sources at the microphone: one reference caps at 3 dB, both at the sensor noise."""
    sources = white(400_000).reshape(-1, 2)
    d = sources.sum(axis=1) + np.sqrt(2e-2) * white(200_000, 2)
    one = coherence_bound(sources[:, 0], d, 8000, path_taps=8)
    both = coherence_bound(sources, d, 8000, path_taps=8)
    assert one.total_db == pytest.approx(10 * np.log10(2.02 / 1.02), abs=0.1)
    assert both.total_db == pytest.approx(10 * np.log10(2.02 / 0.02), abs=0.15)


def test_independent_signals_show_what_chance_gives() -> None:
    """With K averages unrelated noise shows γ² near 1/K (overlap makes it a little less)."""
    bound = coherence_bound(white(65_536), white(65_536, 2), 8000, path_taps=8, segment=1024)
    assert bound.averages == pytest.approx(64, abs=0.01)
    assert 0.3 / 64 < bound.coherence.mean() < 1 / 64


def test_coherence_refuses_what_it_can_not_estimate() -> None:
    """Unequal lengths and runs of less than four segments."""
    with pytest.raises(SignalError, match="disturbance has 9 frames but reference has 10"):
        coherence_bound(white(10), white(9), 8000, path_taps=1)
    with pytest.raises(SignalError, match="4 segments"):
        coherence_bound(white(1000), white(1000), 8000, path_taps=400)
    silent = coherence_bound(np.zeros(1000), np.zeros(1000), 8000, path_taps=4)
    assert silent.total_db == 0
