"""What waits for a solver, and its jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from antiphase.control import Ack, Block, SplitSettings, SplitSolver
from antiphase.realtime.load import InlinePool, Ticket
from antiphase.realtime.solving import SolverQueue

FS, FRAMES = 8000, 800
RNG = np.random.default_rng(3)


def block(seq: int) -> Block:
    x, y, e = (RNG.standard_normal((FRAMES, 1)).astype(np.float32) for _ in range(3))
    return Block(seq, seq * FRAMES, FS, x, y, e)


def solver() -> SplitSolver:
    return SplitSolver(
        32, secondary_path_estimate=np.eye(1, 16, 2)[0], fs=FS, settings=SplitSettings()
    )


@dataclass
class _Later:
    """A pool whose job is done when it is told so."""

    jobs: list[Callable[[], object]] = field(default_factory=list)
    done: bool = False

    def submit(self, job: Callable[[], object], now: float) -> Ticket[object]:
        del now
        self.jobs.append(job)
        return self

    def ready(self, now: float) -> bool:
        del now
        return self.done

    def result(self) -> object:
        self.done = False
        return self.jobs[-1]()


def test_one_job_at_a_time_takes_all_that_has_come() -> None:
    """While one is under way blocks wait; the next takes them together, and says for how long."""
    pool = _Later()
    queue = SolverQueue(pool, solver(), lambda: None)  # type: ignore[arg-type]
    queue.put(block(0))
    assert not queue.hand_in(0.0)
    for seq in (1, 2, 3):
        queue.put(block(seq))
        assert not queue.hand_in(0.0)
    assert (len(pool.jobs), queue.waiting) == (1, 3)
    assert queue.take(0.0) is None
    pool.done = True
    first = queue.take(0.0)
    assert first is not None
    assert first.seconds == FRAMES / FS
    queue.hand_in(0.0)
    pool.done = True
    second = queue.take(0.0)
    assert second is not None
    assert second.seconds == 3 * FRAMES / FS
    assert second.status.lost_blocks == 0
    assert second.path.shape == (16,)
    assert (len(pool.jobs), queue.waiting) == (2, 0)


def test_the_oldest_blocks_are_dropped_and_counted() -> None:
    """Beyond so many they go, oldest first, each a miss; other messages stay."""
    missed: list[None] = []
    queue = SolverQueue(InlinePool(), solver(), lambda: missed.append(None))
    queue.put(Ack(1, 0))
    for seq in range(5):
        queue.put(block(seq))
        queue.keep(2)
    assert (queue.waiting, queue.dropped, len(missed)) == (3, 3, 3)
    assert queue.hand_in(0.0)
    solved = queue.take(0.0)
    assert solved is not None
    assert solved.seconds == 2 * FRAMES / FS


def test_answers_alone_begin_no_job() -> None:
    """What a device acknowledges waits for the next block."""
    queue = SolverQueue(InlinePool(), solver(), lambda: None)
    queue.put(Ack(1, 0))
    assert not queue.hand_in(0.0)
    assert (queue.waiting, queue.take(0.0)) == (1, None)
