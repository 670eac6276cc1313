"""NLMS in big integers against the float64 kernel of the package, over PCM16."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.adaptive import NLMSFilter
from edge import filter as plain
from edge import packed
from edge.filter import Rule

Ints = npt.NDArray[np.int16]
FULL = 32767
# The filter's epsilon is for samples of full scale 1.0.
EPSILON = 1e-6 * FULL**2


def pcm(signal: npt.NDArray[np.float64]) -> Ints:
    return np.rint(np.clip(signal, -FULL, FULL)).astype(np.int16)


def residual(
    x: Ints, d: Ints, n_taps: int, *, mu: float = 0.5, leakage: float = 1.0, size: int = 800
) -> npt.NDArray[np.float64]:
    """Return what blocks of `size` frames give, full scale 1.0."""
    signal = array("h", bytes(2 * (n_taps - 1)) + x.tobytes())
    weights, peak = [0.0] * n_taps, 0.0
    out: list[float] = []
    for k in range(0, len(x), size):
        primary = list(map(float, d[k : k + size]))
        regressors = signal[k : k + len(primary) + n_taps - 1]
        step = packed.nlms(regressors, primary, weights, Rule(mu, leakage, EPSILON), peak)
        weights, peak = step.weights, step.peak
        out += step.output
    return np.array(out) / FULL


def expected(
    x: Ints, d: Ints, n_taps: int, *, mu: float = 0.5, leakage: float = 1.0
) -> npt.NDArray[np.float64]:
    kernel = NLMSFilter(n_taps, mu, leakage=leakage, dtype=np.float64)
    return np.asarray(kernel.process(x / FULL, d / FULL), np.float64)


def pair(frames: int, level: float = 6000.0, seed: int = 0) -> tuple[Ints, Ints]:
    rng = np.random.default_rng(seed)
    x = level * rng.standard_normal(frames)
    path = np.array([0, 0, 0.6, 0, -0.3, 0.2])
    return pcm(x), pcm(np.convolve(x, path)[:frames] + 30 * rng.standard_normal(frames))


@pytest.mark.parametrize(("n_taps", "leakage"), [(128, 1.0), (7, 1.0), (33, 0.9999), (1, 1.0)])
@pytest.mark.parametrize("size", [800, 37, 1])
def test_it_is_the_filter_of_the_package(n_taps: int, leakage: float, size: int) -> None:
    """The residual agrees with the float64 kernel to 1e-9 in blocks of any size."""
    x, d = pair(1600 if size > 1 else 200)
    ours = residual(x, d, n_taps, leakage=leakage, size=size)
    theirs = expected(x, d, n_taps, leakage=leakage)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


def test_long_block_is_done_in_pieces() -> None:
    """A block of more frames than a piece, and the piece's last frame, are as any other."""
    x, d = pair(packed.PIECE + 1)
    ours = residual(x, d, 24, size=len(x))
    np.testing.assert_allclose(ours, expected(x, d, 24), rtol=0, atol=1e-9)


def clipped() -> tuple[Ints, Ints]:
    return pair(1600, level=1e6)


def sudden() -> tuple[Ints, Ints]:
    """Return a reference that is one bit until it is full scale; the primary is loud throughout."""
    x, d = pair(1600, level=12000)
    x[:700] = np.sign(x[:700])
    return x, d


def with_gap() -> tuple[Ints, Ints]:
    x, d = pair(1600)
    x[500:900] = 0
    return x, d


def quiet_reference() -> tuple[Ints, Ints]:
    x, d = pair(1600)
    return (x // 2000).astype(np.int16), d


def square() -> tuple[Ints, Ints]:
    """Return the lowest sample there is, held."""
    x = np.repeat(np.array([-32768, 32767], np.int16), 50)
    return np.tile(x, 16), np.tile(-x, 16)


@pytest.mark.parametrize("signals", [clipped, sudden, with_gap, quiet_reference, square])
@pytest.mark.parametrize("mu", [0.5, 1.99])
def test_no_signal_breaks_it(signals: object, mu: float) -> None:
    """Clipping, silence, a sudden start and a step at its limit stay within 1e-9 of the kernel."""
    x, d = signals()  # type: ignore[operator]  # one of those above
    ours = residual(x, d, 64, mu=mu)
    np.testing.assert_allclose(ours, expected(x, d, 64, mu=mu), rtol=0, atol=1e-9)


def test_filter_far_off_is_left_to_floats() -> None:
    """Weights that would overflow the slots give what the plain filter gives."""
    x, d = pair(100)
    weights = [1e9] * 16
    signal = array("h", bytes(30) + x.tobytes())
    rule = Rule(0.5, 1.0, EPSILON)
    ours = packed.nlms(signal, d.tolist(), weights, rule)
    assert ours == plain.nlms(list(map(float, signal)), d.tolist(), weights, rule)


@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=60),
    st.integers(1, 40),
    st.floats(0.01, 1.99),
    st.integers(0, 2**32 - 1),
)
def test_any_samples(samples: list[int], n_taps: int, mu: float, seed: int) -> None:
    """Whatever the samples, taps and step, it is the plain filter to 1e-9 of full scale."""
    signal = array("h", bytes(2 * (n_taps - 1)) + array("h", samples).tobytes())
    primary = np.random.default_rng(seed).integers(-32768, 32768, len(samples)).tolist()
    rule = Rule(mu, 1.0, EPSILON)
    ours = packed.nlms(signal, primary, [0.0] * n_taps, rule)
    theirs = plain.nlms(list(map(float, signal)), primary, [0.0] * n_taps, rule)
    np.testing.assert_allclose(ours.output, theirs.output, rtol=0, atol=1e-9 * FULL)
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=1e-9, atol=1e-9)
    assert ours.peak == theirs.peak
