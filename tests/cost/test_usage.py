"""Profiles of usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphase.cost.usage import BUILTIN, Network, Traffic, load_profile
from antiphase.errors import FileFormatError, ParameterError


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_profiles_load(name: str) -> None:
    """Each built-in profile is valid and says in words what it stands for."""
    profile = load_profile(name)
    assert profile.name == name
    assert profile.about


def test_production_peaks_at_a_thousand_sessions() -> None:
    """The production profile's words are its numbers."""
    traffic = load_profile("production").traffic
    assert traffic.sessions * traffic.peak == pytest.approx(1000, rel=1e-3)


def test_headers_count() -> None:
    """32 kbit/s in 20 ms packets are 54.4 on the wire: 50 packets of 56 bytes more."""
    assert Traffic(sessions=1).wire_kbit_s == pytest.approx(32 + 50 * 56 * 8 / 1000)


def test_cores_follow_the_kinds_of_session() -> None:
    """25 split sessions, 250 clean ones or 1500 forwarded ones fill one core."""
    assert Traffic(sessions=1).cores_per_session == pytest.approx(1 / 25)
    clean = Traffic(sessions=1, split=0, clean=1)
    assert clean.cores_per_session == pytest.approx(1 / 250)
    assert Traffic(sessions=1, split=0, forward=1).cores_per_session == pytest.approx(1 / 1500)


def test_gateways_follow_the_choice() -> None:
    """Per zone there are as many gateways as zones."""
    found = {nat: Network(zones=3, nat=nat).gateways for nat in ("per_zone", "single", "none")}
    assert found == {"per_zone": 3, "single": 1, "none": 0}


def test_an_own_file_and_changes(tmp_path: Path) -> None:
    """A file needs only its traffic, and a change by key wins over it."""
    path = tmp_path / "street.toml"
    path.write_text("[traffic]\nsessions = 5\n", encoding="utf-8")
    profile = load_profile(str(path), {"traffic.sessions": 7, "network.nat": "single"})
    assert profile.name == "street"
    assert profile.traffic.sessions == pytest.approx(7)
    assert profile.network.gateways == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"traffic.sessions": -1}, "traffic.sessions"),
        ({"traffic.peak": 0.5}, "traffic.peak"),
        ({"traffic.minutes": 0}, "traffic.minutes"),
        ({"traffic.devices": 0}, "traffic.devices"),
        ({"traffic.split": 0.9}, "the sum 1"),
        ({"traffic.codec_kbit_s": 0}, "codec_kbit_s"),
        ({"traffic.frame_ms": 0}, "frame_ms"),
        ({"edge.users": -1}, "edge.users"),
        ({"edge.block_ms": 20}, "edge.block_ms"),
        ({"edge.memory_mb": 64}, "edge.memory_mb"),
        ({"edge.cpu_share": 0}, "cpu_share"),
        ({"edge.fs": 0}, "edge.fs"),
        ({"edge.handed_over": 2}, "handed_over"),
        ({"media.vcpus": 0}, "vcpus"),
        ({"media.least_nodes": -1}, "least_nodes"),
        ({"media.busy": 0}, "media.busy"),
        ({"storage.raw_gb": -1}, "raw_gb"),
        ({"storage.raw_months": 0}, "raw_months"),
        ({"storage.object_mb": 0}, "object_mb"),
        ({"network.zones": 0}, "zones"),
        ({"network.nat": "two"}, "per_zone"),
        ({"network.nat_gb": -1}, "nat_gb"),
        ({"network.interface_endpoints": -1}, "interface_endpoints"),
        ({"data.cache_nodes": -1}, "cache_nodes"),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, object], words: str) -> None:
    """A value out of range is refused in one line that names it."""
    with pytest.raises(ParameterError, match=words):
        load_profile("production", changes)


def test_unknown_names_get_a_hint() -> None:
    """An unknown profile and an unknown key are answered with the nearest one."""
    with pytest.raises(FileFormatError, match="did you mean 'production'"):
        load_profile("producton")
    with pytest.raises(FileFormatError, match="did you mean 'sessions'"):
        load_profile("dev", {"traffic.sesions": 1})
