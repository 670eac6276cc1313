"""Options that several commands share."""

from __future__ import annotations

import pytest

from antiphase.cli.options import sweeps, values
from antiphase.errors import ParameterError


def test_values_are_numbers_truths_or_text() -> None:
    """Each value of a key is read as TOML would, and as text otherwise."""
    assert sweeps(["a.b=1,2.5", "c=true", "d=single"]) == {
        "a.b": [1, 2.5],
        "c": [True],
        "d": ["single"],
    }
    assert values(["a=1,2"]) == {"a": 1}
    assert values(None) == {}


@pytest.mark.parametrize("change", ["a", "a=", "=1"])
def test_half_a_change_is_refused(change: str) -> None:
    """A change without key or value is refused."""
    with pytest.raises(ParameterError, match="KEY=VALUE"):
        sweeps([change])
