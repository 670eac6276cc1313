"""Where filters are solved: here and now, or by threads; never with a queue that grows.

A mode has at most one job under way. What comes in meanwhile is taken together by the next job, so
that a pool with too much to do is asked less often: the update interval grows and nothing lags.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from antiphase.errors import require

__all__ = ["InlinePool", "SolverPool", "ThreadPool", "Ticket"]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Ticket(Protocol[T_co]):
    """A job that was handed in."""

    def ready(self, now: float) -> bool:
        """Whether the result is there."""

    def result(self) -> T_co:
        """Return the result, or raise what the job raised; only when ready."""


class SolverPool(Protocol):
    """Takes jobs and does them some time."""

    def submit(self, job: Callable[[], T], now: float) -> Ticket[T]:
        """Hand in a job.

        Parameters
        ----------
        job : callable
            Touches nothing that the caller uses before the ticket is ready.
        now : float
            Seconds on the session's clock.
        """

    def has_room(self) -> bool:
        """Whether one more session can be served at the longest update interval."""

    def open(self) -> None:
        """Count one more session."""

    def close(self) -> None:
        """Count one session less."""


@dataclass(frozen=True)
class _Done(Generic[T_co]):
    value: T_co

    def ready(self, now: float) -> bool:  # noqa: ARG002 - the seam
        return True

    def result(self) -> T_co:
        return self.value


class _Counted:
    """Counts sessions against the most that fit.

    Parameters
    ----------
    most_sessions : int
        ≥ 1. With blocks of 100 ms a session costs 0.046 of a core at the shortest interval and
        0.017 at 1 s (512 taps at 8 kHz).
    """

    def __init__(self, most_sessions: int) -> None:
        require(most_sessions >= 1, "most_sessions", most_sessions, "at least 1")
        self._most = most_sessions
        self._sessions = 0

    def has_room(self) -> bool:
        """Whether one more session can be served."""
        return self._sessions < self._most

    def open(self) -> None:
        """Count one more session."""
        self._sessions += 1

    def close(self) -> None:
        """Count one session less."""
        self._sessions -= 1


class InlinePool(_Counted):
    """Does each job at once: for one session, for tests, for virtual time."""

    def __init__(self, most_sessions: int = 40) -> None:
        super().__init__(most_sessions)

    def submit(self, job: Callable[[], T], now: float) -> Ticket[T]:  # noqa: ARG002 - the seam
        """Do it."""
        return _Done(job())


@dataclass(frozen=True)
class _Pending(Generic[T_co]):
    future: Future[T_co]

    def ready(self, now: float) -> bool:  # noqa: ARG002 - the seam
        return self.future.done()

    def result(self) -> T_co:
        return self.future.result()


class ThreadPool(_Counted):
    """Does jobs on threads; the kernels let go of the interpreter lock while they work.

    Parameters
    ----------
    threads : int
        ≥ 1.
    most_sessions : int, optional
        40 per thread by default.
    """

    def __init__(self, threads: int = 1, most_sessions: int | None = None) -> None:
        require(threads >= 1, "threads", threads, "at least 1")
        super().__init__(40 * threads if most_sessions is None else most_sessions)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="antiphase-solver")

    def submit(self, job: Callable[[], T], now: float) -> Ticket[T]:  # noqa: ARG002 - the seam
        """Hand in a job."""
        return _Pending(self._executor.submit(job))

    def stop(self) -> None:
        """Finish what is under way and end the threads."""
        self._executor.shutdown(wait=True, cancel_futures=True)
