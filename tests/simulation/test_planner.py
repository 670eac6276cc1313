"""Plans for sites and noises of which the answer is known."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.acoustics import noise
from antiphase.errors import ParameterError, SignalError
from antiphase.simulation.planner import Plan, plan
from antiphase.simulation.site import Latency, Site

Floats = npt.NDArray[np.float64]
FS = 8000


@pytest.fixture(scope="module")
def street() -> Site:
    """Return the standard street: 54 ms of space."""
    return Site.outdoors()


@pytest.fixture(scope="module")
def desk() -> Site:
    """Return a laptop: reference on its lid, loudspeaker below, ear half a metre away."""
    return Site.outdoors(
        source=(0.0, 0.0, 1.0),
        reference=(1.5, 0.0, 1.0),
        loudspeaker=(1.55, 0.0, 0.9),
        error=(2.1, 0.0, 1.2),
    )


def test_street_with_a_fast_network(street: Site) -> None:
    """Band noise, 37 ms electronics of 54: lookahead reaches the ambient ceiling and says so."""
    result = plan(noise.make("band", 8, FS), street)
    wired, remote = result.modes
    assert (wired.mode, remote.mode) == ("split", "lookahead")
    assert remote.margin_ms == pytest.approx(street.margin_ms - 37)
    assert remote.nr_db == pytest.approx(30, abs=0.3)
    assert remote.limit == "ambient"
    assert "ambient noise that no reference hears" in remote.why
    assert result.tonal_share < 0.05
    assert remote.tones_db is None
    assert wired.margin_ms > 50
    assert wired.used_ms < 25
    assert result.best == "split"
    assert wired.nr_db == pytest.approx(30, abs=0.3)
    low, high = remote.cancellable_hz[0][0], remote.cancellable_hz[-1][1]
    assert low < 150
    assert high > 900


def test_a_laptop_can_not_cancel_broadband_noise(desk: Site) -> None:
    """White noise in a room from a laptop with 40 ms of audio latency: no, and why."""
    result = plan(noise.make("white", 8, FS), desk, Latency(device_ms=40))
    assert result.best == "clean"
    assert result.modes[0].nr_db < 1
    assert result.modes[1].mode == "predictive"
    assert result.quiet_radius_m is None
    assert "ms too late" in result.verdict
    assert "No anti-noise" in result.verdict
    assert "broadband noise can't be foretold (0." in result.verdict
    assert "5 ms of margin would give" in result.verdict


def test_a_laptop_can_cancel_hum(desk: Site) -> None:
    """The same place and latency, but mains hum: tones yes, by more than 20 dB."""
    result = plan(noise.make("hum", 8, FS), desk, Latency(device_ms=40))
    assert result.modes[0].nr_db > 20
    assert result.tonal_share > 0.95
    assert result.best in {"split", "predictive"}
    assert "tones fall by" in result.verdict
    assert result.quiet_radius_m is not None
    assert 0.02 < result.quiet_radius_m < 0.3


def test_a_fan_is_half_and_half(street: Site) -> None:
    """Half tones, half broadband, too late: the tones fall, the rest stays, 3 dB in total."""
    mode = plan(noise.make("fan", 8, FS), street, Latency(device_ms=94)).modes[0]
    assert mode.tones_db is not None
    assert mode.broadband_db is not None
    assert mode.tones_db > 10
    assert mode.broadband_db < 1.5
    assert mode.nr_db == pytest.approx(3, abs=1)
    assert mode.limit == "causality"
    assert "5 ms of margin would give" in mode.why


def test_short_filter_is_named_as_the_limit() -> None:
    """64 taps for a path of 256: what helps is a longer filter."""
    path = np.random.default_rng(1).standard_normal(256)
    path[:40] = 0
    site = Site.measured(path, [0.0, 0.0, 1.0], FS)
    mode = plan(noise.make("white", 6, FS), site, n_taps=64).modes[0]
    assert mode.limit == "taps"
    assert "256 taps would give" in mode.why


def test_noisy_reference_is_named_as_the_limit(street: Site) -> None:
    """A reference sensor 6 dB above its noise."""
    mode = plan(noise.make("white", 8, FS), street, reference_snr_db=6).modes[1]
    assert mode.limit == "reference noise"


def test_measured_paths() -> None:
    """A site of impulse responses: margin 28 samples minus the device's two milliseconds."""
    site = Site.measured(np.eye(1, 64, 40)[0], np.eye(1, 32, 12)[0], FS)
    mode = plan(noise.make("band", 6, FS), site).modes[0]
    assert mode.margin_ms == pytest.approx(1.5)
    assert mode.nr_db > 25


def test_plan_is_plain_in_json(street: Site) -> None:
    """Everything, bands included, goes through json."""
    result: Plan = plan(noise.make("pink", 3, FS), street)
    loaded = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert loaded["verdict"] == result.verdict
    assert len(loaded["modes"]) == 2
    assert loaded["modes"][0]["bands"]["centre_hz"]


def test_bad_input_says_what_to_change(street: Site) -> None:
    """Silence, snippets and impossible filters are refused."""
    with pytest.raises(SignalError, match="silent"):
        plan(np.zeros(80_000), street)
    with pytest.raises(SignalError, match=r"planning needs 0\.46 s"):
        plan(np.ones(1000), street)
    with pytest.raises(ParameterError, match="n_taps=0"):
        plan(np.ones(80_000), street, n_taps=0)
