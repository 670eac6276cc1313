"""Control at places where no microphone can stay: the remote microphone technique."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg

from antiphase.adaptive import Controller
from antiphase.arrays import as_signal
from antiphase.control.wrapped import WrappedController, as_path, nest, nested_core, number_type
from antiphase.errors import ParameterError, SignalError, require

__all__ = ["VirtualSensingController", "observation_filter"]

Floats = npt.NDArray[np.float64]


def observation_filter(
    physical: npt.ArrayLike, virtual: npt.ArrayLike, n_taps: int, *, ridge: float = 1e-6
) -> Floats:
    """Find filters from the disturbance at physical microphones to that at virtual places.

    Least squares on a recording made with control off and microphones at both places:
    ``o = argmin Σ_n |d_v[n] − Σ_p (o_vp ∗ d_p)[n]|² + ridge·tr(R)/size·|o|²``.

    Parameters
    ----------
    physical : array_like, shape (n,) or (n, physical)
        Disturbance at the physical microphones.
    virtual : array_like, shape (n,) or (n, virtual)
        Disturbance at the virtual places at the same time.
    n_taps : int
        Length of each filter, ≥ 1.
    ridge : float
        Regularisation relative to the mean power, ≥ 0.

    Returns
    -------
    ndarray, shape (virtual, physical, n_taps)

    Raises
    ------
    SignalError
        If the recordings differ in length or are shorter than 2·n_taps.
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Roure & Albarrazin (1999), The remote microphone technique for active noise control.
    """
    require(n_taps >= 1, "n_taps", n_taps, "at least 1")
    require(ridge >= 0, "ridge", ridge, "≥ 0")
    have = as_signal("physical", physical)
    want = as_signal("virtual", virtual)
    have, want = have.reshape(len(have), -1), want.reshape(len(want), -1)
    n, microphones = have.shape
    if len(want) != n:
        raise SignalError(f"virtual has {len(want)} frames but physical has {n}")
    if n < 2 * n_taps:
        raise SignalError(f"the recordings have {n} frames but need {2 * n_taps}")
    matrix, right = _normal_equations(have, want, n_taps)
    size = microphones * n_taps
    matrix[np.diag_indices(size)] += ridge * np.trace(matrix) / size + np.finfo(float).tiny
    taps = linalg.solve(matrix, right, assume_a="sym")
    return np.ascontiguousarray(taps.T.reshape(want.shape[1], microphones, n_taps))


def _normal_equations(have: Floats, want: Floats, n_taps: int) -> tuple[Floats, Floats]:
    """Return autocovariance matrix and crosscovariances, as if silence surrounded the recording."""
    n, microphones = have.shape
    length = 1 << (n + n_taps - 1).bit_length()
    spectra = np.fft.rfft(have, length, axis=0)
    targets = np.fft.rfft(want, length, axis=0)

    def lags(a: npt.NDArray[np.complex128], b: npt.NDArray[np.complex128]) -> Floats:
        """Return Σ_n a[n] b[n + lag] for lags from −(n_taps − 1) to n_taps − 1."""
        full = np.fft.irfft(np.conj(a) * b, length)
        return np.concatenate([full[length - n_taps + 1 :], full[:n_taps]])

    size = microphones * n_taps
    matrix = np.empty((size, size))
    right = np.empty((size, want.shape[1]))
    for p in range(microphones):
        rows = slice(p * n_taps, (p + 1) * n_taps)
        for q in range(microphones):
            r = lags(spectra[:, p], spectra[:, q])
            columns = slice(q * n_taps, (q + 1) * n_taps)
            matrix[rows, columns] = linalg.toeplitz(r[n_taps - 1 :], r[n_taps - 1 :: -1])
        for v in range(want.shape[1]):
            right[rows, v] = lags(spectra[:, p], targets[:, v])[n_taps - 1 :]
    return matrix, right


class VirtualSensingController(WrappedController):
    """Remote microphone technique: a rule adapts with the error estimated at virtual places.

    ::

        d̂_p = e_p − ŝ_p∗y       disturbance at the physical microphones
        d̂_v = o∗d̂_p             disturbance at the virtual places
        ê_v = d̂_v + ŝ_v∗y       error there: what the rule is given

    Parameters
    ----------
    controller : Controller
        A filtered-x rule whose own estimate is ŝ_v and whose errors are the virtual places.
    physical_path_estimate : array_like, shape (taps,) or (physical, loudspeakers, taps)
        Ŝ_p, drives → physical microphones.
    virtual_path_estimate : array_like, shape (taps,) or (virtual, loudspeakers, taps)
        Ŝ_v, drives → virtual places, measured with a microphone there once.
    observation : array_like, shape (taps,) or (virtual, physical, taps)
        o, from `observation_filter`. It is causal: sound must reach the physical microphones no
        later than the virtual places for it to be exact.
    error_delay : int
        As the plant's, ≥ 0.
    references : int, optional
        References of a controller in Python.

    Raises
    ------
    ParameterError
        If channels do not fit each other.
    SignalError
        If a path has another shape.

    Notes
    -----
    An error of Ŝ_p acts as an additional feedback path around the rule; a `Guard` around this
    controller takes Ŝ_p as its estimate.

    References
    ----------
    Roure & Albarrazin (1999), The remote microphone technique for active noise control. Moreau,
    Cazzolato, Zander & Petersen (2008), A review of virtual sensing algorithms for active noise
    control.
    """

    def __init__(
        self,
        controller: Controller,
        *,
        physical_path_estimate: npt.ArrayLike,
        virtual_path_estimate: npt.ArrayLike,
        observation: npt.ArrayLike,
        error_delay: int = 0,
        references: int | None = None,
    ) -> None:
        require(error_delay >= 0, "error_delay", error_delay, "at least 0")
        dtype = number_type(controller)
        physical = as_path("physical_path_estimate", physical_path_estimate, dtype)
        at_virtual = as_path("virtual_path_estimate", virtual_path_estimate, dtype)
        o = as_path("observation", observation, dtype)
        if physical.shape[1] != at_virtual.shape[1]:
            raise ParameterError(
                "virtual_path_estimate loudspeakers", at_virtual.shape[1], f"{physical.shape[1]}"
            )
        wanted = (at_virtual.shape[0], physical.shape[0])
        if o.shape[:2] != wanted:
            raise ParameterError(
                "observation channels", o.shape[:2], f"{wanted} (virtual, physical)"
            )
        inner = nested_core(
            controller,
            references=references,
            loudspeakers=at_virtual.shape[1],
            errors=at_virtual.shape[0],
        )
        core = nest("VirtualSensing", dtype, (inner,), physical, at_virtual, o, error_delay)
        super().__init__(core, controller, dtype)
