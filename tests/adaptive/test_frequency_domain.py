"""The block transform, and block cancellers against the equation and the Wiener optimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import butter, lfilter, oaconvolve, sosfilt

from antiphase import _native
from antiphase.adaptive import (
    FrequencyDomainKalmanFilter,
    NLMSFilter,
    PartitionedBlockFilter,
)

Floats = npt.NDArray[np.float64]
Class = Callable[..., Any]

CANCELLERS = [PartitionedBlockFilter, FrequencyDomainKalmanFilter]


def noise(seed: int, n: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(n)


def response(seed: int, taps: int, decay: float) -> Floats:
    """Return a decaying random impulse response of unit energy."""
    taps_ = noise(seed, taps) * np.exp(-np.arange(taps) / decay)
    return taps_ / np.linalg.norm(taps_)


def convolve(x: Floats, path: Floats) -> Floats:
    return np.asarray(oaconvolve(x, path)[: len(x)], dtype=np.float64)


def level_db(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def misalignment_db(filter_: Any, path: Floats) -> float:  # noqa: ANN401
    error = filter_.control_filter - path
    return level_db(float(np.sum(error**2) / np.sum(path**2)))


# --- the transform ---


@pytest.mark.parametrize("block", [16, 32, 64, 128, 256, 512, 2048, 16384])
@pytest.mark.parametrize(("name", "rounding"), [("F32", 3e-7), ("F64", 6e-16)])
def test_transform_is_the_dft_at_odd_half_frequencies(
    block: int, name: str, rounding: float
) -> None:
    """The spectrum equals numpy's of the twisted samples to rounding, and the inverse returns."""
    transform = getattr(_native, f"BlockTransform{name}")(block)
    dtype = np.float32 if name == "F32" else np.float64
    x = noise(block, 2 * block).astype(dtype)
    bins = transform.forward(x)
    half = np.exp(-1j * np.pi * np.arange(2 * block) / (2 * block))
    expected = np.fft.fft(x.astype(np.float64) * half)[::2]
    assert bins.dtype.itemsize == 2 * x.itemsize
    assert np.abs(bins - expected).max() < rounding * np.abs(expected).max()
    assert np.abs(transform.inverse(bins) - x).max() < 8 * rounding


def test_transform_refuses_other_lengths() -> None:
    """Lengths that are no power of two, or too short, are refused."""
    for block in (0, 8, 24, 100):
        with pytest.raises(ValueError, match="power of two"):
            _native.BlockTransformF32(block)


# --- the equation ---


def block_nlms(x: Floats, d: Floats, n_taps: int, block: int, mu: float, full: bool) -> Floats:
    """Partitioned-block NLMS with numpy's transform, written from the equation."""
    rows = n_taps // block
    n = 2 * block
    half = np.exp(-1j * np.pi * np.arange(n) / n)
    window = np.zeros(n)
    W = np.zeros((rows, n), complex)
    X = np.zeros((rows, n), complex)
    held = np.zeros(n)
    residual = np.zeros(len(x))
    for k in range(len(x) // block):
        at = slice(k * block, (k + 1) * block)
        window = np.r_[window[block:], x[at]]
        X = np.vstack([np.fft.fft(window * half)[None], X[:-1]])
        y = np.real(np.fft.ifft((W * X).sum(0)) / half)[block:]
        residual[at] = d[at] - y
        if k + 1 < rows:
            continue
        E = np.fft.fft(np.r_[np.zeros(block), residual[at]] * half)
        held = np.maximum((np.abs(X) ** 2).sum(0), 0.9 * held)
        W = W + mu * E * X.conj() / held
        for p in range(rows) if full else [(k + 1 - rows) % rows]:
            w = np.real(np.fft.ifft(W[p]) / half)
            w[block:] = 0
            W[p] = np.fft.fft(w * half)
    return residual


@pytest.mark.parametrize("constraint", ["full", "round_robin"])
@pytest.mark.parametrize(("n_taps", "block"), [(64, 64), (96, 32), (128, 16)])
def test_equals_the_equation(constraint: str, n_taps: int, block: int) -> None:
    """Any split gives the textbook block recursion, delayed by the stated latency."""
    x, d = noise(1, 3000), noise(2, 3000)
    filter_ = PartitionedBlockFilter(
        n_taps,
        block,
        0.7,
        constraint=constraint,  # type: ignore[arg-type]
        epsilon=0.0,
        regularisation=0.0,
        dtype=np.float64,
    )
    ours = filter_.process(x, d)
    expected = block_nlms(x, d, n_taps, block, 0.7, constraint == "full")
    assert filter_.latency == block
    np.testing.assert_allclose(ours[block:], expected[: len(x) - block], atol=1e-10)
    np.testing.assert_array_equal(ours[:block], 0)


def test_equals_time_domain_block_lms() -> None:
    """With one step for all bins and the full constraint it is block LMS, written in time."""
    block, n_taps, mu = 32, 96, 0.5
    x, d = noise(3, 4000), noise(4, 4000)
    filter_ = PartitionedBlockFilter(
        n_taps, block, mu, constraint="full", epsilon=0.0, regularisation=1.0, dtype=np.float64
    )
    ours = filter_.process(x, d)
    rows, w, peak = n_taps // block, np.zeros(n_taps), 0.0
    padded = np.r_[np.zeros(n_taps + block), x]
    half = np.exp(-1j * np.pi * np.arange(2 * block) / (2 * block))
    expected = np.zeros(len(x))
    for k in range(len(x) // block):
        end = n_taps + block * (k + 2)
        history = np.array([padded[end - block + i - n_taps + 1 :][:n_taps] for i in range(block)])
        history = history[:, ::-1]
        at = slice(k * block, (k + 1) * block)
        expected[at] = d[at] - history @ w
        if k + 1 < rows:
            continue
        spectra = [
            np.fft.fft(padded[end - block * (p + 2) : end - block * p] * half) for p in range(rows)
        ]
        energy = (np.abs(np.array(spectra)) ** 2).sum(0)
        peak = max(energy.max(), peak * 2 ** (-1 / (64 * rows)))
        w = w + mu * expected[at] @ history / peak
    np.testing.assert_allclose(ours[block:], expected[: len(x) - block], atol=1e-10)


# --- what it learns ---


@pytest.mark.parametrize("constraint", ["full", "round_robin"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", CANCELLERS)
def test_learns_a_path_to_the_noise_floor(
    kind: Class, dtype: type[np.floating[Any]], constraint: str
) -> None:
    """1024 taps of a path under noise at −60 dB are known to better than −50 dB after 3 s."""
    path = response(5, 1024, 150.0)
    x = noise(6, 48000)
    d = convolve(x, path) + 1e-3 * noise(7, len(x))
    filter_ = kind(1024, 128, constraint=constraint, dtype=dtype)
    residual = filter_.process(x.astype(dtype), d.astype(dtype))
    assert misalignment_db(filter_, path) < -50
    assert level_db(float(np.mean(residual[-8000:] ** 2))) < -55


@pytest.mark.parametrize("block", [16, 64, 512])
@pytest.mark.parametrize("constraint", ["full", "round_robin"])
@pytest.mark.parametrize("kind", CANCELLERS)
def test_steep_spectra_stay_stable(kind: Class, constraint: str, block: int) -> None:
    """A reference with 100 dB between its bins is cancelled for as long as it runs."""
    low = butter(8, 0.05, output="sos")
    path = response(50, 512, 80.0)
    filter_ = kind(512, block, constraint=constraint)
    for seed in range(3):
        x = np.asarray(sosfilt(low, noise(seed, 160000)))
        d = convolve(x, path) + 1e-4 * np.std(x) * noise(seed + 9, len(x))
        residual = filter_.process(x.astype(np.float32), d.astype(np.float32))
        assert np.abs(residual).max() < 1.2 * np.abs(d).max()
    assert level_db(float(np.mean(residual[-20000:] ** 2) / np.mean(d**2))) < -35
    assert np.linalg.norm(filter_.control_filter) < 10


@pytest.mark.parametrize("mu", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("block", [32, 256, 512])
def test_large_steps_stay_stable_with_few_partitions(block: int, mu: float) -> None:
    """Up to mu = 1.5 coloured noise is cancelled, also by a filter of a single partition."""
    x = np.asarray(lfilter([1.0], [1.0, -1.6, 0.8], noise(51, 120000)))
    d = convolve(x, response(52, 512, 80.0))
    residual = PartitionedBlockFilter(512, block, mu).process(x, d)
    assert level_db(float(np.mean(residual[-8000:] ** 2) / np.mean(d**2))) < -25


def test_residual_is_that_of_the_wiener_filter() -> None:
    """A filter shorter than the path leaves what the Wiener filter of its length leaves."""
    n_taps = 256
    x = np.asarray(lfilter([1.0], [1.0, -0.7], noise(8, 120000)))
    d = convolve(x, response(9, 600, 200.0))
    n = len(x)
    r = np.array([x[: n - k] @ x[k:] for k in range(n_taps)]) / n
    p = np.array([x[: n - k] @ d[k:] for k in range(n_taps)]) / n
    optimum = float(d @ d / n - p @ solve_toeplitz(r, p))
    filter_ = PartitionedBlockFilter(n_taps, 64, 0.05, dtype=np.float64)
    residual = filter_.process(x, d)[40000:]
    assert 0 < level_db(float(np.mean(residual**2)) / optimum) < 0.6


def test_coloured_noise_converges_faster_than_nlms() -> None:
    """On noise with 40 dB of spectral range the bins learn what NLMS leaves for minutes."""
    path = response(10, 512, 80.0)
    x = np.asarray(lfilter([1.0], [1.0, -0.98], noise(11, 64000)))
    d = convolve(x, path)
    ours = PartitionedBlockFilter(512, 64, 0.5, regularisation=1e-6, dtype=np.float64)
    nlms = NLMSFilter(512, 0.5, dtype=np.float64)
    ours.process(x, d)
    nlms.process(x, d)
    assert misalignment_db(ours, path) < misalignment_db(nlms, path) - 20


def talker(seed: int, n: int) -> Floats:
    """Coloured noise in syllables of 100 ms at 16 kHz with pauses, unit power."""
    rng = np.random.default_rng(seed)
    syllables = rng.exponential(1, n // 1600 + 1) * (rng.random(n // 1600 + 1) > 0.35)
    envelope = np.asarray(lfilter([0.005], [1, -0.995], np.repeat(syllables, 1600)[:n]))
    speech = np.asarray(lfilter([1.0], [1, -1.6, 0.75], rng.standard_normal(n))) * envelope
    return np.asarray(speech / np.std(speech))


@pytest.mark.parametrize("reference", ["noise", "speech"])
def test_kalman_filter_holds_in_double_talk(reference: str) -> None:
    """A talker as loud as the noise, never announced to it, costs it only some accuracy."""
    n, start = 16 * 16000, 6 * 16000
    path = response(12, 1024, 200.0)
    x = noise(13, n) if reference == "noise" else talker(14, n)
    speech = talker(15, n)
    speech[:start] = 0
    echo = convolve(x, path)
    primary = echo + speech + 1e-3 * noise(16, n)
    filter_ = FrequencyDomainKalmanFilter(1024, 128)
    filter_.process(x[:start].astype(np.float32), primary[:start].astype(np.float32))
    assert misalignment_db(filter_, path) < -25
    worst = -np.inf
    for k in range(start, n, 8000):
        part = slice(k, k + 8000)
        filter_.process(x[part].astype(np.float32), primary[part].astype(np.float32))
        worst = max(worst, misalignment_db(filter_, path))
    assert worst < -15


def test_kalman_filter_follows_a_changed_path() -> None:
    """Five seconds after a change of the whole path the new one is known to −20 dB."""
    n = 16000
    first, second = response(17, 1024, 200.0), response(18, 1024, 200.0)
    x = noise(19, 8 * n)
    d = np.r_[convolve(x, first)[: 3 * n], convolve(x, second)[3 * n :]]
    filter_ = FrequencyDomainKalmanFilter(1024, 128)
    filter_.process(x.astype(np.float32), (d + 1e-3 * noise(20, len(x))).astype(np.float32))
    assert misalignment_db(filter_, second) < -20


def test_kalman_uncertainty_falls_as_it_learns() -> None:
    """The filter's own variance is the prior at first and far below it once the path is known."""
    filter_ = FrequencyDomainKalmanFilter(256, 64, initial_covariance=2.0)
    np.testing.assert_allclose(filter_.uncertainty, 2.0)
    x = noise(21, 32000)
    filter_.process(x, convolve(x, response(22, 256, 40.0)))
    assert filter_.uncertainty.shape == (4,)
    assert (filter_.uncertainty < 0.02).all()
