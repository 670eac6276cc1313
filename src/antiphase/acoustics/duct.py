"""Plane waves in a straight duct with reflecting ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.dsp.delay import sinc_delay_taps
from antiphase.errors import require

__all__ = ["duct_path"]

HALF_WIDTH = 16
BANDWIDTH = 0.85


def duct_path(
    fs: float,
    *,
    length_m: float,
    source_m: float,
    receiver_m: float,
    reflections: tuple[float, float],
    n_taps: int,
    loss_db_per_m: float = 0.1,
    speed_of_sound: float = 343.0,
) -> npt.NDArray[np.float64]:
    """Return the impulse response between two places of a duct, below its first cross mode.

    The sum of image sources on a line. With R0 and R1 the factors of the ends at 0 and L, the
    images of a source at a stand at 2kL + a with factor (R0·R1)^|k|, and at 2kL − a with
    R0·(R0·R1)^−k for k ≤ 0 and R1·(R0·R1)^(k−1) for k > 0; each arrives after its distance over c.

    Parameters
    ----------
    fs : float
        Hz, > 0.
    length_m : float
        L, in m.
    source_m, receiver_m : float
        In [0, L].
    reflections : (float, float)
        R0, R1: pressure reflection factors in (−1, 1).
    n_taps : int
        Length of the response.
    loss_db_per_m : float
        Attenuation along the duct, ≥ 0.
    speed_of_sound : float
        m/s.

    Returns
    -------
    ndarray, shape (n_taps,)
        The direct sound has amplitude 1 (less the loss). Each arrival is a windowed sinc of 16
        samples either side, flat to 0.85 of the Nyquist frequency; closer than 16 samples its
        part before time 0 is cut off.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Munjal (2014), Acoustics of Ducts and Mufflers, ch. 2. Allen & Berkley (1979), Image method for
    efficiently simulating small-room acoustics (here in one dimension).
    """
    require(fs > 0, "fs", fs, "> 0 Hz")
    require(length_m > 0, "length_m", length_m, "> 0 m")
    for name, place in (("source_m", source_m), ("receiver_m", receiver_m)):
        require(0 <= place <= length_m, name, place, f"in [0, {length_m:g}]")
    require(max(map(abs, reflections)) < 1, "reflections", reflections, "in (-1, 1)")
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(loss_db_per_m >= 0, "loss_db_per_m", loss_db_per_m, "≥ 0")
    first, last = reflections
    response = np.zeros(n_taps + HALF_WIDTH + 1)
    reach_m = n_taps / fs * speed_of_sound
    order = int(reach_m / (2 * length_m)) + 1
    for k in range(-order, order + 1):
        turns = (first * last) ** abs(k)
        mirrored = first * turns if k <= 0 else last * (first * last) ** (k - 1)
        for gain, image_m in (
            (turns, 2 * k * length_m + source_m),
            (mirrored, 2 * k * length_m - source_m),
        ):
            distance_m = abs(image_m - receiver_m)
            if distance_m >= reach_m:
                continue
            delay = distance_m / speed_of_sound * fs
            taps = sinc_delay_taps(delay, half_width=HALF_WIDTH, bandwidth=BANDWIDTH)
            response[: len(taps)] += gain * 10 ** (-loss_db_per_m * distance_m / 20) * taps
    return response[:n_taps]
