"""What a session takes along when it moves to another server: the filter and what it rests on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.errors import StateError
from antiphase.realtime.roles import DeviceDescription

__all__ = ["Carried", "device_key"]

Floats = npt.NDArray[np.float64]
_LONGEST = 4 * 8192
_FORMAT = 1


def device_key(description: DeviceDescription) -> str:
    """Return what two descriptions share when the same filter suits both: rate, taps and Ŝ."""
    path = description.secondary_path_estimate
    told = b"" if path is None else np.asarray(path, "<f4").tobytes()
    return f"{description.fs}/{description.taps}/{hashlib.sha256(told).hexdigest()[:16]}"


@dataclass(frozen=True, eq=False)
class Carried:
    """A filter on its way.

    Attributes
    ----------
    kind : str
        ``split`` for what devices run, ``lookahead`` for what the server runs.
    key : str
        Of the device that it is for (`device_key`).
    control_filter : ndarray, shape (taps,)
        w in force.
    secondary_path_estimate : ndarray, shape (taps,)
        Ŝ by which it was found.
    lag : int
        Of `lookahead`: samples from drive to error, Ŝ apart.
    """

    kind: str
    key: str
    control_filter: Floats
    secondary_path_estimate: Floats
    lag: int = 0

    def fits(self, kind: str, description: DeviceDescription) -> bool:
        """Whether it is for such a device in such a mode."""
        return self.kind == kind and self.key == device_key(description)

    def to_bytes(self) -> bytes:
        """Return it as bytes: one line of JSON, then both arrays as float32."""
        sizes = len(self.control_filter), len(self.secondary_path_estimate)
        head = {"v": _FORMAT, "kind": self.kind, "key": self.key, "lag": self.lag, "sizes": sizes}
        both = np.concatenate([self.control_filter, self.secondary_path_estimate])
        return json.dumps(head).encode() + b"\n" + both.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Carried:
        """Read it.

        Raises
        ------
        StateError
            If it is not of this form.
        """
        line, _, rest = data.partition(b"\n")
        try:
            head = json.loads(line)
            taps, path = (int(n) for n in head["sizes"])
            both = np.frombuffer(rest, "<f4").astype(np.float64)
            kind, key, lag = str(head["kind"]), str(head["key"]), int(head["lag"])
            good = head["v"] == _FORMAT and len(both) == taps + path <= _LONGEST
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(f"a carried filter cannot be read: {error}") from None
        if not (good and min(taps, path) >= 1 and np.isfinite(both).all()):
            raise StateError(f"a carried filter holds {len(both)} samples, not {taps} + {path}")
        return cls(kind, key, both[:taps], both[taps:], lag)
