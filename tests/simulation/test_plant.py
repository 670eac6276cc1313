"""The plant against scipy's convolution, and what a real one does that an ideal one does not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.adaptive import FxLMS
from antiphase.errors import ParameterError, SignalError
from antiphase.simulation import PathChange, Plant, Saturation, filter_moving
from antiphase.simulation.plant import Change

Floats = npt.NDArray[np.float64]


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded."""
    return np.random.default_rng(3)


def test_exchange_is_disturbance_plus_filtered_drive(rng: np.random.Generator) -> None:
    """Error = d + s∗y + sensor noise, reference = x + f∗y + sensor noise, for any blocks."""
    s, f = rng.standard_normal(40), np.concatenate([[0.0], rng.standard_normal(20)])
    x, d, y, v, u = rng.standard_normal((5, 300))
    plant = Plant(
        reference=x,
        disturbance=d,
        secondary_path=s,
        feedback_path=f,
        reference_noise=v,
        error_noise=u,
    )
    blocks = [plant.exchange(part) for part in np.split(y, [1, 50, 51, 200])]
    reference, error = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    np.testing.assert_allclose(error, d + signal.lfilter(s, [1.0], y) + u, atol=1e-12)
    np.testing.assert_allclose(reference, x + signal.lfilter(f, [1.0], y) + v, atol=1e-12)
    with pytest.raises(SignalError, match="0 frames left"):
        plant.exchange(y[:1])


def test_channels_add_up(rng: np.random.Generator) -> None:
    """Each microphone hears the sum of all loudspeakers, each through its own path."""
    s = rng.standard_normal((3, 2, 30))
    d, y = rng.standard_normal((100, 3)), rng.standard_normal((100, 2))
    plant = Plant(reference=np.zeros(100), disturbance=d, secondary_path=s)
    _, error = plant.exchange(y)
    for m in range(3):
        heard = sum(signal.lfilter(s[m, k], [1.0], y[:, k]) for k in range(2))
        np.testing.assert_allclose(error[:, m], d[:, m] + heard, atol=1e-12)


def test_saturation_limits_what_leaves_the_loudspeaker(rng: np.random.Generator) -> None:
    """Soft is limit·tanh(y/limit), hard is clipping, and a number means soft."""
    y = 3 * rng.standard_normal(200)
    silent = np.zeros(200)

    def heard(saturation: Saturation | float) -> Floats:
        plant = Plant(
            reference=silent, disturbance=silent, secondary_path=[1.0], saturation=saturation
        )
        return plant.exchange(y)[1]

    np.testing.assert_allclose(heard(Saturation(2.0)), 2 * np.tanh(y / 2), atol=1e-12)
    np.testing.assert_allclose(heard(2.0), 2 * np.tanh(y / 2), atol=1e-12)
    np.testing.assert_allclose(heard(Saturation(2.0, "hard")), np.clip(y, -2, 2), atol=1e-12)


@pytest.mark.parametrize("fade", [0, 1, 64])
def test_moving_paths_fade_linearly(rng: np.random.Generator, fade: int) -> None:
    """Before a change the old path is heard, after the fade the new one, between them the mix."""
    y = rng.standard_normal(400)
    paths = rng.standard_normal((3, 25))
    changes: list[Change] = [
        PathChange(100, paths[1], fade),
        (250, paths[2][:20], fade),
    ]
    silent = np.zeros(400)
    plant = Plant(
        reference=silent,
        disturbance=silent,
        secondary_path=paths[0],
        secondary_path_changes=changes,
    )
    _, error = plant.exchange(y)
    np.testing.assert_allclose(error, filter_moving(y, paths[0], changes), atol=1e-12)
    before, after = (signal.lfilter(p, [1.0], y) for p in (paths[0], paths[2][:20]))
    np.testing.assert_allclose(error[:100], before[:100], atol=1e-12)
    np.testing.assert_allclose(error[250 + fade :], after[250 + fade :], atol=1e-12)


def test_feedback_without_delay_is_refused() -> None:
    """A reference that hears the drive of its own sample can't exist; the message says why."""
    x = np.zeros(10)
    with pytest.raises(ParameterError, match="at least one sample from loudspeaker to reference"):
        Plant(reference=x, disturbance=x, secondary_path=[1.0], feedback_path=[0.1, 0.2])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"disturbance": np.zeros(9)}, "disturbance has 9 frames but reference has 10"),
        ({"disturbance": np.zeros((10, 2))}, "disturbance has 2 channels but must have 1"),
        ({"secondary_path": np.zeros((2, 5))}, r"secondary_path has the shape \(2, 5\)"),
        ({"secondary_path": [np.nan]}, "secondary_path holds NaN"),
        ({"error_noise": np.zeros(3)}, "error_noise has 3 frames"),
        ({"saturation": 0.0}, "limit=0.0 must be > 0"),
        ({"error_delay": -1}, "error_delay=-1 must be at least 0"),
        ({"secondary_path_changes": [(5, [1.0], 3), (6, [1.0])]}, "at=6 must be at least 8"),
        ({"secondary_path_changes": [(5, np.ones((2, 1, 3)))]}, "must keep its channels"),
        ({"feedback_path": np.zeros((2, 1, 4))}, "feedback_path has"),
    ],
)
def test_bad_plants_say_what_to_change(kwargs: dict[str, object], message: str) -> None:
    """Whatever does not fit is refused in one line that names it."""
    good: dict[str, object] = {
        "reference": np.zeros(10),
        "disturbance": np.zeros(10),
        "secondary_path": [1.0],
    }
    with pytest.raises((SignalError, ParameterError), match=message):
        Plant(**{**good, **kwargs})  # type: ignore[arg-type]


def test_exact_block_follows_from_the_paths() -> None:
    """D zeros, an error delay and the feedback's zeros decide; a change may shorten the block."""
    x = np.zeros(10)

    def block(**kwargs: object) -> int:
        path = [0.0, 0.0, 0.0, 1.0]
        plant = Plant(reference=x, disturbance=x, secondary_path=path, **kwargs)  # type: ignore[arg-type]
        return plant.exact_block

    assert block() == 4
    assert block(error_delay=7) == 11
    assert block(feedback_path=[0.0, 0.0, 1.0]) == 2
    assert block(secondary_path_changes=[(5, [0.0, 1.0])]) == 2


def test_a_run_in_pieces_is_the_same_run() -> None:
    """`advance` by any numbers of frames joins to what `run` gives."""
    rng = np.random.default_rng(6)
    x, d = rng.standard_normal((2, 500))

    def fresh() -> tuple[Plant, FxLMS]:
        return (
            Plant(reference=x, disturbance=d, secondary_path=[0.0, 1.0, 0.3]),
            FxLMS(8, secondary_path_estimate=[0.0, 1.0, 0.3], mu=0.001),
        )

    plant, controller = fresh()
    whole = plant.run(controller)
    plant, controller = fresh()
    pieces = [plant.advance(controller, n) for n in (1, 7, 0, 200, 292)]
    for k, signals in enumerate(whole):
        joined = np.concatenate([np.atleast_1d(piece[k]) for piece in pieces])
        np.testing.assert_array_equal(signals, joined)
    with pytest.raises(SignalError):
        plant.advance(controller, 1)
    with pytest.raises(ParameterError):
        fresh()[0].advance(controller, -1)


def test_a_reference_may_be_written_as_it_comes() -> None:
    """Block by block into an array of zeros: the run is that of a reference known before."""
    rng = np.random.default_rng(8)
    x, d = rng.standard_normal((2, 600))
    path = np.array([0.0, 1.0, 0.5])
    written = np.zeros(600)
    known = Plant(reference=x, disturbance=d, secondary_path=path)
    coming = Plant(reference=written, disturbance=d, secondary_path=path)
    controllers = [FxLMS(16, secondary_path_estimate=path, mu=0.01) for _ in range(2)]
    whole = known.run(controllers[0])[0]
    parts = []
    for start in range(0, 600, 40):
        written[start : start + 40] = x[start : start + 40]
        parts.append(coming.advance(controllers[1], 40)[0])
    np.testing.assert_array_equal(np.concatenate(parts), whole)
