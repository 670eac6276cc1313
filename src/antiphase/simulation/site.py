"""A site as the planner sees it: three paths, a causality margin, latencies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from antiphase.acoustics import StreetScene, geometric_margin, path_margin
from antiphase.acoustics.room import room_paths
from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = ["Latency", "Site"]

Floats = npt.NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Latency:
    """Electronic latency in milliseconds, beyond the converters that the site's paths hold.

    Attributes
    ----------
    device_ms : float
        Block input and output and processing on the device with the loudspeaker.
    network_ms : float
        One way from the reference's device to the loudspeaker's, servers in between included.
    frame_ms : float
        Length of a packet: its first sample waits for its last.
    codec_ms : float
        Look-ahead of the codec and resamplers.
    buffer_ms : float
        Jitter buffers.
    """

    device_ms: float = 2.0
    network_ms: float = 20.0
    frame_ms: float = 5.0
    codec_ms: float = 0.0
    buffer_ms: float = 10.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("device_ms", "network_ms", "frame_ms", "codec_ms", "buffer_ms"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "≥ 0 ms")

    @property
    def local_ms(self) -> float:
        """Latency where the reference is wired to the device."""
        return self.device_ms

    @property
    def remote_ms(self) -> float:
        """Latency where the reference comes over the network."""
        return self.device_ms + self.network_ms + self.frame_ms + self.codec_ms + self.buffer_ms


@dataclass(frozen=True)
class Site:
    """Paths from a noise source and a loudspeaker to a listener.

    Attributes
    ----------
    fs : float
        Sample rate in Hz.
    reference_path : callable or None
        From electronic latency in ms (≥ 0) to the taps from the noise source to the reference as
        the controller gets it, shape (taps,): latency comes before sampling, so that a fraction of
        a sample is exact. None where the noise is given at the reference microphone.
    disturbance_path : ndarray, shape (taps,)
        From the noise source to the error microphone.
    secondary_path : ndarray, shape (taps,)
        From the drive to the error microphone, converters included.
    margin_ms : float
        Causality margin without any electronics: lead of the reference minus flight from the
        loudspeaker and converters.
    """

    fs: float
    reference_path: Callable[[float], Floats] | None
    disturbance_path: Floats
    secondary_path: Floats
    margin_ms: float

    @classmethod
    def outdoors(
        cls,
        source: Point = StreetScene.source,
        reference: Point = StreetScene.reference,
        error: Point = StreetScene.error,
        loudspeaker: Point = StreetScene.loudspeaker,
        *,
        fs: float = StreetScene.fs,
        ground: bool = True,
    ) -> Site:
        """Return a site in the open, by default the standard street.

        Parameters
        ----------
        source, reference, error, loudspeaker : (x, y, z)
            Positions in m, z above the ground.
        fs : float
            Sample rate in Hz.
        ground : bool
            Asphalt at z = 0, or nothing.

        Returns
        -------
        Site
            With the converters of `acoustics.StreetScene`.
        """
        resistivity = StreetScene.flow_resistivity if ground else None
        scene = StreetScene(fs, source, reference, error, loudspeaker, flow_resistivity=resistivity)
        return cls(
            fs,
            scene.reference_path,
            scene.disturbance_path,
            scene.secondary_path,
            scene.margin().margin_ms,
        )

    @classmethod
    def room(
        cls,
        size_m: Point,
        t60_s: float,
        source: Point,
        reference: Point,
        error: Point,
        loudspeaker: Point,
        *,
        fs: float = StreetScene.fs,
        converters_ms: float = 0.5,
    ) -> Site:
        """Return a site in a rectangular room.

        Parameters
        ----------
        size_m : (x, y, z)
            Inner size in m.
        t60_s : float
            Reverberation time in s.
        source, reference, error, loudspeaker : (x, y, z)
            Positions in m from one corner.
        fs : float
            Sample rate in Hz, a whole number.
        converters_ms : float
            Latency of the loudspeaker's and the error microphone's converters together.

        Returns
        -------
        Site
            Paths of whole length: a cut tail would be noise that nothing can cancel.
        """
        taps = room_paths(size_m, (source, loudspeaker), (reference, error), fs, t60_s=t60_s).taps
        margin = geometric_margin(
            source, reference, error, loudspeaker, converters_ms=converters_ms
        )
        return cls(
            fs,
            partial(_late_path, taps[0, 0], fs),
            taps[1, 0],
            _late_path(taps[1, 1], fs, converters_ms),
            margin.margin_ms,
        )

    @classmethod
    def measured(
        cls, primary_path: npt.ArrayLike, secondary_path: npt.ArrayLike, fs: float
    ) -> Site:
        """Return a site from measured paths; its noise is what the reference microphone hears.

        Parameters
        ----------
        primary_path : array_like, shape (taps,)
            P, reference to error microphone.
        secondary_path : array_like, shape (taps,)
            S, drive to error microphone.
        fs : float
            Sample rate in Hz.

        Returns
        -------
        Site
            Margin from the first arrivals of the two.
        """
        primary = as_signal("primary_path", primary_path, channels=1)
        secondary = as_signal("secondary_path", secondary_path, channels=1)
        margin = path_margin([1.0], primary, secondary, fs)
        return cls(fs, None, primary, secondary, margin.margin_ms)

    def signals(self, emitted: npt.ArrayLike, electronics_ms: float) -> tuple[Floats, Floats]:
        """Return reference and disturbance for a noise of the source.

        Parameters
        ----------
        emitted : array_like, shape (n,)
            What the source emits, any scale.
        electronics_ms : float
            By how much the reference is late (negative: early), fractions of a sample included.

        Returns
        -------
        reference, disturbance : ndarray, shape (n,)
            In the scale of `emitted`.

        Raises
        ------
        SignalError
            If the noise is silent.
        """
        x = as_signal("emitted", emitted, channels=1)
        if not x.any():
            raise SignalError("the noise is silent; there is nothing to cancel")
        reference, left_ms = x, electronics_ms
        if self.reference_path is not None:
            left_ms = min(electronics_ms, 0.0)
            taps = self.reference_path(electronics_ms - left_ms)
            reference = signal.oaconvolve(x, taps)[: len(x)]
        if left_ms:
            reference = _late(reference, left_ms * self.fs / 1000)
        return reference, signal.oaconvolve(x, self.disturbance_path)[: len(x)]


def _late_path(taps: Floats, fs: float, latency_ms: float) -> Floats:
    """Return an impulse response that much later, and longer by as much."""
    delay = latency_ms * fs / 1000
    return _late(np.pad(taps, (0, math.ceil(delay) + 64)), delay)


def _late(samples: Floats, delay: float) -> Floats:
    """Delay by a fraction of samples; zeros on both sides take up what would wrap around."""
    room = int(abs(delay)) + 256
    size = fft.next_fast_len(len(samples) + 2 * room, real=True)
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size * delay)
    moved = fft.irfft(fft.rfft(samples, size) * turn, size)
    result: Floats = moved[: len(samples)]
    return result
