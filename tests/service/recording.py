"""A talker who pauses, beside a noise that a second microphone hears alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

__all__ = ["FS", "talk_and_noise"]

FS = 16000
Floats = npt.NDArray[np.float64]


def talk_and_noise(seconds: float, delay_ms: float, seed: int = 3) -> tuple[Floats, Floats, Floats]:
    """Return talker, primary and reference, shape (n,) each.

    The primary microphone hears the noise `delay_ms` after the reference, through an echo path.
    """
    rng = np.random.default_rng(seed)
    n = round(seconds * FS)
    spare = FS
    source = signal.lfilter([1.0], [1.0, -0.9], rng.standard_normal(n + 2 * spare))
    source *= 0.08 / source.std()
    path = rng.standard_normal(200) * np.exp(-np.arange(200) / 30)
    path[0] = 3.0
    path /= np.sqrt(np.sum(path**2))
    later = round(delay_ms * FS / 1000)
    heard = signal.lfilter(path, [1.0], source)
    reference = source[spare : spare + n]
    noise = heard[spare - later : spare - later + n]
    # Syllables of a few hundred ms, a pause each two seconds.
    t = np.arange(n) / FS
    envelope = np.clip(np.sin(2 * np.pi * 2.3 * t), 0, 1) * (np.sin(np.pi * t) > -0.3)
    voice = signal.lfilter([1.0], [1.0, -1.6, 0.8], rng.standard_normal(n))
    talker = 0.1 * envelope * voice / voice.std()
    return talker, talker + noise, reference
