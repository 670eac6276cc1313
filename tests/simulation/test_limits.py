"""What limits a result."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.metrics import fixed_filter_bound
from antiphase.simulation.limits import Limit, find_limits, main_limit, verdict
from antiphase.simulation.scene import Scene

FS = 4000.0


def scene(*, delay: int, sensor_db: float = -200.0, length: int = 1) -> Scene:
    """White noise that reaches the microphone `delay` samples after the reference."""
    rng = np.random.default_rng(0)
    n = 8000
    x = rng.standard_normal(n)
    primary = np.zeros(80 + length)
    primary[10 : 10 + length] = rng.standard_normal(length) if length > 1 else 1.0
    secondary = np.zeros(40)
    secondary[10 + delay] = 1.0
    d = np.convolve(x, primary)[:n, None]
    return Scene(
        fs=FS,
        reference=x,
        disturbance=d,
        ambient=np.zeros((n, 1)),
        reference_noise=rng.standard_normal(n) * 10 ** (sensor_db / 20) * (sensor_db > -200),
        error_noise=np.zeros((n, 1)),
        primary_path=primary[None],
        secondary_path=secondary[None, None],
        primary_arrival=10.0,
        lead_samples=10.0,
        anti_noise_samples=10.0 + delay,
    )


def limits_of(case: Scene, n_taps: int, reached_db: float | None = None) -> list[Limit]:
    bound = fixed_filter_bound(
        case.reference,
        case.disturbance,
        case.secondary_path,
        n_taps,
        start=1000,
        reference_noise=case.reference_noise,
    )
    reached = bound.nr_db if reached_db is None else reached_db
    return find_limits(case, bound, reached, n_taps=n_taps, start=1000)


def say(limits: list[Limit], reached_db: float) -> str:
    return verdict(limits, reached_db, margin_ms=1.0, last_gap_db=0.5)


@pytest.mark.parametrize(
    ("case", "n_taps", "reached_db", "cause"),
    [
        (scene(delay=3), 16, None, "latency"),
        (scene(delay=0, sensor_db=-20.0), 16, None, "coherence"),
        (scene(delay=-10, length=60), 16, None, "length"),
        (scene(delay=0, sensor_db=-20.0), 16, 3.0, "algorithm"),
    ],
)
def test_the_cause_is_the_one_that_was_built_in(
    case: Scene, n_taps: int, reached_db: float | None, cause: str
) -> None:
    """A scene with one thing wrong is told from the others by what its removal gains."""
    limits = limits_of(case, n_taps, reached_db)
    found = main_limit(limits)
    assert found is not None
    assert found.cause == cause


def test_sensor_noise_caps_at_its_own_level() -> None:
    """With white noise and a pure delay the bound is 10 log10(1 + SNR), 20.04 dB at 20 dB."""
    limits = limits_of(scene(delay=0, sensor_db=-20.0), 16)
    assert limits[0].nr_db == pytest.approx(10 * np.log10(1 + 100), abs=0.2)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("algorithm", "algorithm limits"),
        ("latency", "latency limits"),
        ("length", "length limits"),
        ("coherence", "coherence limits"),
        ("model", "estimate limits"),
    ],
)
def test_the_verdict_names_the_cause(cause: str, words: str) -> None:
    """The sentence says what was reached, the bound, and the cause that gains most."""
    limits = [
        Limit("algorithm", "best fixed filter", 12.0, 2.0),
        Limit(cause, "… with it", 20.0, 8.0),
    ]
    if cause == "algorithm":
        limits.pop()
    sentence = say(limits, 10.0)
    assert sentence.startswith("10.0 dB quieter")
    assert "12.0 dB" in sentence
    assert words in sentence
    assert "\n" not in sentence


def test_a_controller_far_from_its_bound_limits_itself() -> None:
    """Far below the bound a higher bound would not help; a better model may."""
    far = Limit("algorithm", "bound", 20.0, 10.0)
    longer = Limit("length", "longer", 40.0, 20.0)
    for others, cause in (
        ([longer], "algorithm"),
        ([longer, Limit("model", "true path", 18.0, 8.0)], "model"),
        ([longer, Limit("model", "true path", 12.0, 2.0)], "algorithm"),
    ):
        found = main_limit([far, *others])
        assert found is not None
        assert found.cause == cause


def test_louder_is_called_louder() -> None:
    """A run that makes it worse is not sold as a small reduction."""
    sentence = say([Limit("algorithm", "bound", 10.0, 16.0)], -6.0)
    assert sentence.startswith("6.0 dB louder")
    assert "unstable" in sentence


def test_the_verdict_admits_when_nothing_helps() -> None:
    """Where no change gains a decibel the sentence says that settings don't matter."""
    assert "beyond" in say([Limit("algorithm", "bound", 10.1, 0.1)], 10.0)


@pytest.mark.parametrize(("reached", "words"), [(9.0, "below"), (10.0, "level"), (11.0, "above")])
def test_the_verdict_places_the_result(reached: float, words: str) -> None:
    """Below, level with and above the bound are told apart."""
    assert words in say([Limit("algorithm", "bound", 10.0, 10.0 - reached)], reached)
