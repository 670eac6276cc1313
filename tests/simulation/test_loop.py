"""The loop against a loop written sample by sample in Python."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.adaptive import Controller, FxNLMS
from antiphase.arrays import Signal
from antiphase.control import FixedController
from antiphase.errors import ParameterError, SignalError
from antiphase.simulation import Saturation, run_loop
from tests.controllers import PythonFxLMS

Floats = npt.NDArray[np.float64]


@pytest.fixture
def scene() -> dict[str, Floats]:
    """Make a secondary path with three zeros of delay, white noise, a longer primary path."""
    rng = np.random.default_rng(5)
    s = np.concatenate([np.zeros(3), [1.0, -0.5, 0.25]])
    x = rng.standard_normal(600)
    d = signal.lfilter(np.concatenate([np.zeros(5), rng.standard_normal(8)]), [1.0], x)
    return {"x": x, "d": d, "s": s, "u": 0.01 * rng.standard_normal(600)}


def by_hand(controller: PythonFxLMS, scene: dict[str, Floats], delay: int, f: Floats) -> Floats:
    """Close the loop sample by sample, from the timing rule."""
    n = len(scene["x"])
    y, e = np.zeros(n), np.zeros(n)
    for k in range(n):
        heard = scene["x"][k] + sum(f[i] * y[k - i] for i in range(1, min(len(f), k + 1)))
        known = k - 1 - delay
        newest = e[known] + scene["u"][known] if known >= 0 else 0.0
        y[k] = controller.process(np.array([heard]), np.array([newest]))[0]
        anti = sum(scene["s"][i] * y[k - i] for i in range(min(len(scene["s"]), k + 1)))
        e[k] = scene["d"][k] + anti
    return e


@pytest.mark.parametrize(
    ("delay", "feedback"), list(itertools.product([0, 2], [[0.0], [0.0, 0.0, 0.2]]))
)
def test_error_follows_the_timing_rule(
    scene: dict[str, Floats], delay: int, feedback: list[float]
) -> None:
    """The controller is given e[n − 1 − error_delay], with feedback and sensor noise in place."""
    f = np.array(feedback)
    expected = by_hand(PythonFxLMS(16, scene["s"], 2e-3, delay), scene, delay, f)
    controller = PythonFxLMS(16, scene["s"], 2e-3, delay)
    result = run_loop(
        controller,
        reference=scene["x"],
        disturbance=scene["d"],
        secondary_path=scene["s"],
        feedback_path=f,
        error_noise=scene["u"],
        error_delay=delay,
    )
    np.testing.assert_allclose(result.error, expected, atol=1e-10)
    assert max(controller.blocks) == min(4 + delay, len(f) - 1 if len(f) > 1 else 99)


@pytest.mark.parametrize("block", [1, 2, 3, 4])
def test_block_size_invariance(scene: dict[str, Floats], block: int) -> None:
    """Exact blocks give what sample by sample gives, through a path change and a saturation."""
    results = [
        run_loop(
            PythonFxLMS(16, scene["s"], 2e-3),
            reference=scene["x"],
            disturbance=scene["d"],
            secondary_path=scene["s"],
            secondary_path_changes=[(301, 0.8 * scene["s"], 50)],
            saturation=Saturation(2.0),
            block_size=size,
        )
        for size in (1, block)
    ]
    for name in ("error", "drive", "reference"):
        np.testing.assert_allclose(getattr(results[1], name), getattr(results[0], name), atol=1e-12)


def test_blocks_too_long_to_be_exact_are_refused(scene: dict[str, Floats]) -> None:
    """A block of D + 2 would use errors that are not known yet."""
    with pytest.raises(ParameterError, match=r"block_size=5 must be in 1 ... 4"):
        run_loop(
            PythonFxLMS(8, scene["s"], 1e-3),
            reference=scene["x"],
            disturbance=scene["d"],
            secondary_path=scene["s"],
            block_size=5,
        )


def test_drive_passes_the_secondary_path_before_it_meets_the_disturbance() -> None:
    """A fixed filter w gives e = d + s∗w∗x on any number of channels."""
    rng = np.random.default_rng(6)
    w, s = rng.standard_normal((2, 3, 20)), rng.standard_normal((4, 2, 30))
    x, d = rng.standard_normal((500, 3)), rng.standard_normal((500, 4))
    fixed = FixedController(w, errors=4, dtype=np.float64)
    result = run_loop(fixed, reference=x, disturbance=d, secondary_path=s)
    drive = np.stack(
        [sum(signal.lfilter(w[k, j], [1.0], x[:, j]) for j in range(3)) for k in range(2)], axis=1
    )
    for m in range(4):
        anti_noise = sum(signal.lfilter(s[m, k], [1.0], drive[:, k]) for k in range(2))
        np.testing.assert_allclose(result.error[:, m], d[:, m] + anti_noise, atol=1e-10)
    np.testing.assert_array_equal(result.disturbance, d)


def test_the_plant_is_physical(scene: dict[str, Floats]) -> None:
    """At a step that a swapped simulation survives, the physical plant diverges (CASES 5).

    Swapped, the error of a step is d + w∗(s∗x): the filter's output is heard at once, so the
    secondary path's delay does not slow the loop.
    """
    rng = np.random.default_rng(7)
    delay = np.concatenate([np.zeros(60), [1.0]])
    x = rng.standard_normal(4000)
    d = signal.lfilter(np.concatenate([np.zeros(62), rng.standard_normal(8)]), [1.0], x)
    mu, n_taps = 0.03, 16
    filtered = signal.lfilter(delay, [1.0], x)
    w, window, swapped = np.zeros(n_taps), np.zeros(n_taps), np.empty(len(x))
    for n in range(len(x)):
        window = np.concatenate([[filtered[n]], window[:-1]])
        swapped[n] = d[n] + w @ window
        w = w - mu * swapped[n] * window
    physical = run_loop(
        PythonFxLMS(n_taps, delay, mu), reference=x, disturbance=d, secondary_path=delay
    )
    assert np.mean(swapped[-100:] ** 2) < 1e-3 * np.mean(d[-100:] ** 2)
    assert np.mean(physical.error[-100:] ** 2) > 100 * np.mean(d[-100:] ** 2)


def test_float32_controllers_keep_a_float64_plant(scene: dict[str, Floats]) -> None:
    """The plant's own rounding does not depend on the controller's number type."""
    w = np.array([0.5, -0.25], dtype=np.float32)
    results = [
        run_loop(
            FixedController(w, dtype=kind),
            reference=np.round(scene["x"] * 256) / 256,
            disturbance=scene["d"],
            secondary_path=scene["s"],
        )
        for kind in (np.float32, np.float64)
    ]
    np.testing.assert_array_equal(results[0].error, results[1].error)


def test_progress_rises_to_one(scene: dict[str, Floats]) -> None:
    """Long runs report the share done."""
    shares: list[float] = []
    x = np.zeros(40000)
    run_loop(
        FixedController([1.0]),
        reference=x,
        disturbance=x,
        secondary_path=[1.0],
        progress=shares.append,
    )
    assert shares == sorted(shares)
    assert len(shares) == 3
    assert shares[-1] == 1.0


def test_controllers_of_other_channels_are_refused(scene: dict[str, Floats]) -> None:
    """A controller for one loudspeaker can't drive a plant with two."""
    with pytest.raises(ParameterError, match="controller"):
        run_loop(
            FixedController([1.0]),
            reference=scene["x"],
            disturbance=scene["d"],
            secondary_path=np.ones((1, 2, 4)),
        )


def test_drives_of_another_length_are_refused(scene: dict[str, Floats]) -> None:
    """A Python controller that returns too few samples is told so."""

    class Short(PythonFxLMS):
        def process(self, reference: Signal, error: Signal, out: Signal | None = None) -> Signal:
            return np.zeros(len(reference) + 1)

    with pytest.raises(SignalError, match="drive of the controller must be an array of 4 numbers"):
        run_loop(
            Short(8, scene["s"], 1e-3),
            reference=scene["x"],
            disturbance=scene["d"],
            secondary_path=scene["s"],
        )


def test_errors_of_a_python_controller_reach_the_caller(scene: dict[str, Floats]) -> None:
    """An exception raised within the loop comes out as it is."""

    class Broken(PythonFxLMS):
        def process(self, reference: Signal, error: Signal, out: Signal | None = None) -> Signal:
            raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        run_loop(
            Broken(8, scene["s"], 1e-3),
            reference=scene["x"],
            disturbance=scene["d"],
            secondary_path=scene["s"],
        )


def test_a_python_controller_satisfies_the_seam() -> None:
    """What these tests drive is a Controller by the protocol."""
    assert isinstance(PythonFxLMS(4, np.ones(2), 0.1), Controller)


def test_adaptation_rests_where_it_is_told_to() -> None:
    """The control filter stays as it was from frame 300 on; the drive goes on."""
    x, path = np.random.default_rng(8).standard_normal(600), np.array([0.0, 1.0, 0.5])
    whole, short = (FxNLMS(8, path, 0.1, dtype=np.float64) for _ in range(2))
    result = run_loop(
        whole, reference=x, disturbance=x, secondary_path=path, adapting=np.arange(600) < 300
    )
    run_loop(short, reference=x[:300], disturbance=x[:300], secondary_path=path)
    np.testing.assert_array_equal(whole.control_filter, short.control_filter)
    np.testing.assert_allclose(
        result.drive[320:], np.convolve(x, short.control_filter)[320:600], atol=1e-12
    )
    with pytest.raises(SignalError, match="adapting has the shape"):
        run_loop(short, reference=x, disturbance=x, secondary_path=path, adapting=[True])
