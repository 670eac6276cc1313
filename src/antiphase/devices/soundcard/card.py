"""A sound card's format, and the way from its rate to the control rate and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.dsp import BiquadFilter, PolyphaseResampler, butterworth
from antiphase.errors import require

__all__ = ["CardConverter", "CardFormat"]

Floats = npt.NDArray[np.float64]
Frames = npt.NDArray[np.float32]

_CONTROL_HZ = 8000
# Pass band to 0.31, stop band from 0.69 of the control rate: 5 control samples of delay each way.
_BANDWIDTH = 0.62
_STOP_DB = 60.0
# Small loudspeakers play nothing lower, so that no filter may be solved for it; offsets go too.
_LOWEST_HZ = 40.0


@dataclass(frozen=True)
class CardFormat:
    """How a sound card is opened.

    Attributes
    ----------
    rate : int
        Of the card, Hz; a whole multiple of the control rate.
    inputs : int
        Channels: the first is the error microphone, the second, if any, the reference.
    outputs : int
        Channels; all play the same drive.
    block : int
        Frames per block.

    Raises
    ------
    ParameterError
        If a value is outside its range.
    """

    rate: int
    inputs: int = 1
    outputs: int = 1
    block: int = 192

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(4000 <= self.rate <= 384000, "rate", self.rate, "in 4000 … 384000 Hz")
        require(self.rate % self.factor == 0, "rate", self.rate, f"a multiple of {self.factor}")
        require(1 <= self.inputs <= 64, "inputs", self.inputs, "in 1 … 64")
        require(1 <= self.outputs <= 64, "outputs", self.outputs, "in 1 … 64")
        require(self.factor <= self.block <= self.rate, "block", self.block, "up to 1 s of frames")

    @property
    def factor(self) -> int:
        """Card samples per control sample: the whole number that comes closest to 8 kHz."""
        return max(1, round(self.rate / _CONTROL_HZ))

    @property
    def fs(self) -> int:
        """Control rate, Hz."""
        return self.rate // self.factor

    @property
    def words(self) -> str:
        """The format in words."""
        inputs = "one microphone" if self.inputs == 1 else f"{self.inputs} input channels"
        return f"{self.rate / 1000:g} kHz, {inputs}, blocks of {self.block} frames"


class CardConverter:
    """Decimates what comes from the card, interpolates what goes to it, block by block.

    What comes from the card passes a high-pass of 40 Hz (Butterworth, second order) as well.

    Parameters
    ----------
    form : CardFormat
    """

    def __init__(self, form: CardFormat) -> None:
        self._form = form
        self._used = min(form.inputs, 2)
        self._down = PolyphaseResampler(
            1, form.factor, bandwidth=_BANDWIDTH, attenuation_db=_STOP_DB, channels=self._used
        )
        self._up = PolyphaseResampler(form.factor, 1, bandwidth=_BANDWIDTH, attenuation_db=_STOP_DB)
        high_pass = butterworth("highpass", _LOWEST_HZ, form.fs, 2)
        self._left: Floats = np.zeros(0)
        self._high_pass = BiquadFilter(high_pass, channels=self._used)
        self.rejected = 0
        """Samples of the card taken as 0 because they were not finite."""

    @property
    def delay(self) -> float:
        """Delay of both resamplers together, control samples."""
        return self._down.delay + self._up.delay / self._form.factor

    def down(self, captured: Frames) -> tuple[Floats, Floats | None]:
        """Return error and reference (None with one channel) at the control rate.

        Parameters
        ----------
        captured : ndarray, shape (block, inputs)

        Returns
        -------
        error : ndarray, shape (n,)
            n varies by 1 where the block is no multiple of the factor.
        reference : ndarray, shape (n,), or None
        """
        frames = captured[:, : self._used].astype(np.float64)
        bad = ~np.isfinite(frames)
        if bad.any():
            self.rejected += int(bad.sum())
            frames[bad] = 0.0
        low = self._high_pass.process(self._down.process(frames))
        return low[:, 0], low[:, 1] if self._used == 2 else None

    def up(self, drive: Floats) -> Floats:
        """Return a block of drive at the card's rate, for as many samples as `down` gave."""
        ready = np.concatenate([self._left, self._up.process(drive)])
        self._left = ready[self._form.block :]
        return ready[: self._form.block]
