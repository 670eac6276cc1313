"""Sites from geometry and from measured paths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.acoustics import StreetScene
from antiphase.dsp import first_arrival
from antiphase.errors import ParameterError, SignalError
from antiphase.simulation.site import Latency, Site


def test_latency_adds_up() -> None:
    """Wired: the device alone; over the network: everything."""
    latency = Latency(device_ms=1, network_ms=20, frame_ms=5, codec_ms=2, buffer_ms=10)
    assert latency.local_ms == 1
    assert latency.remote_ms == 38
    with pytest.raises(ParameterError, match="network_ms=-1"):
        Latency(network_ms=-1)


def test_outdoors_is_the_street_by_default() -> None:
    """The standard scene's margin and paths."""
    site = Site.outdoors()
    assert site.margin_ms == pytest.approx(StreetScene().margin().margin_ms)
    np.testing.assert_array_equal(site.secondary_path, StreetScene().secondary_path)


def test_without_ground_one_wave_is_left() -> None:
    """The ground adds energy behind the direct sound; the margin is the same."""
    bare = Site.outdoors(ground=False)
    assert bare.margin_ms == Site.outdoors().margin_ms
    assert np.sum(bare.disturbance_path**2) < 0.75 * np.sum(Site.outdoors().disturbance_path ** 2)


def test_room_keeps_its_tail_and_its_geometry() -> None:
    """T60 of .2 s: paths of that order, margin from the distances, converters in S."""
    site = Site.room((4, 3, 2.5), 0.2, (1, 1.5, 1.2), (1.2, 1.5, 1.2), (3, 1.5, 1.2), (3, 2, 1.2))
    lead_ms = (2.0 - 0.2 - 0.5) / 343.2 * 1000
    assert site.margin_ms == pytest.approx(lead_ms - 0.5, abs=0.02)
    assert len(site.disturbance_path) > 0.15 * 8000
    seen = first_arrival(site.secondary_path) / 8
    assert seen == pytest.approx(0.5 / 343.2 * 1000 + 0.5, abs=0.15)
    assert site.reference_path is not None
    later = first_arrival(site.reference_path(2.0)) - first_arrival(site.reference_path(0.0))
    assert later == pytest.approx(16, abs=0.1)


def test_measured_margin_is_the_difference_of_arrivals() -> None:
    """P arrives after 40 samples, S after 12: 28 samples of margin at 8 kHz."""
    primary, secondary = np.eye(1, 64, 40)[0], np.eye(1, 32, 12)[0]
    site = Site.measured(primary, secondary, 8000)
    assert site.margin_ms == pytest.approx(28 / 8)


@pytest.mark.parametrize("delay", [0.0, 3.0, 7.5, -5.0])
def test_electronics_shift_the_reference(delay: float) -> None:
    """A band-limited reference comes that many samples later, the disturbance doesn't move."""
    site = Site.measured(np.eye(1, 64, 40)[0], np.eye(1, 32, 12)[0], 8000)
    time = np.arange(2000)

    def tone(at: float) -> npt.NDArray[np.float64]:
        phase = 2 * np.pi * 0.05 * (time - at)
        burst: npt.NDArray[np.float64] = np.sin(phase) * np.exp(-(((time - at - 1000) / 200) ** 2))
        return burst

    reference, disturbance = site.signals(tone(0), delay / 8)
    np.testing.assert_allclose(reference, tone(delay), atol=1e-6)
    np.testing.assert_allclose(disturbance, tone(40), atol=1e-6)


def test_silence_is_refused() -> None:
    """There is nothing to plan for."""
    with pytest.raises(SignalError, match="nothing to cancel"):
        Site.outdoors().signals(np.zeros(100), 0.0)
