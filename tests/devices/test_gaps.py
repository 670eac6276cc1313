"""Marks in blocks where a device does not know what it should."""

from __future__ import annotations

import numpy as np

from antiphase.control import Ack, Block
from antiphase.devices.gaps import with_gaps


def test_spans_join_what_is_marked_already() -> None:
    """Overlapping marks are one, those of before are kept, spans that are over are dropped."""
    x = np.zeros((100, 1), np.float32)
    spans = [(900, 1000), (1010, 1030), (1090, 1300)]
    marked = with_gaps(Block(0, 1000, 8000, x, x, x, gaps=((25, 10), (50, 5))), spans)
    assert isinstance(marked, Block)
    assert marked.gaps == ((10, 25), (50, 5), (90, 10))
    assert spans == [(1010, 1030), (1090, 1300)]
    ack = Ack(1, 0)
    assert with_gaps(ack, spans) is ack
