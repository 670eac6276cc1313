"""Between the sound card's call and the work: bounded, of constant lag, late work is silence."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition

import numpy as np
import numpy.typing as npt

from antiphase.devices.soundcard.card import CardFormat
from antiphase.errors import require

__all__ = ["BlockBridge", "Captured"]

Frames = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Captured:
    """A block to work on.

    Attributes
    ----------
    index : int
        Counts the card's blocks from 0.
    frames : ndarray, shape (block, inputs)
        Valid until the next `BlockBridge.take`.
    lost : int
        Blocks before it that were dropped, since the queue was full.
    """

    index: int
    frames: Frames
    lost: int


class BlockBridge:
    """The queue between a sound card and a worker that may be late now and then.

    The card's call only copies: it leaves block k and takes what was made of block k − `depth`. So
    the lag is the same for ever: what is not there in time is silence (`late`), and is thrown away
    when it does come. Of the blocks that wait at most `capacity` are kept; then the oldest is
    dropped (`dropped`).

    Parameters
    ----------
    form : CardFormat
    depth : int
        Blocks of lag, ≥ 1: the time that the worker has.
    capacity : int
        Blocks that may wait, ≥ 1.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    Notes
    -----
    `exchange` belongs to one thread, `take` and `give` to another; neither waits for the other's
    work.
    """

    def __init__(self, form: CardFormat, *, depth: int = 1, capacity: int = 4) -> None:
        require(depth >= 1, "depth", depth, "at least 1")
        require(capacity >= 1, "capacity", capacity, "at least 1")
        self._depth, self._capacity = depth, capacity
        self._inputs = np.zeros((capacity, form.block, form.inputs), np.float32)
        self._outputs = np.zeros((depth + 1, form.block), np.float32)
        self._stamps = np.full(depth + 1, -1, np.int64)
        self._taken_frames = np.zeros((form.block, form.inputs), np.float32)
        self._came = self._taken = self._told = 0
        self._ready = Condition()
        self.late = 0
        """Blocks played as silence because the worker was not done."""
        self.dropped = 0
        """Blocks that were never worked on."""

    @property
    def depth(self) -> int:
        """Blocks of lag."""
        return self._depth

    @property
    def blocks(self) -> int:
        """Blocks that the card has brought."""
        return self._came

    @property
    def waiting(self) -> int:
        """Blocks that wait for the worker."""
        return self._came - self._taken

    def exchange(self, captured: Frames, played: Frames) -> None:
        """Leave a block and take the one that is due; what the sound card calls.

        Parameters
        ----------
        captured : ndarray, shape (block, inputs)
        played : ndarray, shape (block, outputs)
            Written; all channels alike.
        """
        with self._ready:
            self._inputs[self._came % self._capacity] = captured
            due = self._came - self._depth
            self._came += 1
            if self._came - self._taken > self._capacity:
                self._taken += 1
                self.dropped += 1
            slot = due % len(self._stamps)
            if due >= 0 and self._stamps[slot] == due:
                played[:] = self._outputs[slot][:, None]
            else:
                played[:] = 0.0
                self.late += due >= 0
            self._ready.notify()

    def take(self, timeout: float = 0.0) -> Captured | None:
        """Return the oldest block that waits, None if none came within `timeout` seconds."""
        with self._ready:
            if self._came == self._taken:
                self._ready.wait(timeout)
            if self._came == self._taken:
                return None
            index, lost = self._taken, self.dropped - self._told
            self._told = self.dropped
            self._taken_frames[:] = self._inputs[index % self._capacity]
            self._taken += 1
            return Captured(index, self._taken_frames, lost)

    def give(self, index: int, drive: npt.ArrayLike) -> bool:
        """Hand over what is to be played for block `index`, shape (block,).

        Returns
        -------
        bool
            Whether it will be played; False if its time has passed.
        """
        with self._ready:
            if index + self._depth < self._came:
                return False
            slot = index % len(self._stamps)
            self._outputs[slot] = drive
            self._stamps[slot] = index
            return True
