"""Marks in blocks of split control where a device does not know what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from antiphase.control import Block, Message

__all__ = ["with_gaps"]


def with_gaps(message: Message, spans: list[tuple[int, int]]) -> Message:
    """Mark the frames of a block that lie in spans of samples, beside those marked already.

    Parameters
    ----------
    message : Message
        Others than blocks are returned as they are.
    spans : list of (int, int)
        First sample and the one after the last; those that end before the block are taken out.
    """
    if not isinstance(message, Block) or not spans:
        return message
    begin, end = message.first_sample, message.first_sample + message.frames
    spans[:] = [span for span in spans if span[1] > begin]
    marked = np.zeros(message.frames, dtype=bool)
    for start, length in message.gaps:
        marked[start : start + length] = True
    for start, stop in spans:
        marked[max(0, start - begin) : max(0, min(end, stop) - begin)] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(int)))
    gaps = tuple((int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True))
    return replace(message, gaps=gaps)
