"""The solver side of split control: finds the filter for a loudspeaker that is somewhere else."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.adaptive import LeastSquaresSolver, least_squares_window_s
from antiphase.control.remote_paths import JointPaths
from antiphase.control.remote_settings import Activity, Energies, SplitSettings, SplitStatus
from antiphase.control.split_messages import Ack, Block, Message, Nack, Push, Rollback
from antiphase.errors import SignalError, require

__all__ = ["SplitSolver"]

Floats = npt.NDArray[np.float64]

_TRUSTED_DB = 3.0
_PATHS_WINDOW_S = 10.0
_REFIT_ITERATIONS = 96
_PATIENCE_BLOCKS = 6  # three round trips of at most two blocks each
# Silent for so long with an Ŝ so far from the measured one, it tries the other.
_RECONSIDER_S, _OTHER_PATH_DB = 2.0, -10.0


class SplitSolver:
    """Block least squares for one device: blocks in, filters out; no clock, no sockets.

    Each block is taken in halves: the filter solved before a half foretells what it would have left
    there (an honest estimate, on samples it was not fitted to), then the half is learnt. What is
    foretold decides: a filter that helps is pushed, one that does not is answered with silence.

    `JointPaths` watches whether the paths explain the error. When they don't any more, the solver
    sends silence (a moment without anti-noise shows the primary path alone, and the difference to
    what was before shows the secondary path), takes both paths anew and fits w to what came since.

    From a silent reference nothing is learnt: any filter suits it, also one far too loud for what
    comes next. An error of nothing but zeros is that of a dead microphone. Where no filter helps
    for seconds after a change, the Ŝ found then may be wrong and, as nothing is played, stays so:
    the measured one is tried, and then the other again.

    Parameters
    ----------
    n_taps : int
        Taps of w.
    secondary_path_estimate : array_like, shape (taps,)
        Ŝ at the start, the device's version 0.
    fs : int
        Rate, Hz.
    settings : SplitSettings

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range.

    References
    ----------
    Elliott (2001), Signal Processing for Active Control, ch. 3 and 5.
    """

    def __init__(
        self,
        n_taps: int = 512,
        *,
        secondary_path_estimate: npt.ArrayLike,
        fs: int,
        settings: SplitSettings | None = None,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        require(fs >= 1, "fs", fs, "at least 1 Hz")
        self._settings = SplitSettings() if settings is None else settings
        self._n_taps, self._fs = n_taps, fs
        window = self._settings.window_s or least_squares_window_s(n_taps, fs)
        self._window = window * fs
        self._paths = JointPaths(
            secondary_path_estimate,
            fs,
            window_s=min(_PATHS_WINDOW_S, 3 * window)
            if self._settings.window_s
            else _PATHS_WINDOW_S,
            settle_s=self._settings.settle_s,
            rule=self._settings.rule,
        )
        self._path = self._measured = self._paths.secondary_path
        self._solver = self._new_solver()
        self._blocks: deque[tuple[Floats, Floats, Floats]] = deque()
        self._stored = 0
        self._foretold = Energies(self._settings.memory_s * fs)
        self._effect = Energies(self._settings.memory_s * fs)
        self._history = np.zeros((2, n_taps + len(self._path)))
        self._before = self._history
        self._version = self._secondary_version = self._in_force = 0
        self._device_secondary = 0
        self._changed_at: int | None = None
        self._expected: int | None = None
        self._seq = -1
        self._unacked: Push | None = None
        self._waiting_since = 0
        self._was_resent = self._silent = self._is_new_path = self._taken_over = False
        self._probed = False
        self._refused = self._unsound = self._resent = self._lost = 0
        self._activity = Activity(fs)
        self._unjoined = self._adopted_at = self._helped_at = 0

    def _new_solver(self) -> LeastSquaresSolver:
        return LeastSquaresSolver(
            self._n_taps,
            secondary_path_estimate=self._path,
            fs=self._fs,
            window_s=self._window / self._fs,
            ridge=self._settings.ridge,
        )

    @property
    def control_filter(self) -> Floats:
        """The filter solved last, shape (n_taps,)."""
        return np.asarray(self._solver.control_filter, np.float64)

    @property
    def secondary_path_estimate(self) -> Floats:
        """Ŝ by which filters are solved now, shape (taps,)."""
        return self._path.copy()

    @property
    def status(self) -> SplitStatus:
        """Versions, estimates and counters."""
        return SplitStatus(
            version=self._version,
            in_force=self._in_force,
            foretold_db=self._foretold.reduction_db,
            estimated_db=self._effect.reduction_db,
            changes=self._paths.changes,
            refused=self._refused,
            unsound=self._unsound,
            resent=self._resent,
            lost_blocks=self._lost,
        )

    def take_over(self, control_filter: npt.ArrayLike) -> None:
        """Begin with a filter that another solver found for this device, by the Ŝ given here.

        It is pushed with the first block, and with it Ŝ; whether it helps is judged as always.

        Parameters
        ----------
        control_filter : array_like, shape (n_taps,)
        """
        self._solver.control_filter = control_filter
        self._taken_over = self._is_new_path = True

    def receive(self, message: Message) -> list[Message]:
        """Take in a message of the device.

        Parameters
        ----------
        message : Block, Ack or Nack
            Others are for the device and are ignored.

        Returns
        -------
        list of Push, Rollback and Probe
            What to send.

        Raises
        ------
        SignalError
            If a block has another rate or more channels than one.
        """
        match message:
            case Block():
                return self._receive_block(message)
            case Ack():
                self._in_force = message.version
                self._waiting_since = self._expected or 0
                self._was_resent = False
                if self._unacked is not None and message.version >= self._unacked.version:
                    self._unacked = None
            case Nack():
                self._refused += 1
                if self._unacked is not None and message.version == self._unacked.version:
                    self._unacked = None
                if message.reason in ("rolled_back", "muted"):
                    self._in_force = 0
        return []

    def _receive_block(self, block: Block) -> list[Message]:
        channels = {s.shape[1] for s in (block.reference, block.drive, block.error)}
        if channels != {1} or block.fs != self._fs:
            raise SignalError(
                f"a block has {sorted(channels)} channels at {block.fs} Hz; this solver takes one "
                f"of each at {self._fs} Hz"
            )
        if self._expected is not None and block.first_sample < self._expected:
            return []  # a repeated block
        x, y, e = (
            np.asarray(s[:, 0], np.float64) for s in (block.reference, block.drive, block.error)
        )
        if not e.any():
            e[:] = np.nan
        for start, length in block.gaps:
            e[start : start + length] = np.nan
        if self._expected is not None and block.first_sample > self._expected:
            self._lost += max(1, block.seq - self._seq - 1)
            self._bridge()
        self._expected, self._seq = block.first_sample + block.frames, block.seq
        self._in_force = block.taps_version
        out: list[Message] = []
        if not self._probed:
            self._probed = True
            out.append(self._settings.probe)
        if self._settling:
            self._foretold.clear()  # what older filters would have done is no longer of interest
        half = max(1, block.frames // 2)
        for start in range(0, block.frames, half):
            part = slice(start, start + half)
            out += self._learn(x[part], y[part], e[part])
        return out + self._decide(block)

    def _bridge(self) -> None:
        """Go on after lost blocks: what came before does not join what comes now."""
        self._history[:] = 0
        taps = self.control_filter
        self._forget()
        self._solver.control_filter = taps
        self._unjoined = len(self._path)

    def _forget(self) -> None:
        """Solve anew from what comes now."""
        self._solver = self._new_solver()
        self._blocks.clear()
        self._stored = 0

    def _learn(self, x: Floats, y: Floats, e: Floats) -> list[Message]:
        if not self._activity.take(x):
            e = np.full(len(e), np.nan)
        self._foretell(x, y, e)
        changed = self._watch_paths(x, y, e) if self._settings.track else None
        if changed is not None:
            self._before = self._history[:, : self._history.shape[1] - len(x) + changed]
            return self._begin_again(x[changed:], y[changed:], e[changed:])
        self._store(x, y, e)
        if self._is_time_to_adopt():
            self._path = self._paths.secondary_path
            self._is_new_path = True
            self._refit()
        else:
            self._solver.observe(x, y, e)
            if not self._solver.solve(self._settings.iterations):
                self._unsound += 1
        return []

    def _watch_paths(self, x: Floats, y: Floats, e: Floats) -> int | None:
        """Show the paths what came; what still sounds of a lost block they can't explain."""
        if self._unjoined:
            e = e.copy()
            e[: self._unjoined] = np.nan
            self._unjoined = max(0, self._unjoined - len(e))
        return self._paths.observe(x, y, e)

    def _is_time_to_adopt(self) -> bool:
        """Whether to take Ŝ anew: all the time after a change, then each second for a while."""
        if self._changed_at is None or self._expected is None:
            return False
        since = (self._expected - self._changed_at) / self._fs
        if since > self._settings.follow_s:
            self._changed_at = None
            return False
        if since < self._settings.settle_s:
            return True
        if self._expected - self._adopted_at < self._fs:
            return False
        self._adopted_at = self._expected
        return True

    @property
    def _settling(self) -> bool:
        return (
            self._changed_at is not None
            and self._expected is not None
            and self._expected - self._changed_at < self._settings.settle_s * self._fs
        )

    def _foretell(self, x: Floats, y: Floats, e: Floats) -> None:
        """Compare d̂ with what the newest filter would have left of it."""
        joined = np.concatenate([self._history, np.stack([x, y])], axis=1)
        self._history = joined[:, len(x) :]
        keep = len(x)
        played = signal.oaconvolve(joined[1], self._path)[: joined.shape[1]][-keep:]
        wanted = signal.oaconvolve(joined[0], self.control_filter)[: joined.shape[1]]
        made = signal.oaconvolve(wanted, self._path)[: joined.shape[1]][-keep:]
        known = np.isfinite(e)
        disturbance = (e - played)[known]
        before = float(np.sum(disturbance**2))
        if self._solver.samples > 0:
            self._foretold.add(before, float(np.sum((disturbance + made[known]) ** 2)), keep)
        self._effect.add(before, float(np.sum(e[known] ** 2)), keep)

    def _store(self, x: Floats, y: Floats, e: Floats) -> None:
        self._blocks.append((x, y, e))
        self._stored += len(x)
        while self._stored - len(self._blocks[0][0]) > 3 * self._window:
            self._stored -= len(self._blocks.popleft()[0])

    def _begin_again(self, x: Floats, y: Floats, e: Floats) -> list[Message]:
        self._changed_at = self._expected
        self._forget()
        self._store(x, y, e)
        self._foretold.clear()
        self._effect.clear()
        self._silent = True
        self._unacked = None
        return [Rollback(0)]

    def _refit(self) -> None:
        """Fit anew to all blocks since the change, with the Ŝ of now."""
        x, y, e = (np.concatenate(parts) for parts in zip(*self._blocks, strict=True))
        # The solver takes its inputs as zero before its first sample: what came before still sounds
        # in the first errors and is taken out with the filters as known so far.
        count = min(self._n_taps + len(self._path), len(e))
        past = np.concatenate([self._before, np.zeros((2, count))], axis=1)
        both = np.convolve(self.control_filter, self._path)
        e = e.copy()
        e[:count] -= signal.oaconvolve(past[1], self._path)[: past.shape[1]][-count:]
        e[:count] += signal.oaconvolve(past[0], both)[: past.shape[1]][-count:]
        taps = self.control_filter
        self._solver = self._new_solver()
        if self._foretold.reduction_db > _TRUSTED_DB:
            self._solver.control_filter = taps
        self._solver.observe(x, y, e)
        if not self._solver.solve(_REFIT_ITERATIONS):
            self._unsound += 1

    def _decide(self, block: Block) -> list[Message]:
        now = block.first_sample + block.frames
        if self._unacked is not None:
            if self._in_force >= self._unacked.version:
                self._unacked = None
            elif now - self._waiting_since > _PATIENCE_BLOCKS * block.frames:
                if self._was_resent:
                    return []  # hold: the device does not answer
                self._was_resent = True
                self._resent += 1
                return [self._unacked]
        taken_over, self._taken_over = self._taken_over, False
        if self._stored < self._settings.first_push * self._n_taps and not taken_over:
            return []
        if not taken_over and self._foretold.reduction_db < self._settings.least_db:
            if self._silent:
                self._reconsider(now)
                return []
            self._silent = True
            self._unacked = None
            return [Rollback(0)]
        self._helped_at = now
        return [self._push(now)]

    def _reconsider(self, now: int) -> None:
        """Take the other Ŝ, the measured one or the one followed, where this one helps nobody."""
        if self._settling:
            self._helped_at = now
        if now - self._helped_at < _RECONSIDER_S * self._fs:
            return
        self._helped_at = now
        limit = 10 ** (_OTHER_PATH_DB / 10) * float(np.sum(self._measured**2))
        on_measured = np.array_equal(self._path, self._measured)
        other = self._paths.secondary_path if on_measured else self._measured
        if float(np.sum((other - self._path) ** 2)) <= limit:
            return
        self._path = other
        self._changed_at = None
        self._is_new_path = True
        self._foretold.clear()
        self._bridge()
        self._solver.control_filter = np.zeros(self._n_taps)

    def _push(self, now: int) -> Push:
        self._version += 1
        self._silent = False
        taps = np.asarray(self.control_filter, np.float32)[None, None]
        path = np.zeros((1, 1, 0), np.float32)
        if self._is_new_path:
            self._is_new_path = False
            self._secondary_version += 1
            path = np.asarray(self._path, np.float32)[None, None]
        push = Push(
            self._version,
            taps,
            now + self._settings.lead_samples,
            round(self._settings.fade_ms * self._fs / 1000),
            self._secondary_version,
            path,
        )
        if self._unacked is None:
            self._waiting_since, self._was_resent = now, False
        self._unacked = push
        return push
