"""What a scene tells of itself."""

from __future__ import annotations

import pytest

from antiphase.devices.rig import make_scene
from antiphase.errors import ParameterError


def test_the_bound_falls_off_the_cliff_where_the_margin_ends() -> None:
    """Traffic with 54 ms of lead: near 30 dB with 20 ms of electronics, nothing with 60."""
    scene = make_scene("road", seconds=8)
    assert scene.lead_ms == pytest.approx(54.1, abs=0.1)
    assert scene.bound(electronics_ms=20, start_s=2, stop_s=7).nr_db > 25
    assert scene.bound(electronics_ms=60, start_s=2, stop_s=7).nr_db < 2


def test_devices_are_found_by_name() -> None:
    """An unknown name is refused with those that there are."""
    scene = make_scene("road", seconds=2)
    assert scene.device("window").plays
    assert scene.device("kerb").hears_reference
    with pytest.raises(ParameterError, match="kerb, window"):
        scene.device("roof")


def test_links_and_clocks_belong_to_devices() -> None:
    """The two clocks are the set drift apart, and no two ways through the network are alike."""
    scene = make_scene("road", seconds=2, drift_ppm=100, loss=0.5)
    apart = scene.clock("kerb", 0.0).count(10.0) - scene.clock("window", 0.0).count(10.0)
    assert apart == pytest.approx(8.0, rel=1e-3)
    links = [link for name in ("kerb", "window") for link in scene.links(name)]
    fates = {tuple(link.arrival(k * 0.01) is None for k in range(64)) for link in links}
    assert len(fates) == 4
