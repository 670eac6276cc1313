"""Split control in an engine; whole sessions are in test_engine."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.control import Push, SplitDevice
from antiphase.control.split_protocol import decode
from antiphase.errors import AntiphaseError
from antiphase.realtime import Carried, Engine, SendMessage
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


def quiet_after(carry: bool) -> tuple[float, float]:
    """Move a session; return when 20 dB were back, s after joining again, and the least dB then."""
    loop = EngineLoop(0.1 * np.random.default_rng(1).standard_normal(12 * FS), noise=0.03)
    loop.run(6)
    kept = loop.engine.to_carry()
    assert kept is not None
    loop.leave()
    loop.engine.close(loop.now)
    loop.device = SplitDevice(256, secondary_path_estimate=loop.estimate, fs=FS)
    loop.run(0.5)
    loop.engine = Engine(now=loop.now)
    if carry:
        loop.engine.take_over(Carried.from_bytes(kept.to_bytes()))
    loop.join()
    reached = []
    for _ in range(30):
        loop.run(0.1)
        reached.append(loop.reduction_db(0.1))
    first = next(k for k, db in enumerate(reached) if db > 20)
    return 0.1 * (first + 1), min(reached[first:])


def test_a_session_that_moves_goes_on_with_its_filter() -> None:
    """At another server 20 dB are back in 0.4 s and stay; one that begins anew needs over 0.6 s.

    The one that begins anew falls silent once more, when it has measured the lead.
    """
    seconds, least_db = quiet_after(carry=True)
    assert seconds <= 0.4
    assert least_db > 20
    seconds, least_db = quiet_after(carry=False)
    assert seconds > 0.6
    assert least_db < 3


def test_a_filter_is_not_for_another_device() -> None:
    """One that has measured its path anew begins from silence."""
    loop = EngineLoop(0.1 * np.random.default_rng(1).standard_normal(4 * FS), noise=0.03)
    loop.run(3)
    kept = loop.engine.to_carry()
    assert kept is not None
    roster = Roster()
    device = roster.add("w", speaker(1.01 * paths()[1]))
    around = Surroundings(EngineSettings(), roster, InlinePool(), Meter(), lambda _: None)
    around.carried = kept
    assert SplitMode(around, device).to_carry() is None
    assert around.carried is kept
    same = roster.add("w", speaker(paths()[1]))
    SplitMode(around, same)
    assert around.carried is None
