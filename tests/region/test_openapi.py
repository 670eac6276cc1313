"""The OpenAPI document against both functions on the platform's runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings

from tests.openapi import CHECKS
from tests.region.places import Places

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text())
schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_both_functions_keep_the_document(case: Any, places: Places) -> None:  # noqa: ANN401
    """Whatever the document allows or forbids, each function answers as the document says."""
    for url in places:
        case.call_and_validate(base_url=url, checks=CHECKS)
