"""The rig's scenes."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.rig import SCENES, identify_in_quiet, make_scene, spoil_estimate
from antiphase.errors import ParameterError


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_the_same_for_the_same_seed_and_fits_its_converters(name: str) -> None:
    """Two makings are equal, another seed is not, and nothing clips."""
    one, two, other = (make_scene(name, seconds=3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.reference.samples, two.reference.samples)
    np.testing.assert_array_equal(one.disturbance.samples, two.disturbance.samples)
    assert not np.array_equal(one.reference.samples, other.reference.samples)
    for sound in (one.reference, one.disturbance):
        assert 0.01 < np.abs(sound.samples).max() < 0.98
    assert {"source", "reference", "error", "about", "lead_m"} <= set(one.geometry)


def test_the_lead_is_what_geometry_says() -> None:
    """20 m ahead, not ahead at all, and as little as a cable is held back to."""
    assert make_scene("road", seconds=2).lead_ms > 50
    assert make_scene("transformer", seconds=2).lead_ms < 0
    held = make_scene("drill", seconds=2, margin_ms=5.0)
    assert held.lead_ms == pytest.approx(5.0)
    assert held.bound(start_s=0, stop_s=2).nr_db > 10
    with pytest.raises(ParameterError, match="no cable"):
        make_scene("road", seconds=2, margin_ms=5.0)


def test_the_estimate_was_measured() -> None:
    """Ŝ is neither the true path nor far from it where there is sound; spoilt, it is 10 dB off."""
    scene = make_scene("road", seconds=2)
    true = scene.secondary_path
    found = np.pad(scene.secondary_path_estimate, (0, len(true) - 256))
    hz = np.fft.rfftfreq(4096, 1 / scene.fs)
    band = (hz > 100) & (hz < 2000)
    gap = np.abs(np.fft.rfft(true - found, 4096)) / np.abs(np.fft.rfft(true, 4096))
    assert 0 < np.max(gap[band]) < 0.05
    estimate = scene.secondary_path_estimate
    off = spoil_estimate(estimate, -10.0) - estimate
    assert 10 * np.log10(np.sum(off**2) / np.sum(estimate**2)) == pytest.approx(-10.0)


def test_more_noise_makes_a_worse_estimate() -> None:
    """Microphone and ambient noise are part of the measurement."""
    path = make_scene("road", seconds=2).secondary_path
    clean, noisy = (identify_in_quiet(path, 8000, noise_rms=r) for r in (1e-5, 2e-2))
    hz = np.fft.rfftfreq(4096, 1 / 8000)
    band = (hz > 100) & (hz < 2000)

    def gap(found: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        difference = np.fft.rfft(path, 4096) - np.fft.rfft(found, 4096)
        return float(np.sum(np.abs(difference[band]) ** 2))

    assert gap(noisy) > 10 * gap(clean)


def test_an_unknown_scene_is_refused() -> None:
    """The message lists those that there are."""
    with pytest.raises(ParameterError, match="road, transformer"):
        make_scene("moon")
