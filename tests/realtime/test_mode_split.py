"""Split control in an engine; whole sessions are in test_engine."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.control import Push
from antiphase.control.split_protocol import decode
from antiphase.errors import AntiphaseError
from antiphase.realtime import SendMessage
from antiphase.realtime.load import InlinePool
from antiphase.realtime.meter import Meter
from antiphase.realtime.mode import Surroundings
from antiphase.realtime.mode_split import SplitMode
from antiphase.realtime.outputs import Output
from antiphase.realtime.roster import Roster
from antiphase.realtime.settings import EngineSettings

from .engine_loop import FS, EngineLoop, paths, speaker


def test_an_early_reference_makes_the_paths_longer_and_the_device_is_not_told() -> None:
    """The solver follows P over the whole lead; Ŝ that is pushed keeps the device's length."""
    roster = Roster()
    device = roster.add("w", speaker(paths()[1], device_margin_ms=30.0))
    sent: list[Output] = []
    around = Surroundings(EngineSettings(), roster, InlinePool(), Meter(), sent.append)
    mode = SplitMode(around, device)
    assert mode._solver.secondary_path_estimate.size > 30 * FS / 1000
    long = np.ones((1, 1, 400), np.float32)
    mode._send(Push(1, np.ones((1, 1, 256), np.float32), 0, 0, 1, long))
    message = sent[-1]
    assert isinstance(message, SendMessage)
    assert isinstance(message.data, bytes)
    pushed = decode(message.data)
    assert isinstance(pushed, Push)
    assert pushed.secondary_path.shape == (1, 1, 128)


def test_without_an_estimate_there_is_no_split() -> None:
    """The device must have measured its secondary path."""
    roster = Roster()
    device = roster.add("w", speaker(paths()[1], secondary_path_estimate=None))
    around = Surroundings(EngineSettings(), roster, InlinePool(), Meter(), lambda _: None)
    with pytest.raises(AntiphaseError, match="secondary path"):
        SplitMode(around, device)


def test_the_output_is_judged_by_the_filter_in_force() -> None:
    """A device that plays what it was told has a clean output: only the probe is beside it."""
    loop = EngineLoop(0.1 * np.random.default_rng(1).standard_normal(6 * FS), noise=0.03)
    loop.run(5)
    snr_db = loop.engine.figures(loop.now).output.snr_db
    assert snr_db is not None
    assert snr_db > 30
