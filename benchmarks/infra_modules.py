"""What each Terraform module's own tests show: planned, applied to a mock, refusing bad input."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.terraform import MODULES, ROOT, Terraform, make_terraform

__all__ = ["ESCAPES", "Run", "module_figures", "read_runs"]

# The seven mistakes that every tool lets pass, and the run that shows that we don't.
ESCAPES = {
    "sizes that Fargate lacks": ("jobs", "refuses_memory_that_fargate_lacks"),
    "a UDP listener before a TCP group": ("media", "refuses_udp_towards_tcp"),
    "two firewall rules of one priority": ("waf", "refuses_two_groups_of_one_priority"),
    "a managed group with action": ("waf", "refuses_an_action_on_a_group"),
    "capitals in a bucket's name": ("bucket", "refuses_capitals_in_the_bucket"),
    "STANDARD_IA before 30 days": ("bucket", "refuses_early_standard_ia"),
    "an alarm without a metric": ("observability", "refuses_an_alarm_without_a_metric"),
}
_RUN = re.compile(r'^run "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_REFUSED = re.compile(r"expect_failures = \[(.*?)\]", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """One run of a module's tests: whether it applies, and the bad inputs it expects refused."""

    applies: bool
    refused: int


def read_runs(folder: Path) -> dict[tuple[str, str], Run]:
    """Return the runs of a module's tests by file and name."""
    found = {}
    for file in sorted(folder.glob("tests/*.tftest.hcl")):
        for name, body in _RUN.findall(file.read_text(encoding="utf-8")):
            refused = [part for part in ",".join(_REFUSED.findall(body)).split(",") if part.strip()]
            found[file.name, name] = Run("command = apply" in body, len(refused))
    return found


def _passed(terraform: Terraform, where: str) -> set[tuple[str, str]]:
    terraform.run(where, "init", "-backend=false")
    lines = terraform.call(where, "test", "-json").stdout.splitlines()
    runs = [line["test_run"] for line in map(json.loads, lines) if line["type"] == "test_run"]
    return {(Path(run["path"]).name, run["run"]) for run in runs if run.get("status") == "pass"}


def module_figures() -> dict[str, Any]:
    """Run the tests of every module and of the root, and count what passed."""
    planned = applied = refused = 0
    caught: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        terraform = make_terraform(Path(folder))
        for module in [*MODULES, "."]:
            where = "." if module == "." else f"modules/{module}"
            runs = read_runs(ROOT if module == "." else ROOT / "modules" / module)
            passed = _passed(terraform, where)
            refused += sum(run.refused for key, run in runs.items() if key in passed)
            caught |= {
                what for what, (of, run) in ESCAPES.items() if of == module and _ran(run, passed)
            }
            if module == ".":
                continue
            plans = {key for key in runs if key[0] == "plan.tftest.hcl"}
            mocks = {key for key, run in runs.items() if run.applies}
            planned += bool(plans) and plans <= passed
            applied += bool(mocks) and mocks <= passed
    return {
        "modules_total": len(MODULES),
        "modules_planned_real": planned,
        "modules_mock_applied": applied,
        "escapes_caught": len(caught),
        "bad_inputs_refused": refused,
    }


def _ran(name: str, passed: set[tuple[str, str]]) -> bool:
    return any(run == name for _, run in passed)
