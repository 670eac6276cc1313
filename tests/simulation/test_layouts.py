"""Layouts."""

from __future__ import annotations

from typing import Any

import pytest

from antiphase.errors import ParameterError
from antiphase.simulation.layouts import DuctPaths, EarcupPaths, FreeFieldPaths, RoomPaths

ROOM: dict[str, Any] = {
    "size_m": (4.0, 3.0, 2.5),
    "t60_s": 0.3,
    "source_m": (1.0, 1.5, 1.2),
    "reference_m": (1.2, 1.5, 1.2),
    "loudspeakers_m": ((3.0, 1.5, 1.2),),
    "errors_m": ((3.5, 1.5, 1.2),),
}


@pytest.mark.parametrize(
    ("layout", "change", "name"),
    [
        (DuctPaths, {"length_m": 0.0}, "length_m"),
        (DuctPaths, {"error_m": 9.0}, "error_m"),
        (DuctPaths, {"outlet_reflection": -1.0}, "outlet_reflection"),
        (DuctPaths, {"n_taps": 0}, "n_taps"),
        (EarcupPaths, {"leak_hz": -5.0}, "leak_hz"),
        (EarcupPaths, {"n_taps": 0}, "n_taps"),
        (RoomPaths, {**ROOM, "t60_s": 0.0}, "t60_s"),
        (RoomPaths, {**ROOM, "size_m": (4.0, 0.0, 2.5)}, "size_m"),
        (RoomPaths, {**ROOM, "errors_m": ((5.0, 1.0, 1.0),)}, "inside the room"),
        (RoomPaths, {**ROOM, "errors_m": ()}, "errors_m"),
        (FreeFieldPaths, {**ROOM, "loudspeakers_m": ()}, "loudspeakers_m"),
    ],
)
def test_a_layout_that_can_not_be_is_refused(
    layout: type[Any], change: dict[str, Any], name: str
) -> None:
    """Each length, place and factor outside its range is named."""
    if layout is FreeFieldPaths:
        change = {k: v for k, v in change.items() if k not in ("size_m", "t60_s")}
    with pytest.raises(ParameterError, match=name):
        layout(**change)
