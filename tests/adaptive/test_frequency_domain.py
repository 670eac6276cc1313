"""Block filters against the equation in numpy, the Wiener optimum, causality and real input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter, oaconvolve

from antiphase import _native
from antiphase.adaptive import (
    Canceller,
    Controller,
    DelaylessFxLMS,
    FrequencyDomainKalmanFilter,
    NLMSFilter,
    PartitionedBlockFilter,
    PartitionedBlockFxLMS,
)
from antiphase.errors import ParameterError, SignalError, StateError
from antiphase.simulation.loop import run_loop
from benchmarks import data

Floats = npt.NDArray[np.float64]
Class = Callable[..., Any]

PATH = np.r_[np.zeros(3), 1.0, 0.6, -0.3, 0.1]
CANCELLERS = [PartitionedBlockFilter, FrequencyDomainKalmanFilter]
CONTROLLERS = [
    pytest.param(lambda *a, **k: PartitionedBlockFxLMS(a[0], PATH, *a[1:], **k), id="block"),
    pytest.param(lambda *a, **k: DelaylessFxLMS(a[0], PATH, *a[1:], **k), id="delayless"),
    pytest.param(
        lambda *a, **k: DelaylessFxLMS(a[0], PATH, *a[1:], modified=False, **k), id="unmodified"
    ),
]
ALL = [pytest.param(c, id=c.__name__) for c in CANCELLERS] + CONTROLLERS


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
        W = W + mu * E * X.conj() / (np.abs(X) ** 2).sum(0)
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


# --- controllers on a plant ---


@pytest.mark.parametrize("modified", [True, False])
@pytest.mark.parametrize(("kind", "lead"), [(PartitionedBlockFxLMS, 64), (DelaylessFxLMS, 0)])
@pytest.mark.parametrize("error_delay", [0, 37])
def test_controls_a_plant(kind: Class, lead: int, modified: bool, error_delay: int) -> None:
    """White noise through a synthetic plant falls by 20 dB where the margin spares the latency."""
    S = np.r_[np.zeros(8), response(23, 120, 20.0)]
    S[8] = 1.5
    x = noise(24, 64000)
    d = convolve(x, np.r_[np.zeros(40 + lead), response(25, 200, 30.0)])
    controller = kind(
        512,
        S,
        64,
        0.5 if modified else 0.05,
        modified=modified,
        error_delay=error_delay,
        dtype=np.float64,
    )
    assert controller.latency == lead
    result = run_loop(
        controller, reference=x, disturbance=d, secondary_path=S, error_delay=error_delay
    )
    last = slice(-8000, None)
    assert level_db(float(np.mean(d[last] ** 2) / np.mean(result.error[last] ** 2))) > 20


def test_a_late_block_controller_does_no_harm() -> None:
    """White noise that arrives before the block is full can't be cancelled and isn't amplified."""
    S = np.r_[np.zeros(8), response(23, 120, 20.0)]
    S[8] = 1.5
    x = noise(26, 64000)
    d = convolve(x, np.r_[np.zeros(9), 1.0])
    result = run_loop(
        PartitionedBlockFxLMS(512, S, 64, 0.1), reference=x, disturbance=d, secondary_path=S
    )
    assert level_db(float(np.mean(d**2) / np.mean(result.error**2))) > -1


@pytest.mark.skipif(not data.available(), reason="bench-data is not on this machine")
@pytest.mark.parametrize(("noise_name", "attenuation_db"), [("drill", 12.5), ("aircraft", 14.5)])
def test_delayless_controls_the_measured_duct(noise_name: str, attenuation_db: float) -> None:
    """On a resonant measured duct the whole run reaches what PHYSICS asks of affine projection."""
    duct = data.load("duct")
    x, S = duct[noise_name], duct["secondary_path"]
    x = x / np.std(x)
    d = convolve(x, duct["primary_path"])
    sensor = 1e-2 * np.std(d) * noise(27, len(x))
    result = run_loop(
        DelaylessFxLMS(1024, S), reference=x, disturbance=d, secondary_path=S, error_noise=sensor
    )
    assert level_db(float(np.mean(d**2) / np.mean(result.error**2))) > attenuation_db


@pytest.mark.parametrize(("kind", "lag"), [(PartitionedBlockFxLMS, 32), (DelaylessFxLMS, 0)])
def test_a_fixed_filter_lags_by_the_stated_latency(kind: Class, lag: int) -> None:
    """Frozen, the drive is w∗reference of `latency` samples ago, to rounding."""
    w, x = response(28, 96, 30.0), noise(29, 1000)
    controller = kind(96, PATH, 32, dtype=np.float64)
    controller.adapting = False
    controller.control_filter = w
    drive = controller.process(x, noise(30, 1000))
    expected = np.r_[np.zeros(lag), convolve(x, w)][: len(x)]
    np.testing.assert_allclose(drive, expected, atol=1e-12)
    np.testing.assert_allclose(controller.control_filter, w, atol=1e-14)


def test_the_model_can_change_while_running() -> None:
    """The secondary path estimate is read and replaced; another length is refused."""
    controller = DelaylessFxLMS(64, PATH, 16)
    controller.secondary_path_estimate = 2 * PATH
    np.testing.assert_allclose(controller.secondary_path_estimate, 2 * PATH, rtol=1e-6)
    with pytest.raises(SignalError, match="secondary_path_estimate"):
        controller.secondary_path_estimate = PATH[:-1]


# --- hazards of real input, for every class ---


@pytest.mark.parametrize("kind", ALL)
@settings(max_examples=10)
@given(splits=st.lists(st.integers(1, 97), min_size=1, max_size=25))
def test_block_size_invariance(kind: Class, splits: list[int]) -> None:
    """Any split into calls gives the same output, sample by sample included."""
    x, e = noise(31, sum(splits)), noise(32, sum(splits))
    whole = kind(64, 16, dtype=np.float64).process(x, e)
    parts = kind(64, 16, dtype=np.float64)
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(e, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-12 * max(1.0, np.abs(whole).max()))


@pytest.mark.parametrize("kind", ALL)
def test_the_seam_is_kept(kind: Class) -> None:
    """Each class satisfies the protocol that user-written filters satisfy too."""
    assert isinstance(kind(64, 16), Canceller | Controller)


@pytest.mark.parametrize("kind", ALL)
def test_state_goes_on_where_it_stopped(kind: Class) -> None:
    """A filter loaded with another's state, amid a block, continues as that one does."""
    x, e = noise(33, 3000), 0.1 * noise(34, 3000)
    first, second = kind(64, 16), kind(64, 16)
    first.process(x[:1234], e[:1234])
    second.process(e[:555], x[:555])
    second.load_state(first.state())
    np.testing.assert_array_equal(
        second.process(x[1234:], e[1234:]), first.process(x[1234:], e[1234:])
    )


@pytest.mark.parametrize("kind", ALL)
def test_foreign_state_changes_nothing(kind: Class) -> None:
    """A state of another length, cut short or of another class is refused and nothing changes."""
    filter_ = kind(64, 16)
    filter_.process(noise(35, 500), 0.1 * noise(36, 500))
    before = filter_.state()
    for state in (kind(80, 16).state(), before[:-1], NLMSFilter(64).state()):
        with pytest.raises(StateError):
            filter_.load_state(state)
    assert filter_.state() == before


@pytest.mark.parametrize("kind", ALL)
def test_reset_is_a_new_filter(kind: Class) -> None:
    """After `reset` the output is that of a filter just made."""
    x, e = noise(37, 800), 0.1 * noise(38, 800)
    used = kind(64, 16)
    used.process(e, x)
    used.reset()
    np.testing.assert_array_equal(used.process(x, e), kind(64, 16).process(x, e))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_is_rejected_and_counted(kind: Class, bad: float) -> None:
    """Bad samples in either input count as zeros."""
    x, e = noise(39, 1000), 0.1 * noise(40, 1000)
    x_zero, e_zero = x.copy(), e.copy()
    x[300], e[411] = bad, bad
    x_zero[300], e_zero[411] = 0, 0
    filter_ = kind(64, 16)
    np.testing.assert_array_equal(filter_.process(x, e), kind(64, 16).process(x_zero, e_zero))
    assert filter_.rejected == 2


@pytest.mark.parametrize("kind", ALL)
def test_silence_leaves_the_filter_as_it_is(kind: Class) -> None:
    """Once the histories are empty, zeros on both inputs change no weight and come out as zeros."""
    filter_ = kind(64, 16)
    filter_.process(noise(41, 2000), 0.1 * noise(42, 2000))
    filter_.process(np.zeros(500), np.zeros(500))
    before = filter_.control_filter
    out = filter_.process(np.zeros(20000), np.zeros(20000))
    np.testing.assert_array_equal(filter_.control_filter, before)
    assert not out.any()


@pytest.mark.parametrize("kind", CANCELLERS)
def test_a_fading_reference_does_not_wind_up_the_weights(kind: Class) -> None:
    """A reference that sinks 60 dB under steady microphone noise leaves a known path known."""
    path = response(43, 256, 40.0)
    x = noise(44, 96000) * np.r_[np.ones(32000), 1e-3 * np.ones(64000)]
    d = convolve(x, path) + 0.03 * noise(45, len(x))
    filter_ = kind(256, 64)
    filter_.process(x[:32000], d[:32000])
    known = misalignment_db(filter_, path)
    filter_.process(x[32000:], d[32000:])
    assert misalignment_db(filter_, path) < max(known + 12, -10)


@pytest.mark.parametrize("kind", CANCELLERS)
def test_an_onset_after_silence_is_no_louder_than_the_primary(kind: Class) -> None:
    """From silence to full level, twice, the residual stays below 1.5 times the primary's peak."""
    path = response(46, 512, 80.0)
    tones = np.sin(0.05 * np.arange(16000)) + 0.1 * noise(47, 16000)
    x = np.r_[tones, np.zeros(16000), tones]
    d = convolve(x, path)
    residual = kind(512, 16).process(x, d)
    assert np.abs(residual).max() < 1.5 * np.abs(d).max()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"block_size": 8}, "block_size=8 must be a power of two of at least 16"),
        ({"block_size": 48}, "block_size=48"),
        ({"block_size": 128}, "n_taps=64 must be a multiple of block_size=128"),
        ({"constraint": "none"}, "constraint='none' must be"),
        ({"dtype": np.int16}, "dtype"),
    ],
)
def test_bad_layouts_say_what_to_change(kind: Class, kwargs: dict[str, Any], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        kind(64, **{"block_size": 16, **kwargs})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PartitionedBlockFilter(64, 16, 2.0), r"mu=2.0 must be in \(0, 2\)"),
        (lambda: PartitionedBlockFilter(64, 16, leakage=0.0), "leakage"),
        (lambda: PartitionedBlockFilter(64, 16, epsilon=-1.0), "epsilon"),
        (lambda: PartitionedBlockFilter(64, 16, regularisation=2.0), "regularisation"),
        (lambda: FrequencyDomainKalmanFilter(64, 16, transition=1.1), "transition"),
        (lambda: FrequencyDomainKalmanFilter(64, 16, smoothing=1.0), "smoothing"),
        (lambda: FrequencyDomainKalmanFilter(64, 16, initial_covariance=0.0), "initial_cov"),
        (lambda: DelaylessFxLMS(64, PATH, 16, error_delay=-1), "error_delay"),
        (lambda: DelaylessFxLMS(64, [], 16), "secondary_path_estimate"),
    ],
)
def test_bad_parameters_say_what_to_change(make: Callable[[], object], message: str) -> None:
    """Each parameter of one class outside its range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        make()
