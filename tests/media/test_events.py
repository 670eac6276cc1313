"""Events are values: equal when they say the same, and safe to keep."""

from __future__ import annotations

import dataclasses

import pytest

from antiphase.media.events import Closed, Connected


def test_events_compare_by_content_and_do_not_change() -> None:
    """Two events that say the same are equal, and none can be altered."""
    assert Connected("a") == Connected("a") != Connected("b")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Closed("a", "reason").reason = "other"  # type: ignore[misc]
