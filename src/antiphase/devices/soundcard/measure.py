"""The guided measurement, step by step: each step says what to play and is given what was heard.

A procedure is a generator of `Take`; it is sent a `Recorded` for each and returns its result, so
that a sound card and a simulated room are led alike.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.devices.soundcard.loop import Recorded, Take
from antiphase.devices.soundcard.verdict import HerePlan, plan_here
from antiphase.errors import SignalError
from antiphase.identify import (
    DelayEstimate,
    ExponentialSweep,
    SweepResult,
    chirp_probe,
    identify_sweep,
    round_trip,
)

__all__ = ["LEVELS", "Measured", "Procedure", "check_latency", "measure_here"]

Floats = npt.NDArray[np.float64]
Step = Generator[Take, Recorded, "Recorded"]
Procedure = Generator[Take, Recorded, "Measured"]

LEVELS = (0.02, 0.05, 0.12, 0.25)
"""Peaks of the chirps, from very quiet upwards; nothing louder is played."""
CLEAR_DB = 15.0
_GOOD_DB, _WANTED_DB = -15.0, -25.0
_QUIET_S, _CHIRP_S, _NOISE_S, _SWEEP_S = 0.5, 0.8, 6.0, 3.0
_RESPONSE_S = 0.032
_MOST_PATH = 2048
_CLIPPED = 0.98
_SILENT = 1e-6
_STEADY = 0.5
_TRIES = 3


@dataclass(frozen=True, eq=False)
class Measured:
    """What a measurement brings.

    Attributes
    ----------
    fs : int
        Control rate, Hz.
    path : ndarray, shape (taps,)
        Ŝ, from the drive to the error microphone, card and converters included.
    level : float
        Peak of the chirp that was clear.
    latency_ms, clarity_db : float
        Round trip, and how clearly it stands out.
    noise_db, distortion_db : float
        Of the path re its energy; the noise where it is loudest (`SweepResult.error_db`).
    noise_level_db : float
        The noise here, dB re full scale.
    plan : HerePlan
        What is cancellable.
    """

    fs: int
    path: Floats
    level: float
    latency_ms: float
    clarity_db: float
    noise_db: float
    distortion_db: float
    noise_level_db: float
    plan: HerePlan


def measure_here(fs: int, *, n_taps: int = 512) -> Procedure:
    """Measure level, round trip, secondary path and noise; say what is cancellable.

    Parameters
    ----------
    fs : int
        Control rate, Hz.
    n_taps : int
        Length of the control filter.

    Returns
    -------
    generator
        Of `Take`; returns `Measured`.

    Raises
    ------
    SignalError
        If the level is too low or clips, the round trip not steady, or the path too noisy: one
        line that says what to change.
    """
    level, delay = yield from _find_latency(fs)
    path, level = yield from _find_path(fs, level, delay)
    again = yield from _chirp(fs, level)
    _refuse_unsteady(delay, again)
    heard = yield from _play("the noise here", np.zeros(0), _NOISE_S, fs)
    plan = plan_here(heard.error, _reference(heard), path.taps, fs, n_taps=n_taps)
    distortion = 10 * math.log10(float(np.sum(10 ** (path.distortion_db / 10))))
    return Measured(
        fs,
        path.taps,
        level,
        delay.ms,
        delay.clarity_db,
        path.error_db,
        distortion,
        _decibels(_rms(heard.error)),
        plan,
    )


def check_latency(fs: int, level: float) -> Generator[Take, Recorded, DelayEstimate]:
    """Measure the round trip alone, with a chirp of a level that was clear before.

    Raises
    ------
    SignalError
        If the chirp can't be heard.
    """
    return (yield from _chirp(fs, level))


def _play(title: str, samples: Floats, seconds: float, fs: int) -> Step:
    """Play and record; once more where the card or the machine let blocks fall."""
    for _ in range(_TRIES):
        recorded = yield Take(title, samples, round(seconds * fs))
        if not recorded.faults:
            break
    else:
        raise SignalError(
            f"blocks were lost in each of {_TRIES} recordings (or the output is muted): choose "
            "longer blocks (--block) or close other programs"
        )
    if recorded.peak >= _CLIPPED:
        raise SignalError(
            "the microphone clips: lower its gain, or turn the loudspeaker down, and measure again"
        )
    return recorded


def _find_latency(fs: int) -> Generator[Take, Recorded, tuple[float, DelayEstimate]]:
    quiet = yield from _play("silence", np.zeros(0), _QUIET_S, fs)
    if _rms(quiet.error) < _SILENT:
        raise SignalError("the microphone is silent: unmute it or choose another input")
    for level in LEVELS:
        try:
            delay = yield from _chirp(fs, level)
        except SignalError as error:
            if "clips" in str(error) or "lost" in str(error):
                raise
            continue
        if delay.clarity_db >= CLEAR_DB:
            return level, delay
    raise SignalError(
        "the loudspeaker can't be heard: raise its volume a little, bring the microphone closer, "
        "and measure again"
    )


def _chirp(fs: int, level: float) -> Generator[Take, Recorded, DelayEstimate]:
    probe = chirp_probe(fs)
    heard = yield from _play(f"chirp at {_decibels(level):.0f} dB", level * probe, _CHIRP_S, fs)
    return round_trip(probe, heard.error, fs)


def _find_path(
    fs: int, level: float, delay: DelayEstimate
) -> Generator[Take, Recorded, tuple[SweepResult, float]]:
    # Over all that the device can play: a filter is solved for that whole band.
    sweep = ExponentialSweep(fs, seconds=_SWEEP_S, low_hz=20.0, high_hz=0.48 * fs)
    n_taps = 32 * math.ceil((delay.samples + _RESPONSE_S * fs) / 32)
    if n_taps > _MOST_PATH:
        raise SignalError(
            f"the round trip takes {delay.ms:.0f} ms, more than {_MOST_PATH} taps hold: "
            "choose shorter blocks (--block) or another device"
        )
    # The sweep lasts thirty times as long; with four times the level most rooms are quiet.
    loud = min(4 * level, LEVELS[-1])
    seconds = _SWEEP_S + n_taps / fs + 0.1
    while True:
        title = f"sweep at {_decibels(loud):.0f} dB"
        heard = yield from _play(title, loud * sweep.samples, seconds, fs)
        found = identify_sweep(sweep, heard.error / loud, n_taps)
        if found.error_db <= _WANTED_DB or loud >= LEVELS[-1]:
            break
        loud = min(2 * loud, LEVELS[-1])
    if found.error_db > _GOOD_DB:
        raise SignalError(
            f"noise is {found.error_db:.0f} dB re the secondary path, above {_GOOD_DB:.0f} dB: "
            "turn the loudspeaker up, bring the microphone closer, or measure when it is quieter"
        )
    return found, level


def _refuse_unsteady(first: DelayEstimate, second: DelayEstimate) -> None:
    moved = second.samples - first.samples
    if abs(moved) > _STEADY:
        raise SignalError(
            f"the round trip moved by {second.ms - first.ms:+.2f} ms between two chirps: open the "
            "sound card itself and not a mixer, or choose longer blocks (--block)"
        )


def _reference(heard: Recorded) -> Floats | None:
    """Return the second channel where it is a microphone of its own."""
    x = heard.reference
    if x is None or _rms(x) < _SILENT:
        return None
    return x if _rms(heard.error - x) > 0.02 * _rms(heard.error) else None


def _rms(samples: Floats) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def _decibels(value: float) -> float:
    return 20 * math.log10(max(value, 1e-9))
