"""Noise generators by name: seeded, unit RMS, with published parameters.

The parameters of each kind, with their meaning, are those of the function of the same name in
`noise_broadband`, `noise_machines`, `noise_street` and `noise_speech`; `parameters` lists them.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from antiphase.acoustics import noise_broadband, noise_machines, noise_speech, noise_street
from antiphase.dsp.stream import Floats
from antiphase.errors import ParameterError, SignalError, require

__all__ = ["KINDS", "make", "parameters", "tacho"]

_GENERATORS: dict[str, Callable[..., Floats]] = {
    "white": noise_broadband.white,
    "pink": noise_broadband.pink,
    "band": noise_broadband.band,
    "engine": noise_machines.engine,
    "genset": noise_machines.genset,
    "fan": noise_machines.fan,
    "hum": noise_machines.hum,
    "drill": noise_machines.drill,
    "traffic": noise_street.traffic,
    "impulsive": noise_street.impulsive,
    "babble": noise_speech.babble,
}
KINDS = tuple(_GENERATORS)


def parameters(kind: str) -> dict[str, Any]:
    """Return the parameters of a kind and their default values.

    Raises
    ------
    ParameterError
        If there is no such kind.
    """
    require(kind in _GENERATORS, "kind", kind, f"one of {', '.join(KINDS)}")
    signature = inspect.signature(_GENERATORS[kind])
    return {name: p.default for name, p in signature.parameters.items() if p.kind is p.KEYWORD_ONLY}


def make(kind: str, seconds: float, fs: float, seed: int = 0, **params: Any) -> Floats:  # noqa: ANN401
    """Return noise of the kind named.

    Parameters
    ----------
    kind : str
        One of `KINDS`:

        - white: flat above a 40 Hz high-pass;
        - pink: −3 dB per octave above 20 Hz;
        - band: 100–1000 Hz;
        - engine: 25 Hz shaft, half orders, speed ± 1 %, broadband −15 dB;
        - genset: the same with a governor, ± 0.1 %;
        - fan: tones at multiples of 169 Hz with half of the power, the rest broadband;
        - hum: 100 Hz × 1–6, broadband −30 dB;
        - drill: a hand-held power drill, idling and under load;
        - traffic: low frequencies, tyre hump at 1 kHz, vehicles passing;
        - impulsive: blows on resonant bodies;
        - babble: several talkers at once, from recordings or synthesised.
    seconds : float
        > 0.
    fs : float
        Hz, ≥ 4000.
    seed : int
        ≥ 0; the same seed gives the same noise, kinds are independent of each other.
    **params
        See `parameters`.

    Returns
    -------
    ndarray of float64, shape (round(seconds·fs),)
        Unit RMS, no mean.

    Raises
    ------
    ParameterError
        If a parameter is unknown or outside its range.
    SignalError
        If what was given to build it from is silent.
    """
    known = parameters(kind)
    for name, value in params.items():
        rule = f"a parameter of {kind}: {', '.join(known)}"
        require(name in known, name, value, rule)
    require(seconds > 0, "seconds", seconds, "> 0")
    require(fs >= 4000, "fs", fs, "≥ 4000 Hz")
    require(seed >= 0, "seed", seed, "≥ 0")
    n = round(seconds * fs)
    if n < 1:
        raise ParameterError("seconds", seconds, f"at least one sample, {1 / fs:g}")
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    noise = _GENERATORS[kind](n, fs, rng, **params)
    noise = noise - noise.mean() if n > 1 else noise
    rms = float(np.sqrt(np.mean(noise**2)))
    if rms == 0:
        raise SignalError(f"{kind} noise of {seconds:g} s came out silent; make it longer")
    return noise / rms


def tacho(kind: str, seconds: float, fs: float, seed: int = 0) -> Floats:
    """Return the shaft angle of the machine that ``make(kind, …)`` lets sound.

    Parameters
    ----------
    kind : {"engine", "genset"}
    seconds, fs, seed
        As for `make`, with the machine's default speed.

    Returns
    -------
    ndarray of float64, shape (round(seconds·fs),)
        rad, not wrapped.

    Raises
    ------
    ParameterError
        If the kind has no shaft.
    """
    require(kind in ("engine", "genset"), "kind", kind, "engine or genset")
    known = parameters(kind)
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    shaft = {name: known[name] for name in ("shaft_hz", "drift", "drift_bandwidth_hz")}
    return noise_machines.shaft_angle(round(seconds * fs), fs, rng, **shaft)
