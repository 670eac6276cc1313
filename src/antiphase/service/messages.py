"""The messages that clients send on the WebSocket, with their limits."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from antiphase.errors import ProtocolError
from antiphase.realtime import DeviceDescription, Role, RoleBinding

__all__ = [
    "Candidate",
    "ClientMessage",
    "Consent",
    "Control",
    "Join",
    "Leave",
    "ModeWish",
    "Offer",
    "Truth",
    "parse_message",
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Role(_Message):
    role: Role
    track: Annotated[str, Field(min_length=1, max_length=16)] = "data"
    channel: Annotated[int, Field(ge=0, lt=64)] = 0


class Join(_Message):
    """First message: who it is and what for; no roles: a watcher."""

    type: Literal["join"]
    device: Annotated[str, Field(max_length=100)] = ""
    roles: Annotated[tuple[_Role, ...], Field(max_length=16)] = ()
    fs: Annotated[int, Field(ge=4000, le=48000)] = 8000
    taps: Annotated[int, Field(ge=1, le=8192)] = 512
    secondary_path_estimate: Annotated[list[float], Field(max_length=8192)] | None = None
    device_margin_ms: Annotated[float, Field(gt=-1e4, lt=1e4)] | None = None
    rig: bool = False

    def description(self) -> DeviceDescription:
        """Return what the rooms take.

        Raises
        ------
        ParameterError
            If a value does not fit.
        """
        path = self.secondary_path_estimate
        return DeviceDescription(
            name=self.device,
            roles=tuple(RoleBinding(r.role, r.track, r.channel) for r in self.roles),
            secondary_path_estimate=None if path is None else np.asarray(path, np.float64),
            fs=self.fs,
            taps=self.taps,
            device_margin_ms=self.device_margin_ms,
            truth=self.rig,
        )


class Offer(_Message):
    """An SDP offer; a later one renegotiates."""

    type: Literal["offer"]
    sdp: Annotated[str, Field(max_length=65536)]


class Candidate(_Message):
    """A trickled candidate; taken and not needed, since a lite agent answers to checks."""

    type: Literal["candidate"]
    candidate: Annotated[str, Field(max_length=4096)] | None = ""
    mid: Annotated[str, Field(max_length=16)] | None = None


class Control(_Message):
    """Anti-noise on or off, for the whole session."""

    type: Literal["control"]
    on: bool


class ModeWish(_Message):
    """A mode, or ``auto``."""

    type: Literal["mode"]
    mode: Annotated[str, Field(max_length=16)]


class Truth(_Message):
    """What a rig knows: the true attenuation of the last second, dB."""

    type: Literal["truth"]
    nr_db: Annotated[float, Field(ge=-200, le=200)]


class Consent(_Message):
    """What this device says of being recorded; it may change its mind."""

    type: Literal["consent"]
    recording_id: Annotated[str, Field(max_length=64)]
    agree: bool


class Leave(_Message):
    """Goodbye."""

    type: Literal["leave"]


ClientMessage = Join | Offer | Candidate | Control | ModeWish | Truth | Consent | Leave
_ADAPTER: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


def parse_message(text: str) -> ClientMessage:
    """Read one message.

    Raises
    ------
    ProtocolError
        If it is no JSON object of a known type or a value does not fit; one line.
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"{where}: {first['msg']}" if where else first["msg"]) from None
