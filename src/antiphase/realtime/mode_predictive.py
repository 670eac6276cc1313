"""Mode `predictive`: the reference comes too late, what lasts can still be cancelled."""

from __future__ import annotations

from typing import ClassVar

from antiphase.control import Mode, SplitSettings
from antiphase.realtime.mode_split import SplitMode

__all__ = ["PredictiveMode"]


class PredictiveMode(SplitMode):
    """Split control with the settings for a late reference.

    Least squares over a filter that spans some periods of the lowest line predicts every line at
    once; broadband noise that can't be foretold is left alone, since a filter is only played while
    it is foretold to help. The loop closes on the device as in `split`.
    """

    mode: ClassVar[Mode] = "predictive"

    def solver_settings(self) -> SplitSettings:
        """Return how filters are solved in this mode."""
        return self.around.settings.late
