"""Filter and solver on the server, closed around a plant that answers late."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.control import SplitSettings
from antiphase.realtime.load import InlinePool, SolverPool
from antiphase.realtime.server_loop import ServerLoop

from .engine_loop import FS, paths
from .test_engine import SlowPool

Floats = npt.NDArray[np.float64]
LAG, FRAME = 317, 40


def loop(
    pool: SolverPool | None = None,
    learnt: Floats | None = None,
    longest_s: float = 2.0,
    misses: Callable[[], None] = lambda: None,
) -> ServerLoop:
    return ServerLoop(
        InlinePool() if pool is None else pool,
        256,
        paths()[1],
        reach=256,
        lag=LAG,
        fs=FS,
        limit=1.0,
        settings=SplitSettings(),
        learnt=learnt,
        longest_s=longest_s,
        misses=misses,
    )


class Late:
    """The room: what is played is heard `LAG` samples later, behind the secondary path."""

    def __init__(self, seconds: float) -> None:
        rng = np.random.default_rng(3)
        self.n = round(seconds * FS)
        # The noise has been there for a while: it is heard `LAG` and more after the reference.
        sound = 0.1 * rng.standard_normal(self.n + 1000)
        self.x = sound[1000:]
        self.d = np.convolve(sound, paths()[0])[1000 - LAG :][: self.n]
        self.d += 0.02 * np.std(self.d) * rng.standard_normal(self.n)
        self.played: Floats = np.zeros(self.n + LAG + 400)
        self.error: Floats = np.zeros(self.n)

    def run(
        self,
        under_test: ServerLoop,
        start_s: float,
        stop_s: float,
        guessed: tuple[int, int] | None = None,
        bad: tuple[int, int] | None = None,
    ) -> None:
        path = paths()[1]
        for first in range(round(start_s * FS), round(stop_s * FS), FRAME):
            part = slice(first, first + FRAME)
            self.error[part] = self.d[part] + self.played[part]
            x, guess = self.x[part].copy(), np.zeros(FRAME, bool)
            if guessed is not None and guessed[0] <= first < guessed[1]:
                x, guess = np.zeros(FRAME), np.ones(FRAME, bool)
            lost = bad is not None and bad[0] <= first < bad[1]
            heard = np.zeros(FRAME) if lost else self.error[part]
            drive = under_test.process(x, heard, guess, known=not lost, now=first / FS)
            self.played[first + LAG : first + LAG + FRAME + len(path) - 1] += np.convolve(
                drive, path
            )

    def nr_db(self, start_s: float, stop_s: float) -> float:
        part = slice(round(start_s * FS), round(stop_s * FS))
        return float(10 * np.log10(np.sum(self.d[part] ** 2) / np.sum(self.error[part] ** 2)))


def test_the_lag_costs_nothing_but_itself() -> None:
    """40 ms from drive to error: 25 dB after a second, as if there were no lag."""
    room, under_test = Late(2.0), loop()
    room.run(under_test, 0.0, 2.0)
    assert room.nr_db(1.2, 2.0) > 25
    assert under_test.mutes == 0


def test_what_was_guessed_or_not_heard_is_not_learnt_from() -> None:
    """A reference that was guessed, an error that was made up: as quiet as before right after."""
    room, under_test = Late(3.0), loop()
    room.run(under_test, 0.0, 3.0, guessed=(12000, 12400), bad=(16000, 16400))
    assert room.nr_db(1.2, 1.5) > 25
    # The guess is heard once, as loud as the noise: 50 ms of it and the filter's memory.
    assert room.nr_db(1.7, 2.0) > 25
    assert room.nr_db(2.1, 3.0) > 25


def test_a_filter_that_was_learnt_before_plays_with_the_first_block() -> None:
    """Found by one loop, taken over by another: 20 dB within a quarter of a second."""
    room, first = Late(2.0), loop()
    room.run(first, 0.0, 2.0)
    again, second = Late(1.0), loop(learnt=first.control_filter)
    again.run(second, 0.0, 1.0)
    assert again.nr_db(0.25, 0.5) > 20


@pytest.mark.parametrize("each_s", [0.3, 1e6])
def test_a_solver_that_is_slow_or_stuck_never_makes_a_queue(each_s: float) -> None:
    """CASES 16: blocks beyond half a second are dropped and counted; the filter plays on."""
    dropped: list[int] = []
    room = Late(4.0)
    under_test = loop(SlowPool(each_s), longest_s=0.5, misses=lambda: dropped.append(1))
    for k in range(8):
        room.run(under_test, k / 2, k / 2 + 0.5)
        assert under_test._queue.waiting <= 5 + 3
    assert (len(dropped) > 20) == (each_s > 1)
    assert (room.nr_db(3.0, 4.0) > 20) == (each_s < 1)
