"""LMS and NLMS against the textbook recursion, the Wiener optimum and the hazards of real input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.adaptive import LMSFilter, NLMSFilter
from antiphase.errors import ParameterError, SignalError, StateError

Floats = npt.NDArray[np.float64]


def textbook_nlms(x: Floats, d: Floats, n_taps: int, mu: float, epsilon: float) -> Floats:
    """NLMS sample by sample in float64, written from the equation."""
    w = np.zeros(n_taps)
    history = np.zeros(n_taps)
    residual = np.empty(len(x))
    for n, sample in enumerate(x):
        history = np.concatenate([[sample], history[:-1]])
        residual[n] = d[n] - w @ history
        w = w + mu * residual[n] * history / (epsilon + history @ history)
    return residual


@pytest.fixture
def signals() -> tuple[Floats, Floats]:
    """White reference and a primary that is 32 taps of it plus a little noise."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(4000)
    path = rng.standard_normal(32) * np.exp(-np.arange(32) / 8)
    return x, np.convolve(x, path)[: len(x)] + 1e-3 * rng.standard_normal(len(x))


def test_nlms_equals_the_textbook_recursion(signals: tuple[Floats, Floats]) -> None:
    """The kernel follows the equation to rounding error."""
    x, d = signals
    ours = NLMSFilter(32, 0.7, epsilon=1e-3, dtype=np.float64).process(x, d)
    np.testing.assert_allclose(ours, textbook_nlms(x, d, 32, 0.7, 1e-3), atol=1e-12)


def test_reaches_the_noise_floor_of_the_plant(signals: tuple[Floats, Floats]) -> None:
    """After convergence only the unexplained noise (−60 dB) is left, within the misadjustment."""
    x, d = signals
    residual = NLMSFilter(32, 0.2, dtype=np.float64).process(x, d)
    assert 1e-6 < np.mean(residual[-1000:] ** 2) < 1.3e-6


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 97), min_size=1, max_size=30))
def test_block_size_invariance(splits: list[int]) -> None:
    """Any split into blocks gives the same residual."""
    rng = np.random.default_rng(2)
    x, d = rng.standard_normal((2, sum(splits)))
    whole = NLMSFilter(17, dtype=np.float64).process(x, d)
    parts = NLMSFilter(17, dtype=np.float64)
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(d, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-12)


def test_state_goes_on_where_it_stopped(signals: tuple[Floats, Floats]) -> None:
    """A filter loaded with another's state continues as that one does."""
    x, d = signals
    first = NLMSFilter(32, dtype=np.float64)
    first.process(x[:1234], d[:1234])
    second = NLMSFilter(32, dtype=np.float64)
    second.load_state(first.state())
    np.testing.assert_array_equal(
        second.process(x[1234:], d[1234:]), first.process(x[1234:], d[1234:])
    )


def test_foreign_state_changes_nothing(signals: tuple[Floats, Floats]) -> None:
    """A state of another length is refused and the filter keeps what it had."""
    x, d = signals
    filter_ = NLMSFilter(32)
    filter_.process(x, d)
    before = filter_.state()
    with pytest.raises(StateError, match="n_taps"):
        filter_.load_state(NLMSFilter(33).state())
    assert filter_.state() == before


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_is_rejected_and_counted(signals: tuple[Floats, Floats], bad: float) -> None:
    """One bad sample in either input leaves no trace 100 ms later."""
    x, d = (s.copy() for s in signals)
    x[2000], d[2100] = bad, bad
    filter_ = NLMSFilter(32, dtype=np.float64)
    residual = filter_.process(x, d)
    assert np.isfinite(residual).all()
    assert filter_.rejected == 2
    assert np.sqrt(np.mean(residual[-1000:] ** 2)) < 2e-3


def test_silence_leaves_the_filter_as_it_is(signals: tuple[Floats, Floats]) -> None:
    """Zeros on both inputs change no weight."""
    x, d = signals
    filter_ = NLMSFilter(32)
    filter_.process(x, d)
    filter_.process(np.zeros(32), np.zeros(32))
    before = filter_.control_filter
    filter_.process(np.zeros(20000), np.zeros(20000))
    np.testing.assert_array_equal(filter_.control_filter, before)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_taps": 0}, "n_taps=0 must be at least 1"),
        ({"n_taps": 8, "mu": 2.5}, r"mu=2.5 must be in \(0, 2\)"),
        ({"n_taps": 8, "leakage": 0.0}, "leakage"),
        ({"n_taps": 8, "epsilon": -1.0}, "epsilon"),
        ({"n_taps": 8, "dtype": np.int16}, "dtype"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, float], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        NLMSFilter(**kwargs)  # type: ignore[arg-type]


def test_lms_needs_a_positive_step() -> None:
    """A step of 0 would learn nothing and is refused."""
    with pytest.raises(ParameterError, match="mu"):
        LMSFilter(8, 0.0)


def test_unequal_lengths_are_refused() -> None:
    """Reference and primary must have as many frames as each other."""
    with pytest.raises(SignalError, match="primary has 9 frames but reference has 10"):
        NLMSFilter(8).process(np.zeros(10), np.zeros(9))
