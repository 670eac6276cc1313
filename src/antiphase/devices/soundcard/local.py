"""Local control: a device with an error microphone and a loudspeaker, and no reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import ModifiedFxNLMS
from antiphase.adaptive.seam import NativeController
from antiphase.control import Block, FeedbackController, Guard, GuardStatus, Message, Rollback
from antiphase.control.wrapped import nest, nested_core
from antiphase.dsp import first_arrival
from antiphase.errors import require

__all__ = ["LocalDevice"]

_LISTEN_S = 0.5


class LocalDevice(NativeController):
    """Feedback control by an internal model, with the verbs of `control.SplitDevice`.

    ``FeedbackController(Guard(ModifiedFxNLMS))``, as in the browser. Every 100 ms a `Block` of y
    and e is due, from which the attenuation is estimated (x is 0).

    Parameters
    ----------
    n_taps : int
        Taps of w.
    secondary_path_estimate : array_like, shape (taps,)
        Ŝ.
    fs : int
        Rate, Hz.
    limit : float, optional
        Largest drive.
    mu : float, optional
        Step; .05 by default, less where Ŝ is late: its error acts on what was learnt that long ago.
    leakage : float
        Of the rule.

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range.
    """

    def __init__(
        self,
        n_taps: int = 512,
        *,
        secondary_path_estimate: npt.ArrayLike,
        fs: int,
        limit: float | None = None,
        mu: float | None = None,
        leakage: float = 0.999998,
    ) -> None:
        require(fs >= 10, "fs", fs, "at least 10 Hz")
        path = np.asarray(secondary_path_estimate, np.float32)
        step = min(0.05, 8 / max(int(first_arrival(path)), 1)) if mu is None else mu
        rule = ModifiedFxNLMS(n_taps, path, step, leakage=leakage)
        self._guard = Guard(rule, fs=fs, secondary_path_estimate=path, limit=limit)
        self._loop = FeedbackController(self._guard, path)
        self._block_size = round(fs / 10)
        kept = 4 * self._block_size + 1
        core = nest("Recorder", np.float32, (nested_core(self._loop),), kept)
        super().__init__(core, np.float32)
        self._fs = fs
        self._settle = max(n_taps + len(path), round(_LISTEN_S * fs))
        self._seq = self._next_sample = 0

    @property
    def settle(self) -> int:
        """Frames before which nothing should be learnt.

        Before its histories are full the rule divides by next to nothing; half a second of silence
        also tells the guard and the figures what it sounds like without us.
        """
        return self._settle

    @property
    def now(self) -> int:
        """Frames whose error is known."""
        return int(self._core.recorded)

    @property
    def guard(self) -> GuardStatus:
        """State and counters of the guard."""
        return self._guard.status

    def receive(self, message: Message) -> list[Message]:
        """Fall silent at a `Rollback`; nothing else is meant for it.

        Returns
        -------
        list of Message
            Empty.
        """
        if isinstance(message, Rollback):
            self._loop.control_filter = np.zeros_like(self._loop.control_filter)
        return []

    def poll(self) -> list[Message]:
        """Return the blocks that are due."""
        out: list[Message] = []
        recorded = int(self._core.recorded)
        while self._next_sample < recorded - 4 * self._block_size:
            self._next_sample += self._block_size
        while self._next_sample + self._block_size <= recorded:
            x, y, e = self._core.copy(self._next_sample, self._block_size)
            muted = self._guard.status.state == "muted"
            out.append(
                Block(self._seq, self._next_sample, self._fs, np.zeros_like(x), y, e, muted=muted)
            )
            self._seq += 1
            self._next_sample += self._block_size
        return out
