"""The standard scene "street": one noise source, a listener 20 m away, a loudspeaker beside him."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from antiphase.acoustics import noise
from antiphase.acoustics.free_field import ASPHALT, Air, Converter, free_field_path
from antiphase.acoustics.paths import CausalityMargin, distance_m, geometric_margin
from antiphase.arrays import as_signal
from antiphase.dsp.delay import sinc_delay_taps
from antiphase.dsp.fir import FIRFilter
from antiphase.dsp.stream import Floats
from antiphase.errors import SignalError, require

__all__ = ["SceneSignals", "StreetScene"]

Point = tuple[float, float, float]

_SOURCE: Point = (0.0, 0.0, 0.5)
_ERROR: Point = (20.0, 0.0, 1.2)
_LOUDSPEAKER_M = 0.78
# What the margin counts for converters, and how much of it is pure delay. The rest is the delay
# of the anti-alias filters at low frequencies, of which the margin counts a part only: with these
# figures the bounds of white, band and hum over margin meet the published table to 1 dB.
_CONVERTERS_MS = 0.5
_PURE_MS = 0.23
_CUTOFF = 0.475
# Room behind the direct sound for ground, filters and the loudspeaker's high-pass.
_TAIL_MS = 60.0


def _towards(start: Point, end: Point, metres: float) -> Point:
    """Point on the line from start to end."""
    a, b = np.array(start), np.array(end)
    x, y, z = a + (b - a) * metres / np.linalg.norm(b - a)
    return (float(x), float(y), float(z))


_LOUDSPEAKER = _towards(_ERROR, _SOURCE, _LOUDSPEAKER_M)


@dataclass(frozen=True)
class SceneSignals:
    """Signals at the microphones of a scene, each of shape (n,), in their steady state.

    Parameters
    ----------
    reference : ndarray
        As the controller gets it: late by the electronics, with sensor noise.
    disturbance : ndarray
        The source at the error microphone, unit RMS.
    ambient : ndarray
        What else the error microphone hears and no reference knows; add it to the disturbance.
    reference_noise : ndarray
        The sensor noise in `reference`.
    """

    reference: Floats
    disturbance: Floats
    ambient: Floats
    reference_noise: Floats


@dataclass(frozen=True)
class StreetScene:
    """Source 0.5 m high, reference 0.5 m from it, error microphone 20 m away, asphalt between.

    The loudspeaker stands 0.78 m from the error microphone on the line to the source. Converters:
    Butterworth of order 8 at 0.475·fs before each microphone's and behind the loudspeaker's
    converter; the loudspeaker has a 60 Hz high-pass. Margin = (flight source → error − flight
    source → reference) − (flight loudspeaker → error + 0.5 ms) − electronics; of the 0.5 ms of
    the converters 0.23 are pure delay, the rest stands for filters. The electronics delay the
    sampled reference, in fractions of a sample by a windowed sinc as a resampler does.

    Parameters
    ----------
    fs : float
        Hz, ≥ 2000.
    source, reference, error, loudspeaker : (float, float, float)
        Positions in m, z above the ground; the loudspeaker defaults as above.
    air : Air
    flow_resistivity : float, optional
        Of the ground in Pa·s/m²; None for no ground.
    loudspeaker_highpass_hz : float
        ≥ 0; 0 for none.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    fs: float = 8000.0
    source: Point = _SOURCE
    reference: Point = (0.5, 0.0, 0.5)
    error: Point = _ERROR
    loudspeaker: Point = _LOUDSPEAKER
    air: Air = field(default_factory=Air)
    flow_resistivity: float | None = ASPHALT
    loudspeaker_highpass_hz: float = 60.0

    def __post_init__(self) -> None:
        require(self.fs >= 2000, "fs", self.fs, "≥ 2000 Hz")

    def margin(self, electronics_ms: float = 0.0) -> CausalityMargin:
        """Return the causality margin that geometry gives with that much electronics.

        Raises
        ------
        ParameterError
            If `electronics_ms` is negative.
        """
        return geometric_margin(
            self.source,
            self.reference,
            self.error,
            self.loudspeaker,
            converters_ms=_CONVERTERS_MS,
            electronics_ms=electronics_ms,
            temperature_c=self.air.temperature_c,
        )

    def electronics_for(self, margin_ms: float) -> float:
        """Return the latency of network, codec and buffers in ms that leaves this margin.

        Raises
        ------
        ParameterError
            If even without any electronics the margin is smaller.
        """
        most = self.margin().margin_ms
        require(margin_ms <= most, "margin_ms", margin_ms, f"at most {most:.2f}, what space gives")
        return most - margin_ms

    def reference_path(self, electronics_ms: float = 0.0) -> Floats:
        """Return the response from source to the reference as the controller gets it, (taps,).

        Raises
        ------
        ParameterError
            If `electronics_ms` is negative.
        """
        heard = self._path(self.source, self.reference, [Converter(_CUTOFF * self.fs)])
        return np.convolve(heard, sinc_delay_taps(electronics_ms * self.fs / 1000))

    @property
    def disturbance_path(self) -> Floats:
        """The response from source to error microphone, (taps,)."""
        return self._path(self.source, self.error, [Converter(_CUTOFF * self.fs)])

    @property
    def secondary_path(self) -> Floats:
        """The response from drive to error microphone, (taps,)."""
        loudspeaker = Converter(
            _CUTOFF * self.fs, highpass_hz=self.loudspeaker_highpass_hz, latency_ms=_PURE_MS
        )
        return self._path(self.loudspeaker, self.error, [loudspeaker, Converter(_CUTOFF * self.fs)])

    @property
    def feedback_path(self) -> Floats:
        """The response from drive to reference microphone, (taps,)."""
        loudspeaker = Converter(
            _CUTOFF * self.fs, highpass_hz=self.loudspeaker_highpass_hz, latency_ms=_PURE_MS
        )
        microphone = Converter(_CUTOFF * self.fs)
        return self._path(self.loudspeaker, self.reference, [loudspeaker, microphone])

    def signals(
        self,
        source_signal: npt.ArrayLike,
        *,
        margin_ms: float = 5.0,
        reference_snr_db: float = 50.0,
        ambient_db: float = -30.0,
        seed: int = 0,
    ) -> SceneSignals:
        """Return what the microphones pick up.

        Parameters
        ----------
        source_signal : array_like, shape (m,)
            What the source emits, any scale. The signals are shorter by the longest path, so that
            they start with the sound already everywhere.
        margin_ms : float
            Causality margin wanted; sets the electronics (see `electronics_for`).
        reference_snr_db : float
            Reference over its (white) sensor noise.
        ambient_db : float
            Ambient (pink) relative to the disturbance at the error microphone.
        seed : int
            Of sensor noise and ambient.

        Raises
        ------
        ParameterError
            If the margin can't be had.
        SignalError
            If the signal is silent, shorter than the paths, or holds NaN or Inf.
        """
        emitted = as_signal("source_signal", source_signal, channels=1)
        if not np.any(emitted):
            raise SignalError("source_signal is silent; give a noise")
        electronics_ms = self.electronics_for(margin_ms)
        paths = self.reference_path(electronics_ms), self.disturbance_path
        run_in = max(len(path) for path in paths) - 1
        if len(emitted) <= run_in:
            raise SignalError(f"source_signal has {len(emitted)} frames; give more than {run_in}")
        reference, disturbance = (FIRFilter(path).process(emitted)[run_in:] for path in paths)
        level = float(np.sqrt(np.mean(disturbance**2)))
        reference, disturbance = reference / level, disturbance / level
        rng = np.random.default_rng([seed, 0x5EED])
        sensor = rng.standard_normal(len(reference)) * np.sqrt(np.mean(reference**2))
        sensor *= 10 ** (-reference_snr_db / 20)
        ambient = noise.make("pink", len(reference) / self.fs, self.fs, seed)
        return SceneSignals(
            reference=reference + sensor,
            disturbance=disturbance,
            ambient=ambient * 10 ** (ambient_db / 20),
            reference_noise=sensor,
        )

    def _path(
        self, start: Sequence[float], end: Sequence[float], converters: list[Converter]
    ) -> Floats:
        flight_ms = distance_m(start, end) / 343.2 * 1000 * 1.3
        delay_ms = flight_ms + sum(c.group_delay_ms for c in converters)
        return free_field_path(
            start,
            end,
            self.fs,
            int(np.ceil((delay_ms + _TAIL_MS) * self.fs / 1000)),
            converters=converters,
            flow_resistivity=self.flow_resistivity,
            air=self.air,
        )
