"""Streaming second-order sections."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal

from antiphase.dsp.stream import Floats, as_block
from antiphase.errors import require

__all__ = ["BiquadFilter", "butterworth"]


def butterworth(
    kind: Literal["lowpass", "highpass", "bandpass", "bandstop"],
    frequency_hz: float | tuple[float, float],
    fs: float,
    order: int = 4,
) -> Floats:
    """Return the second-order sections of a Butterworth filter (bilinear transform, prewarped).

    Parameters
    ----------
    kind : {"lowpass", "highpass", "bandpass", "bandstop"}
    frequency_hz : float or (float, float)
        −3 dB frequency, or lower and upper one; in (0, fs/2).
    fs : float
        Hz, > 0.
    order : int
        At least 1; bands have twice as many poles.

    Returns
    -------
    ndarray, shape (sections, 6)

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Butterworth (1930), On the theory of filter amplifiers.
    """
    kinds = ("lowpass", "highpass", "bandpass", "bandstop")
    require(kind in kinds, "kind", kind, f"one of {', '.join(kinds)}")
    require(fs > 0, "fs", fs, "> 0 Hz")
    require(order >= 1, "order", order, "at least 1")
    edges = np.atleast_1d(np.asarray(frequency_hz, dtype=np.float64))
    wanted = 2 if kind.startswith("band") else 1
    require(edges.shape == (wanted,), "frequency_hz", frequency_hz, f"{wanted} frequencies")
    inside = bool((edges > 0).all() and (edges < fs / 2).all() and (np.diff(edges) > 0).all())
    require(inside, "frequency_hz", frequency_hz, f"rising and in (0, fs/2={fs / 2:g}) Hz")
    sections: Floats = scipy_signal.butter(
        order, edges if wanted == 2 else edges[0], kind, fs=fs, output="sos"
    )
    return sections


class BiquadFilter:
    """Cascade of second-order sections that keeps its state between blocks.

    Transposed direct form II; equal to `scipy.signal.sosfilt` on the whole signal for any split.

    Parameters
    ----------
    sections : array_like, shape (sections, 6)
        ``b0, b1, b2, a0, a1, a2`` each, such as `butterworth` gives; all poles inside the unit
        circle.
    channels : int

    Raises
    ------
    ParameterError
        If the shape does not fit or a pole is on or outside the unit circle.
    """

    def __init__(self, sections: npt.ArrayLike, *, channels: int = 1) -> None:
        sos = np.array(sections, dtype=np.float64)
        require(sos.ndim == 2 and sos.shape[1] == 6, "sections.shape", sos.shape, "(sections, 6)")
        require(channels >= 1, "channels", channels, "at least 1")
        require(bool((sos[:, 3] != 0).all()), "a0", 0.0, "other than 0")
        sos /= sos[:, 3:4]
        radius = max(float(np.abs(np.roots(section[3:])).max(initial=0.0)) for section in sos)
        require(radius < 1, "pole radius", radius, "< 1 (stable)")
        self._sections = sos
        self._state: Floats = np.zeros((len(sos), 2, channels))

    @property
    def latency(self) -> int:
        """0: no pure delay; the group delay depends on frequency."""
        return 0

    @property
    def sections(self) -> Floats:
        """The sections, a0 scaled to 1."""
        return self._sections.copy()

    def reset(self) -> None:
        """Forget all history."""
        self._state = np.zeros_like(self._state)

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Return the filtered frames, of the block's shape.

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite; the state stays as it was.
        """
        block, flat = as_block(signal, self._state.shape[2])
        if len(block):
            filtered, state = scipy_signal.sosfilt(self._sections, block, axis=0, zi=self._state)
            # Decaying states below this are silence; left alone they become slow denormals.
            state[np.abs(state) < 1e-200] = 0.0
            self._state = state
            block = filtered
        return block[:, 0] if flat else block
