"""Filtered-x controllers against their equations, on the physical plant, and their hazards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphase.adaptive import (
    Controller,
    FilteredXController,
    FxLMS,
    FxNLMS,
    ModifiedFxAP,
    ModifiedFxNLMS,
)
from antiphase.errors import ParameterError, SignalError, StateError
from tests.adaptive.textbook import Rule, close_loop, filtered_x, modified_fx

Floats = npt.NDArray[np.float64]
F64 = np.float64

MAKERS: dict[str, Callable[..., FilteredXController]] = {
    "FxLMS": lambda s, **kw: FxLMS(24, s, 0.003, **kw),
    "FxNLMS": lambda s, **kw: FxNLMS(24, s, 0.1, **kw),
    "ModifiedFxNLMS": lambda s, **kw: ModifiedFxNLMS(24, s, 0.3, **kw),
    "ModifiedFxAP": lambda s, **kw: ModifiedFxAP(24, s, 4, 0.3, epsilon=1e-2, **kw),
}
every = pytest.mark.parametrize("name", MAKERS)


def path(taps: int, seed: int = 8) -> Floats:
    """Decaying random response whose first tap is not zero."""
    return np.random.default_rng(seed).standard_normal(taps) * 0.8 ** np.arange(taps)


def signals(n: int, seed: int = 9) -> tuple[Floats, Floats]:
    """White reference and, as error, white noise that is partly the reference."""
    x, e = np.random.default_rng(seed).standard_normal((2, n))
    return x, e + np.convolve(x, path(6, 3))[:n]


def textbook(name: str, x: Floats, e: Floats, s: Floats, delay: int, leakage: float) -> Floats:
    if name == "FxLMS":
        return filtered_x(x, e, s, 24, delay, Rule(0.003, leakage, normalised=False))
    if name == "FxNLMS":
        return filtered_x(x, e, s, 24, delay, Rule(0.1, leakage, 1e-6, 1e-4))
    if name == "ModifiedFxNLMS":
        return modified_fx(x, e, s, 24, 1, delay, Rule(0.3, leakage, 1e-6, 1e-4))
    return modified_fx(x, e, s, 24, 4, delay, Rule(0.3, leakage, 1e-2, 1e-4))


@every
@pytest.mark.parametrize("delay", [0, 3, 11])
@pytest.mark.parametrize("taps", [1, 5, 40])
@pytest.mark.parametrize("leakage", [1.0, 0.999])
def test_equals_the_equation(name: str, delay: int, taps: int, leakage: float) -> None:
    """The drive follows the equation to rounding error, in one block of 700 samples."""
    s = path(taps)
    x, e = signals(700)
    e = 0.05 * e
    ours = MAKERS[name](s, error_delay=delay, leakage=leakage, dtype=F64).process(x, e)
    expected = textbook(name, x, e, s, delay, leakage)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


@every
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(0, 9))
def test_block_size_invariance(name: str, splits: list[int], delay: int) -> None:
    """Any split into blocks gives the same drive to 1e-12 of its peak."""
    x, e = signals(sum(splits))
    whole = MAKERS[name](path(9), error_delay=delay, dtype=F64).process(x, e)
    parts = MAKERS[name](path(9), error_delay=delay, dtype=F64)
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(e, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-12 * max(1, np.abs(whole).max()))


@every
def test_float32_follows_float64(name: str) -> None:
    """Single precision stays within −90 dB of double precision over 20,000 samples."""
    x, e = signals(20_000)
    e *= 0.02
    exact = MAKERS[name](path(9), dtype=F64, leakage=0.9999).process(x, e)
    single = MAKERS[name](path(9), leakage=0.9999).process(
        x.astype(np.float32), e.astype(np.float32)
    )
    assert np.sum((single - exact) ** 2) < 1e-9 * np.sum(exact**2)


@every
def test_cancels_on_the_physical_plant(name: str) -> None:
    """Closed sample by sample on e = d + s∗y, white noise falls by 20 dB: the sign is right."""
    s = np.concatenate([np.zeros(2), path(6)])
    x = np.random.default_rng(10).standard_normal(12_000)
    d = np.convolve(x, np.convolve(s, path(10, 4)))[: len(x)]
    controller = MAKERS[name](s, dtype=F64)
    e = close_loop(controller, x, d, s)
    assert np.mean(e[-2000:] ** 2) < 0.01 * np.mean(d[-2000:] ** 2)


def test_modified_form_is_not_slowed_by_the_path() -> None:
    """Where the path's delay makes FxNLMS diverge, the modified form converges as NLMS does."""
    s = np.concatenate([np.zeros(60), [1.0]])
    x = np.random.default_rng(11).standard_normal(6000)
    d = np.concatenate([np.zeros(64), x[:-64]])
    classical = close_loop(FxNLMS(24, s, 0.9, dtype=F64), x, d, s)
    modified = close_loop(ModifiedFxNLMS(24, s, 0.9, dtype=F64), x, d, s)
    assert np.mean(modified[-1000:] ** 2) < 1e-6
    assert not np.mean(classical[-1000:] ** 2) < 1e3


def test_a_late_error_is_accounted_for() -> None:
    """With `error_delay` told, a late error microphone costs a modified controller no depth."""
    s = path(6)
    x = np.random.default_rng(12).standard_normal(6000)
    d = np.convolve(x, np.convolve(s, path(10, 4)))[: len(x)]
    controller = ModifiedFxNLMS(24, s, 0.5, error_delay=50, dtype=F64)
    e = close_loop(controller, x, d, s, delay=50)
    assert np.mean(e[-1000:] ** 2) < 1e-4 * np.mean(d**2)


@every
def test_state_goes_on_where_it_stopped(name: str) -> None:
    """A controller loaded with another's state continues as that one does, bit for bit."""
    x, e = signals(1000)
    first, second = MAKERS[name](path(9)), MAKERS[name](path(9, 5))
    first.process(x[:333], e[:333])
    second.load_state(first.state())
    np.testing.assert_array_equal(second.process(x[333:], e[333:]), first.process(x[333:], e[333:]))


@every
def test_foreign_state_changes_nothing(name: str) -> None:
    """A state of another error delay or path length is refused; the controller keeps its own."""
    x, e = signals(300)
    controller = MAKERS[name](path(9))
    controller.process(x, e)
    before = controller.state()
    for other in (MAKERS[name](path(9), error_delay=1), MAKERS[name](path(8))):
        with pytest.raises(StateError):
            controller.load_state(other.state())
    assert controller.state() == before


@every
def test_reset_gives_a_new_controller(name: str) -> None:
    """After a reset the drive is that of a controller just made."""
    x, e = signals(500)
    controller = MAKERS[name](path(9))
    fresh = controller.process(x, e)
    controller.reset()
    np.testing.assert_array_equal(controller.process(x, e), fresh)


@every
def test_frozen_weights_go_on_filtering(name: str) -> None:
    """With `adapting` off the drive is w∗x whatever the error says."""
    x, e = signals(500)
    controller = MAKERS[name](path(9), dtype=F64)
    controller.control_filter = w = path(24, 6)
    controller.adapting = False
    np.testing.assert_allclose(controller.process(x, e), np.convolve(x, w)[:500], atol=1e-12)
    np.testing.assert_array_equal(controller.control_filter, w)


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_rejected_and_counted(name: str, bad: float) -> None:
    """A bad sample in either input is taken as 0."""
    x, e = signals(500)
    x[200] = e[300] = 0
    clean = MAKERS[name](path(9), dtype=F64).process(x, e)
    x[200] = e[300] = bad
    controller = MAKERS[name](path(9), dtype=F64)
    np.testing.assert_allclose(controller.process(x, e), clean, atol=1e-9)
    assert controller.rejected == 2


@every
def test_silence_holds_the_filter(name: str) -> None:
    """Zeros on both inputs change nothing, however long."""
    x, e = signals(1000)
    controller = MAKERS[name](path(9))
    controller.process(x, 0.01 * e)
    zeros = np.zeros(20_000, np.float32)
    controller.process(zeros[:100], zeros[:100])
    before = controller.control_filter
    drive = controller.process(zeros, zeros)
    np.testing.assert_array_equal(controller.control_filter, before)
    np.testing.assert_array_equal(drive, zeros)


@every
def test_parameters_can_change_while_running(name: str) -> None:
    """Step and path model are readable and settable; a path of another length is refused."""
    controller = MAKERS[name](path(9), error_delay=2, dtype=F64)
    controller.mu = 0.02
    assert controller.mu == 0.02
    assert controller.n_taps == 24
    assert controller.error_delay == 2
    controller.secondary_path_estimate = path(9, 5)
    np.testing.assert_array_equal(controller.secondary_path_estimate, path(9, 5))
    with pytest.raises(SignalError, match="9 taps"):
        controller.secondary_path_estimate = path(8)
    with pytest.raises(ParameterError, match="mu"):
        controller.mu = 0.0


@every
def test_bad_paths_are_refused(name: str) -> None:
    """An empty, two-dimensional or non-finite model of the path is refused with its shape."""
    for bad in (np.zeros(0), np.zeros((2, 4)), [1.0, np.nan]):
        with pytest.raises(SignalError, match="secondary_path_estimate"):
            MAKERS[name](bad)
    with pytest.raises(ParameterError, match="error_delay"):
        MAKERS[name](path(4), error_delay=-1)
    np.testing.assert_array_equal(
        MAKERS[name](path(4).reshape(1, 1, 4), dtype=F64).secondary_path_estimate, path(4)
    )


@every
def test_fits_the_seam(name: str) -> None:
    """Every class is a controller as user-written ones are."""
    controller: Any = MAKERS[name](path(4))
    assert isinstance(controller, Controller)
    assert controller.latency == 0
