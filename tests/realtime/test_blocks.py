"""Blocks put together."""

from __future__ import annotations

import numpy as np

from antiphase.control import Ack, Block
from antiphase.realtime.blocks import merge_blocks, samples_of


def block(seq: int, first: int, n: int = 10, gaps: tuple[tuple[int, int], ...] = ()) -> Block:
    ramp = np.arange(first, first + n, dtype=np.float32)[:, None]
    return Block(seq, first, 8000, ramp, ramp, ramp, gaps=gaps)


def test_blocks_in_a_row_become_one() -> None:
    """Samples, gaps and the newest version survive; acks go first."""
    merged = merge_blocks([block(0, 0, gaps=((2, 3),)), Ack(4, 7), block(1, 10, gaps=((0, 1),))])
    assert isinstance(merged[0], Ack)
    whole = merged[1]
    assert isinstance(whole, Block)
    assert whole.reference[:, 0].tolist() == list(range(20))
    assert whole.gaps == ((2, 3), (10, 1))
    assert (whole.seq, whole.first_sample) == (1, 0)


def test_blocks_with_a_hole_stay_apart() -> None:
    """What was lost between two blocks is not bridged."""
    assert len(merge_blocks([block(0, 0), block(2, 20)])) == 2


def test_only_unheard_gaps_are_unknown() -> None:
    """A gap with sound in it counts for the figures, one of exact zeros does not."""
    heard = block(0, 1, gaps=((2, 3),))
    assert np.isfinite(samples_of(heard)[2]).all()
    silent = Block(0, 0, 8000, *(np.zeros((10, 1), np.float32),) * 3, gaps=((2, 3),))
    assert np.flatnonzero(np.isnan(samples_of(silent)[2])).tolist() == [2, 3, 4]
