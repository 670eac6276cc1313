"""Narrowband control: tracking, lateness, bounds set by what is not harmonic, hazards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, lfilter

from antiphase.adaptive import NarrowbandController
from antiphase.arrays import Signal
from antiphase.errors import ParameterError, SignalError, StateError
from antiphase.simulation import LoopResult, run_loop

Floats = npt.NDArray[np.float64]
Source = Literal["reference", "error", "phase"]
FS = 8000


def secondary() -> Floats:
    """Return a path like a loudspeaker 1 m away: delay, reflections, high-pass at 60 Hz."""
    rng = np.random.default_rng(0)
    path = np.zeros(256)
    path[22] = 1
    path[30:90] += 0.15 * rng.standard_normal(60) * np.exp(-np.arange(60) / 15)
    return np.asarray(lfilter(*butter(2, 60 / (FS / 2), "high"), path))


S = secondary()


def machine(
    seconds: float, orders: npt.ArrayLike, speed_hz: npt.ArrayLike, broadband_db: float
) -> tuple[Floats, Floats, Floats]:
    """Return sound, its harmonic part and the phase of the fundamental of a rotating machine."""
    rng = np.random.default_rng(1)
    n = int(seconds * FS)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(speed_hz, n)) / FS
    harmonics = np.atleast_1d(np.asarray(orders, dtype=np.float64))
    offsets = rng.uniform(0, 2 * np.pi, len(harmonics))
    tonal = sum(np.cos(h * phase + o) / np.sqrt(h) for h, o in zip(harmonics, offsets, strict=True))
    tonal = np.asarray(tonal / np.std(tonal))
    return tonal + 10 ** (broadband_db / 20) * rng.standard_normal(n), tonal, phase


def wander(seconds: float, mean_hz: float, share: float, rate_hz: float = 0.2) -> Floats:
    """Return a speed that swings by `share` about its mean."""
    k = np.arange(int(seconds * FS))
    return np.asarray(mean_hz * (1 + share * np.sin(2 * np.pi * rate_hz * k / FS)))


def late(signal: Floats, samples: int) -> Floats:
    return np.concatenate([np.full(samples, signal[0]), signal[:-samples]])


def control(
    controller: NarrowbandController, reference: Floats, disturbance: Floats, error_delay: int = 0
) -> LoopResult:
    return run_loop(
        controller,
        reference=reference,
        disturbance=disturbance,
        secondary_path=S,
        error_delay=error_delay,
    )


def reduction_db(disturbance: Signal, error: Signal) -> float:
    return float(10 * np.log10(np.sum(disturbance**2) / np.sum(error**2)))


@pytest.mark.parametrize("source", ["reference", "error", "phase"])
def test_hum_that_is_forty_milliseconds_late(source: Source) -> None:
    """Six harmonics of 100.4 Hz with noise 30 dB below: ≥ 25 dB after 2 s from any source."""
    x, _, phase = machine(5, range(1, 7), 100.4, -30)
    reference = late(phase if source == "phase" else x, 320)
    controller = NarrowbandController(FS, S, 100, source=source)
    result = control(controller, reference, x)
    assert reduction_db(x[2 * FS :], result.error[2 * FS :]) > 25
    assert controller.frequency_hz == pytest.approx(100.4, abs=0.05)


@pytest.mark.parametrize(("late_ms", "floor"), [(40, 13.5), (100, 11.5)])
@pytest.mark.parametrize("source", ["phase", "reference"])
def test_wandering_engine_is_followed_although_late(
    late_ms: int,
    floor: float,
    source: Source,
) -> None:
    """Half orders to 8 of 25 Hz ± 1 %, noise −15 dB, phase or sound 40 or 100 ms late."""
    seconds = 8
    orders = np.arange(0.5, 8.1, 0.5)
    x, _, phase = machine(seconds, orders, wander(seconds, 25, 0.01), -15)
    reference = late(phase if source == "phase" else x, late_ms * FS // 1000)
    controller = NarrowbandController(
        FS, S, 25, harmonics=orders.tolist(), source=source, lead_ms=late_ms, dtype=np.float64
    )
    result = control(controller, reference, x)
    assert reduction_db(x[3 * FS :], result.error[3 * FS :]) > floor


def test_local_mode_follows_the_error_alone() -> None:
    """Without a reference the phase comes from d̂; an engine is brought to its broadband part."""
    orders = np.arange(0.5, 8.1, 0.5)
    x, _, _ = machine(8, orders, wander(8, 25, 0.01), -15)
    controller = NarrowbandController(FS, S, 25, harmonics=orders.tolist(), source="error")
    result = control(controller, np.zeros(len(x)), x)
    assert reduction_db(x[3 * FS :], result.error[3 * FS :]) > 13.5
    assert controller.explained > 0.9


def test_known_lateness_turned_ahead_beats_learning_it() -> None:
    """With a wandering speed a lead equal to the lateness gains over a fixed phase per harmonic."""
    orders = np.arange(1.0, 9)
    x, _, phase = machine(8, orders, wander(8, 25, 0.02), -30)
    reached = []
    for lead_ms in (0.0, 100.0):
        controller = NarrowbandController(
            FS, S, 25, harmonics=orders.tolist(), source="phase", lead_ms=lead_ms
        )
        error = control(controller, late(phase, 800) % (2 * np.pi), x).error
        reached.append(reduction_db(x[3 * FS :], error[3 * FS :]))
    assert reached[1] > reached[0] + 3


def test_search_finds_a_start_far_off() -> None:
    """A fan at 28.3 Hz is found in 20–32 Hz from a guess of 22, within a second."""
    orders = [1, 2, 3, 5, 8]
    x, _, _ = machine(3, orders, 28.3, -10)
    controller = NarrowbandController(
        FS, S, 22, harmonics=orders, frequency_range_hz=(20, 32), dtype=np.float64
    )
    controller.process(x[:FS], np.zeros(FS))
    assert controller.frequency_hz == pytest.approx(28.3, abs=0.15)


def test_speed_step_is_caught_again() -> None:
    """After a jump from 25 to 27 Hz the controller is back within two seconds."""
    speed = np.where(np.arange(8 * FS) < 4 * FS, 25.0, 27.0)
    x, _, _ = machine(8, [1, 2, 3, 4], speed, -25)
    controller = NarrowbandController(
        FS, S, 25, harmonics=[1, 2, 3, 4], frequency_range_hz=(23, 29), mu=0.05
    )
    error = control(controller, x, x).error
    assert reduction_db(x[6 * FS :], error[6 * FS :]) > 20


def test_leaves_the_broadband_part_alone() -> None:
    """Only the harmonic part is taken out: the broadband part grows by no more than 3 %."""
    x, tonal, phase = machine(6, [1, 2, 3], 60.0, -10)
    error = control(NarrowbandController(FS, S, 60, harmonics=[1, 2, 3], source="phase"), phase, x)
    rest = error.error[3 * FS :]
    broadband = (x - tonal)[3 * FS :]
    assert np.std(rest) < 1.03 * np.std(broadband)


def test_model_error_of_minus_ten_db_is_survived() -> None:
    """A secondary path estimate that is −10 dB off at every tap still gives ≥ 20 dB on hum."""
    rng = np.random.default_rng(2)
    wrong = rng.standard_normal(len(S)) * np.exp(-np.arange(len(S)) / 60)
    wrong *= np.sqrt(0.1) * np.linalg.norm(S) / np.linalg.norm(wrong)
    x, _, _ = machine(6, range(1, 5), 100.0, -30)
    controller = NarrowbandController(FS, S + wrong, 100, harmonics=range(1, 5))
    error = control(controller, x, x).error
    assert reduction_db(x[3 * FS :], error[3 * FS :]) > 20


def test_late_error_is_paired_with_its_phase() -> None:
    """An error that arrives 300 samples late converges as one in time does."""
    x, _, _ = machine(5, range(1, 5), 100.0, -30)
    controller = NarrowbandController(FS, S, 100, harmonics=range(1, 5), error_delay=300)
    error = control(controller, x, x, error_delay=300).error
    assert reduction_db(x[3 * FS :], error[3 * FS :]) > 25


def test_drive_fades_when_the_machine_stops() -> None:
    """Silence in reference and disturbance leaves a drive 40 dB down after two seconds, finite."""
    x, _, _ = machine(6, range(1, 5), 100.0, -40)
    x[3 * FS :] = 0
    result = control(NarrowbandController(FS, S, 100, harmonics=range(1, 5)), x, x)
    assert np.isfinite(result.drive).all()
    assert np.std(result.drive[5 * FS :]) < 0.01 * np.std(result.drive[2 * FS : 3 * FS])


def test_zeros_for_ever_give_zeros() -> None:
    """Never any sound: no drive, the fundamental stays where it was set."""
    controller = NarrowbandController(FS, S, 50)
    drive = controller.process(np.zeros(40000, np.float32), np.zeros(40000, np.float32))
    np.testing.assert_array_equal(drive, 0)
    assert controller.frequency_hz == pytest.approx(50)


def test_nan_is_rejected_and_counted() -> None:
    """Bad samples leave a finite drive, are counted, and tracking goes on."""
    x, _, _ = machine(3, [1, 2], 100.0, -30)
    bad = x.copy()
    bad[9000], bad[9500] = np.nan, np.inf
    controller = NarrowbandController(FS, S, 100, harmonics=[1, 2], dtype=np.float64)
    assert np.isfinite(controller.process(bad, x)).all()
    assert controller.rejected == 2
    assert controller.frequency_hz == pytest.approx(100.0, abs=0.05)


MAKERS: list[Callable[[], NarrowbandController]] = [
    lambda: NarrowbandController(FS, S, 50, harmonics=[0.5, 1, 3]),
    lambda: NarrowbandController(FS, S, 50, source="error", error_delay=7),
    lambda: NarrowbandController(FS, S, 50, source="phase", lead_ms=3, leakage=0.9999),
]


@pytest.mark.parametrize("make", MAKERS)
@given(splits=st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_block_size_invariance(make: Callable[[], NarrowbandController], splits: list[int]) -> None:
    """Any split into blocks gives the same drive, bit by bit."""
    x, e = np.random.default_rng(3).standard_normal((2, sum(splits))).astype(np.float32)
    whole, parts = make(), make()
    edges = np.cumsum(splits)[:-1]
    pieces = zip(np.split(x, edges), np.split(e, edges), strict=True)
    joined = np.concatenate([parts.process(a, b) for a, b in pieces])
    np.testing.assert_array_equal(joined, whole.process(x, e))


@pytest.mark.parametrize("make", MAKERS)
def test_state_goes_on_where_it_stopped(make: Callable[[], NarrowbandController]) -> None:
    """A controller loaded with another's state continues as that one; a foreign one is refused."""
    x, e = np.random.default_rng(4).standard_normal((2, 6000)).astype(np.float32)
    first, second = make(), make()
    first.process(x[:3300], e[:3300])
    second.load_state(first.state())
    wanted = first.process(x[3300:], e[3300:])
    np.testing.assert_array_equal(second.process(x[3300:], e[3300:]), wanted)
    with pytest.raises(StateError):
        second.load_state(NarrowbandController(FS, S, 50, harmonics=[1]).state())


def test_starts_anew_after_reset() -> None:
    """After reset a controller does what a new one does."""
    x, e = np.random.default_rng(5).standard_normal((2, 3000)).astype(np.float32)
    for make in MAKERS:
        used = make()
        used.process(x, e)
        used.reset()
        np.testing.assert_array_equal(used.process(x, e), make().process(x, e))


def test_weights_are_what_is_played() -> None:
    """Frozen, the drive is Re Σ W_h exp(j·h·φ) of the phase fed in."""
    controller = NarrowbandController(
        FS, S, 80, harmonics=[1, 2.5], source="phase", tracking_hz=390, dtype=np.float64
    )
    controller.weights = [0.3 - 0.4j, 1j]
    controller.adapting = False
    phase = 2 * np.pi * 80 * np.arange(400) / FS
    wanted = np.real((0.3 - 0.4j) * np.exp(1j * phase) + 1j * np.exp(2.5j * phase))
    np.testing.assert_allclose(controller.process(phase, np.zeros(400)), wanted, atol=1e-9)
    np.testing.assert_allclose(controller.weights, [0.3 - 0.4j, 1j])
    np.testing.assert_allclose(controller.control_filter, [[0.3, -0.4], [0.0, 1.0]])
    with pytest.raises(SignalError, match="2 rows"):
        controller.weights = [1.0]


def test_the_model_can_be_changed_while_running() -> None:
    """A new estimate of the path takes effect: a sign error is put right."""
    x, _, _ = machine(8, [1, 2], 100.0, -30)
    controller = NarrowbandController(FS, -0.5 * S, 100, harmonics=[1, 2])
    controller.secondary_path_estimate = S
    error = control(controller, x, x).error
    assert reduction_db(x[3 * FS :], error[3 * FS :]) > 25


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"fs": 0.0}, "fs"),
        ({"frequency_hz": 5000.0}, r"frequency_hz=5000.0 must be in \(0, 4000\)"),
        ({"frequency_range_hz": (60.0, 70.0)}, "frequency_range_hz"),
        ({"harmonics": [1, 1.3]}, "harmonics"),
        ({"harmonics": []}, "harmonics"),
        ({"source": "tacho"}, "source"),
        ({"mu": 2.0}, "mu"),
        ({"tracking_hz": 0.0}, "tracking_hz"),
        ({"lead_ms": -1.0}, "lead_ms"),
        ({"leakage": 0.0}, "leakage"),
        ({"error_delay": -1}, "error_delay"),
    ],
)
def test_bad_parameters_say_what_to_change(kwargs: dict[str, Any], message: str) -> None:
    """Each parameter outside its range is refused in one line that names it."""
    arguments = {"fs": FS, "secondary_path_estimate": S, "frequency_hz": 50.0, **kwargs}
    with pytest.raises(ParameterError, match=message):
        NarrowbandController(**arguments)
