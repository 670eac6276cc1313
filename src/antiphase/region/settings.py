"""What the region reads when it starts: the edge's keys, and where large states are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from antiphase.errors import FileFormatError, ParameterError
from antiphase.region.handler import Region
from antiphase.region.state_token import Keys
from antiphase.storage.state import MemoryStates, SqliteStates, StateStore

__all__ = ["read_keys", "region_from"]

CONFIG = "ANTIPHASE_EDGE_CONFIG"
STATES = "ANTIPHASE_STATES"


def read_keys(path: Path) -> Keys:
    """Read ``{"keys": {"1": "hex"}, "current_key": 1}``, the file that the edge is built from.

    Raises
    ------
    FileFormatError
        If the file is missing or holds no fit keys.
    """
    try:
        values = json.loads(path.read_text())
        secrets = {int(number): bytes.fromhex(text) for number, text in values["keys"].items()}
        return Keys(secrets, int(values.get("current_key", max(secrets))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise FileFormatError(f"{path} holds no keys of the edge: {fault}") from None


def region_from(environment: Mapping[str, str] = os.environ) -> Region:
    """Return the region that the environment describes.

    Parameters
    ----------
    environment : mapping
        ``ANTIPHASE_EDGE_CONFIG`` names the file that the edge is built from. ``ANTIPHASE_STATES``
        names where states above 4 kB are kept: a SQLite file, or ``redis://…`` (``rediss://…`` with
        TLS) that all instances share; without it, the memory of this process.

    Raises
    ------
    ParameterError
        If no file is named.
    FileFormatError
        If it holds no fit keys.
    """
    config = environment.get(CONFIG)
    if config is None:
        raise ParameterError(CONFIG, None, "the file that the edge is built from")
    return Region(read_keys(Path(config)), _states(environment.get(STATES, "")))


def _states(place: str) -> StateStore:
    if place.startswith(("redis://", "rediss://")):
        from antiphase.storage.redis_states import RedisStates  # noqa: PLC0415 - a slow import

        return RedisStates(place)
    return SqliteStates(Path(place)) if place else MemoryStates()
