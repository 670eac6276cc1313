"""RLS against the textbook recursion, a peer, and the inputs that break covariance RLS."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from antiphase.adaptive import FxRLS, RLSFilter
from antiphase.arrays import Signal
from antiphase.errors import ParameterError, SignalError, StateError
from antiphase.metrics import fixed_filter_bound
from antiphase.simulation import run_loop

Floats = npt.NDArray[np.float64]


def textbook_rls(
    x: Floats, d: Floats, n_taps: int, forgetting: float, delta: float
) -> tuple[Floats, Floats]:
    """Covariance RLS in float64, written from the equation: residual and weights."""
    w, history, residual = np.zeros(n_taps), np.zeros(n_taps), np.empty(len(x))
    P = np.eye(n_taps) / delta
    for n, sample in enumerate(x):
        history = np.concatenate([[sample], history[:-1]])
        gain = P @ history / (forgetting + history @ P @ history)
        residual[n] = d[n] - w @ history
        w = w + residual[n] * gain
        P = (P - np.outer(gain, history @ P)) / forgetting
    return residual, w


def primary_of(x: Floats, noise: float, seed: int = 3) -> Floats:
    """Return what a 24-tap path makes of x, plus noise."""
    rng = np.random.default_rng(seed)
    path = rng.standard_normal(24) * np.exp(-np.arange(24) / 6)
    return np.asarray(lfilter(path, 1, x) + noise * rng.standard_normal(len(x)))


def reduction_db(primary: Signal, residual: Signal) -> float:
    powers = [np.mean(signal.astype(float) ** 2) for signal in (primary, residual)]
    return float(10 * np.log10(powers[0] / powers[1]))


@pytest.mark.parametrize("n_taps", [2, 3, 4, 7, 32])
def test_equals_the_textbook_recursion(n_taps: int) -> None:
    """Without loading the factored form is the covariance recursion to rounding error."""
    x = lfilter([1], [1, -0.9], np.random.default_rng(1).standard_normal(1500))
    d = primary_of(x, 1e-2)
    ours = RLSFilter(n_taps, 0.995, loading=0.0, delta=0.1, dtype=np.float64)
    residual, w = textbook_rls(x, d, n_taps, 0.995, 0.1)
    np.testing.assert_allclose(ours.process(x, d), residual, atol=1e-9)
    np.testing.assert_allclose(ours.control_filter, w, atol=1e-9)


def test_equals_padasip() -> None:
    """The peer's RLS (P = I / eps at the start) gives the same residual and weights."""
    padasip = pytest.importorskip("padasip")
    x = np.random.default_rng(2).standard_normal(600)
    d = primary_of(x, 1e-2)
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(x, (11, 0)), 12)[:, ::-1]
    peer = padasip.filters.FilterRLS(n=12, mu=0.99, eps=0.1, w="zeros")
    _, residual, _ = peer.run(d, rows)
    ours = RLSFilter(12, 0.99, loading=0.0, delta=0.1, dtype=np.float64)
    np.testing.assert_allclose(ours.process(x, d), residual, atol=1e-9)
    np.testing.assert_allclose(ours.control_filter, peer.w, atol=1e-9)


@pytest.mark.parametrize("level", [1e-3, 1.0, 1e3])
def test_solves_least_squares_at_any_level(level: float) -> None:
    """After 50 · N samples w is the least-squares solution, without a level to tell it."""
    x = level * lfilter([1], [1, -0.9], np.random.default_rng(4).standard_normal(1600))
    d = primary_of(x, 1e-3 * level)
    filter_ = RLSFilter(32, 1.0, loading=1e-9, dtype=np.float64)
    filter_.process(x, d)
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(x, (31, 0)), 32)[:, ::-1]
    wanted = np.linalg.lstsq(rows, d)[0]
    np.testing.assert_allclose(filter_.control_filter, wanted, atol=2e-4)


def hazard(kind: str, n: int) -> Floats:
    """Return a reference on which covariance RLS in float32 blows up or forgets."""
    white = np.random.default_rng(5).standard_normal(n)
    k = np.arange(n)
    signals = {
        "white": white,
        "coloured": lfilter([0.14], [1, -0.99], white),
        "tone": np.sin(0.1 * k),
        "tones": np.sin(0.1 * k) + 0.5 * np.sin(0.37 * k) + 0.2 * np.sin(1.1 * k),
        "silence": white * ((k // 20000) % 2 == 0),
        "bursts": white * np.where((k // 3000) % 7 == 0, 1, 1e-4),
        "level steps": white * np.where((k // 25000) % 2, 1, 1e-3),
    }
    return np.asarray(signals[kind], dtype=np.float64)


HAZARDS = ["white", "coloured", "tone", "tones", "silence", "bursts", "level steps"]


def check_hazard(kind: str, n: int) -> None:
    x = hazard(kind, n)
    d = primary_of(x, 0.0)
    d += 1e-3 * np.random.default_rng(6).standard_normal(n) * np.std(d)
    filter_ = RLSFilter(32, 0.999, dtype=np.float32)
    residual = filter_.process(x.astype(np.float32), d.astype(np.float32))
    assert np.isfinite(residual).all()
    assert np.linalg.norm(filter_.control_filter) < 10
    assert reduction_db(d[2000:], residual[2000:]) > 50


@pytest.mark.parametrize("kind", HAZARDS)
def test_stays_useful_in_float32(kind: str) -> None:
    """Within 10 dB of the −60 dB floor on every kind of reference, for 100,000 samples."""
    check_hazard(kind, 100_000)


@pytest.mark.slow
@pytest.mark.parametrize("kind", HAZARDS)
def test_stays_useful_for_a_million_samples(kind: str) -> None:
    """The same over 1e6 samples, far beyond where the covariance form fails."""
    check_hazard(kind, 1_000_000)


def test_zeros_change_nothing() -> None:
    """20,000 zeros with a noisy primary leave the weights as they are, then learning goes on."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal(4000).astype(np.float32)
    d = primary_of(x.astype(float), 1e-3).astype(np.float32)
    filter_ = RLSFilter(32)
    filter_.process(x, d)
    filter_.process(np.zeros(32, np.float32), np.zeros(32, np.float32))
    before = filter_.control_filter
    quiet = filter_.process(np.zeros(20000, np.float32), d.repeat(5))
    np.testing.assert_array_equal(filter_.control_filter, before)
    np.testing.assert_array_equal(quiet, d.repeat(5))
    assert reduction_db(d[100:], filter_.process(x, d)[100:]) > 55


def test_quiet_noise_adds_no_energy() -> None:
    """A reference of sensor noise alone, 100 dB down, neither moves w nor raises the output."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal(4000)
    filter_ = RLSFilter(32, dtype=np.float64)
    filter_.process(x, primary_of(x, 1e-3))
    before = filter_.control_filter
    quiet, d = 1e-5 * rng.standard_normal(50000), 1e-3 * rng.standard_normal(50000)
    residual = filter_.process(quiet, d)
    assert np.std(residual[100:]) < 1.01 * np.std(d)
    assert np.linalg.norm(filter_.control_filter - before) < 0.05


@given(st.lists(st.integers(1, 97), min_size=1, max_size=30))
def test_block_size_invariance(splits: list[int]) -> None:
    """Any split into blocks gives the same residual, bit by bit."""
    x, d = np.random.default_rng(9).standard_normal((2, sum(splits)))
    whole = RLSFilter(17, dtype=np.float64).process(x, d)
    parts = RLSFilter(17, dtype=np.float64)
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(d, edges), strict=True)
    np.testing.assert_array_equal(np.concatenate([parts.process(a, b) for a, b in pieces]), whole)


def test_frozen_then_resumed_learns_on() -> None:
    """Freezing keeps w; after it the recursion takes up the window that has passed meanwhile."""
    x = np.random.default_rng(10).standard_normal(6000)
    d = primary_of(x, 1e-3)
    filter_ = RLSFilter(32, dtype=np.float64)
    filter_.process(x[:2000], d[:2000])
    before = filter_.control_filter
    filter_.adapting = False
    filter_.process(x[2000:3000], d[2000:3000])
    np.testing.assert_array_equal(filter_.control_filter, before)
    filter_.adapting = True
    learnt = filter_.process(x[3000:], d[3000:])
    assert reduction_db(d[3000:], learnt) > 55


def room() -> tuple[Floats, Floats]:
    """Primary and secondary path, decaying noise with delays of 20 and 6 samples."""
    rng = np.random.default_rng(11)
    primary = np.zeros(64)
    primary[20:] = rng.standard_normal(44) * np.exp(-np.arange(44) / 8)
    secondary = np.zeros(32)
    secondary[6:] = rng.standard_normal(26) * 0.5 * np.exp(-np.arange(26) / 5)
    secondary[6] = 2.0
    return primary, secondary


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("error_delay", [0, 37])
def test_control_reaches_the_bound(dtype: npt.DTypeLike, error_delay: int) -> None:
    """On the physical plant FxRLS is within 0.3 dB of the fixed-filter bound after 2000 samples."""
    primary, secondary = room()
    rng = np.random.default_rng(12)
    x = lfilter([1], [1, -0.8], rng.standard_normal(8000))
    d = lfilter(primary, 1, x)
    d += 10**-1.5 * np.std(d) * rng.standard_normal(8000)
    controller = FxRLS(96, secondary, 0.9995, error_delay=error_delay, dtype=dtype)
    result = run_loop(
        controller,
        reference=x,
        disturbance=d,
        secondary_path=secondary,
        error_noise=1e-2 * np.std(d) * rng.standard_normal(8000),
        error_delay=error_delay,
    )
    bound = fixed_filter_bound(x, d, secondary, 96, start=2000).nr_db
    assert reduction_db(d[2000:], result.error[2000:]) > bound - 0.3


def test_control_equals_cancelling_on_the_filtered_reference() -> None:
    """With the true path the weights are those of RLS on x′ and −d, one sample late."""
    primary, secondary = room()
    x = np.random.default_rng(13).standard_normal(1500)
    d = lfilter(primary, 1, x)
    controller = FxRLS(24, secondary, 0.999, dtype=np.float64)
    run_loop(controller, reference=x, disturbance=d, secondary_path=secondary)
    canceller = RLSFilter(24, 0.999, dtype=np.float64)
    canceller.process(lfilter(secondary, 1, x)[:-1], -d[:-1])
    np.testing.assert_allclose(controller.control_filter, canceller.control_filter, atol=1e-8)


def test_works_with_a_model_with_minus_twenty_db_error() -> None:
    """A secondary path estimate that is −20 dB off still gives ≥ 15 dB."""
    primary, secondary = room()
    rng = np.random.default_rng(14)
    wrong = rng.standard_normal(32)
    wrong *= 0.1 * np.linalg.norm(secondary) / np.linalg.norm(wrong)
    x = rng.standard_normal(16000)
    d = lfilter(primary, 1, x)
    controller = FxRLS(64, secondary + wrong, 0.9995)
    result = run_loop(controller, reference=x, disturbance=d, secondary_path=secondary)
    assert reduction_db(d[8000:], result.error[8000:]) > 15


def test_controller_goes_on_from_a_saved_state() -> None:
    """A controller loaded with another's state continues as that one does, bit by bit."""
    _, secondary = room()
    x, e = np.random.default_rng(15).standard_normal((2, 900))
    first = FxRLS(20, secondary, error_delay=5, dtype=np.float64)
    first.process(x[:500], e[:500])
    second = FxRLS(20, secondary, error_delay=5, dtype=np.float64)
    second.load_state(first.state())
    np.testing.assert_array_equal(second.process(x[500:], e[500:]), first.process(x[500:], e[500:]))
    with pytest.raises(StateError, match="error_delay"):
        FxRLS(20, secondary, dtype=np.float64).load_state(first.state())


def test_nan_is_rejected_and_counted() -> None:
    """Bad samples in reference and error leave a finite drive and are counted."""
    _, secondary = room()
    x, e = np.random.default_rng(16).standard_normal((2, 500))
    x[100], e[200] = np.nan, np.inf
    controller = FxRLS(20, secondary)
    assert np.isfinite(controller.process(x.astype(np.float32), e.astype(np.float32))).all()
    assert controller.rejected == 2


def test_the_model_can_be_changed_while_running() -> None:
    """Assigning a secondary path estimate of the same length takes effect; another is refused."""
    controller = FxRLS(8, [0.0, 1.0, 0.5], dtype=np.float64)
    controller.secondary_path_estimate = [0.0, 0.5, 1.0]
    np.testing.assert_array_equal(controller.secondary_path_estimate, [0.0, 0.5, 1.0])
    with pytest.raises(SignalError, match="3 taps"):
        controller.secondary_path_estimate = [1.0]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_taps": 0}, "n_taps=0 must be at least 1"),
        ({"forgetting": 1.5}, r"forgetting=1.5 must be in \(0, 1\]"),
        ({"loading": -1.0}, "loading"),
        ({"delta": 0.0}, "delta"),
        ({"error_delay": -1}, "error_delay"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, float], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    arguments = {"n_taps": 8, "secondary_path_estimate": [1.0], **kwargs}
    with pytest.raises(ParameterError, match=message):
        FxRLS(**arguments)  # type: ignore[arg-type]
