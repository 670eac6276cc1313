"""The feedforward bundle: rule, guard and neutralisation as one controller."""

from __future__ import annotations

import numpy as np
from scipy import signal

from antiphase.adaptive import FxLMS, MultichannelFxLMS
from antiphase.control import FeedforwardController, Guard
from antiphase.simulation import run_loop

FS = 8000
S = np.concatenate([np.zeros(3), [1.0, -0.5, 0.25]])
F = np.concatenate([np.zeros(4), [0.6, 0.4]])


def test_feedback_saturation_and_limit_together() -> None:
    """The installation that howls without neutralisation reaches 15 dB with it (CASES 7)."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(4 * FS)
    p = np.concatenate([np.zeros(5), [0.9, 0.5, -0.3, 0.2]])
    d = signal.lfilter(p, [1.0], x)

    def nr_db(controller: FeedforwardController) -> float:
        error = run_loop(
            controller,
            reference=x,
            disturbance=d,
            secondary_path=S,
            feedback_path=F,
            saturation=20.0,
        ).error
        return float(10 * np.log10(np.sum(d[-FS:] ** 2) / np.sum(error[-FS:] ** 2)))

    def bundle(
        feedback: np.ndarray[tuple[int], np.dtype[np.float64]] | None,
    ) -> FeedforwardController:
        return FeedforwardController(
            FxLMS(24, S, 1e-3, dtype=np.float64),
            fs=FS,
            secondary_path_estimate=S,
            feedback_path_estimate=feedback,
            limit=10.0,
        )

    with_path, without = bundle(F), bundle(None)
    assert nr_db(with_path) > 15
    assert with_path.status.mutes == 0
    assert nr_db(without) < nr_db(bundle(F)) - 3


def test_without_feedback_it_is_the_guard() -> None:
    """With no feedback path given, the drive is that of the guard alone."""
    rng = np.random.default_rng(1)
    x, e = rng.standard_normal((2, 1000))
    bundle = FeedforwardController(
        FxLMS(8, S, 1e-3, dtype=np.float64), fs=FS, secondary_path_estimate=S
    )
    guard = Guard(FxLMS(8, S, 1e-3, dtype=np.float64), fs=FS, secondary_path_estimate=S)
    np.testing.assert_array_equal(bundle.process(x, e), guard.process(x, e))
    assert bundle.guard.status == bundle.status == guard.status
    np.testing.assert_array_equal(bundle.control_filter, guard.control_filter)


def test_state_goes_on_where_it_stopped() -> None:
    """The state holds rule, guard and neutralisation."""
    rng = np.random.default_rng(2)
    x, e = rng.standard_normal((2, 900))

    def make() -> FeedforwardController:
        return FeedforwardController(
            FxLMS(8, S, 1e-3, dtype=np.float64),
            fs=FS,
            secondary_path_estimate=S,
            feedback_path_estimate=F,
            limit=1.0,
        )

    first, second = make(), make()
    first.process(x[:333], e[:333])
    second.load_state(first.state())
    np.testing.assert_array_equal(second.process(x[333:], e[333:]), first.process(x[333:], e[333:]))


def test_multichannel_installation_with_feedback_and_saturation_stays_bounded() -> None:
    """Two loudspeakers that howl and saturate: bounded drive, no runaway, 6 dB (CASES 7)."""
    rng = np.random.default_rng(5)
    n = 6 * FS
    x = rng.standard_normal(n)
    s = 0.3 * rng.standard_normal((2, 2, 24)) * np.exp(-np.arange(24) / 6)
    s[:, :, :2] = 0
    s[0, 0, 2] = s[1, 1, 2] = 1.0
    f = 0.1 * rng.standard_normal((1, 2, 30)) * np.exp(-np.arange(30) / 10)
    f[:, :, 0] = 0
    p = rng.standard_normal((2, 20)) * np.exp(-np.arange(20) / 5)
    d = np.stack([signal.lfilter(np.r_[np.zeros(6), p[m]], [1.0], x) for m in (0, 1)], axis=1)
    estimate = s + 0.05 * rng.standard_normal(s.shape) * (s != 0)
    controller = FeedforwardController(
        MultichannelFxLMS(48, estimate, 0.02, dtype=np.float64),
        fs=FS,
        secondary_path_estimate=estimate,
        feedback_path_estimate=0.95 * f,
        limit=8.0,
    )
    result = run_loop(
        controller,
        reference=x,
        disturbance=d,
        secondary_path=s,
        feedback_path=f,
        saturation=10.0,
    )
    assert np.abs(result.drive).max() <= 8.0
    assert np.sum(d[-FS:] ** 2) > 4 * np.sum(result.error[-FS:] ** 2)
    assert controller.status.overflows == 0
