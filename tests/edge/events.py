"""Events and blocks for the tests of the edge function."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Context", "block", "event", "load_event"]

FOLDER = Path(__file__).parent / "events"
Floats = npt.NDArray[np.float64]


class Context:
    """The runtime's context with a chosen time left."""

    def __init__(self, left_ms: int = 29_000) -> None:
        self._left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


def load_event(name: str) -> dict[str, Any]:
    """Return a recorded event."""
    event: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return event


def event(body: bytes, content_type: str = "application/json") -> dict[str, Any]:
    """Return the recorded event with another body."""
    recorded = load_event("post_json_block")
    request = recorded["Records"][0]["cf"]["request"]
    request["body"]["data"] = base64.b64encode(body).decode()
    request["headers"]["content-type"][0]["value"] = content_type
    return recorded


def block(frames: int, seed: int = 0, *, level: float = 0.2) -> tuple[bytes, Floats, Floats]:
    """Return PCM16 of reference and primary, and both as the codec decodes them."""
    rng = np.random.default_rng(seed)
    reference = level * rng.standard_normal(frames)
    path = np.zeros(20)
    path[[3, 9, 17]] = 0.6, -0.3, 0.15
    primary = np.convolve(reference, path)[:frames] + 0.001 * rng.standard_normal(frames)
    pair = np.rint(32767 * np.clip(np.stack([reference, primary], axis=1), -1, 1)).astype("<i2")
    return pair.tobytes(), pair[:, 0] / 32767, pair[:, 1] / 32767
