"""Virtual sensing: quiet where no microphone is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.adaptive import FxLMS
from antiphase.control import VirtualSensingController, observation_filter
from antiphase.errors import ParameterError, SignalError
from antiphase.simulation import run_loop

Floats = npt.NDArray[np.float64]


@pytest.fixture
def scene() -> dict[str, Floats]:
    """Make a noise that reaches the physical microphone 4 samples before the virtual place."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20000)
    p = np.concatenate([np.zeros(8), rng.standard_normal(6)])
    physical = signal.lfilter(p, [1.0], x)
    onward = np.concatenate([np.zeros(4), [0.8, 0.3]])
    return {
        "x": x,
        "physical": physical,
        "virtual": signal.lfilter(onward, [1.0], physical),
        "onward": onward,
        "s_physical": np.array([0.0, 0.0, 0.0, 0.5, 0.4]),
        "s_virtual": np.array([0.0, 0.0, 1.0, 0.2]),
    }


def test_observation_filter_finds_the_path_between_the_places(scene: dict[str, Floats]) -> None:
    """Where the virtual sound is a filtered physical one, the filter is that path."""
    o = observation_filter(scene["physical"], scene["virtual"], 10)
    np.testing.assert_allclose(o[0, 0], np.concatenate([scene["onward"], np.zeros(4)]), atol=1e-2)


def test_observation_filter_of_many_channels() -> None:
    """Two virtual places as mixtures of three microphones are told apart."""
    rng = np.random.default_rng(1)
    physical = rng.standard_normal((8000, 3))
    o = rng.standard_normal((2, 3, 4))
    virtual = np.stack(
        [sum(signal.lfilter(o[v, p], [1.0], physical[:, p]) for p in range(3)) for v in range(2)],
        axis=1,
    )
    np.testing.assert_allclose(observation_filter(physical, virtual, 4), o, atol=2e-2)


def test_quiet_moves_to_the_virtual_place(scene: dict[str, Floats]) -> None:
    """Controlled by the far microphone, the virtual place falls by 20 dB; without it does not."""
    o = observation_filter(scene["physical"], scene["virtual"], 10)

    def virtual_level(controller: FxLMS | VirtualSensingController) -> float:
        drive = run_loop(
            controller,
            reference=scene["x"],
            disturbance=scene["physical"],
            secondary_path=scene["s_physical"],
        ).drive
        heard = scene["virtual"] + signal.lfilter(scene["s_virtual"], [1.0], drive)
        power = np.mean(heard[-3000:] ** 2) / np.mean(scene["virtual"][-3000:] ** 2)
        return float(10 * np.log10(power))

    sensing = VirtualSensingController(
        FxLMS(32, scene["s_virtual"], 1e-3, dtype=np.float64),
        physical_path_estimate=scene["s_physical"],
        virtual_path_estimate=scene["s_virtual"],
        observation=o,
    )
    assert virtual_level(sensing) < -20
    assert virtual_level(FxLMS(32, scene["s_physical"], 1e-3, dtype=np.float64)) > -10


def test_block_size_invariance_and_state(scene: dict[str, Floats]) -> None:
    """Any split gives the same drive, and a loaded state goes on where it stopped."""
    x, e = scene["x"][:300], scene["physical"][:300]

    def make() -> VirtualSensingController:
        return VirtualSensingController(
            FxLMS(8, scene["s_virtual"], 1e-3, dtype=np.float64),
            physical_path_estimate=scene["s_physical"],
            virtual_path_estimate=scene["s_virtual"],
            observation=scene["onward"],
        )

    whole = make().process(x, e)
    first, second = make(), make()
    start = first.process(x[:99], e[:99])
    second.load_state(first.state())
    np.testing.assert_array_equal(np.concatenate([start, second.process(x[99:], e[99:])]), whole)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"observation": np.ones((2, 1, 3))}, "observation channels"),
        ({"virtual_path_estimate": np.ones((1, 2, 3))}, "virtual_path_estimate loudspeakers"),
        ({"error_delay": -1}, "error_delay"),
    ],
)
def test_channels_must_fit(kwargs: dict[str, object], message: str) -> None:
    """Paths of different channels are refused by name."""
    good: dict[str, object] = {
        "physical_path_estimate": [1.0],
        "virtual_path_estimate": [1.0],
        "observation": [1.0],
    }
    with pytest.raises(ParameterError, match=message):
        VirtualSensingController(FxLMS(4, np.ones(1), 0.1, dtype=np.float64), **{**good, **kwargs})  # type: ignore[arg-type]


def test_short_or_unequal_recordings_are_refused() -> None:
    """An observation filter needs two filter lengths of both recordings."""
    with pytest.raises(SignalError, match="need 20"):
        observation_filter(np.ones(19), np.ones(19), 10)
    with pytest.raises(SignalError, match="virtual has 8 frames"):
        observation_filter(np.ones(9), np.ones(8), 2)
