"""Blocks of split control put together, and their samples as the meter takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from antiphase.control import Block, Message

__all__ = ["explained_by", "merge_blocks", "samples_of"]

Floats = npt.NDArray[np.float64]


def samples_of(block: Block) -> tuple[Floats, Floats, Floats]:
    """Return x, y and e of the first channels, shape (n,).

    A gap says that nothing can be learnt there. Where the error microphone was heard all the same
    (only the reference was guessed) its sound counts; where there are exact zeros e is NaN.
    """
    x, y, e = (np.asarray(s[:, 0], np.float64) for s in (block.reference, block.drive, block.error))
    for start, length in block.gaps:
        part = slice(start, start + length)
        if not e[part].any():
            e[part] = np.nan
    return x, y, e


def explained_by(block: Block) -> npt.NDArray[np.bool_]:
    """Return where the reference explains what was heard, shape (n,): everywhere but in gaps."""
    explained = np.ones(block.frames, dtype=bool)
    for start, length in block.gaps:
        explained[start : start + length] = False
    return explained


def merge_blocks(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with blocks that follow each other made one.

    Acks and nacks come first: what they say was true before the last of the blocks ended. Blocks
    with a hole between them, or of different shape or rate, stay apart.
    """
    others = [m for m in messages if not isinstance(m, Block)]
    merged: list[Block] = []
    for block in (m for m in messages if isinstance(m, Block)):
        if merged and _follows(merged[-1], block):
            merged[-1] = _join(merged[-1], block)
        else:
            merged.append(block)
    return [*others, *merged]


def _follows(first: Block, second: Block) -> bool:
    same = all(
        getattr(first, name).shape[1] == getattr(second, name).shape[1]
        for name in ("reference", "drive", "error")
    )
    in_row = second.first_sample == first.first_sample + first.frames
    return same and in_row and first.fs == second.fs


def _join(first: Block, second: Block) -> Block:
    late = tuple((start + first.frames, length) for start, length in second.gaps)
    return replace(
        second,
        first_sample=first.first_sample,
        reference=np.concatenate([first.reference, second.reference]),
        drive=np.concatenate([first.drive, second.drive]),
        error=np.concatenate([first.error, second.error]),
        gaps=first.gaps + late,
    )
