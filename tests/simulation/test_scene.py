"""The signals and paths of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antiphase.errors import AntiphaseError
from antiphase.files import write_audio
from antiphase.simulation.scenario import Scenario, parse_scenario
from antiphase.simulation.scene import Scene, build_scene

FS = 8000.0
PLACES: dict[str, Any] = {
    "source_m": [1.0, 1.5, 1.2],
    "reference_m": [1.5, 1.5, 1.2],
    "loudspeakers_m": [[3.0, 1.5, 1.2], [3.0, 1.0, 1.2]],
    "errors_m": [[3.5, 1.5, 1.2], [3.5, 1.0, 1.2], [3.5, 2.0, 1.2]],
}
LAYOUTS: list[dict[str, Any]] = [
    {"kind": "free_field", **PLACES, "n_taps": 512},
    {"kind": "room", "size_m": [4.0, 3.0, 2.5], "t60_s": 0.2, **PLACES, "n_taps": 512},
]


def scenario(folder: str = ".", **changes: object) -> Scenario:
    table: dict[str, Any] = {
        "title": "test",
        "fs": FS,
        "seconds": 2,
        "noise": {"kind": "white"},
        "paths": {"kind": "duct", "n_taps": 512},
    }
    return parse_scenario({**table, **changes}, folder=folder)


def level_db(part: np.ndarray, whole: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(part**2) / np.mean(whole**2)))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout["kind"])
def test_the_margin_is_that_of_the_geometry(layout: dict[str, Any]) -> None:
    """Lead and anti-noise arrive as the distances say, within the converters' delay."""
    scene = build_scene(scenario(paths=layout, electronics={"latency_ms": 1.0}))
    lead = (2.5 - 0.5) / 343 * FS
    assert scene.lead_samples == pytest.approx(lead, abs=1.0)
    way = 0.5 / 343 * FS + 8
    # Two anti-alias filters of order 8 at 0.45 fs delay by up to 2 samples each.
    assert way - 1 <= scene.anti_noise_samples <= way + 5


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout["kind"])
def test_every_microphone_and_loudspeaker_has_its_path(layout: dict[str, Any]) -> None:
    """Three microphones and two loudspeakers give six secondary and three primary paths."""
    scene = build_scene(scenario(paths=layout))
    assert scene.secondary_path.shape[:2] == (3, 2)
    assert scene.primary_path.shape[0] == 3
    assert scene.disturbance.shape == (16000, 3)


def test_levels_are_the_ones_asked_for() -> None:
    """Sensor noise and ambient lie at their levels below the signals, within 0.5 dB."""
    electronics = {"reference_snr_db": 30.0, "error_snr_db": 25.0, "ambient_db": -20.0}
    scene = build_scene(scenario(electronics=electronics))
    pure = scene.disturbance - scene.ambient
    assert level_db(scene.reference_noise, scene.reference) == pytest.approx(-30, abs=0.5)
    assert level_db(scene.error_noise, pure) == pytest.approx(-25, abs=0.5)
    assert level_db(scene.ambient, pure) == pytest.approx(-20, abs=0.5)


def test_the_disturbance_is_the_source_through_the_primary_path() -> None:
    """Without ambient d is the convolution of the source with the path to the microphone."""
    layout = {"kind": "duct", "n_taps": 256, "reference_m": 0.0, "source_reflection": 0.0}
    scene = build_scene(scenario(paths={**layout, "outlet_reflection": 0.0}))
    # With the reference at the source and no reflections the reference is the source itself.
    expected = np.convolve(scene.reference, scene.primary_path[0])[: len(scene.reference)]
    np.testing.assert_allclose(scene.disturbance[1000:, 0], expected[1000:], atol=2e-2)


def test_latency_and_a_late_reference_take_from_the_margin() -> None:
    """A millisecond of either is eight samples less at 8 kHz."""
    plain = build_scene(scenario())
    late = build_scene(scenario(electronics={"reference_delay_ms": 1.0}))
    slow = build_scene(scenario(electronics={"latency_ms": 1.0}))
    assert plain.margin_samples - late.margin_samples == pytest.approx(8)
    assert plain.margin_samples - slow.margin_samples == pytest.approx(8)
    np.testing.assert_array_equal(late.reference[8:], plain.reference[:-8])


def test_part_of_a_sample_of_latency_counts_as_one() -> None:
    """Latency is never rounded down."""
    scene = build_scene(scenario(electronics={"latency_ms": 0.01}))
    plain = build_scene(scenario())
    assert scene.anti_noise_samples - plain.anti_noise_samples == pytest.approx(1)


def test_sources_of_noise_are_independent() -> None:
    """Source, sensors and ambient share no random numbers, and one seed gives one scene."""
    electronics = {"ambient_db": -20.0}
    first, again = (build_scene(scenario(electronics=electronics)) for _ in range(2))
    np.testing.assert_array_equal(first.disturbance, again.disturbance)
    parts = [first.reference, first.reference_noise, first.error_noise[:, 0], first.ambient[:, 0]]
    correlation = np.corrcoef(parts) - np.eye(4)
    assert np.abs(correlation).max() < 0.1


def own_files(folder: Path, **noise: object) -> Scene:
    rng = np.random.default_rng(0)
    noisy = np.clip(0.1 * rng.standard_normal((16000, 2)), -1, 1)
    write_audio(folder / "noise.wav", noisy, 16000)
    for name, delay in (("primary.wav", 60), ("secondary.wav", 20)):
        taps = np.zeros(128)
        taps[delay] = 0.5
        write_audio(folder / name, taps, 8000)
    paths = {"kind": "measured", "primary": "primary.wav", "secondary": "secondary.wav"}
    recording = {"kind": "recording", "file": "noise.wav", **noise}
    return build_scene(scenario(str(folder), paths=paths, noise=recording))


def test_own_recordings_and_paths_are_read(tmp_path: Path) -> None:
    """A stereo recording at another rate and mono paths give a scene at the scenario's rate."""
    scene = own_files(tmp_path)
    assert scene.fs == FS
    assert len(scene.reference) == pytest.approx(8000, abs=2)
    assert np.sqrt(np.mean(scene.reference**2)) == pytest.approx(1.0, abs=1e-6)
    assert scene.margin_samples == pytest.approx(40, abs=0.1)


def test_a_recording_starts_where_it_is_told(tmp_path: Path) -> None:
    """Half a second into a recording of one second half a second is left."""
    assert len(own_files(tmp_path, start_s=0.5).reference) == pytest.approx(4000, abs=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": {"kind": "recording", "file": "gone.wav"}}, "gone"),
        ({"noise": {"kind": "recording", "file": "a.npz", "key": "dril"}}, r"dril.*drill"),
        ({"noise": {"kind": "recording", "file": "quiet.wav"}}, "silent"),
        ({"noise": {"kind": "wite"}}, "did you mean 'white'"),
        ({"noise": {"kind": "white", "rpm": 1.0}}, "noise.rpm"),
        ({"paths": {"kind": "measured", "primary": "gone.wav", "secondary": "gone.wav"}}, "gone"),
        ({"noise": {"kind": "recording", "file": "bench:a.npz", "key": "x"}}, "BENCH_DATA"),
    ],
)
def test_what_does_not_fit_is_named(
    changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing files, keys, kinds and parameters are named in one line."""
    monkeypatch.setenv("ANTIPHASE_BENCH_DATA", "")
    np.savez(tmp_path / "a.npz", drill=np.ones(100), fan=np.ones(100), fs=FS)
    write_audio(tmp_path / "quiet.wav", np.zeros(100), FS)
    with pytest.raises(AntiphaseError, match=message) as caught:
        build_scene(scenario(str(tmp_path), **changes))
    assert "\n" not in str(caught.value)
