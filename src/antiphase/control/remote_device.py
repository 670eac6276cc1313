"""The device side of split control: plays, records, obeys; mutes first and tells then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.adaptive.seam import NativeController, native_class
from antiphase.arrays import Signal
from antiphase.control.guard import Guard, GuardStatus
from antiphase.control.split_messages import Ack, Block, Message, Nack, Probe, Push, Rollback
from antiphase.control.wrapped import as_path, nest, nested_core
from antiphase.errors import require

__all__ = ["SplitDevice", "probe_samples"]

_LEVEL_S = 0.1
_KEPT_FILTERS = 8
_ROLLBACK_FADE_S = 0.005
_MLS_BITS = 15


def probe_samples(probe: Probe) -> npt.NDArray[np.float64]:
    """Return one period of a probe, unit RMS; empty for a level of −inf.

    Parameters
    ----------
    probe : Probe

    Returns
    -------
    ndarray, shape (32767,) or (0,)
        From seed and generator alone, so that both sides could make it.

    References
    ----------
    MacWilliams & Sloane (1976), Pseudo-random sequences and arrays.
    """
    if np.isneginf(probe.level_db):
        return np.zeros(0)
    rng = np.random.default_rng(probe.seed)
    if probe.generator == "gaussian":
        noise = rng.standard_normal(2**_MLS_BITS - 1)
        return np.asarray(noise / np.sqrt(np.mean(noise**2)))
    start = rng.integers(0, 2, _MLS_BITS)
    start[0] = 1
    return np.asarray(1.0 - 2.0 * signal.max_len_seq(_MLS_BITS, state=start)[0])


class _Switched(NativeController):
    """The exchangeable filter as a controller, for the guard to wrap."""


class SplitDevice(NativeController):
    """Applies a control filter that is solved for elsewhere; a controller like any other.

    ``y = fade(w_old, w_new) ∗ x + probe``, through a `Guard` that judges by the Ŝ sent with the
    filter. Every `block_size` frames a `Block` of x, y and e is due. Without a push the device
    keeps its filter; when control does harm the guard rolls back or mutes by itself.

    Parameters
    ----------
    n_taps : int
        Taps of each control filter.
    secondary_path_estimate : array_like, shape (taps,) or (microphones, loudspeakers, taps)
        Ŝ at the start, version 0.
    fs : int
        Rate, Hz.
    references : int
        Reference microphones.
    block_size : int, optional
        Frames per block, ≥ 1; 100 ms by default.
    limit : float, optional
        Largest drive.
    error_delay : int
        Samples by which the errors that it is given are late, ≥ 0: those of a loudspeaker that is
        driven over a network. Its blocks then hold errors beside drives that they do not answer.
    dtype : {float32, float64}
        Number type of the kernel.

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range.

    Notes
    -----
    Use: call `process` for the audio, then `receive` for each message that came and `poll` for
    what to send; neither blocks nor looks at a clock. Time is the count of frames processed.
    """

    def __init__(
        self,
        n_taps: int = 512,
        *,
        secondary_path_estimate: npt.ArrayLike,
        fs: int,
        references: int = 1,
        block_size: int | None = None,
        limit: float | None = None,
        error_delay: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        require(fs >= 1, "fs", fs, "at least 1 Hz")
        block = round(fs / 10) if block_size is None else block_size
        require(block >= 1, "block_size", block, "at least 1")
        path = as_path("secondary_path_estimate", secondary_path_estimate, dtype)
        errors, loudspeakers, _ = path.shape
        filter_core = native_class("SwitchedFilter", dtype)(
            references, loudspeakers, errors, n_taps, 1 - np.exp(-1 / (_LEVEL_S * fs))
        )
        switched = _Switched(filter_core, dtype)
        self._guard = Guard(
            switched,
            fs=fs,
            secondary_path_estimate=path,
            limit=limit,
            gate_db=None,
            error_delay=error_delay,
        )
        core = nest("Recorder", dtype, (nested_core(self._guard),), 4 * block + 1)
        super().__init__(core, dtype)
        self._filter = filter_core
        self._shape = (loudspeakers, references, n_taps)
        self._path_shape = path.shape
        self._fs = fs
        self._block_size = block
        self._begin()

    def _begin(self) -> None:
        self._known: dict[int, Signal] = {0: np.zeros(self._shape, self._dtype)}
        self._pending: Push | None = None
        self._version = self._secondary_version = self._applied = 0
        self._overrides = int(self._filter.overrides)
        self._seq = self._next_sample = 0

    def reset(self) -> None:
        """Forget everything: filters, history, versions."""
        super().reset()
        self._begin()

    @property
    def control_filter(self) -> Signal:
        """The filter in force, or the one being faded in; set it by `receive`."""
        taps: Signal = self._filter.control_filter
        return taps

    @control_filter.setter
    def control_filter(self, taps: npt.ArrayLike) -> None:
        self._filter.control_filter = np.asarray(taps, dtype=self._dtype)

    @property
    def now(self) -> int:
        """Frames processed."""
        return int(self._filter.now)

    @property
    def taps_version(self) -> int:
        """Version in force; 0 is silence or a filter that the guard went back to."""
        return self._version

    @property
    def guard(self) -> GuardStatus:
        """State and counters of the guard."""
        return self._guard.status

    def receive(self, message: Message) -> list[Message]:
        """Take in a message of the solver.

        Parameters
        ----------
        message : Push, Rollback or Probe
            Others are for the solver and are ignored.

        Returns
        -------
        list of Nack
            A refusal, if any; an `Ack` comes from `poll` when the filter is in force.
        """
        match message:
            case Push():
                return self._receive_push(message)
            case Rollback():
                taps = self._known.get(message.to_version)
                if taps is None:
                    return [Nack(message.to_version, "stale")]
                fade = round(_ROLLBACK_FADE_S * self._fs)
                self._schedule(taps, message.to_version, 0, fade)
                self._pending = None
            case Probe():
                samples = probe_samples(message).astype(self._dtype)
                self._filter.set_probe(samples, 10 ** (message.level_db / 20))
        return []

    def _receive_push(self, push: Push) -> list[Message]:
        paths = push.secondary_path
        if push.taps.shape != self._shape or (paths.size and paths.shape != self._path_shape):
            return [Nack(push.version, "shape")]
        if push.version < self._version:
            return [Nack(push.version, "stale")]
        if push.version == self._version:  # the answer to the first copy was lost
            return [Ack(push.version, int(self._filter.applied_at))]
        self._known[push.version] = np.asarray(push.taps, self._dtype)
        for old in sorted(self._known)[1:-_KEPT_FILTERS]:
            del self._known[old]
        self._schedule(push.taps, push.version, push.apply_at, push.fade_samples)
        self._pending = push
        return []

    def _schedule(self, taps: Signal, version: int, at: int, fade: int) -> None:
        self._filter.push(np.asarray(taps, self._dtype).ravel(), version, at, fade)

    def poll(self) -> list[Message]:
        """Return what is due to the solver: acks, nacks, blocks, in order."""
        return [*self._settle(), *self._blocks()]

    def _settle(self) -> list[Message]:
        out: list[Message] = []
        was_silent = self._version == 0
        overrides, version = int(self._filter.overrides), int(self._filter.version)
        if overrides != self._overrides:
            muted = self._guard.status.state == "muted"
            out.append(Nack(self._version, "muted" if muted else "rolled_back"))
            self._overrides = overrides
            self._version = self._find(self._filter.control_filter)
        if version != self._applied:
            self._version = self._applied = version
        push = self._pending
        if push is not None and version == push.version:
            if push.secondary_path.size:
                self._guard.set_secondary_path_estimate(push.secondary_path)
                self._secondary_version = push.secondary_version
            elif was_silent:
                self._guard.begin_afresh()
            self._pending = None
            out.append(Ack(push.version, int(self._filter.applied_at)))
        return out

    def _find(self, taps: Signal) -> int:
        """Return the version of a filter, 0 if it is none of those kept."""
        shaped = taps.reshape(self._shape)
        same = [v for v, known in self._known.items() if np.array_equal(known, shaped)]
        return max(same, default=0)

    def _blocks(self) -> list[Message]:
        out: list[Message] = []
        muted = self._guard.status.state == "muted"
        recorded = int(self._core.recorded)
        # A device that was not polled for long has lost the oldest frames; never answer late twice.
        oldest = max(0, recorded - 4 * self._block_size)
        while self._next_sample < oldest:
            self._next_sample += self._block_size
        while self._next_sample + self._block_size <= recorded:
            x, y, e = self._core.copy(self._next_sample, self._block_size)
            out.append(
                Block(
                    self._seq,
                    self._next_sample,
                    self._fs,
                    x,
                    y,
                    e,
                    taps_version=self._version,
                    secondary_version=self._secondary_version,
                    muted=muted,
                )
            )
            self._seq += 1
            self._next_sample += self._block_size
        return out
