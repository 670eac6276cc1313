"""What the figures of the modules are counted from."""

from __future__ import annotations

from benchmarks.infra_modules import ESCAPES, read_runs
from tests.infra.terraform import MODULES, ROOT


def test_each_escape_is_shown_by_a_run_that_refuses() -> None:
    """The run exists in its module and expects a failure."""
    assert len(ESCAPES) == 7
    for module, name in ESCAPES.values():
        runs = read_runs(ROOT / "modules" / module)
        assert sum(run.refused for (_, found), run in runs.items() if found == name) >= 1


def test_every_module_is_planned_applied_and_refuses() -> None:
    """No module is without a plan by the real provider, an apply to a mock and a bad input."""
    for module in MODULES:
        runs = read_runs(ROOT / "modules" / module)
        assert any(file == "plan.tftest.hcl" for file, _ in runs)
        assert any(run.applies for run in runs.values())
        assert any(run.refused for run in runs.values())
