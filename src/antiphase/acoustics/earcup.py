"""A closed headphone: what leaks into the cup, and its loudspeaker."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.dsp.delay import lagrange_delay_taps
from antiphase.errors import require

__all__ = ["earcup_paths"]


def earcup_paths(
    fs: float,
    *,
    leak_hz: float = 500.0,
    outside_m: float = 0.05,
    inside_m: float = 0.015,
    resonance_hz: float = 120.0,
    n_taps: int = 512,
    speed_of_sound: float = 343.0,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return primary and secondary path of one ear of a closed headphone.

    Primary: flight from the shell's microphone to the ear, and the cup as a mass (its shell) on a
    spring (its cushion and air), a second-order low-pass ``ω0² / (s² + ω0 s/Q + ω0²)`` with
    Q = 0.9. Secondary: flight inside the cup, and the loudspeaker as a second-order high-pass at
    its resonance, Q = 0.8, with a cavity mode at 4 kHz, +6 dB, Q = 2 where fs allows.

    Parameters
    ----------
    fs : float
        Hz, ≥ 16000.
    leak_hz : float
        ω0/2π of the cup.
    outside_m, inside_m : float
        Ways of the sound, > 0.
    resonance_hz : float
        Of the loudspeaker.
    n_taps : int
        Length of the responses, ≥ 64.
    speed_of_sound : float
        m/s.

    Returns
    -------
    primary, secondary : ndarray, shape (n_taps,)

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Shaw & Thiessen (1958), Improved cushion for ear defenders (mass, spring and leak of a cup).
    """
    require(fs >= 16000, "fs", fs, "≥ 16000 Hz for a headphone")
    require(n_taps >= 64, "n_taps", n_taps, "at least 64")
    for name, value in (("leak_hz", leak_hz), ("resonance_hz", resonance_hz)):
        require(0 < value < fs / 4, name, value, f"in (0, {fs / 4:g}) Hz")
    for name, value in (("outside_m", outside_m), ("inside_m", inside_m)):
        require(value > 0, name, value, "> 0 m")
    impulse = np.zeros(n_taps)
    impulse[0] = 1.0
    w0 = 2 * np.pi * leak_hz
    leak = signal.bilinear([w0**2], [1.0, w0 / 0.9, w0**2], fs)
    w1 = 2 * np.pi * resonance_hz
    driver = signal.bilinear([1.0, 0.0, 0.0], [1.0, w1 / 0.8, w1**2], fs)
    w2 = 2 * np.pi * min(4000.0, fs / 6)
    mode = signal.bilinear([1.0, w2, w2**2], [1.0, w2 / 2, w2**2], fs)
    primary = _delay(signal.lfilter(*leak, impulse), outside_m / speed_of_sound * fs)
    inside = signal.lfilter(*mode, signal.lfilter(*driver, impulse))
    return primary, _delay(inside, inside_m / speed_of_sound * fs)


def _delay(response: npt.NDArray[np.float64], delay: float) -> npt.NDArray[np.float64]:
    """Delay by a third-order Lagrange interpolator, first order below one sample."""
    order = 3 if delay >= 1 else 1
    whole = int(delay) - (1 if order == 3 else 0)
    taps = np.concatenate([np.zeros(whole), lagrange_delay_taps(delay - whole, order)])
    return np.convolve(response, taps)[: len(response)]
