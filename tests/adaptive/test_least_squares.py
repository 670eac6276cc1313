"""Least squares against explicit normal equations, the Wiener optimum and the hazards of input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from antiphase.adaptive import (
    LeastSquaresController,
    LeastSquaresSolver,
    least_squares_window_s,
)
from antiphase.errors import ParameterError, SignalError, StateError
from antiphase.metrics import fixed_filter_bound, noise_reduction_db
from antiphase.simulation import run_loop
from benchmarks import data

Floats = npt.NDArray[np.float64]
FS = 8000
PATH = np.concatenate([np.zeros(3), 0.6 ** np.arange(12)])
PRIMARY = np.concatenate([np.zeros(9), np.random.default_rng(7).standard_normal(24)])
PRIMARY[9:] *= 0.85 ** np.arange(24)


def small(n_taps: int = 32, **kwargs: Any) -> LeastSquaresController:  # noqa: ANN401
    """Return a float64 controller of the path PATH, unless said otherwise."""
    named: dict[str, Any] = {
        "secondary_path_estimate": PATH,
        "fs": FS,
        "dtype": np.float64,
    } | kwargs
    return LeastSquaresController(n_taps, **named)


def noise(n: int, seed: int = 1) -> tuple[Floats, Floats]:
    """White reference and what the primary path makes of it."""
    x = np.random.default_rng(seed).standard_normal(n)
    return x, signal.lfilter(PRIMARY, 1.0, x)


def normal_equations(
    filtered: Floats, target: Floats, n_taps: int, forgetting: float
) -> tuple[Floats, Floats]:
    """Return R and p sample by sample, from filtered [mic, input, n] and target [mic, n]."""
    mics, inputs, n = filtered.shape
    history = np.zeros((mics, inputs, n_taps))
    R, p = np.zeros((inputs * n_taps,) * 2), np.zeros(inputs * n_taps)
    for t in range(n):
        history = np.concatenate([filtered[:, :, t, None], history[:, :, :-1]], axis=2)
        rows = history.reshape(mics, -1)
        R = forgetting * R + rows.T @ rows
        p = forgetting * p + rows.T @ target[:, t]
    return R, p


@pytest.mark.parametrize(("references", "loudspeakers", "errors"), [(1, 1, 1), (2, 3, 2)])
@pytest.mark.parametrize("path_error", [0.0, 0.1])
def test_solves_the_weighted_normal_equations(
    references: int, loudspeakers: int, errors: int, path_error: float
) -> None:
    """The filter is the solution of the equations written out with all their weights."""
    rng = np.random.default_rng(3)
    paths = rng.standard_normal((errors, loudspeakers, 5))
    x, y, e = (rng.standard_normal((400, k)) for k in (references, loudspeakers, errors))
    solver = LeastSquaresSolver(
        6,
        secondary_path_estimate=paths,
        fs=FS,
        references=references,
        window_s=0.02,
        ridge=0.0,
        path_error_db=-np.inf if path_error == 0 else 10 * np.log10(path_error),
        dtype=np.float64,
    )
    solver.observe(*(s[:, 0] if s.shape[1] == 1 else s for s in (x, y, e)))
    assert solver.solve(200)
    filtered = np.array(
        [[signal.lfilter(s, 1, x[:, j]) for s in mic for j in range(references)] for mic in paths]
    )
    own = np.array([sum(signal.lfilter(s, 1, y[:, k]) for k, s in enumerate(mic)) for mic in paths])
    # The expected error of a path wrong by `path_error` is that of further microphones, one per
    # loudspeaker, that hear its drive at the strength of the error and want silence.
    wrong = np.sqrt(path_error * np.sum(paths**2, axis=(0, 2)))
    effort = np.einsum("kl,nj->kljn", np.diag(wrong), x).reshape(loudspeakers, -1, len(x))
    filtered = np.concatenate([filtered, effort])
    target = np.concatenate([e.T - own, np.zeros((loudspeakers, len(x)))])
    R, p = normal_equations(filtered, target, 6, np.exp(-1 / (0.02 * FS)))
    w = -np.linalg.solve(R, p).reshape(loudspeakers, references, 6)
    np.testing.assert_allclose(np.reshape(solver.control_filter, w.shape), w, atol=1e-6)


def test_reaches_the_wiener_optimum() -> None:
    """On white noise the excess over the best fixed filter is that of the window, below 0.5 dB."""
    x, d = noise(12000)
    sensor = 0.01 * np.random.default_rng(2).standard_normal(len(x))
    result = run_loop(
        small(), reference=x, disturbance=d, secondary_path=PATH, reference_noise=sensor
    )
    bound = fixed_filter_bound(x, d, PATH, 32, start=4000, reference_noise=sensor)
    assert bound.nr_db > 20
    assert noise_reduction_db(d, result.error, start=4000) > bound.nr_db - 0.5


def test_several_channels_reach_the_wiener_optimum() -> None:
    """Two references, two loudspeakers and three microphones come within 1 dB of their bound."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((10000, 2))
    paths = rng.standard_normal((3, 2, 12)) * 0.7 ** np.arange(12)
    primary = rng.standard_normal((3, 2, 20)) * 0.8 ** np.arange(20)
    d = np.stack([sum(signal.lfilter(p[j], 1, x[:, j]) for j in range(2)) for p in primary], 1)
    controller = LeastSquaresController(
        24, secondary_path_estimate=paths, fs=FS, references=2, dtype=np.float64
    )
    result = run_loop(controller, reference=x, disturbance=d, secondary_path=paths)
    bound = fixed_filter_bound(x, d, paths, 24, start=5000)
    assert noise_reduction_db(d, result.error, start=5000) > bound.nr_db - 1


@settings(max_examples=20)
@given(st.lists(st.integers(1, 97), min_size=1, max_size=30))
def test_block_size_invariance(splits: list[int]) -> None:
    """Any split into blocks gives the same drive, bit for bit."""
    x, d = noise(sum(splits))
    whole = small().process(x, d)
    parts = small()
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(d, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_array_equal(joined, whole)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_state_goes_on_where_it_stopped(dtype: type[np.float32 | np.float64]) -> None:
    """A state taken in the middle of a solve goes on as the original does."""
    x, d = noise(3000)
    first, second = small(dtype=dtype), small(dtype=dtype)
    first.process(x[:1237], d[:1237])
    second.load_state(first.state())
    np.testing.assert_array_equal(
        second.process(x[1237:], d[1237:]), first.process(x[1237:], d[1237:])
    )


def test_foreign_state_changes_nothing() -> None:
    """A state of another length is refused and the controller keeps what it had."""
    x, d = noise(500)
    controller = small()
    controller.process(x, d)
    before = controller.state()
    with pytest.raises(StateError):
        controller.load_state(small(33).state())
    assert controller.state() == before


def test_reset_is_a_fresh_start() -> None:
    """After a reset the controller gives what a new one gives."""
    x, d = noise(2000)
    controller = small()
    first = controller.process(x, d)
    controller.reset()
    np.testing.assert_array_equal(controller.process(x, d), first)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_rejected_and_recovered_from(bad: float) -> None:
    """A bad sample in either input costs no more than a few windows of time."""
    x, d = noise(8000)
    clean = run_loop(small(), reference=x, disturbance=d, secondary_path=PATH)
    controller = small()
    plant_error = np.zeros(1)
    tail = np.zeros(len(PATH))
    errors = np.empty(len(x))
    for n in range(len(x)):
        heard = bad if n == 4000 else x[n]
        error = np.array([bad]) if n == 4100 else plant_error
        y = controller.process(np.array([heard]), error)
        tail = np.concatenate([y, tail[:-1]])
        plant_error = np.array([d[n] + PATH @ tail])
        errors[n] = plant_error[0]
    assert controller.rejected == 2
    assert controller.unsound == 0
    reached = noise_reduction_db(d, clean.error, start=7000)
    assert noise_reduction_db(d, errors, start=7000) > min(30.0, reached - 1)


def test_silence_keeps_the_filter() -> None:
    """Time stands still in silence: the filter learnt is at work when the noise comes back."""
    x, d = noise(6000)
    x[3000:5000], d[3000:5000] = 0, 0
    controller = small()
    run_loop(controller, reference=x[:3100], disturbance=d[:3100], secondary_path=PATH)
    before = controller.control_filter
    controller.process(np.zeros(20000), np.zeros(20000))
    np.testing.assert_array_equal(controller.control_filter, before)
    result = run_loop(controller, reference=x[5000:], disturbance=d[5000:], secondary_path=PATH)
    assert noise_reduction_db(d[5000:], result.error, start=40) > 20


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_quiet_floor_is_not_made_louder(dtype: type[np.float32 | np.float64]) -> None:
    """Sensor noise alone, unrelated to the error's, is not turned into sound."""
    rng = np.random.default_rng(5)
    x, d = 1e-6 * rng.standard_normal((2, 24000))
    result = run_loop(small(dtype=dtype), reference=x, disturbance=d, secondary_path=PATH)
    assert noise_reduction_db(d, result.error) > -0.5


@pytest.mark.parametrize("gain", [1e-7, 1e5])
def test_loudness_does_not_matter(gain: float) -> None:
    """In float32 the filter of a signal scaled by −140 or +100 dB is that of the signal."""
    x, d = noise(3000)
    plain, scaled = small(dtype=np.float32), small(dtype=np.float32)
    for controller, by in ((plain, 1.0), (scaled, gain)):
        run_loop(controller, reference=by * x, disturbance=by * d, secondary_path=PATH)
    assert scaled.unsound == 0
    np.testing.assert_allclose(scaled.control_filter, plain.control_filter, atol=2e-3)


def test_tones_stay_finite_in_float32() -> None:
    """A covariance of rank 2 gives no indefinite equations over 200,000 samples."""
    n = np.arange(200_000)
    x, d = np.sin(0.3 * n), 2 * np.sin(0.3 * n + 1)
    controller = small(64, dtype=np.float32)
    result = run_loop(controller, reference=x, disturbance=d, secondary_path=PATH)
    assert controller.unsound == 0
    assert noise_reduction_db(d, result.error, start=1000) > 60


def test_a_frozen_filter_stays_and_goes_on() -> None:
    """While frozen w does not move, and what came meanwhile does not pull it afterwards."""
    x, d = noise(9000)
    controller = small()
    run_loop(controller, reference=x[:4000], disturbance=d[:4000], secondary_path=PATH)
    before = controller.control_filter
    controller.adapting = False
    rubbish = np.random.default_rng(6).standard_normal(2000)
    controller.process(x[4000:6000], 50 * rubbish)
    np.testing.assert_array_equal(controller.control_filter, before)
    controller.adapting = True
    result = run_loop(controller, reference=x[6000:], disturbance=d[6000:], secondary_path=PATH)
    assert noise_reduction_db(d[6000:], result.error, start=100) > 25


def test_restart_learns_a_new_primary_path_at_once() -> None:
    """After a restart the old path's equations no longer hold the filter back."""
    x, d = noise(16000)
    d[8000:] = signal.lfilter(-PRIMARY[::-1], 1, x)[8000:]

    def quarter_second_after(act: Callable[[LeastSquaresController], None]) -> float:
        controller = small(window_s=2.0)
        run_loop(controller, reference=x[:8000], disturbance=d[:8000], secondary_path=PATH)
        act(controller)
        rest = run_loop(controller, reference=x[8000:], disturbance=d[8000:], secondary_path=PATH)
        return noise_reduction_db(d[8000:], rest.error, start=2000, stop=4000)

    kept = quarter_second_after(lambda _: None)
    assert quarter_second_after(LeastSquaresController.restart) > kept + 6


def test_a_late_error_is_placed_in_its_own_time() -> None:
    """An error that comes 100 samples late costs delay, not depth, once the parameter says so."""
    x, d = noise(10000)
    result = run_loop(
        small(error_delay=100), reference=x, disturbance=d, secondary_path=PATH, error_delay=100
    )
    on_time = run_loop(small(), reference=x, disturbance=d, secondary_path=PATH)
    reached = noise_reduction_db(d, on_time.error, start=5000)
    assert noise_reduction_db(d, result.error, start=5000) > reached - 1


@pytest.mark.parametrize("error_db", [-20, -10])
@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_secondary_path_does_not_diverge(error_db: float, seed: int) -> None:
    """With an estimate wrong by what is stated no second is louder, though S has a deep notch."""
    rng = np.random.default_rng(seed)
    path = np.convolve(np.convolve(PATH, [1, 0, 0.98]), [1, -0.95])
    wrong = rng.standard_normal(len(path))
    wrong *= np.linalg.norm(path) / np.linalg.norm(wrong) * 10 ** (error_db / 20)
    x, d = noise(6 * FS)
    controller = small(secondary_path_estimate=path + wrong, path_error_db=error_db)
    result = run_loop(controller, reference=x, disturbance=d, secondary_path=path)
    for start in range(0, 6 * FS, FS):
        assert noise_reduction_db(d, result.error, start=start, stop=start + FS) > 0
    assert noise_reduction_db(d, result.error, start=5 * FS) > (6 if error_db == -20 else 2)


def test_an_assigned_filter_is_played_and_kept_as_prior() -> None:
    """A filter set from outside is played as it is and survives an error that agrees with it."""
    x, d = noise(4000)
    w = fixed_filter_bound(x, d, PATH, 32).control_filter
    controller = small()
    controller.control_filter = w
    result = run_loop(controller, reference=x, disturbance=d, secondary_path=PATH)
    assert noise_reduction_db(d, result.error, stop=500) > 20


def test_lost_errors_say_nothing() -> None:
    """Equations over frames whose errors are NaN keep the solution they had."""
    x, d = noise(4000)
    solver = LeastSquaresSolver(
        32, secondary_path_estimate=PATH, fs=FS, ridge=0.0, dtype=np.float64
    )
    solver.observe(x[:3000], np.zeros(3000), d[:3000])
    assert solver.solve(300)
    before = solver.control_filter
    solver.observe(x[3000:], np.zeros(1000), np.full(1000, np.nan))
    assert solver.solve(300)
    np.testing.assert_allclose(solver.control_filter, before, atol=1e-6)


def test_the_solver_does_not_care_who_made_the_drive() -> None:
    """Whatever was played, the filter found is the one that cancels d."""
    x, d = noise(4000)
    y = np.random.default_rng(9).standard_normal(len(x))
    solver = LeastSquaresSolver(32, secondary_path_estimate=PATH, fs=FS, dtype=np.float64)
    for start in range(0, len(x), 800):
        part = slice(start, start + 800)
        solver.observe(x[part], y[part], (d + signal.lfilter(PATH, 1, y))[part])
        solver.solve()
    left = d + signal.lfilter(np.convolve(PATH, solver.control_filter), 1, x)
    assert noise_reduction_db(d, left) > 40
    assert solver.samples == pytest.approx(4000 * (1 - np.exp(-1)), rel=1e-2)


def test_the_solver_refuses_what_it_can_not_use() -> None:
    """Nothing heard gives no filter; NaN in a signal that must be known is refused."""
    solver = LeastSquaresSolver(8, secondary_path_estimate=PATH, fs=FS)
    assert not solver.solve()
    with pytest.raises(SignalError, match="drive holds NaN"):
        solver.observe(np.zeros(2), np.array([0, np.nan]), np.zeros(2))
    with pytest.raises(SignalError, match="3 frames"):
        solver.observe(np.zeros(3), np.zeros(2), np.zeros(3))


def test_the_window_is_ten_times_the_unknowns() -> None:
    """The rule for the window gives 0.64 s at 1024 taps and 16 kHz, and never below 0.5 s."""
    assert least_squares_window_s(1024, 16000) == pytest.approx(0.64)
    assert least_squares_window_s(512, 16000, loudspeakers=4, errors=2) == pytest.approx(0.64)
    assert small().window_s == 0.5


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"n_taps": 0}, "n_taps=0 must be at least 1"),
        ({"fs": 0.0}, "fs"),
        ({"path_error_db": 1.0}, "path_error_db=1.0 must be at most 0"),
        ({"ridge": -1.0}, "ridge=-1.0 must be ≥ 0"),
        ({"window_s": 0.0}, "window_s"),
        ({"evidence_s": 0.0}, "evidence_s"),
        ({"update_ms": 0.0}, "update_ms"),
        ({"iterations": 0}, "iterations"),
        ({"error_delay": -1}, "error_delay"),
        ({"references": 0}, "references"),
        ({"dtype": np.int16}, "dtype"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, Any], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        small(**kwargs)


@pytest.mark.parametrize("path", [np.zeros((2, 2)), np.zeros(0), np.array([1.0, np.nan])])
def test_a_path_of_the_wrong_shape_is_refused(path: Floats) -> None:
    """The secondary path must be finite taps of one or three dimensions."""
    with pytest.raises(SignalError, match="secondary_path_estimate"):
        small(secondary_path_estimate=path)


@pytest.mark.skipif(not data.available(), reason="bench-data is not on this machine")
def test_starts_fast_on_a_measured_duct() -> None:
    """On the drill in the duct the first second, start included, is above 13 dB at 1024 taps."""
    duct = data.load("duct")
    x = duct["drill"][:16000]
    d = signal.lfilter(duct["primary_path"], 1, x)
    controller = LeastSquaresController(
        secondary_path_estimate=duct["secondary_path"], fs=float(duct["fs"])
    )
    result = run_loop(controller, reference=x, disturbance=d, secondary_path=duct["secondary_path"])
    assert noise_reduction_db(d, result.error) > 13
