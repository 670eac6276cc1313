"""One run of each kind of row: what is built once by a benchmark must not rot between its runs."""

from __future__ import annotations

import pytest

from antiphase.simulation import DriftingClock, Link
from benchmarks import network_links, network_room


def test_a_street_row_reaches_its_ceiling_over_an_even_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing lost, no drift: within 2 dB of the 30 dB that the ambient noise leaves."""
    monkeypatch.setattr(network_links, "SECONDS", 3)
    assert 28 < network_links._street_nr("band", 0, Link(15.0)) < 31


def test_a_room_row_loses_nothing_over_an_even_link() -> None:
    """A device on the receiver's own clock costs less than .3 dB, by timestamps or by audio."""
    for by_audio in (False, True):
        loss = network_room._loss_db("band", DriftingClock(), Link(15.0), by_audio=by_audio)
        assert -0.3 < loss < 0.3
