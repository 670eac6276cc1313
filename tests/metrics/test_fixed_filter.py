"""The fixed-filter bound against closed forms, scipy and the measured systems."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from scipy import linalg, signal

from antiphase.errors import ParameterError, SignalError
from antiphase.metrics.fixed_filter import fixed_filter_bound
from benchmarks.data import available, load

Floats = npt.NDArray[np.float64]

needs_bench_data = pytest.mark.skipif(not available(), reason="bench-data is not on this machine")


def white(n: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def delayed(x: Floats, by: int) -> Floats:
    return np.concatenate([np.zeros(by), x[: len(x) - by]])


def test_perfect_cancellation_when_the_inverse_exists() -> None:
    """A pure delay in P and a shorter one in S leave nothing but rounding."""
    x = white(4000)
    bound = fixed_filter_bound(x, delayed(x, 5), [0.0, 0.0, 0.5], 8)
    expected = np.zeros(8)
    expected[3] = -2.0
    np.testing.assert_allclose(bound.control_filter, expected, atol=1e-10)
    assert bound.nr_db > 150


def test_white_noise_can_not_be_predicted() -> None:
    """One sample too late on white noise: 0 dB, up to the fit to finitely many samples."""
    x = white(200_000)
    bound = fixed_filter_bound(x, delayed(x, 3), [1.0], 32, delay=4)
    assert 0 <= bound.nr_db < 10 * np.log10(1 + 3 * 32 / 200_000)


@pytest.mark.parametrize("late", [1, 2, 5])
def test_first_order_noise_is_predicted_as_far_as_theory_allows(late: int) -> None:
    """AR(1) noise D samples late: NR = −10 log10(1 − α^2D)."""
    alpha = 0.95
    d = signal.lfilter([1], [1, -alpha], white(200_000))
    bound = fixed_filter_bound(d, d, [1.0], 16, delay=late)
    assert bound.nr_db == pytest.approx(-10 * np.log10(1 - alpha ** (2 * late)), abs=0.1)


@pytest.mark.parametrize("snr_db", [10.0, 30.0])
def test_noisy_reference_limits_as_wiener_says(snr_db: float) -> None:
    """White x and white sensor noise, no paths: NR = 10 log10(1 + snr)."""
    x, v = white(100_000), 10 ** (-snr_db / 20) * white(100_000, 2)
    bound = fixed_filter_bound(x, x, [1.0], 4, reference_noise=v)
    assert bound.nr_db == pytest.approx(10 * np.log10(1 + 10 ** (snr_db / 10)), abs=0.1)


def test_equals_dense_least_squares() -> None:
    """Two references, two loudspeakers, three microphones, a start index: the same as lstsq."""
    rng = np.random.default_rng(3)
    x, d = rng.standard_normal((120, 2)), rng.standard_normal((120, 3))
    paths = rng.standard_normal((3, 2, 6))
    bound = fixed_filter_bound(x, d, paths, 4, start=15, ridge=0.0)
    columns = []
    for k, j, i in np.ndindex(2, 2, 4):
        late = delayed(x[:, j], i)
        columns.append([np.convolve(late, paths[m, k])[:120] for m in range(3)])
    rows: Floats = np.array(columns)[:, :, 15:].reshape(16, -1).T
    expected = linalg.lstsq(rows, -d[15:].T.ravel())[0]
    np.testing.assert_allclose(bound.control_filter.ravel(), expected, atol=1e-9)
    assert bound.control_filter.shape == (2, 2, 4)
    left = d[15:].T.ravel() + rows @ expected
    assert bound.nr_db == pytest.approx(10 * np.log10(np.sum(d[15:] ** 2) / np.sum(left**2)))
    np.testing.assert_allclose(bound.error[15:].T.ravel(), left, atol=1e-9)


def test_long_stationary_runs_approach_the_toeplitz_solution() -> None:
    """On long white noise the covariance solution nears the one from true autocorrelations."""
    rng = np.random.default_rng(4)
    x, p, s = white(200_000), rng.standard_normal(24), rng.standard_normal(8)
    bound = fixed_filter_bound(x, np.convolve(x, p)[: len(x)], s, 32)
    auto = np.correlate(s, s, "full")[7:]
    cross = [np.sum(p[i : i + 8] * s[: len(p[i : i + 8])]) for i in range(32)]
    w = -linalg.solve_toeplitz(np.pad(auto, (0, 24)), cross)
    total = np.convolve(w, s)
    total[:24] += p
    theory = 10 * np.log10(np.sum(p**2) / np.sum(total**2))
    assert bound.nr_db == pytest.approx(theory, abs=0.05)


def test_look_ahead_is_the_same_as_a_later_disturbance() -> None:
    """A reference 7 samples early equals a primary path 7 samples longer."""
    x, s = white(5000), np.array([0.0, 0.0, 1.0, 0.4])
    early = fixed_filter_bound(x, x, s, 16, delay=-7)
    longer = fixed_filter_bound(x, delayed(x, 7), s, 16)
    np.testing.assert_allclose(early.control_filter, longer.control_filter, atol=0.05)
    assert early.nr_db > 20


def test_a_longer_filter_is_never_worse() -> None:
    """The bound grows with the number of taps: the shorter filter is a special case."""
    x = signal.lfilter([1], [1, -0.9], white(20_000))
    d = signal.lfilter(signal.firwin(64, 0.3), [1], x)
    bounds = [fixed_filter_bound(x, d, [0, 0, 1.0], n).nr_db for n in (4, 16, 64, 128)]
    assert all(a <= b + 1e-9 for a, b in pairwise(bounds))


def test_silent_reference_changes_nothing() -> None:
    """Nothing to work with: the error is the disturbance, at any rate."""
    d = white(1000)
    bound = fixed_filter_bound(np.zeros(1000), d, [1.0], 8)
    assert bound.nr_db == 0
    np.testing.assert_array_equal(bound.error, d)


def test_bad_input_says_what_to_change() -> None:
    """Lengths, paths and ranges that do not fit are refused by name."""
    x = white(100)
    with pytest.raises(SignalError, match="disturbance has 99 frames but reference has 100"):
        fixed_filter_bound(x, x[1:], [1.0], 4)
    with pytest.raises(SignalError, match="secondary_path has shape"):
        fixed_filter_bound(x, x, np.ones((2, 1, 4)), 4)
    with pytest.raises(SignalError, match="secondary_path holds NaN"):
        fixed_filter_bound(x, x, [np.nan], 4)
    with pytest.raises(SignalError, match="reference_noise"):
        fixed_filter_bound(x, x, [1.0], 4, reference_noise=x[1:])
    with pytest.raises(ParameterError, match="start=100"):
        fixed_filter_bound(x, x, [1.0], 4, start=100)
    with pytest.raises(ParameterError, match="start=0"):
        fixed_filter_bound(x, x, [1.0], 4, delay=-100)


def duct(name: str) -> tuple[Floats, Floats, Floats]:
    data = load("duct")
    x = data[name]
    return x, signal.fftconvolve(x, data["primary_path"])[: len(x)], data["secondary_path"]


def correlation(error: Floats, filtered: Floats, n_taps: int) -> float:
    """Return the largest normalised correlation of the error with the delayed x'."""
    lags = signal.correlate(error, filtered, method="fft")[len(error) - 1 :][:n_taps]
    return float(np.abs(lags).max() / np.linalg.norm(error) / np.linalg.norm(filtered))


@needs_bench_data
@pytest.mark.parametrize(
    ("name", "stated_db"), [("drill", 17.8), ("aircraft", 17.3), ("motorbike", 17.3)]
)
def test_measured_duct(name: str, stated_db: float) -> None:
    """1024 taps on the measured duct: the error is orthogonal to x', so no filter does better."""
    x, d, s = duct(name)
    bound = fixed_filter_bound(x, d, s, 1024)
    assert correlation(bound.error, signal.oaconvolve(x, s)[: len(x)], 1024) < 1e-8
    assert stated_db - 0.05 <= bound.nr_db <= stated_db + 0.25


@needs_bench_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stated_db"), [("drill", 24.4), ("aircraft", 26.2), ("motorbike", 25.1)]
)
def test_measured_duct_with_a_long_filter(name: str, stated_db: float) -> None:
    """4096 taps on the measured duct: the same, and at least what a prototype reached."""
    x, d, s = duct(name)
    bound = fixed_filter_bound(x, d, s, 4096)
    assert correlation(bound.error, signal.oaconvolve(x, s)[: len(x)], 4096) < 1e-8
    assert stated_db - 0.05 <= bound.nr_db <= stated_db + 0.6


@needs_bench_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "shape", "band_hz", "stated_db"),
    [("room_1x4x4", 512, (400, 800), 16.8), ("room_1x6x6", 63, (100, 1000), 12.5)],
)
def test_measured_rooms(room: str, shape: int, band_hz: tuple[int, int], stated_db: float) -> None:
    """One reference, K loudspeakers, M microphones on the published room paths, 512 taps."""
    data = load(room)
    band = signal.firwin(shape, band_hz, pass_zero=False, fs=16000)
    x = signal.lfilter(band, [1], white(160_000))
    d = np.stack([signal.oaconvolve(x, p)[: len(x)] for p in data["primary_path"]], axis=1)
    noise = 0.01 * np.std(x) * white(len(x), 2) if room == "room_1x6x6" else np.zeros(len(x))
    bound = fixed_filter_bound(x, d, data["secondary_path"], 512, reference_noise=noise)
    assert bound.nr_db == pytest.approx(stated_db, abs=0.6)
