"""The figure of the chart."""

from __future__ import annotations

from benchmarks.infra_chart import chart_schema_errors


def test_no_version_refuses_the_chart() -> None:
    """No object of any environment is refused by any of the three versions."""
    assert chart_schema_errors() == 0
