"""Whitening: noise made flat, so that a fit does not take hum for response."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = ["whitening_filter"]

Floats = npt.NDArray[np.float64]


def whitening_filter(density: npt.ArrayLike, order: int) -> Floats:
    """Return the filter that makes a noise as flat as its order allows.

    The prediction error filter ``a = (1, −c)`` with c the best linear predictor. Least squares on
    signals that passed it weigh each frequency by how quiet it is: the best linear unbiased fit
    where the noise is coloured. A density with a floor keeps bands of almost no noise (the stop
    band of a converter) from outweighing all others.

    Parameters
    ----------
    density : array_like, shape (bins,)
        Power of the noise at the frequencies 0 … fs / 2, > 0, in any unit.
    order : int
        Samples of the past, ≥ 1; tones are told apart that are about ``fs / order`` Hz apart.

    Returns
    -------
    ndarray, shape (order + 1,)
        Begins with 1.

    Raises
    ------
    ParameterError, SignalError
        If a size does not fit or the density is not positive.

    References
    ----------
    Ljung (1999), System Identification, ch. 7 (prefilters). Makhoul (1975), Linear prediction.
    """
    power = as_signal("density", density, channels=1)
    require(1 <= order < len(power), "order", order, f"in 1 … {len(power) - 1}")
    if not (power > 0).all():
        raise SignalError("density must be positive: add a floor")
    lags = fft.irfft(power)[: order + 1]
    return np.concatenate([[1.0], -linalg.solve_toeplitz(lags[:order], lags[1:])])
