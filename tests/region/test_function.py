"""The region's entry point on the platform's runtime, by recorded events."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphase.region.emulator import REGION, Emulator, EmulatorError
from antiphase.region.settings import CONFIG
from antiphase.region.wire import parse_answer
from tests.region.places import BINARY, load_event
from tests.region.test_emulator import binary


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("function")
    config = folder / "edge.json"
    config.write_text(json.dumps({"keys": {"1": "00" * 16}}))
    with Emulator(REGION, folder, binary(), environment={CONFIG: str(config)}) as pool:
        yield pool


@pytest.mark.parametrize("origin", ["function_url", "api_gateway_rest", "load_balancer"])
def test_both_forms_through_every_origin(function: Emulator, origin: str) -> None:
    """A block of RLS comes back with its state, as text and as bytes, whoever sends the event."""
    text = function.invoke(load_event(f"{origin}_json_block")) or {}
    raw = function.invoke(load_event(f"{origin}_binary_block")) or {}
    assert (text["statusCode"], raw["statusCode"]) == (200, 200)
    assert (text["isBase64Encoded"], raw["isBase64Encoded"]) == (False, True)
    values = json.loads(text["body"])
    answer = parse_answer(base64.b64decode(raw["body"]), raw["headers"]["content-type"])
    assert raw["headers"]["content-type"] == BINARY
    assert base64.b64decode(values["audio_data"]) == answer.audio
    assert (values["where"], answer.where) == ("region", "region")
    assert len(answer.state) <= 4096


@pytest.mark.parametrize(
    ("name", "status"),
    [("function_url_preflight", 204), ("function_url_get", 404), ("load_balancer_bad_base64", 400)],
)
def test_other_events(function: Emulator, name: str, status: int) -> None:
    """A preflight, a page and a broken body have their status."""
    answer = function.invoke(load_event(name)) or {}
    assert answer["statusCode"] == status


def test_missing_keys_end_in_one_line(tmp_path: Path) -> None:
    """Without its configuration the function fails with what to set."""
    with (
        Emulator(REGION, tmp_path, binary()) as pool,
        pytest.raises(EmulatorError, match="ANTIPHASE_EDGE_CONFIG"),
    ):
        pool.invoke(load_event("function_url_json_block"))
