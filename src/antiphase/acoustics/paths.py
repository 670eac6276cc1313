"""Acoustic paths with their rate, and how much time they leave to a controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.acoustics.medium import speed_of_sound
from antiphase.dsp.response import first_arrival
from antiphase.dsp.stream import Floats
from antiphase.errors import SignalError, require

__all__ = ["AcousticPaths", "CausalityMargin", "distance_m", "geometric_margin", "path_margin"]


def distance_m(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the straight distance between two points (x, y, z) in m.

    Raises
    ------
    ParameterError
        If a point does not have three finite coordinates.
    """
    points = [np.asarray(p, dtype=np.float64) for p in (first, second)]
    for point in points:
        ok = point.shape == (3,) and bool(np.isfinite(point).all())
        require(ok, "position", tuple(np.ravel(point)), "three finite coordinates in m")
    return float(np.linalg.norm(points[0] - points[1]))


@dataclass(frozen=True)
class AcousticPaths:
    """Impulse responses from sources to microphones at one rate.

    Parameters
    ----------
    taps : ndarray, shape [mic, source, taps]
        Finite, tap 0 at the instant of emission (no global delay of a simulator left in).
    fs : float
        Hz, > 0.
    distance_m : ndarray, shape [mic, source], optional
        Straight distances, where known.
    speed_of_sound : float
        In m/s.

    Raises
    ------
    SignalError
        If the shapes do not fit or a tap is not finite.
    """

    taps: Floats
    fs: float
    distance_m: Floats | None = None
    speed_of_sound: float = 343.2

    def __post_init__(self) -> None:
        require(self.fs > 0, "fs", self.fs, "> 0 Hz")
        if self.taps.ndim != 3:
            raise SignalError(f"taps have shape {self.taps.shape} but must be [mic, source, taps]")
        if not np.isfinite(self.taps).all():
            raise SignalError("taps hold NaN or Inf; make or measure the paths again")
        if self.distance_m is not None and self.distance_m.shape != self.taps.shape[:2]:
            raise SignalError(
                f"distance_m has shape {self.distance_m.shape} but must be {self.taps.shape[:2]}"
            )

    @property
    def n_taps(self) -> int:
        """Length of the responses."""
        return int(self.taps.shape[2])

    def arrival(self, mic: int = 0, source: int = 0) -> float:
        """Return the first arrival in samples, read from the response (see `first_arrival`)."""
        return first_arrival(self.taps[mic, source])

    def geometric_arrival(self, mic: int = 0, source: int = 0) -> float:
        """Return the first arrival in samples that the distance gives.

        Raises
        ------
        SignalError
            If the distances are not known.
        """
        if self.distance_m is None:
            raise SignalError("distances are not known; read the arrival from the response")
        return float(self.distance_m[mic, source] / self.speed_of_sound * self.fs)

    def shortened(self, n_taps: int) -> tuple[AcousticPaths, float]:
        """Return the paths cut (or padded with zeros) to `n_taps` and what that costs.

        Returns
        -------
        paths : AcousticPaths
        lost_db : float
            Energy cut off relative to all, in dB (−inf for none): the error of the shorter model.

        Raises
        ------
        ParameterError
            If `n_taps` is below 1.
        """
        require(n_taps >= 1, "n_taps", n_taps, "at least 1")
        room = max(0, n_taps - self.n_taps)
        taps = np.pad(self.taps, ((0, 0), (0, 0), (0, room)))[:, :, :n_taps]
        lost, total = float(np.sum(self.taps[:, :, n_taps:] ** 2)), float(np.sum(self.taps**2))
        lost_db = 10 * np.log10(lost / total) if lost > 0 else -np.inf
        return AcousticPaths(taps, self.fs, self.distance_m, self.speed_of_sound), float(lost_db)


@dataclass(frozen=True)
class CausalityMargin:
    """Time left to a feed-forward controller.

    Parameters
    ----------
    lead_ms : float
        By how much the noise reaches the reference microphone before the error microphone.
    secondary_ms : float
        From the drive to the error microphone through air and converters.
    electronics_ms : float
        Network, codec, buffers, processing.
    """

    lead_ms: float
    secondary_ms: float
    electronics_ms: float = 0.0

    @property
    def margin_ms(self) -> float:
        """``lead − secondary − electronics``; negative means the anti-noise comes too late."""
        return self.lead_ms - self.secondary_ms - self.electronics_ms

    def samples(self, fs: float) -> float:
        """Return the margin in samples at a rate.

        Raises
        ------
        ParameterError
            If the rate is not positive.
        """
        require(fs > 0, "fs", fs, "> 0 Hz")
        return self.margin_ms * fs / 1000


def geometric_margin(
    source: Sequence[float],
    reference: Sequence[float],
    error: Sequence[float],
    loudspeaker: Sequence[float],
    *,
    converters_ms: float = 0.0,
    electronics_ms: float = 0.0,
    temperature_c: float = 20.0,
) -> CausalityMargin:
    """Return the causality margin that positions give.

    Parameters
    ----------
    source, reference, error, loudspeaker : sequence of float
        (x, y, z) in m of noise source, reference microphone, error microphone, loudspeaker.
    converters_ms : float
        Latency of the loudspeaker's and error microphone's converters together, ≥ 0.
    electronics_ms : float
        Network, codec, buffers, processing, ≥ 0.
    temperature_c : float
        In [−50, 60] °C.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """
    require(converters_ms >= 0, "converters_ms", converters_ms, "≥ 0 ms")
    require(electronics_ms >= 0, "electronics_ms", electronics_ms, "≥ 0 ms")
    per_m = 1000 / speed_of_sound(temperature_c)
    lead = (distance_m(source, error) - distance_m(source, reference)) * per_m
    secondary = distance_m(loudspeaker, error) * per_m + converters_ms
    return CausalityMargin(lead, secondary, electronics_ms)


def path_margin(
    source_to_reference: npt.ArrayLike,
    source_to_error: npt.ArrayLike,
    secondary_path: npt.ArrayLike,
    fs: float,
    *,
    electronics_ms: float = 0.0,
) -> CausalityMargin:
    """Return the causality margin that impulse responses show, by their first arrivals.

    Parameters
    ----------
    source_to_reference, source_to_error, secondary_path : array_like, shape (taps,)
        All on the same clock; delays of the converters are in them as far as they were measured
        or simulated through them. Where only a primary path P (reference → error) is known, give
        ``[1.0]`` and P.
    fs : float
        Hz, > 0.
    electronics_ms : float
        What is not in the responses: network, codec, buffers, processing.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    SignalError
        If a response is all zeros.
    """
    require(fs > 0, "fs", fs, "> 0 Hz")
    reference = first_arrival(source_to_reference)
    error = first_arrival(source_to_error)
    secondary = first_arrival(secondary_path)
    to_ms = 1000 / fs
    return CausalityMargin((error - reference) * to_ms, secondary * to_ms, electronics_ms)
