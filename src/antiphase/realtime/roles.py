"""Who is in a session: devices, what they are there for, and which track carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from antiphase.errors import ParameterError, require

__all__ = ["DeviceDescription", "Role", "RoleBinding"]

Role = Literal["reference", "error", "loudspeaker", "talker", "listener"]
_ROLES = get_args(Role)
_MOST_TAPS = 8192
_MOST_PATH = 8192
_MOST_BINDINGS = 16


@dataclass(frozen=True)
class RoleBinding:
    """One role of a device.

    Attributes
    ----------
    role : str
        ``reference``, ``error`` and ``talker`` are heard by the device, ``loudspeaker`` and
        ``listener`` are played by it.
    track : str
        Media section (mid) that carries it, or ``data`` for the data channel ``anc.split``.
    channel : int
        Of the track, from 0.

    Raises
    ------
    ParameterError
        If a value is outside its range.
    """

    role: Role
    track: str = "data"
    channel: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.role in _ROLES, "role", self.role, "one of " + ", ".join(_ROLES))
        require(0 < len(self.track) <= 16, "track", self.track, "a mid or 'data'")
        require(0 <= self.channel < 64, "channel", self.channel, "in 0 … 63")

    @property
    def mid(self) -> str:
        """The media section that carries it; empty where the data channel does."""
        return "" if self.track == "data" else self.track

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"role": self.role, "track": self.track, "channel": self.channel}


@dataclass(frozen=True, eq=False)
class DeviceDescription:
    """What a device says about itself when it joins.

    Attributes
    ----------
    name : str
        For people.
    roles : tuple of RoleBinding
        None: it only watches.
    secondary_path_estimate : ndarray, shape (taps,), optional
        Ŝ from its loudspeaker to its error microphone at the rate `fs`; without it no mode can use
        the loudspeaker.
    fs : int
        Rate at which it runs control, Hz.
    taps : int
        Taps of w that it can run.
    device_margin_ms : float, optional
        Causality margin of the reference that it hears itself, ms, where it knows it.
    truth : bool
        It knows the undisturbed sound (a simulated rig) and may say so.

    Raises
    ------
    ParameterError
        If a value is outside its range.
    """

    name: str = ""
    roles: tuple[RoleBinding, ...] = ()
    secondary_path_estimate: npt.NDArray[np.float64] | None = None
    fs: int = 8000
    taps: int = 512
    device_margin_ms: float | None = None
    truth: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(len(self.name) <= 100, "name", self.name[:20], "at most 100 characters")
        require(len(self.roles) <= _MOST_BINDINGS, "roles", len(self.roles), "at most 16")
        require(4000 <= self.fs <= 48000, "fs", self.fs, "in 4000 … 48000 Hz")
        require(1 <= self.taps <= _MOST_TAPS, "taps", self.taps, f"in 1 … {_MOST_TAPS}")
        margin = self.device_margin_ms
        require(margin is None or abs(margin) < 1e4, "device_margin_ms", margin, "below 10 s")
        if self.secondary_path_estimate is not None:
            path = np.asarray(self.secondary_path_estimate, np.float64)
            good = path.ndim == 1 and 1 <= len(path) <= _MOST_PATH and np.isfinite(path).all()
            if not (good and path.any()):
                rule = f"1 … {_MOST_PATH} finite taps, not all 0"
                raise ParameterError("secondary_path_estimate", path.shape, rule)
            object.__setattr__(self, "secondary_path_estimate", path)

    def binding(self, role: Role) -> RoleBinding | None:
        """Return how the device carries a role; None where it does not have it."""
        return next((b for b in self.roles if b.role == role), None)

    @property
    def role_names(self) -> list[str]:
        """The roles, each once, in the order given."""
        return list(dict.fromkeys(b.role for b in self.roles))
