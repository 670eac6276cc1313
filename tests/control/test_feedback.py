"""Internal-model feedback: what it can foretell it cancels, and no more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.adaptive import FxLMS
from antiphase.control import FeedbackController, FixedController
from antiphase.simulation import run_loop

Floats = npt.NDArray[np.float64]
FS = 4000
S = np.array([0.0, 0.0, 0.8, 0.3, -0.1])


def attenuation_db(disturbance: Floats, error: Floats) -> float:
    return float(10 * np.log10(np.sum(disturbance**2) / np.sum(error**2)))


def run(disturbance: Floats, mu: float, estimate: Floats = S, error_delay: int = 0) -> Floats:
    rule = FxLMS(16, estimate, mu, error_delay=error_delay, dtype=np.float64)
    controller = FeedbackController(rule, estimate, error_delay=error_delay)
    return run_loop(
        controller,
        reference=np.zeros(len(disturbance)),
        disturbance=disturbance,
        secondary_path=S,
        error_delay=error_delay,
    ).error


def test_tones_are_cancelled_without_a_reference() -> None:
    """Two tones fall by more than 30 dB, also where the error is known 7 samples late."""
    t = np.arange(12000) / FS
    tones = np.sin(2 * np.pi * 150 * t) + 0.5 * np.sin(2 * np.pi * 430 * t)
    for delay in (0, 7):
        error = run(tones, 4e-3, error_delay=delay)
        assert attenuation_db(tones[-2000:], error[-2000:]) > 30


def test_white_noise_is_left_alone() -> None:
    """White noise can't be foretold: the loop adds less than its misadjustment."""
    d = np.random.default_rng(0).standard_normal(12000)
    error = run(d, 1e-4)
    assert -0.5 < attenuation_db(d[-6000:], error[-6000:]) <= 0.1


def test_an_autoregressive_noise_reaches_the_prediction_bound() -> None:
    """AR(1) with a path of D = 2 + 1 samples: NR → −10 log10(1 − α^2D), within 1 dB."""
    alpha = 0.98
    rng = np.random.default_rng(1)
    d = signal.lfilter([1.0], [1.0, -alpha], rng.standard_normal(40000))
    path = np.array([0.0, 0.0, 1.0])
    # The optimum by hand: predict d[n] by α³·d[n − 3], through a path of pure delay.
    controller = FeedbackController(FixedController([-(alpha**3)], dtype=np.float64), path)
    error = run_loop(
        controller, reference=np.zeros(len(d)), disturbance=d, secondary_path=path
    ).error
    bound = -10 * np.log10(1 - alpha**6)
    assert abs(attenuation_db(d[1000:], error[1000:]) - bound) < 1


def test_the_reference_is_the_disturbance_estimate() -> None:
    """With the true Ŝ a fixed w gives y[n] = (w∗d)[n − 1]: the loop is open inside."""
    rng = np.random.default_rng(2)
    d, w = rng.standard_normal(500), rng.standard_normal(6)
    controller = FeedbackController(FixedController(w, dtype=np.float64), S)
    result = run_loop(controller, reference=np.zeros(500), disturbance=d, secondary_path=S)
    expected = np.concatenate([[0.0], signal.lfilter(w, [1.0], d)[:-1]])
    np.testing.assert_allclose(result.drive, expected, atol=1e-9)


def test_reset_forgets_the_paths_history() -> None:
    """After a reset the same input gives the same drive again."""
    d = np.random.default_rng(3).standard_normal(100)
    controller = FeedbackController(FixedController([0.4, 0.2], dtype=np.float64), S)
    first = controller.process(d, d)
    controller.reset()
    np.testing.assert_array_equal(controller.process(d, d), first)
