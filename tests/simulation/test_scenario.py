"""Scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from antiphase.errors import AntiphaseError, FileFormatError
from antiphase.simulation.scenario import (
    BUILTIN,
    ControllerSettings,
    NoiseSettings,
    load_scenario,
    parse_scenario,
)

MINIMAL: dict[str, Any] = {"title": "a", "paths": {"kind": "duct"}}


@pytest.mark.parametrize("name", BUILTIN)
def test_every_built_in_scenario_loads(name: str) -> None:
    """Each built-in scenario is valid and says what it is about."""
    scenario = load_scenario(name)
    assert scenario.title
    assert len(scenario.about) > 60


def test_the_duct_is_measured_where_the_data_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With bench-data the duct is the measured one, without it is generated and says so."""
    monkeypatch.setenv("ANTIPHASE_BENCH_DATA", str(tmp_path))
    assert load_scenario("duct").generated
    (tmp_path / "duct.npz").touch()
    scenario = load_scenario("duct")
    assert not scenario.generated
    assert scenario.noise.kind == "recording"


def test_further_keys_are_parameters() -> None:
    """Keys that the noise and controller tables don't have are parameters of what they name."""
    scenario = parse_scenario(
        {
            **MINIMAL,
            "noise": {"kind": "engine", "shaft_hz": 20.0},
            "controller": {"kind": "FxNLMS", "n_taps": 64, "mu": 0.1},
        }
    )
    assert scenario.noise == NoiseSettings(kind="engine", parameters={"shaft_hz": 20.0})
    assert scenario.controller == ControllerSettings(
        kind="FxNLMS", n_taps=64, parameters={"mu": 0.1}
    )


def test_changes_win_over_the_file(tmp_path: Path) -> None:
    """A dotted key replaces or adds a value before anything is checked."""
    path = tmp_path / "own.toml"
    path.write_text('title = "own"\n[paths]\nkind = "duct"\n')
    changes = {"seed": 3, "controller.mu": 0.5, "paths.length_m": 6.0}
    scenario = load_scenario(path, changes)
    assert scenario.seed == 3
    assert scenario.controller.parameters == {"mu": 0.5}
    assert scenario.paths.length_m == 6.0  # type: ignore[union-attr]
    assert scenario.folder == str(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titel": "b"}, "did you mean 'title'"),
        ({"paths": {}}, "paths.kind"),
        ({"paths": {"kind": "dcut"}}, "did you mean 'duct'"),
        ({"paths": {"kind": "duct", "lenght_m": 1.0}}, "did you mean 'length_m'"),
        ({"paths": 3}, "write [paths]"),
        ({"electronics": {"latency": 1.0}}, "did you mean 'latency_ms'"),
        ({"electronics": {"latency_ms": -1.0}}, "electronics.latency_ms=-1.0 must be ≥ 0"),
        ({"identification": {"seconds": 0.0}}, "identification.seconds"),
        ({"noise": {"kind": "recording"}}, "noise.file"),
        ({"noise": {"kind": "pink", "file": "a.wav"}}, "noise.file"),
        ({"controller": {"n_taps": 0}}, "controller.n_taps=0"),
        ({"fs": 10}, "fs=10.0"),
        ({"seconds": 0}, "seconds=0.0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_a_bad_scenario_is_named_in_one_line(change: dict[str, Any], message: str) -> None:
    """Unknown keys get the nearest name, bad values the rule, each in one line."""
    with pytest.raises(AntiphaseError) as caught:
        parse_scenario({**MINIMAL, **change})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_scenarios_get_a_hint() -> None:
    """A name that is not built in gets the nearest one; a missing file is named."""
    with pytest.raises(FileFormatError, match="did you mean 'window'"):
        load_scenario("windo")
    with pytest.raises(FileFormatError, match=r"nowhere\.toml"):
        load_scenario("nowhere.toml")


def test_a_fault_names_the_file(tmp_path: Path) -> None:
    """Whatever is wrong in a file, the message starts with the file's name."""
    path = tmp_path / "own.toml"
    path.write_text('title = "own"\nseed = -1\n[paths]\nkind = "duct"\n')
    with pytest.raises(FileFormatError, match=r"^own\.toml: seed=-1"):
        load_scenario(path)


def test_a_change_inside_a_value_is_refused() -> None:
    """A dotted key that goes through something that is no table is named."""
    with pytest.raises(FileFormatError, match="not a table"):
        load_scenario("road", {"fs.x": 1})
