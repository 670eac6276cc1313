"""The feedforward bundle: rule, guard and neutralisation as one controller."""

from __future__ import annotations

import numpy as np
from scipy import signal

from antiphase.adaptive import FxLMS
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
