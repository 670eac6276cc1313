"""Split control with both sides on the server: for loudspeakers whose device runs no filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from antiphase.control import (
    Ack,
    Block,
    Message,
    Nack,
    Push,
    SplitDevice,
    SplitSettings,
    SplitSolver,
)
from antiphase.realtime.load import SolverPool
from antiphase.realtime.solving import SolverQueue
from antiphase.sync import AdaptationGate

__all__ = ["ServerLoop"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_BLOCK_S = 0.1


class ServerLoop:
    """The filter, its guard and its solver, for an error that comes `lag` samples late.

    What is played now is heard after the lag, and so is what the reference foretells. The solver
    therefore gets reference and drive as late as the error is: for it there is no lag, paths are
    as short as in the room, and the filter that it finds is the one to apply at once.

    Parameters
    ----------
    pool : SolverPool
    n_taps : int
        Taps of w.
    path : ndarray, shape (taps,)
        Ŝ.
    reach : int
        Taps by which both paths are followed, at least those of Ŝ.
    lag : int
        Samples from drive to error, Ŝ apart.
    fs : int
        Hz.
    limit : float
        Largest drive.
    settings : SplitSettings
    learnt : ndarray, shape (n_taps,), optional
        A filter to begin with.
    longest_s : float
        Sound that may wait for the solver; older blocks are dropped.
    misses : callable
        Counts an update that came too late.
    """

    def __init__(
        self,
        pool: SolverPool,
        n_taps: int,
        path: Floats,
        *,
        reach: int,
        lag: int,
        fs: int,
        limit: float,
        settings: SplitSettings,
        learnt: Floats | None = None,
        longest_s: float = 2.0,
        misses: Callable[[], None] = lambda: None,
    ) -> None:
        self.fs, self.lag, self.reach = fs, lag, reach
        self._taps = len(path)
        self.path: Floats = np.pad(path, (0, reach - len(path)))
        """Ŝ as it is followed, shape (reach,)."""
        self._device = SplitDevice(
            n_taps, secondary_path_estimate=path, fs=fs, limit=limit, error_delay=lag
        )
        self._solver = SplitSolver(
            n_taps,
            secondary_path_estimate=self.path,
            fs=fs,
            settings=settings,
        )
        self._learnt = learnt
        if learnt is not None:
            self._solver.take_over(learnt)
        self._gate = AdaptationGate(n_taps)
        self._newest: Floats = np.zeros(1)
        self._under_way: Floats = np.zeros((3, lag))
        # What is not known of the time before must have left the filter.
        self._unknown = lag + n_taps
        self._frame = round(_BLOCK_S * fs)
        self._most = max(1, round(longest_s / _BLOCK_S))
        self._parts: list[Floats] = []
        self._waiting = self._count = self._seq = 0
        self._queue = SolverQueue(pool, self._solver, misses)

    @property
    def control_filter(self) -> Floats:
        """The filter in force, or what was learnt before; shape (n_taps,)."""
        if self._device.taps_version == 0 and self._learnt is not None:
            return self._learnt
        return np.array(self._device.control_filter, np.float64).ravel()

    @property
    def mutes(self) -> int:
        """Times the guard has fallen silent."""
        return self._device.guard.mutes

    def process(
        self, reference: Floats, error: Floats, guessed: Flags, *, known: bool, now: float
    ) -> Floats:
        """Return the drive for a frame of the reference, shape (n,).

        Parameters
        ----------
        reference, error : ndarray, shape (n,)
            x, and e of the same frame of the device, which answers drives of `lag` samples ago.
        guessed : ndarray of bool, shape (n,)
            Where the reference had to be guessed.
        known : bool
            Whether the error is the microphone's.
        now : float
            s.
        """
        # A controller takes with each frame the error of the one before.
        before = np.concatenate([self._newest, error[:-1]])
        self._newest = error[-1:]
        drive = np.asarray(self._device.process(reference, before), np.float64).reshape(-1)
        self._put_answers(self._device.poll())
        self._record(np.stack([reference, drive, guessed.astype(np.float64)]), error, known=known)
        self._exchange(now)
        return drive

    def _record(self, sent: Floats, error: Floats, *, known: bool) -> None:
        """Put reference and drive beside the error that answers them; hand in whole blocks."""
        n = len(error)
        joined = np.concatenate([self._under_way, sent], axis=1)
        late, self._under_way = joined[:, :n], joined[:, n:]
        usable = self._gate.process(late[2] > 0) & known
        if self._unknown > 0:
            self._unknown -= n
            return
        self._parts.append(np.stack([late[0], late[1], error, usable.astype(np.float64)]))
        self._waiting += n
        if self._waiting >= self._frame:
            x, y, e, learn = np.concatenate(self._parts, axis=1).astype(np.float32)
            self._parts, self._waiting = [], 0
            self._queue.put(
                Block(
                    self._seq,
                    self._count,
                    self.fs,
                    x[:, None],
                    y[:, None],
                    e[:, None],
                    taps_version=self._device.taps_version,
                    gaps=_runs(learn == 0),
                )
            )
            self._seq, self._count = self._seq + 1, self._count + len(e)
            self._queue.keep(self._most)

    def _exchange(self, now: float) -> None:
        """Obey what was solved, hand in what has come since."""
        solved = self._queue.take(now)
        if solved is not None:
            self.path = solved.path
            for answer in solved.answers:
                self._put_answers(self._device.receive(self._fitted(answer)))
        self._queue.hand_in(now)

    def _put_answers(self, messages: list[Message]) -> None:
        for message in messages:
            if isinstance(message, Ack | Nack):
                self._queue.put(message)

    def _fitted(self, message: Message) -> Message:
        """Return a message as the device takes it: Ŝ as long as it joined with."""
        if not isinstance(message, Push) or not message.secondary_path.size:
            return message
        return replace(message, secondary_path=message.secondary_path[..., : self._taps])


def _runs(flags: Flags) -> tuple[tuple[int, int], ...]:
    """Return start and length of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return tuple((int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True))
