"""What rooms allow: values that can't be are refused."""

from __future__ import annotations

from typing import Any

import pytest

from antiphase.errors import ParameterError
from antiphase.service.rooms_settings import RoomsSettings


@pytest.mark.parametrize("name", ["most_sessions", "most_devices", "figures_s", "connect_s"])
def test_nothing_may_be_zero(name: str) -> None:
    """The message names it."""
    values: Any = {name: 0}
    with pytest.raises(ParameterError, match=f"{name}=0 must be"):
        RoomsSettings(**values)
