"""The guard: each hazard of a real installation, and that it leaves a good loop alone."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from antiphase.adaptive import Controller, FxLMS, FxNLMS
from antiphase.arrays import Signal
from antiphase.control import FixedController, Guard
from antiphase.errors import ParameterError, SignalError, StateError
from antiphase.simulation import LoopResult, run_loop
from benchmarks.robustness import cases
from benchmarks.robustness import run as robustness_run
from tests.controllers import PythonFxLMS

Floats = npt.NDArray[np.float64]
FS = 8000
S = np.concatenate([np.zeros(3), [1.0, -0.5, 0.25]])


@pytest.fixture(scope="module")
def noise() -> tuple[Floats, Floats]:
    """Three seconds of white noise and what a path makes of it."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(3 * FS)
    return x, signal.lfilter(np.concatenate([np.zeros(5), rng.standard_normal(8)]), [1.0], x)


class Spoiled:
    """Hands one bad sample to a controller."""

    latency = 0

    def __init__(self, controller: Guard, at: int, where: str, value: float) -> None:
        self.controller, self.at, self.where, self.value = controller, at, where, value
        self.reset, self.state = controller.reset, controller.state
        self.load_state = controller.load_state

    def process(self, reference: Signal, error: Signal, out: Signal | None = None) -> Signal:
        if 0 <= self.at < len(reference):
            (reference if self.where == "reference" else error)[self.at] = self.value
        self.at -= len(reference)
        return self.controller.process(reference, error, out)


def rule(mu: float) -> FxLMS:
    return FxLMS(16, S, mu, dtype=np.float64)


def guarded(mu: float, **kwargs: object) -> Guard:
    settings_: dict[str, object] = {"fs": FS, "secondary_path_estimate": S, **kwargs}
    return Guard(rule(mu), **settings_)  # type: ignore[arg-type]


def run(controller: Controller, x: Floats, d: Floats, **kwargs: object) -> LoopResult:
    return run_loop(controller, reference=x, disturbance=d, secondary_path=S, **kwargs)  # type: ignore[arg-type]


def nr_db(result: LoopResult, start: float, stop: float) -> float:
    part = slice(int(start * FS), int(stop * FS))
    ratio = np.sum(result.disturbance[part] ** 2) / np.sum(result.error[part] ** 2)
    return float(10 * np.log10(ratio))


def test_a_good_loop_is_left_alone(noise: tuple[Floats, Floats]) -> None:
    """After the first 4 ms of listening nothing is cut, held or muted, and NR is the same."""
    x, d = noise
    guard = guarded(2e-3)
    result, plain = run(guard, x, d), run(rule(2e-3), x, d)
    assert nr_db(result, 2, 3) == pytest.approx(nr_db(plain, 2, 3), abs=0.1)
    status = guard.status
    assert (status.state, status.gain, status.frames) == ("active", 1.0, 3 * FS)
    counts = (status.held_frames, status.muted_frames, status.clipped, status.outliers)
    assert counts == (0, 0, 0, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e3, -1e6])
@pytest.mark.parametrize("where", ["reference", "error"])
def test_nan_and_outliers_are_rejected_and_forgotten(
    noise: tuple[Floats, Floats], bad: float, where: str
) -> None:
    """One bad sample is counted, and 100 ms later the attenuation is as before (CASES 3)."""
    x, d = noise
    guard = guarded(2e-3)
    result = run(Spoiled(guard, 2 * FS, where, bad), x, d)
    assert nr_db(result, 2.1, 2.6) > nr_db(result, 1.5, 2) - 1
    assert guard.status.outliers + guard.status.rejected == 1
    assert guard.status.mutes == 0


def test_a_jump_of_level_is_no_outlier(noise: tuple[Floats, Floats]) -> None:
    """Noise that starts 80 dB above the pause before it passes after a millisecond."""
    x, _ = noise
    level = np.where(np.arange(len(x)) < FS, 1e-4, 1.0)
    guard = Guard(FixedController([1.0], dtype=np.float64), fs=FS)
    drive = guard.process(x * level, 1e-3 * x)
    np.testing.assert_array_equal(drive[FS + 16 :], x[FS + 16 :])
    assert 0 < guard.status.outliers <= 16


def test_quiet_reference_with_sensor_noise_adds_no_energy(noise: tuple[Floats, Floats]) -> None:
    """Noise stops, both sensors go on hissing: w stays, the room gets no louder (CASES 2)."""
    x, d = noise
    rng = np.random.default_rng(1)
    on = (np.arange(len(x)) < FS).astype(float)
    hiss = 3e-3 * rng.standard_normal((2, len(x)))
    ambient = 3e-3 * rng.standard_normal(len(x))
    inner = rule(2e-3)
    # An over-sensitive step, as a normalised rule has on a quiet reference.
    guard = Guard(inner, fs=FS, secondary_path_estimate=S)
    result = run(guard, x * on, d * on + ambient, reference_noise=hiss[0], error_noise=hiss[1])
    learnt = inner.control_filter.copy()
    assert guard.status.idle
    assert nr_db(result, 1.5, 3) > -3.5
    inner.mu = 500.0
    quiet = np.zeros(FS)
    again = run_loop(
        guard,
        reference=quiet,
        disturbance=ambient[:FS],
        secondary_path=S,
        reference_noise=hiss[0, :FS],
        error_noise=hiss[1, :FS],
    )
    np.testing.assert_array_equal(inner.control_filter, learnt)
    assert nr_db(again, 0, 1) > -3.5


def test_silent_reference_gives_no_drive(noise: tuple[Floats, Floats]) -> None:
    """With nothing on the reference the room sounds as without control, at any rate (CASES 13)."""
    for fs in (8000, 16000, 44100, 48000):
        guard = Guard(rule(1e-2), fs=fs, secondary_path_estimate=S)
        d = noise[1][: fs // 4]
        result = run_loop(guard, reference=np.zeros(len(d)), disturbance=d, secondary_path=S)
        np.testing.assert_array_equal(result.error, d)


@pytest.mark.parametrize("mu", [0.05, 0.1, 1.0, 100.0])
@pytest.mark.parametrize("estimate", [True, False])
def test_divergence_is_muted(noise: tuple[Floats, Floats], mu: float, estimate: bool) -> None:
    """A step far too large is caught: finite for ever, and muted most of the time."""
    x, d = noise
    guard = guarded(mu, secondary_path_estimate=S if estimate else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = run(guard, x, d)
    assert np.isfinite(result.error).all()
    assert guard.status.mutes >= 2
    assert guard.status.muted_share > 0.8
    loud = [nr_db(result, a / 4, a / 4 + 0.25) < -3 for a in range(12)]
    assert sum(loud) <= 3


def test_overflow_is_warned_once(noise: tuple[Floats, Floats]) -> None:
    """An unnormalised rule on a recording with large numbers overflows: one warning (CASES 4)."""
    x, d = 3e6 * noise[0], 3e6 * noise[1]
    guard = guarded(1e280)
    with np.errstate(all="ignore"):
        with pytest.warns(RuntimeWarning, match="overflowed"):
            run(guard, x[:FS], d[:FS])
        once = guard.status.overflows
        guard.reset()
        run(guard, x[:FS], d[:FS])  # a second warning would be an error here
    assert guard.status.overflows > once


@pytest.mark.parametrize("estimate", [True, False])
def test_changed_secondary_path_is_muted_in_half_a_second(
    noise: tuple[Floats, Floats], estimate: bool
) -> None:
    """The path turns round while Ŝ stays: rolled back, then muted, −1.5 dB over the second."""
    x, d = noise
    guard = guarded(2e-3, secondary_path_estimate=S if estimate else None)
    result = run(guard, x, d, secondary_path_changes=[(2 * FS, -S)])
    assert nr_db(result, 1.5, 2) > 40
    assert guard.status.rollbacks == 1
    assert nr_db(result, 2.25, 2.5) == pytest.approx(0, abs=0.1)
    assert nr_db(result, 2, 3) > -1.5


def test_adaptation_gone_wrong_rolls_back_to_the_last_good_filter(
    noise: tuple[Floats, Floats],
) -> None:
    """The rule's own step goes wild for 50 ms: the good filter comes back and is held."""
    x, d = noise

    class Wild(PythonFxLMS):
        done = 0

        def process(self, reference: Signal, error: Signal, out: Signal | None = None) -> Signal:
            self.mu = 0.1 if 2 * FS <= self.done < 2.05 * FS else 2e-3
            self.done += len(reference)
            return super().process(reference, error, out)

    guard = Guard(Wild(16, S, 0), fs=FS, secondary_path_estimate=S)
    result = run(guard, x, d)
    assert guard.status.rollbacks == 1
    assert guard.status.mutes == 0
    assert nr_db(result, 2, 2.1) > -6
    assert nr_db(result, 2.1, 2.5) > 30


def test_drive_never_exceeds_the_limit_and_nothing_winds_up(noise: tuple[Floats, Floats]) -> None:
    """A passage ten times too loud is cut, and its end finds the filter as it was (CASES 7)."""
    x, d = noise
    loud = np.where((np.arange(len(x)) >= FS) & (np.arange(len(x)) < 2 * FS), 10.0, 1.0)
    fitting = run(rule(2e-3), x, d)
    limit = 1.1 * float(np.abs(fitting.drive[FS:]).max())
    inner = rule(2e-3)
    guard = Guard(inner, fs=FS, secondary_path_estimate=S, limit=limit)

    def advance(part: slice) -> LoopResult:
        inner.mu = 2e-3 / float(loud[part][0]) ** 2
        return run(guard, x[part] * loud[part], d[part] * loud[part])

    parts = [advance(slice(k * FS, (k + 1) * FS)) for k in range(3)]
    assert max(np.abs(p.drive).max() for p in parts) <= limit
    assert guard.status.clipped > 100
    assert nr_db(parts[1], 0.5, 1) > 0.3
    assert nr_db(parts[2], 0.6, 1) > 30
    assert guard.status.mutes == 0


def test_saturating_loudspeaker_within_the_limit_stays_stable(noise: tuple[Floats, Floats]) -> None:
    """A loudspeaker that saturates at the guard's limit neither diverges nor mutes (CASES 7)."""
    x, d = noise
    guard = guarded(2e-3, limit=4.0)
    result = run(guard, x, d, saturation=8.0)
    assert guard.status.mutes == 0
    assert nr_db(result, 2, 3) > 4


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 97), min_size=2, max_size=25), st.booleans())
def test_block_size_invariance(splits: list[int], estimate: bool) -> None:
    """Any split gives the same drive, through clipping, outliers and mutes."""
    rng = np.random.default_rng(4)
    x, e = rng.standard_normal((2, sum(splits)))
    x[::50] *= 1e3
    e[len(e) // 2 :] *= 30
    whole, parts = (
        guarded(1e-2, limit=0.5, secondary_path_estimate=S if estimate else None) for _ in "ab"
    )
    expected = whole.process(x, e)
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(e, edges), strict=True)
    np.testing.assert_array_equal(
        np.concatenate([parts.process(a, b) for a, b in pieces]), expected
    )
    assert parts.status == whole.status


def test_state_goes_on_where_it_stopped(noise: tuple[Floats, Floats]) -> None:
    """A guard loaded with another's state continues as that one does, in every state."""
    x, d = noise
    first = guarded(0.05, limit=2.0)
    second = guarded(0.05, limit=2.0)
    for start in range(0, 3000, 500):
        second.load_state(first.state())
        part = slice(start, start + 500)
        np.testing.assert_array_equal(
            second.process(x[part], d[part]), first.process(x[part], d[part])
        )
        assert second.status == first.status


def test_foreign_state_changes_nothing(noise: tuple[Floats, Floats]) -> None:
    """A state of another controller is refused and the guard keeps what it had."""
    guard = guarded(1e-3)
    guard.process(noise[0][:500], noise[1][:500])
    before = guard.state()
    with pytest.raises(StateError):
        guard.load_state(FixedController([1.0]).state())
    assert guard.state() == before


def test_reset_starts_afresh(noise: tuple[Floats, Floats]) -> None:
    """After a reset the guard and its controller act as new; the counters go on."""
    x, d = noise[0][:4000], noise[1][:4000]
    guard = guarded(2e-3)
    first = guard.process(x, d)
    guard.reset()
    np.testing.assert_array_equal(guard.process(x, d), first)
    assert guard.status.state == "active"


def test_frozen_adaptation_is_passed_on(noise: tuple[Floats, Floats]) -> None:
    """`adapting` off reaches the controller inside."""
    guard = guarded(2e-3)
    guard.adapting = False
    guard.process(noise[0][:500], noise[1][:500])
    assert not np.any(guard.control_filter)


def test_late_errors_are_judged_against_the_right_drive(noise: tuple[Floats, Floats]) -> None:
    """With errors 40 samples late, and told so, a good loop is still left alone."""
    x, d = noise
    late = FxLMS(16, S, 5e-4, error_delay=40, dtype=np.float64)
    guard = Guard(late, fs=FS, secondary_path_estimate=S, error_delay=40)
    result = run(guard, x, d, error_delay=40)
    assert guard.status.mutes + guard.status.rollbacks == 0
    assert nr_db(result, 2, 3) > 25


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"fs": 0}, "fs=0 must be > 0 Hz"),
        ({"limit": 0.0}, "limit=0.0 must be > 0"),
        ({"gate_db": 3.0}, "gate_db=3.0 must be < 0"),
        ({"floor_rms": -1.0}, "floor_rms"),
        ({"outlier_factor": 1.0}, "outlier_factor"),
        ({"error_delay": -1}, "error_delay"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, object], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=message):
        guarded(1e-3, **kwargs)


def test_bad_estimates_are_refused() -> None:
    """A path of two dimensions is ambiguous and refused."""
    with pytest.raises(SignalError, match="secondary_path_estimate has the shape"):
        guarded(1e-3, secondary_path_estimate=np.zeros((2, 4)))


def test_control_that_gains_nothing_does_no_harm(noise: tuple[Floats, Floats]) -> None:
    """A reference that has nothing to do with the noise: turned off before it adds 0.6 dB."""
    x, _ = noise
    d = 3 * np.random.default_rng(7).standard_normal(len(x))
    greedy = FxNLMS(256, S, 0.6, dtype=np.float64)
    loose = run(FxNLMS(256, S, 0.6, dtype=np.float64), x, d)
    guard = Guard(greedy, fs=FS, secondary_path_estimate=S)
    result = run(guard, x, d)
    assert nr_db(loose, 1, 3) < -1
    assert nr_db(result, 1, 3) > -0.6
    assert guard.status.tests + guard.status.mutes > 0


@pytest.mark.parametrize("error_db", [-20.0, -10.0])
@pytest.mark.parametrize("seed", [24, 83, 99])
def test_divergence_that_the_estimate_hides_is_found(seed: int, error_db: float) -> None:
    """Resonant paths, Ŝ wrong at their antiresonances: no second is 1 dB louder than without."""
    for case in cases(seed):
        assert robustness_run(case, error_db, seed).worst_boost_db < 1
