"""Settings of an engine."""

from __future__ import annotations

import pytest

from antiphase.errors import ParameterError
from antiphase.realtime import EngineSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 2.0),
        ("clean_taps", 0),
        ("clean_mu", 2.0),
        ("long_clean_taps", 1),
        ("clean_window_s", 0.0),
        ("clean_delay_ms", -1.0),
        ("buffer_ms", 0.0),
        ("longest_interval_s", 0.0),
        ("busy_share", 0.0),
    ],
)
def test_values_outside_their_range_are_refused(name: str, value: float) -> None:
    """Each is named in the message."""
    with pytest.raises(ParameterError, match=name):
        EngineSettings(**{name: value})  # type: ignore[arg-type]
