"""Control of harmonic sound (hum, engines, fans) with synthesised references."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Literal

import numpy as np
import numpy.typing as npt

from antiphase.adaptive.seam import NativeController, native_class
from antiphase.arrays import Signal, as_signal
from antiphase.errors import SignalError, require

__all__ = ["NarrowbandController"]

_SOURCES = {"reference": 0, "error": 1, "phase": 2}
_SEARCH_SECONDS = 0.25


def _half_orders(harmonics: Sequence[float]) -> list[int]:
    halves = sorted({round(2 * float(h)) for h in harmonics})
    good = bool(halves) and all(
        h > 0 and abs(2 * h - round(2 * h)) < 1e-9 for h in map(float, harmonics)
    )
    require(good, "harmonics", harmonics, "positive multiples of 0.5")
    require(len(halves) <= 64, "harmonics", harmonics, "at most 64")
    return halves


class NarrowbandController(NativeController):
    """Adaptive notch for a drifting fundamental and its harmonics (or half orders).

    ``y[n] = Re Σ_h W_h·exp(j·h·φ[n])`` with one complex weight per harmonic. φ follows the sound:
    a phase-locked loop that all harmonics steer, started (and put right) by a search over
    `frequency_range_hz`. The weights see the reconstructed disturbance d̂ = e − ŝ∗y (modified form:
    the delay of the path does not limit the step):

    ``ε = d̂ + Re Σ_h W_h·Ŝ(hω)·exp(j·h·φ)``,
    ``W_h ← leakage·W_h − mu/H · ε·conj(Ŝ(hω)·exp(j·h·φ)) / |Ŝ(hω)|²``

    with Ŝ taken at the running frequency. A harmonic sound is predictable, so it can be cancelled
    however late the reference is: `lead_ms` turns the phase ahead by what is known to be late, at
    the running frequency; a constant phase is learnt by the weights anyway.

    Parameters
    ----------
    fs : float
        Sample rate in Hz, > 0.
    secondary_path_estimate : array_like, shape (taps,)
        ŝ.
    frequency_hz : float
        The fundamental at the start, > 0. 50 or 60 Hz hum: the mains frequency (or twice it).
    harmonics : sequence of float
        Multiples of the fundamental, each a multiple of 0.5. Those above 0.475·fs are left out.
    frequency_range_hz : (float, float), optional
        Limits of the fundamental. Default: ± 3 %. Cost of the search per sample and harmonic:
        about range · 0.25 s · highest harmonic multiply-adds.
    source : {"reference", "error", "phase"}
        Where φ comes from. ``"reference"``: sound at a reference microphone. ``"error"``: from d̂,
        for a device without a reference (mode `local`); `process` then ignores its reference.
        ``"phase"``: the reference is the phase of a tacho in rad, wrapped (at any multiple of 2π)
        or not.
    mu : float
        Step in (0, 2). Each weight settles with a time constant of 2·H/mu samples; the excess error
        is mu/2 of the residual.
    tracking_hz : float
        Natural frequency of the phase-locked loop, > 0: higher follows faster changes of speed and
        passes more noise into the phase.
    lead_ms : float
        Time in ms by which the reference is late (or the drive early), ≥ 0; see above.
    leakage : float
        Multiplies all weights at each sample, in (0, 1]; 1 is none.
    error_delay : int
        Samples by which the error arrives late, ≥ 0.
    dtype : {float32, float64}
        Number type of the signals; weights and phases are float64.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If `secondary_path_estimate` is not of shape (taps,) or not finite.

    Notes
    -----
    With a phase error of Ŝ below 90° at each harmonic the weights converge for small mu. Changes of
    speed during the delay of the path, Δω over τ samples, leave a phase error h·Δω·τ/2. The search
    answers every 0.25 s and takes over only where it explains 1.5 times more than the loop does.

    References
    ----------
    Widrow et al. (1975), Adaptive noise cancelling: principles and applications. Bodson & Douglas
    (1997), Adaptive algorithms for the rejection of sinusoidal disturbances with unknown frequency.
    Kuo & Morgan (1996), Active Noise Control Systems, ch. 4. Ziarani & Konrad (2004), A method of
    extraction of nonstationary sinusoids.
    """

    def __init__(
        self,
        fs: float,
        secondary_path_estimate: npt.ArrayLike,
        frequency_hz: float,
        *,
        harmonics: Sequence[float] = (1, 2, 3, 4, 5, 6),
        frequency_range_hz: tuple[float, float] | None = None,
        source: Literal["reference", "error", "phase"] = "reference",
        mu: float = 0.02,
        tracking_hz: float = 3.0,
        lead_ms: float = 0.0,
        leakage: float = 1.0,
        error_delay: int = 0,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        require(fs > 0, "fs", fs, "> 0")
        require(0 < frequency_hz < fs / 2, "frequency_hz", frequency_hz, f"in (0, {fs / 2:g})")
        low, high = frequency_range_hz or (0.97 * frequency_hz, 1.03 * frequency_hz)
        rule = f"two frequencies around frequency_hz={frequency_hz:g}, below fs / 2"
        good = 0 < low <= frequency_hz <= high < fs / 2
        require(good, "frequency_range_hz", frequency_range_hz, rule)
        require(source in _SOURCES, "source", source, '"reference", "error" or "phase"')
        require(0 < mu < 2, "mu", mu, "in (0, 2)")
        require(0 < tracking_hz < fs / 20, "tracking_hz", tracking_hz, f"in (0, {fs / 20:g})")
        require(lead_ms >= 0, "lead_ms", lead_ms, "≥ 0")
        require(0 < leakage <= 1, "leakage", leakage, "in (0, 1]")
        require(error_delay >= 0, "error_delay", error_delay, "≥ 0")
        path = as_signal("secondary_path_estimate", secondary_path_estimate, channels=1)
        if path.size == 0:
            raise SignalError("secondary_path_estimate must have at least 1 tap")
        self._fs = float(fs)
        radian = 2 * pi / self._fs
        core = native_class("Narrowband", dtype)(
            half_orders=_half_orders(harmonics),
            secondary_path_estimate=path.astype(dtype),
            source=_SOURCES[source],
            start=frequency_hz * radian,
            lowest=low * radian,
            highest=high * radian,
            loop=tracking_hz * radian,
            fade=0.1 * tracking_hz * radian,
            search_block=max(1, round(_SEARCH_SECONDS * self._fs)),
            mu=mu,
            leakage=leakage,
            lead=1e-3 * lead_ms * self._fs,
            error_delay=error_delay,
        )
        super().__init__(core, dtype)

    @property
    def frequency_hz(self) -> float:
        """The fundamental as tracked, Hz."""
        return float(self._core.frequency * self._fs / (2 * pi))

    @property
    def explained(self) -> float:
        """Share of the tracked signal's power that the harmonics explain, 0 … 1 (0 for a tacho)."""
        return float(self._core.explained)

    @property
    def weights(self) -> npt.NDArray[np.complex128]:
        """The complex weights W_h, shape (H,), in ascending order of h; assign to set them.

        `control_filter` holds the same as real and imaginary parts, shape (H, 2).
        """
        pairs = np.asarray(self.control_filter, dtype=np.float64)
        return pairs[:, 0] + 1j * pairs[:, 1]

    @weights.setter
    def weights(self, weights: npt.ArrayLike) -> None:
        values = np.atleast_1d(np.asarray(weights, dtype=np.complex128))
        self.control_filter = np.stack([values.real, values.imag], axis=-1)

    @property
    def secondary_path_estimate(self) -> Signal:
        """The model ŝ in use; assign another of the same length to change it while running."""
        path: Signal = self._core.secondary_path_estimate
        return path

    @secondary_path_estimate.setter
    def secondary_path_estimate(self, path: npt.ArrayLike) -> None:
        self._core.secondary_path_estimate = np.ascontiguousarray(path, dtype=self._dtype)
