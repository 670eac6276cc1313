"""Block controllers on a plant, and the hazards of real input for every block filter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import oaconvolve

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
from tests.needs import missing

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
        0.5 if modified else 0.1,
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


SAVE = """
import sys
import numpy as np
from antiphase.adaptive import DelaylessFxLMS
x, e = np.random.default_rng(0).standard_normal((2, 777))
controller = DelaylessFxLMS(64, [0.0, 1.0, 0.5], 16)
controller.process(x, 0.1 * e)
sys.stdout.buffer.write(controller.state())
"""


def test_state_moves_between_instruction_sets() -> None:
    """What a baseline machine saved, with other vectors in memory, goes on here."""
    saved = subprocess.run(
        [sys.executable, "-c", SAVE],
        env={**os.environ, "ANTIPHASE_ISA": "baseline"},
        capture_output=True,
        check=False,
    )
    if b"not built" in saved.stderr or b"must be one of" in saved.stderr:
        missing("the baseline kernels are not built on this machine")
    assert saved.returncode == 0, saved.stderr
    x, e = np.random.default_rng(0).standard_normal((2, 777))
    here, moved = (DelaylessFxLMS(64, [0.0, 1.0, 0.5], 16) for _ in range(2))
    here.process(x, 0.1 * e)
    moved.load_state(saved.stdout)
    np.testing.assert_allclose(
        moved.process(e, 0.1 * x), here.process(e, 0.1 * x), rtol=1e-3, atol=1e-4
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
        (lambda: FrequencyDomainKalmanFilter(64, 16, regularisation=-1.0), "regularisation"),
        (lambda: DelaylessFxLMS(64, PATH, 16, error_delay=-1), "error_delay"),
        (lambda: DelaylessFxLMS(64, [], 16), "secondary_path_estimate"),
    ],
)
def test_bad_parameters_say_what_to_change(make: Callable[[], object], message: str) -> None:
    """Each parameter of one class outside its range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        make()
