"""What a session shows of its sound, as long as there is some."""

from __future__ import annotations

import math

from antiphase.realtime.figures import Attenuation, OutputFigures, Spectrum
from antiphase.realtime.meter import Meter
from antiphase.realtime.quality import output_figures
from antiphase.realtime.roster import HEARD_FOR_S

__all__ = ["Shown"]


class Shown:
    """Reads a meter while it hears: what sound of a while ago gave is no figure of now.

    Parameters
    ----------
    limit : float
        Largest drive.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._meter: Meter | None = None
        self._heard = 0
        self._heard_at = -math.inf
        self._truth: tuple[float, float] | None = None

    def note(self, meter: Meter, now: float) -> None:
        """Take note of when the meter in use has heard something new."""
        if meter is not self._meter:
            self.forget()
        elif meter.count != self._heard:
            self._heard_at = now
        self._meter, self._heard = meter, meter.count

    def forget(self) -> None:
        """Know that what was heard so far is over."""
        self._heard_at = -math.inf

    def take_truth(self, nr_db: float, now: float) -> None:
        """Take what a rig knows of the true attenuation, dB."""
        self._truth = (nr_db, now)

    def holds(self, now: float) -> bool:
        """Whether it has within the last two seconds."""
        return self._meter is not None and now - self._heard_at < HEARD_FOR_S

    def read(self, now: float, snr_db: float | None) -> tuple[Attenuation, OutputFigures, Spectrum]:
        """Return what the meter says of now; where no sound comes, only what a rig knows.

        Parameters
        ----------
        now : float
            s.
        snr_db : float, optional
            What the control filter makes of the reference re all else that is played.
        """
        truth = self._truth
        true_db = truth[0] if truth is not None and now - truth[1] < HEARD_FOR_S else None
        if self._meter is None or not self.holds(now):
            return Attenuation(true=true_db), OutputFigures(limit=self._limit), Spectrum()
        return (
            self._meter.attenuation(true_db),
            output_figures(self._meter, self._limit, snr_db),
            self._meter.spectrum(),
        )
