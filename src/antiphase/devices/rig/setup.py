"""The devices of a scene, put in place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.devices.rig.device import Microphone, Place, RigDevice
from antiphase.devices.rig.listener import Listener
from antiphase.devices.rig.scene import DeviceSpec, RigScene
from antiphase.devices.rig.speaker import LoudspeakerDevice
from antiphase.media.dtls import Certificate

__all__ = ["make_devices"]


def make_devices(
    scene: RigScene,
    start: float,
    *,
    estimate: npt.NDArray[np.float64] | None = None,
    keep: bool = False,
    certificate: Certificate | None = None,
) -> list[RigDevice]:
    """Return the devices of a scene that starts at `start`, none of them connected.

    Parameters
    ----------
    scene : RigScene
    start : float
        s.
    estimate : ndarray, shape (taps,), optional
        Another Ŝ than the one the scene identified.
    keep : bool
        Whether the loudspeaker device keeps its whole run.
    certificate : Certificate, optional
        To be shared.
    """
    clocks = {spec.name: scene.clock(spec.name, start) for spec in scene.devices}
    leader = next((s for s in scene.devices if s.plays), scene.devices[0])

    def make(spec: DeviceSpec) -> RigDevice:
        place = Place(scene, spec, start, clocks[spec.name], clocks[leader.name])
        if spec.plays:
            return LoudspeakerDevice(place, estimate=estimate, keep=keep, certificate=certificate)
        if any(role.role == "listener" for role in spec.roles):
            return Listener(place, certificate=certificate)
        return Microphone(place, certificate=certificate)

    return [make(spec) for spec in scene.devices]
