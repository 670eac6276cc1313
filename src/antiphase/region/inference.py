"""Choosing a filter for a noise: a registry of selectors, and the classical one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphase.acoustics.noise import make
from antiphase.errors import require

__all__ = ["SELECTORS", "Selector", "band_energies_db", "nearest_template"]

Floats = npt.NDArray[np.float64]
# Signal and fs (Hz) to a score per name, higher is nearer.
Selector = Callable[[Floats, int], dict[str, float]]
BANDS = 12
KINDS = ("white", "pink", "engine", "genset", "fan", "traffic", "hum", "babble")


def band_energies_db(signal: Floats, fs: int) -> Floats:
    """Return the shape of the spectrum in `BANDS` logarithmic bands from 50 Hz to 0.45 fs.

    Parameters
    ----------
    signal : ndarray, shape (n,)
    fs : int
        Hz.

    Returns
    -------
    ndarray, shape (BANDS,)
        dB, mean 0, so that the level does not matter.
    """
    require(len(signal) >= 64, "signal", len(signal), "at least 64 samples long")
    power = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), n=max(2048, len(signal)))) ** 2
    frequency = np.linspace(0.0, fs / 2, len(power))
    edges = np.geomspace(50.0, 0.45 * fs, BANDS + 1)
    band = np.digitize(frequency, edges) - 1
    energy = np.array([power[band == b].sum() for b in range(BANDS)])
    level = 10.0 * np.log10(energy + 1e-6 * energy.sum() + 1e-30)
    return np.asarray(level - level.mean(), np.float64)


@lru_cache(maxsize=16)
def _templates(fs: int) -> dict[str, Floats]:
    return {kind: band_energies_db(make(kind, 2.0, fs, seed=1), fs) for kind in KINDS}


def nearest_template(signal: Floats, fs: int) -> dict[str, float]:
    """Return minus the RMS distance in dB of the band energies to each kind of noise.

    Parameters
    ----------
    signal : ndarray, shape (n,)
        At least 64 samples.
    fs : int
        Hz.
    """
    shape = band_energies_db(signal, fs)
    scores = {
        kind: -round(float(np.sqrt(np.mean((shape - template) ** 2))), 3)
        for kind, template in _templates(fs).items()
    }
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


SELECTORS: dict[str, Selector] = {"band-energy": nearest_template}
