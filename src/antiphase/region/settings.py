"""What the region reads when it starts: the edge's keys, and where large states are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from antiphase.errors import FileFormatError, ParameterError
from antiphase.region.handler import Region
from antiphase.region.state_token import Keys
from antiphase.storage.redis_urls import SCHEMES, open_redis
from antiphase.storage.state import MemoryStates, SqliteStates, StateStore

__all__ = ["read_keys", "region_from"]

CONFIG = "ANTIPHASE_EDGE_CONFIG"
STATES = "ANTIPHASE_STATES"
ARN = "arn:aws"


def read_keys(path: Path) -> Keys:
    """Read ``{"keys": {"1": "hex"}, "current_key": 1}``, the file that the edge is built from.

    Raises
    ------
    FileFormatError
        If the file is missing or holds no fit keys.
    """
    try:
        return _keys(path.read_text())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise FileFormatError(f"{path} holds no keys of the edge: {fault}") from None


def _keys(text: str) -> Keys:
    values = json.loads(text)
    secrets = {int(number): bytes.fromhex(key) for number, key in values["keys"].items()}
    return Keys(secrets, int(values.get("current_key", max(secrets))))


def _read_secret(arn: str) -> Keys:
    """Read the same text from AWS Secrets Manager."""
    import boto3  # noqa: PLC0415 - a slow import
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        client = boto3.client("secretsmanager", region_name=arn.split(":")[3])
        return _keys(client.get_secret_value(SecretId=arn)["SecretString"])
    except (
        BotoCoreError,
        ClientError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as fault:
        raise FileFormatError(f"{arn} holds no keys of the edge: {fault}") from None


def region_from(environment: Mapping[str, str] = os.environ) -> Region:
    """Return the region that the environment describes.

    Parameters
    ----------
    environment : mapping
        ``ANTIPHASE_EDGE_CONFIG`` names the file that the edge is built from, or a secret's ARN.
        ``ANTIPHASE_STATES`` names where states above 4 kB are kept: a SQLite file, or a store that
        all instances share (`antiphase.storage.redis_urls.open_redis`); without it, the memory of
        this process.

    Raises
    ------
    ParameterError
        If no file is named, or the store's address is not of the right form.
    FileFormatError
        If it holds no fit keys.
    """
    config = environment.get(CONFIG)
    if config is None:
        raise ParameterError(CONFIG, None, "the file that the edge is built from")
    keys = _read_secret(config) if config.startswith(ARN) else read_keys(Path(config))
    return Region(keys, _states(environment.get(STATES, "")))


def _states(place: str) -> StateStore:
    if place.partition("://")[0] in SCHEMES:
        return open_redis(STATES, place)
    return SqliteStates(Path(place)) if place else MemoryStates()
