"""What is shown of sound that has ended."""

from __future__ import annotations

import numpy as np

from antiphase.realtime.figures import Attenuation, OutputFigures, Spectrum
from antiphase.realtime.meter import Meter
from antiphase.realtime.shown import Shown

FS = 8000
NOTHING = (Attenuation(), OutputFigures(limit=0.5), Spectrum())


def hear(meter: Meter, rng: np.random.Generator) -> None:
    """Let a meter hear half a second of noise with something played beside it."""
    meter.take(*rng.standard_normal((3, FS // 2)))


def test_it_shows_what_is_heard_and_nothing_when_that_has_ended() -> None:
    """Figures stay for two seconds, go, and come back with the sound."""
    meter, shown, rng = Meter(FS, np.array([1.0])), Shown(0.5), np.random.default_rng(0)
    shown.note(meter, 0.0)
    assert shown.read(0.0, None) == NOTHING
    for start in (1.0, 60.0):
        hear(meter, rng)
        shown.note(meter, start)
        shown.note(meter, start + 1.5)
        attenuation, output, spectrum = shown.read(start + 1.9, 30.0)
        assert attenuation.estimated is not None
        assert (output.limit, output.snr_db) == (0.5, 30.0)
        assert spectrum.hz
        assert not shown.holds(start + 2.0)
        assert shown.read(start + 2.0, 30.0) == NOTHING


def test_another_meter_is_heard_anew() -> None:
    """A mode with a meter of its own is not judged by what the one before has heard."""
    old, new, shown, rng = Meter(FS), Meter(FS), Shown(0.5), np.random.default_rng(0)
    for meter in (old, new, old):
        shown.note(meter, 1.0)
        assert shown.read(1.0, None) == NOTHING
        hear(meter, rng)
        shown.note(meter, 1.0)
        assert shown.read(1.0, None)[0].estimated is not None
    shown.forget()
    shown.note(old, 1.1)
    assert shown.read(1.1, None) == NOTHING


def test_what_a_rig_knows_holds_as_long() -> None:
    """The true attenuation is shown for two seconds after it was told, sound or not."""
    shown = Shown(0.5)
    shown.take_truth(21.0, 10.0)
    assert shown.read(11.9, None)[0] == Attenuation(true=21.0)
    assert shown.read(12.0, None)[0] == Attenuation()
