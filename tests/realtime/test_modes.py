"""Names of modes to runners."""

from __future__ import annotations

import pytest

from antiphase.control import Mode
from antiphase.realtime.load import InlinePool
from antiphase.realtime.meter import Meter
from antiphase.realtime.mode import Surroundings
from antiphase.realtime.modes import make_mode
from antiphase.realtime.roster import Roster
from antiphase.realtime.settings import EngineSettings

from .engine_loop import paths, speaker


def around(roster: Roster) -> Surroundings:
    return Surroundings(EngineSettings(), roster, InlinePool(), Meter(), lambda _: None)


@pytest.mark.parametrize("mode", ["split", "predictive", "local", "clean", "forward"])
def test_every_mode_has_its_runner(mode: Mode) -> None:
    """With the devices that it needs; without them sound is passed on."""
    roster = Roster()
    lonely = make_mode(mode, around(roster)).mode
    assert lonely == (mode if mode in ("clean", "forward") else "forward")
    roster.add("w", speaker(paths()[1]))
    assert make_mode(mode, around(roster)).mode == mode
