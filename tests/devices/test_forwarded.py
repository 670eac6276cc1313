"""The forwarded reference on the device that plays against it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antiphase.control import Ack, Block
from antiphase.devices.forwarded import ForwardedReference, read_guide

FS = 8000


def running(lost: set[int] | None = None, seconds: float = 2.0) -> ForwardedReference:
    reference = ForwardedReference(FS, 0.02, memory=100)
    for k in range(round(seconds * 200)):
        if k not in (lost or set()):
            reference.push(40 * k, 0.005 * k, np.full(40, 0.1))
        reference.pull(40, 0.005 * k, 40 * k)
    return reference


def block(first: int, frames: int = 800) -> Block:
    x = np.zeros((frames, 1), np.float32)
    return Block(0, first, FS, x, x, x)


def test_what_was_guessed_is_a_gap_for_as_long_as_the_filter_remembers() -> None:
    """One lost packet: its 40 samples and 100 more are marked, nothing else."""
    reference = running({300})
    assert reference.missing - running().missing == 40
    due = 300 * 40 + round(0.02 * FS)
    marked = reference.with_gaps(block(due - 200))
    assert isinstance(marked, Block)
    assert len(marked.gaps) == 1
    start, length = marked.gaps[0]
    assert start == pytest.approx(200, abs=2)
    assert length == 140
    later = reference.with_gaps(block(due + 400))
    assert isinstance(later, Block)
    assert later.gaps == ()
    other = Ack(1, 0)
    assert reference.with_gaps(other) is other


def test_it_reports_and_obeys() -> None:
    """Its rate twice a second once the clock is known; a guide sets it, null lets go."""
    assert running(seconds=0.2).report(0.2) is None
    reference = running()
    told = reference.report(2.0)
    assert told is not None
    assert told["type"] == "playout"
    assert told["rate_ppm"] == pytest.approx(0, abs=20)
    assert reference.report(2.2) is None
    reference.obey({"rate_ppm": 150.0, "skip": 0.0})
    reference.pull(40, 2.0, 16000)
    assert reference.rate_ppm == pytest.approx(150)
    jumps = reference.jumps
    reference.obey({"rate_ppm": 150.0, "skip": -20.0})
    assert reference.jumps == jumps + 1
    reference.obey({"rate_ppm": None, "skip": 0.0})
    reference.pull(40, 2.005, 16040)
    assert abs(reference.rate_ppm) < 25


@pytest.mark.parametrize(
    "message",
    [{"rate_ppm": 1e9}, {"rate_ppm": "fast"}, {"rate_ppm": 0.0, "skip": 1e6}],
)
def test_a_guide_that_asks_for_too_much_is_not_obeyed(message: dict[str, Any]) -> None:
    """Rates beyond 2000 ppm and skips beyond 100 ms leave everything as it is."""
    reference = running()
    before = reference.jumps
    reference.obey(message)
    reference.pull(40, 2.0, 16000)
    assert abs(reference.rate_ppm) < 25
    assert reference.jumps == before


@pytest.mark.parametrize(
    "data", ["no JSON", b"\xff", "[]", "null", "1", '{"type": "figures"}', "{}"]
)
def test_what_is_no_message_of_the_guide_is_ignored(data: bytes | str) -> None:
    """Neither what is no JSON nor what is no object of that kind."""
    assert read_guide(data) is None


def test_a_message_of_the_guide_is_read() -> None:
    """As text or as bytes."""
    text = '{"type": "playout", "rate_ppm": null}'
    assert read_guide(text) == read_guide(text.encode()) == {"type": "playout", "rate_ppm": None}
