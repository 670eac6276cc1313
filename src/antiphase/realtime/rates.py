"""Streams brought to another rate, timestamps included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.dsp.resample import PolyphaseResampler, rate_ratio
from antiphase.realtime.roster import Frame

__all__ = ["RateConverter"]

Floats = npt.NDArray[np.float64]


class RateConverter:
    """Brings the frames of one channel of a stream to a rate.

    Frames of that rate pass as they are. When the stream changes its own rate, or does not go on
    where it was, conversion begins anew. The resampler's delay is a constant of the stream.

    Parameters
    ----------
    fs : int
        Wanted, Hz, > 0.
    """

    def __init__(self, fs: int) -> None:
        self.fs = fs
        self._from = 0
        self._resampler: PolyphaseResampler | None = None
        self._due = self._next = 0

    def take(self, frame: Frame, channel: int) -> tuple[int, Floats]:
        """Return timestamp and samples at the wanted rate; what is no number is silence.

        Parameters
        ----------
        frame : Frame
        channel : int

        Raises
        ------
        ParameterError
            If the rates have no ratio of small numbers.
        """
        pcm = frame.finite(channel)
        if frame.fs == self.fs:
            return frame.timestamp, pcm
        if frame.fs != self._from or frame.timestamp != self._due or self._resampler is None:
            up, down = rate_ratio(frame.fs, self.fs)
            self._from, self._resampler = frame.fs, PolyphaseResampler(up, down)
            self._next = frame.timestamp * up // down
        self._due = frame.timestamp + len(pcm)
        made = self._resampler.process(pcm)
        first, self._next = self._next, self._next + len(made)
        return first, made
