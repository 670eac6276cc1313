"""Figures as JSON."""

from __future__ import annotations

import math

from antiphase.realtime.figures import Attenuation, Figures, Octave


def test_what_is_not_finite_is_null() -> None:
    """NaN and infinity never reach JSON."""
    shown = Attenuation(
        math.nan, math.inf, bound=1.23456, by_octave=(Octave(63.0, math.nan, 2.0),)
    ).as_dict()
    assert shown["estimated"] is None
    assert shown["true"] is None
    assert shown["bound"] == 1.23
    assert shown["by_octave"] == [{"hz": 63.0, "db": None, "bound_db": 2.0}]


def test_the_fields_are_those_of_the_contract() -> None:
    """Names at the top level and in the latency budget."""
    values = Figures().as_dict()
    assert list(values) == [
        *("time_s", "mode", "reason", "control", "attenuation_db", "margin_ms", "latency_ms"),
        *("devices", "deadline_misses", "output", "spectrum", "split", "scene"),
    ]
    assert list(values["latency_ms"]) == [
        *("capture", "network_up", "server", "network_down", "buffer", "converters"),
        "acoustic_lead",
    ]
