"""The margin from the audio itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from antiphase.acoustics import StreetScene, noise
from antiphase.realtime.margin import causality_margin, lagged_response

FS = 8000


@pytest.mark.parametrize("kind", ["band", "traffic", "fan", "engine", "impulsive"])
@pytest.mark.parametrize("margin_ms", [20.0, 5.0, -40.0])
def test_margin_is_that_of_the_geometry(kind: str, margin_ms: float) -> None:
    """Two seconds of sound tell the margin to 0.3 ms, early or late."""
    scene = StreetScene()
    heard = scene.signals(noise.make(kind, 2.5, FS, 1), margin_ms=margin_ms, seed=1)
    d = (heard.disturbance + heard.ambient)[-2 * FS :]
    found = causality_margin(heard.reference[-2 * FS :], d, scene.secondary_path, FS)
    assert found is not None
    assert found.clear
    assert found.margin_ms == pytest.approx(margin_ms, abs=0.3)


def test_hum_has_no_clear_margin() -> None:
    """Lines look alike at every period: that is said, and no number is trusted."""
    scene = StreetScene()
    heard = scene.signals(noise.make("hum", 4.5, FS, 1), margin_ms=5.0, seed=1)
    d = heard.disturbance + heard.ambient
    found = causality_margin(heard.reference, d, scene.secondary_path, FS)
    assert found is not None
    assert not found.clear


def test_silence_and_short_recordings_tell_nothing() -> None:
    """Neither gives a margin."""
    quiet, path = np.zeros(8000), np.ones(1)
    assert causality_margin(quiet, quiet, path, FS) is None
    assert causality_margin(np.ones(100), np.ones(100), path, FS) is None


def test_lagged_response_is_the_response() -> None:
    """White noise through a filter gives its taps at their lags, negative ones too."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(20000)
    d = signal.lfilter([0, 0, 0, 1.0, -0.5], 1, x)
    taps = lagged_response(x, d, 50)
    assert np.argmax(np.abs(taps)) == 53
    assert taps[53:55] == pytest.approx([1.0, -0.5], abs=0.05)
    assert np.argmax(np.abs(lagged_response(d, x, 50))) == 47
