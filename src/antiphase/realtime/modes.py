"""Mode names to their classes."""

from __future__ import annotations

from antiphase.control import Mode
from antiphase.realtime.mode import ModeRunner, Surroundings
from antiphase.realtime.mode_clean import CleanMode
from antiphase.realtime.mode_forward import ForwardMode
from antiphase.realtime.mode_local import LocalMode
from antiphase.realtime.mode_lookahead import LookaheadMode
from antiphase.realtime.mode_predictive import PredictiveMode
from antiphase.realtime.mode_split import SplitMode

__all__ = ["make_mode"]

_LOOPED: dict[Mode, type[SplitMode | PredictiveMode | LookaheadMode | LocalMode]] = {
    "split": SplitMode,
    "predictive": PredictiveMode,
    "lookahead": LookaheadMode,
    "local": LocalMode,
}


def make_mode(mode: Mode, around: Surroundings) -> ModeRunner:
    """Return a new runner of a mode; `forward` where the devices it needs are not there."""
    if mode == "clean":
        return CleanMode(around)
    looper = around.roster.looper()
    if mode in _LOOPED and looper is not None:
        return _LOOPED[mode](around, looper)
    return ForwardMode(around)
