"""Babble: several talkers at once, from recordings or from a simple speech synthesis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import signal as scipy_signal

from antiphase.acoustics.noise_broadband import shaped, slow, unit
from antiphase.arrays import as_signal
from antiphase.dsp.stream import Floats
from antiphase.errors import SignalError, require

__all__ = ["babble", "talker"]

# First four formants in Hz of vowels /a e i o u/ of an adult male vocal tract.
_VOWELS = np.array(
    [
        [730.0, 1090.0, 2440.0, 3400.0],
        [530.0, 1840.0, 2480.0, 3500.0],
        [270.0, 2290.0, 3010.0, 3600.0],
        [570.0, 840.0, 2410.0, 3300.0],
        [300.0, 870.0, 2240.0, 3300.0],
    ]
)
_BANDWIDTHS = np.array([80.0, 100.0, 160.0, 350.0])


def _resonate(source: Floats, formants: Floats, fs: float) -> Floats:
    """Cascade of formant resonators with unit gain at 0 Hz."""
    radius = np.exp(-np.pi * _BANDWIDTHS / fs)
    middle = -2 * radius * np.cos(2 * np.pi * np.minimum(formants, 0.45 * fs) / fs)
    sections = np.zeros((len(formants), 6))
    sections[:, 0] = 1 + middle + radius**2
    sections[:, 3:] = np.column_stack([np.ones_like(radius), middle, radius**2])
    voiced: Floats = scipy_signal.sosfilt(sections, source)
    return voiced


def talker(n: int, fs: float, rng: np.random.Generator, pitch_hz: float) -> Floats:
    """One synthetic talker.

    Glottal flow derivative (a train of pulses through two real poles at 100 Hz, then differenced
    and softened at 1.5 kHz), pitch gliding ± 20 %, a new vowel or fricative every 80–250 ms with
    formants gliding from one 10 ms frame to the next (overlapping frames, added), pauses of
    0.2–0.6 s after 1–3 s of speech.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    pitch_hz : float
        Mean of the fundamental, > 0.
    """
    pitch = pitch_hz * (1 + 0.2 * slow(n, fs, rng, 1.5))
    turns = np.cumsum(pitch) / fs
    pulses = np.diff(np.floor(turns), prepend=0.0)
    pole = np.exp(-2 * np.pi * 100 / fs)
    flow = scipy_signal.lfilter([1.0, -1.0], [1.0, -2 * pole, pole**2], pulses)
    soft = np.exp(-2 * np.pi * 1500 / fs)
    voiced = scipy_signal.lfilter([1.0 - soft], [1.0, -soft], flow)
    hiss = shaped(n, fs, rng, lambda f: f**2 / (f**2 + 2500.0**2))
    return unit(_articulate(unit(voiced), hiss, fs, rng))


def _articulate(voiced: Floats, hiss: Floats, fs: float, rng: np.random.Generator) -> Floats:
    """Shape sources into syllables, words and pauses."""
    n, hop = len(voiced), max(1, round(0.01 * fs))
    # Frames of two hops add up to one; the resonances ring on for three more.
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)) ** 2
    source = np.concatenate([voiced, np.zeros(2 * hop)])
    breath = np.concatenate([hiss, np.zeros(2 * hop)])
    out = np.zeros(n + 5 * hop)
    tract = rng.uniform(0.95, 1.2)
    now = target = _VOWELS[rng.integers(5)]
    gain, wanted, fricative = 0.0, 0.0, False
    syllable_left, speech_left = 0.0, rng.uniform(1, 3)
    for start in range(0, n, hop):
        if syllable_left <= 0:
            syllable_left = rng.uniform(0.08, 0.25)
            target, fricative = _VOWELS[rng.integers(5)], bool(rng.random() < 0.2)
            wanted = rng.uniform(0.3, 1.0)
        if speech_left <= -rng.uniform(0.2, 0.6):
            speech_left = rng.uniform(1, 3)
        gain += 0.4 * ((wanted if speech_left > 0 else 0.0) - gain)
        now = now + 0.3 * (target - now)
        frame = np.zeros(5 * hop)
        frame[: 2 * hop] = gain * window * source[start : start + 2 * hop]
        sound = _resonate(frame * (0.1 if fricative else 1.0), now * tract, fs)
        if fricative:
            sound[: 2 * hop] += 0.2 * gain * window * breath[start : start + 2 * hop]
        out[start : start + 5 * hop] += sound
        syllable_left -= hop / fs
        speech_left -= hop / fs
    return out[:n]


def _excerpt(recording: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Random stretch of a recording, repeated where it is too short."""
    start = int(rng.integers(len(recording)))
    return np.take(recording, np.arange(start, start + n), mode="wrap")


def babble(
    n: int,
    fs: float,
    rng: np.random.Generator,
    *,
    talkers: int = 6,
    recordings: Sequence[npt.ArrayLike] | None = None,
) -> Floats:
    """Several talkers at once, equally loud.

    Parameters
    ----------
    n : int
        Samples.
    fs : float
        Hz.
    rng : numpy.random.Generator
    talkers : int
        At least 1.
    recordings : sequence of array_like, shape (m,), optional
        Speech at the rate `fs`; each talker is a random stretch of one, in turn. None synthesises
        talkers with pitches of 90–240 Hz (see `talker`).

    Raises
    ------
    SignalError
        If a recording is empty or silent.

    References
    ----------
    Formants: Peterson & Barney (1952), Control methods used in a study of the vowels. Source:
    Klatt (1980), Software for a cascade/parallel formant synthesizer.
    """
    require(talkers >= 1, "talkers", talkers, "at least 1")
    total = np.zeros(n)
    if recordings is None:
        for pitch_hz in np.geomspace(90, 240, talkers) * rng.uniform(0.95, 1.05, talkers):
            total += talker(n, fs, rng, float(pitch_hz))
        return total
    speech = [as_signal("recording", r, channels=1) for r in recordings]
    if not speech or any(len(s) == 0 or not np.any(s) for s in speech):
        raise SignalError("recordings are empty or silent; give speech at the rate fs")
    for index in range(talkers):
        total += unit(_excerpt(speech[index % len(speech)], n, rng))
    return total
