"""The plant that never ends."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.control import FixedController
from antiphase.devices.rig import LoopedSound, RigPlant
from antiphase.errors import SignalError

RNG = np.random.default_rng(5)
X, D = RNG.standard_normal(1000), RNG.standard_normal(1000)
S = RNG.standard_normal(40) * np.exp(-np.arange(40) / 8)


def plant() -> RigPlant:
    return RigPlant(LoopedSound(X), LoopedSound(D), S, limit=1e6)


def test_the_drive_passes_the_secondary_path_and_meets_the_noise() -> None:
    """Over the seam too the sound is d + s∗y for any split into blocks."""
    room, y = plant(), 0.3 * RNG.standard_normal(2500)
    parts = [room.exchange(y[k : k + 50])[2] for k in range(0, 2500, 50)]
    expected = np.tile(D, 3)[:2500] + np.convolve(y, S)[:2500]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-6)


def test_a_controller_on_the_device_closes_the_loop_sample_by_sample() -> None:
    """A fixed filter's drive is w∗x, with the device's microphone or with what it is given."""
    w = RNG.standard_normal(16)
    room = plant()
    controller = FixedController(w, dtype=np.float64)
    parts = [room.advance(controller, 40) for _ in range(30)]
    drive = np.concatenate([p[3] for p in parts])
    np.testing.assert_allclose(drive, np.convolve(np.tile(X, 2), w)[:1200], atol=1e-9)
    _, _, _, silent = plant().advance(
        FixedController(w, dtype=np.float64), 40, reference=np.zeros(40)
    )
    assert not silent.any()


def test_paths_and_noise_may_change_on_the_way() -> None:
    """After a move the other path and the other noise hold; too long a path is refused."""
    room = RigPlant(LoopedSound(X), LoopedSound(D), S, limit=1e6, longest_path=60)
    room.exchange(np.zeros(100))
    room.move(secondary_path=np.r_[np.zeros(5), S], disturbance=LoopedSound(0 * D), fade=0)
    y = RNG.standard_normal(300)
    _, _, sound = room.exchange(y)
    np.testing.assert_allclose(sound, np.convolve(y, np.r_[np.zeros(5), S])[:300], atol=1e-5)
    with pytest.raises(SignalError, match="longer"):
        room.move(secondary_path=np.ones(61))


def test_the_microphones_noise_is_reported_and_not_heard() -> None:
    """Truth has no sensor noise; what is sent has."""
    room = RigPlant(LoopedSound(X), LoopedSound(D), S, error_noise_rms=0.1)
    _, error, sound = room.exchange(np.zeros(1000))
    np.testing.assert_array_equal(sound, D)
    assert np.std(error - sound) == pytest.approx(0.1, rel=0.1)
