"""Controllers written in plain Python from the equations, as users write theirs."""

from __future__ import annotations

import pickle

import numpy as np
import numpy.typing as npt

from antiphase.arrays import Signal

__all__ = ["PythonFxLMS"]

Floats = npt.NDArray[np.float64]


class PythonFxLMS:
    """FxLMS in plain Python behind the seam, any block length."""

    latency = 0

    def __init__(
        self, n_taps: int, secondary_path_estimate: Floats, mu: float, delay: int = 0
    ) -> None:
        self.s = secondary_path_estimate
        self.mu = mu
        self.delay = delay
        self.w = np.zeros(n_taps)
        self.x = np.zeros(n_taps + len(self.s) + delay + 2)
        self.blocks: list[int] = []

    @property
    def control_filter(self) -> Floats:
        return self.w

    @control_filter.setter
    def control_filter(self, taps: Floats) -> None:
        self.w = np.array(taps)

    def process(self, reference: Signal, error: Signal, out: Signal | None = None) -> Signal:
        self.blocks.append(len(reference))
        drive = np.empty(len(reference))
        for n, (sample, e) in enumerate(zip(reference, error, strict=True)):
            windows = np.lib.stride_tricks.sliding_window_view(self.x[self.delay :], len(self.s))
            filtered = windows[: len(self.w)] @ self.s
            self.w = self.w - self.mu * e * filtered
            self.x = np.concatenate([[sample], self.x[:-1]])
            drive[n] = self.w @ self.x[: len(self.w)]
        return drive

    def reset(self) -> None:
        self.w[:] = 0
        self.x[:] = 0

    def state(self) -> bytes:
        return pickle.dumps((self.w, self.x))

    def load_state(self, state: bytes) -> None:
        self.w, self.x = pickle.loads(state)  # noqa: S301 - our own bytes
