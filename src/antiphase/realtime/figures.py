"""The live figures of a session, as values and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Attenuation",
    "DeviceFigures",
    "Figures",
    "LatencyBudget",
    "Octave",
    "OutputFigures",
    "Spectrum",
]


def _plain(value: float | None, digits: int) -> float | None:
    """Return a number fit for JSON: rounded, None where it is not finite."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


@dataclass(frozen=True)
class Octave:
    """One octave band: centre in Hz, estimated attenuation and its bound in dB."""

    hz: float
    db: float | None
    bound_db: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"hz": self.hz, "db": _plain(self.db, 2), "bound_db": _plain(self.bound_db, 2)}


@dataclass(frozen=True)
class Attenuation:
    """How much quieter it is, dB; None where not known.

    Attributes
    ----------
    estimated : float, optional
        From d̂ = e − ŝ∗y over the last second, unweighted, full band.
    true : float, optional
        What a rig that knows the undisturbed sound says.
    a_weighted : float, optional
        As `estimated`, of A-weighted sound.
    bound : float, optional
        What the best fixed filter (fitted to 2 s, without frames that were lost) would
        have reached in the last second.
    bound_error : float, optional
        By how much the bound may be off; at least by how much it was passed.
    by_octave : tuple of Octave
    """

    estimated: float | None = None
    true: float | None = None
    a_weighted: float | None = None
    bound: float | None = None
    bound_error: float | None = None
    by_octave: tuple[Octave, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "estimated": _plain(self.estimated, 2),
            "true": _plain(self.true, 2),
            "a_weighted": _plain(self.a_weighted, 2),
            "bound": _plain(self.bound, 2),
            "bound_error": _plain(self.bound_error, 2),
            "by_octave": [band.as_dict() for band in self.by_octave],
        }


@dataclass(frozen=True)
class LatencyBudget:
    """Where the time goes, ms; None where not known.

    ``margin = acoustic_lead − (capture + network_up + server + network_down + buffer +
    converters)``. One-way times of the network are halves of the round trips.
    """

    capture: float | None = None
    network_up: float | None = None
    server: float | None = None
    network_down: float | None = None
    buffer: float | None = None
    converters: float | None = None
    acoustic_lead: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: _plain(value, 3) for name, value in vars(self).items()}


@dataclass(frozen=True)
class DeviceFigures:
    """One device: drift re the server's clock, share of frames lost, jitter (95th percentile)."""

    device_id: str
    name: str
    roles: tuple[str, ...]
    drift_ppm: float | None = None
    loss: float | None = None
    jitter_ms: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "device_id": self.device_id,
            "name": self.name,
            "roles": list(self.roles),
            "drift_ppm": _plain(self.drift_ppm, 2),
            "loss": _plain(self.loss, 5),
            "jitter_ms": _plain(self.jitter_ms, 3),
        }


@dataclass(frozen=True)
class OutputFigures:
    """The drive of the last second (or the cleaned talker).

    Attributes
    ----------
    rms, peak, limit : float, optional
        Re full scale.
    thd_percent : float, optional
        Harmonics re the line that dominates the output; None where none does.
    snr_db : float, optional
        What the filter makes of the reference, re what else is played (probe, fades, clipping).
    """

    rms: float | None = None
    peak: float | None = None
    limit: float | None = None
    thd_percent: float | None = None
    snr_db: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: _plain(value, 6) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Spectrum:
    """Densities at the error microphone in dB: with control off (d̂), on (e), and the bound."""

    hz: tuple[float, ...] = ()
    off_db: tuple[float, ...] = ()
    on_db: tuple[float, ...] = ()
    bound_db: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {name: [_plain(v, 2) for v in values] for name, values in vars(self).items()}


@dataclass(frozen=True)
class Figures:
    """All figures of a session at one moment.

    Attributes
    ----------
    time_s : float
        Since the session was created.
    mode, reason : str
        The mode in force and why, in words.
    control : bool
        Whether anti-noise is asked for.
    attenuation : Attenuation
    margin_ms : float, optional
        Causality margin, from the audio itself.
    latency : LatencyBudget
    devices : tuple of DeviceFigures
    deadline_misses : int
        Frames that were processed too late to be of use, and updates that were put off.
    output : OutputFigures
    spectrum : Spectrum
    split : dict, optional
        Version pushed, in force, changes of the paths, update interval in s.
    scene : dict, optional
        Geometry that the creator gave.
    """

    time_s: float = 0.0
    mode: str = "forward"
    reason: str = "nothing is known yet"
    control: bool = True
    attenuation: Attenuation = field(default_factory=Attenuation)
    margin_ms: float | None = None
    latency: LatencyBudget = field(default_factory=LatencyBudget)
    devices: tuple[DeviceFigures, ...] = ()
    deadline_misses: int = 0
    output: OutputFigures = field(default_factory=OutputFigures)
    spectrum: Spectrum = field(default_factory=Spectrum)
    split: dict[str, Any] | None = None
    scene: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return {
            "time_s": _plain(self.time_s, 3),
            "mode": self.mode,
            "reason": self.reason,
            "control": self.control,
            "attenuation_db": self.attenuation.as_dict(),
            "margin_ms": _plain(self.margin_ms, 3),
            "latency_ms": self.latency.as_dict(),
            "devices": [device.as_dict() for device in self.devices],
            "deadline_misses": self.deadline_misses,
            "output": self.output.as_dict(),
            "spectrum": self.spectrum.as_dict(),
            "split": self.split,
            "scene": self.scene,
        }
