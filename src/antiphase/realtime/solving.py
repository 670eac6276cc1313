"""Blocks to a solver, answers back, one job at a time; wherever the filter runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.control import Block, Message, SplitSolver, SplitStatus
from antiphase.realtime.blocks import merge_blocks
from antiphase.realtime.load import SolverPool, Ticket

__all__ = ["Solved", "SolverQueue"]


@dataclass(frozen=True, eq=False)
class Solved:
    """What a job brings back.

    Attributes
    ----------
    answers : list of Message
    status : SplitStatus
    path : ndarray, shape (taps,)
        Ŝ by which filters are solved now.
    seconds : float
        Sound that was taken in.
    """

    answers: list[Message]
    status: SplitStatus
    path: npt.NDArray[np.float64]
    seconds: float


class SolverQueue:
    """What a solver has not seen yet, and the job under way.

    While a job is under way blocks wait, and the next job takes them together.

    Parameters
    ----------
    pool : SolverPool
    solver : SplitSolver
        Touched by jobs only.
    misses : callable
        Counts a block that was dropped.
    """

    def __init__(self, pool: SolverPool, solver: SplitSolver, misses: Callable[[], None]) -> None:
        self._pool, self._solver, self._misses = pool, solver, misses
        self._inbox: list[Message] = []
        self._ticket: Ticket[Solved] | None = None
        self.dropped = 0
        """Blocks that were too much for the solver."""

    @property
    def waiting(self) -> int:
        """Messages that no job has taken yet."""
        return len(self._inbox)

    def put(self, message: Message) -> None:
        """Add a message."""
        self._inbox.append(message)

    def keep(self, most: int) -> None:
        """Drop the oldest blocks beyond so many: a queue would only make filters late."""
        blocks = [m for m in self._inbox if isinstance(m, Block)]
        for block in blocks[:-most]:
            self._inbox.remove(block)
            self.dropped += 1
            self._misses()

    def take(self, now: float) -> Solved | None:
        """Return what was solved; None while there is nothing."""
        if self._ticket is None or not self._ticket.ready(now):
            return None
        ticket, self._ticket = self._ticket, None
        return ticket.result()

    def hand_in(self, now: float) -> bool:
        """Begin the next job where there are blocks for it; True if its result is there at once."""
        if self._ticket is not None or not any(isinstance(m, Block) for m in self._inbox):
            return False
        messages, self._inbox = merge_blocks(self._inbox), []
        self._ticket = self._pool.submit(self._job(messages), now)
        return self._ticket.ready(now)

    def _job(self, messages: list[Message]) -> Callable[[], Solved]:
        solver = self._solver
        seconds = sum(m.frames / m.fs for m in messages if isinstance(m, Block))

        def job() -> Solved:
            answers = [answer for message in messages for answer in solver.receive(message)]
            return Solved(answers, solver.status, solver.secondary_path_estimate, seconds)

        return job
