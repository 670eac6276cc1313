"""The answer as one dictionary."""

from __future__ import annotations

import json

import pytest

from antiphase.cost.prices import read_prices
from antiphase.cost.report import summarise
from antiphase.cost.usage import load_profile


def test_the_report_is_json_and_whole() -> None:
    """Everything is there, can be written as JSON, and each line says when its price was read."""
    found = json.loads(json.dumps(summarise(load_profile("staging"), read_prices())))
    assert found["monthly_cost_usd"] == pytest.approx(sum(found["parts"].values()))
    assert found["nodes_at_peak"] >= found["nodes"]
    for name in ("carriers", "memory_sizes", "break_even", "request_table", "claims", "missing"):
        assert found[name]
    assert all(line["date"] and line["per"] for line in found["lines"])
