"""What an engine asks for, as values."""

from __future__ import annotations

from antiphase.realtime import Flow, SetRoutes


def test_flows_compare_by_value() -> None:
    """Routes are only set when they have changed."""
    assert SetRoutes((Flow("a", "0", "hear"),)) == SetRoutes((Flow("a", "0", "hear"),))
    assert Flow("a", "0", "forward", "b") != Flow("a", "0", "forward", "c")
