"""The infrastructure: `python -m benchmarks.infra --json`.

All figures are counted from runs: every module's own tests; all that a local AWS API can play,
applied, planned again, read back and destroyed; checkov; the chart against Kubernetes' schemas; a
rolling restart under live sessions; a month's cost at the built-in usage.
"""

from __future__ import annotations

from typing import Any

from antiphase.cost import monthly_cost_usd
from benchmarks.groups import collect, print_figures
from benchmarks.infra_applied import applied_figures
from benchmarks.infra_chart import chart_schema_errors
from benchmarks.infra_drain import rolling_restart
from benchmarks.infra_modules import module_figures
from tests.infra.checkov import scan

ENVIRONMENTS = ("dev", "staging", "production")


def _checkov() -> dict[str, Any]:
    found = scan()
    return {"checkov_failed": len(found.failed), "checkov_skipped": found.skipped}


def _chart() -> dict[str, Any]:
    return {"chart_schema_errors": chart_schema_errors()}


def _cost() -> dict[str, Any]:
    return {"monthly_cost_usd": {name: monthly_cost_usd(name) for name in ENVIRONMENTS}}


GROUPS = {
    "modules": module_figures,
    "applied": applied_figures,
    "checkov": _checkov,
    "chart": _chart,
    "drain": rolling_restart,
    "cost": _cost,
}


def compute(only: str | None) -> dict[str, Any]:
    """Return the figures of all groups, or those of one."""
    return collect(GROUPS, only)


def main() -> None:
    """Print the figures."""
    print_figures(__doc__, GROUPS, compute)


if __name__ == "__main__":
    main()
