"""The OpenAPI document against the running region and front."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from antiphase.region.front import make_front
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from edge import config
from edge.handler import lambda_handler
from tests.edge.events import Context
from tests.openapi import CHECKS

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text())
schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture(scope="module")
def places() -> Any:  # noqa: ANN401 - two URLs
    keys = Keys(dict(config.KEYS.secrets), config.KEYS.current)
    with serving(make_server(Region(keys))) as region:
        front = make_front(lambda event: lambda_handler(event, Context()), region)
        with serving(front) as url:
            yield region, url


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_functions_keep_the_document(case: Any, places: tuple[str, str]) -> None:  # noqa: ANN401
    """Whatever the document allows or forbids, each place answers as the document says."""
    for url in places:
        case.call_and_validate(base_url=url, checks=CHECKS)
