"""Scenes of the rig: what sounds where, which devices hear it, on which clocks and network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.devices.rig.clock import LiveClock
from antiphase.devices.rig.link import LiveLink
from antiphase.devices.rig.sounds import LoopedSound
from antiphase.errors import require
from antiphase.metrics import Bound, fixed_filter_bound
from antiphase.realtime import RoleBinding
from antiphase.simulation import Link

__all__ = ["Change", "DeviceSpec", "RigScene"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DeviceSpec:
    """One simulated device.

    Attributes
    ----------
    name : str
    roles : tuple of RoleBinding
    drift_ppm : float
        Its clock against true time.
    frame_ms : float
        Length of its packets.
    filters : bool
        Whether it can run a control filter; False: it plays what comes.
    """

    name: str
    roles: tuple[RoleBinding, ...]
    drift_ppm: float = 0.0
    frame_ms: float = 5.0
    filters: bool = True

    @property
    def plays(self) -> bool:
        """Whether it has the loudspeaker."""
        return any(r.role == "loudspeaker" for r in self.roles)

    @property
    def hears_reference(self) -> bool:
        """Whether it has a reference microphone of its own."""
        return any(r.role == "reference" for r in self.roles)


@dataclass(frozen=True)
class Change:
    """Another state of a scene that a run may go over to.

    Attributes
    ----------
    disturbance : LoopedSound or None
        At the error microphone, ambient included; None leaves it.
    secondary_path : ndarray or None
        None leaves it.
    """

    disturbance: LoopedSound | None = None
    secondary_path: Floats | None = None


@dataclass(frozen=True)
class RigScene:
    """Everything that is simulated around the devices; levels re full scale.

    Attributes
    ----------
    name, title : str
    mode : str
        The mode that it is made to show; "auto" should find it.
    fs : int
        Control rate, Hz.
    geometry : dict
        Positions in m by name, for drawing; ``lead_m`` and ``noise`` in words.
    devices : tuple of DeviceSpec
    reference : LoopedSound
        At the reference microphone, its own noise included, on the loudspeaker device's clock.
    disturbance : LoopedSound
        At the error microphone (the talker's microphone in `clean`), ambient included.
    speech : LoopedSound or None
        What the talker says, as his microphone hears it.
    secondary_path : ndarray, shape (taps,)
        The true S; one zero tap where there is no loudspeaker.
    secondary_path_estimate : ndarray, shape (taps,)
        Ŝ as the device identified it before it joined.
    error_noise_rms : float
        Of the error microphone.
    lead_ms : float
        Acoustic lead less the way of the anti-noise: the causality margin without electronics.
    link : Link
        Network between each device and the server, each way.
    changes : dict of str to Change
        What may happen, by name.
    seed : int
    """

    name: str
    title: str
    mode: str
    fs: int
    geometry: dict[str, Any]
    devices: tuple[DeviceSpec, ...]
    reference: LoopedSound
    disturbance: LoopedSound
    speech: LoopedSound | None
    secondary_path: Floats
    secondary_path_estimate: Floats
    error_noise_rms: float
    lead_ms: float
    link: Link = field(default_factory=Link)
    changes: dict[str, Change] = field(default_factory=dict)
    seed: int = 0

    def device(self, name: str) -> DeviceSpec:
        """Return a device by name.

        Raises
        ------
        ParameterError
            If there is none.
        """
        found = {d.name: d for d in self.devices}
        require(name in found, "name", name, f"one of {', '.join(found)}")
        return found[name]

    def clock(self, name: str, start: float) -> LiveClock:
        """Return a new clock of a device whose sample 0 is at `start`."""
        return LiveClock(self.fs, start=start, drift_ppm=self.device(name).drift_ppm)

    def links(self, name: str) -> tuple[LiveLink, LiveLink]:
        """Return the device's way up to the server and down from it."""
        k = [d.name for d in self.devices].index(name)
        seed = 2 * (len(self.devices) * self.seed + k)
        return LiveLink(self.link, seed), LiveLink(self.link, seed + 1)

    def bound(
        self, *, electronics_ms: float = 0.0, start_s: float, stop_s: float, n_taps: int = 512
    ) -> Bound:
        """Return the bound of a fixed control filter on what sounds in a span of the run.

        Parameters
        ----------
        electronics_ms : float
            By how much the reference reaches the controller later than space alone would have it:
            frames, network, buffers, converters of the server's side. Rounded to samples.
        start_s, stop_s : float
            Span in s from the scene's start.
        n_taps : int
            Of the control filter.

        Returns
        -------
        metrics.Bound
        """
        first, stop = round(start_s * self.fs), round(stop_s * self.fs)
        # The filters' memory before the span belongs to the steady state.
        run_in = n_taps + len(self.secondary_path) + round(abs(electronics_ms) * self.fs / 1000)
        n = stop - first + run_in
        return fixed_filter_bound(
            self.reference.take(first - run_in, n),
            self.disturbance.take(first - run_in, n),
            self.secondary_path,
            n_taps,
            delay=round(electronics_ms * self.fs / 1000),
            start=run_in,
        )
