"""A scenario from beginning to end."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from antiphase.errors import FileFormatError, StabilityError
from antiphase.metrics import noise_reduction_db
from antiphase.simulation.scenario import BUILTIN, Scenario, load_scenario, parse_scenario
from antiphase.simulation.study import Study, run_study

SMALL: dict[str, Any] = {
    "title": "small duct",
    "fs": 4000,
    "seconds": 4,
    "noise": {"kind": "white"},
    "paths": {"kind": "duct", "n_taps": 256, "source_reflection": 0.2, "outlet_reflection": -0.2},
    "electronics": {"latency_ms": 0.5},
    "identification": {"seconds": 2.0, "n_taps": 128},
    "controller": {"kind": "ModifiedFxNLMS", "n_taps": 128, "mu": 0.2},
}


def small(**changes: object) -> Scenario:
    return parse_scenario({**SMALL, **changes})


@pytest.fixture(scope="module")
def study() -> Study:
    return run_study(small())


def test_a_study_reports_what_the_microphone_heard(study: Study) -> None:
    """The noise reduction reported is that of the signals in the study, between 0 and the bound."""
    start = study.settled
    again = noise_reduction_db(study.scene.disturbance[start:], study.error[start:])
    assert study.reached_db == pytest.approx(again)
    assert 6 < study.reached_db < study.bound.nr_db + 1


def test_the_bound_is_computed_on_the_same_samples(study: Study) -> None:
    """What the bound's own error gives from the settled sample on is the bound."""
    start = study.settled
    again = noise_reduction_db(study.scene.disturbance[start:], study.bound.error[start:])
    assert study.bound.nr_db == pytest.approx(again, abs=1e-6)


def test_the_same_scenario_gives_the_same_numbers(study: Study) -> None:
    """All randomness comes from the seed; another seed gives another run."""
    assert run_study(small()).reached_db == study.reached_db
    assert run_study(small(seed=1)).reached_db != study.reached_db


def test_progress_names_each_stage() -> None:
    """The caller hears what is being done, and how much of it, between 0 and 1."""
    told: list[tuple[str, float]] = []
    run_study(small(seconds=2), progress=lambda stage, share: told.append((stage, share)))
    stages = list(dict.fromkeys(stage for stage, _ in told))
    assert stages[0].startswith("making")
    assert "controlling" in stages
    assert all(0 <= share <= 1 for _, share in told)


def test_a_wrong_model_is_warned_of_and_refused_when_strict() -> None:
    """An estimate lost in noise gives a warning; `strict` refuses to start with it."""
    poor = {"seconds": 0.2, "snr_db": -10.0, "n_taps": 128}
    scenario = small(seconds=2, identification=poor)
    with pytest.raises(StabilityError):
        run_study(scenario, strict=True)
    assert any("unstable" in note for note in run_study(scenario).warnings)


def test_generated_scenarios_say_so() -> None:
    """A stand-in for a recording is named as such."""
    notes = run_study(small(seconds=2, generated=True)).warnings
    assert any("generated" in note for note in notes)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "FxNLSM", "mu": 0.1}, "did you mean 'FxNLMS'"),
        ({"kind": "FxNLMS", "mo": 0.1}, "did you mean 'mu'"),
        ({"kind": "nowhere:Controller"}, "nowhere"),
    ],
)
def test_unknown_controllers_and_parameters_get_a_hint(table: dict[str, Any], message: str) -> None:
    """A controller or parameter that does not exist is named with the nearest that does."""
    with pytest.raises(FileFormatError, match=message):
        run_study(small(controller=table))


SLOW = ("office", "window")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in BUILTIN],
)
def test_every_built_in_scenario_works(name: str) -> None:
    """Each built-in scenario gets quieter, never louder, and its verdict names a limit."""
    scenario = dataclasses.replace(load_scenario(name), seconds=2.5)
    result = run_study(scenario)
    assert np.isfinite(result.error).all()
    assert result.reached_db > 3
    assert "limit" in result.verdict or "beyond" in result.verdict
