"""What the region reads when it starts."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import boto3
import pytest

from antiphase.errors import FileFormatError, ParameterError
from antiphase.region.contract import Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.settings import CONFIG, STATES, read_keys, region_from
from antiphase.region.state_token import Keys, open_state
from antiphase.region.wire import parse_answer
from tests.edge.events import block
from tests.region.places import BINARY
from tests.storage.servers import aws, redis_server


def test_keys_are_those_of_the_build(tmp_path: Path) -> None:
    """The file that the edge is built from gives the region its keys."""
    path = tmp_path / "edge.json"
    path.write_text(json.dumps({"keys": {"1": "00" * 16, "2": "01" * 16}, "current_key": 1}))
    assert read_keys(path).current == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": {"1": "00"}}', '{"keys": {"1": "zz"}}'])
def test_file_without_keys_is_one_line(tmp_path: Path, text: str) -> None:
    """A file that holds no fit keys is named in one line."""
    path = tmp_path / "edge.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"edge\.json"):
        read_keys(path)


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "edge.json"
    path.write_text(json.dumps({"keys": {"1": "00" * 16}}))
    return str(path)


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_large_states_are_shared(config: str, tmp_path: Path, kind: str) -> None:
    """A second region that names the same store goes on from a state too large for the token."""
    with contextlib.ExitStack() as stack:
        place = str(tmp_path / "states.db")
        if kind == "redis":
            place = stack.enter_context(redis_server())
        environment = {CONFIG: config, STATES: place}
        asked = Request(audio=block(400)[0], references=1, algorithm="rls")
        first = region_from(environment).serve(encode_request(asked), BINARY)
        state = parse_answer(first.body, BINARY).state
        second = region_from(environment).serve(encode_request(asked.changed(state=state)), BINARY)
        assert parse_answer(second.body, BINARY).sequence == 1
        alone = region_from({CONFIG: config}).serve(
            encode_request(asked.changed(state=state)), BINARY
        )
        assert alone.status == 409


def test_keys_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret's ARN gives the keys that its text holds; one that is missing is named."""
    with aws(monkeypatch) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        secrets = boto3.client("secretsmanager", region_name="eu-west-1")
        text = json.dumps({"keys": {"7": "07" * 16}})
        arn = secrets.create_secret(Name="edge", SecretString=text)["ARN"]
        asked = Request(audio=block(400)[0], references=1)
        answer = region_from({CONFIG: arn}).serve(encode_request(asked), BINARY)
        token = parse_answer(answer.body, BINARY).state
        assert open_state(token, Keys({7: b"\x07" * 16}, current=7)).sequence == 0
        with pytest.raises(FileFormatError, match=r"edge2.*holds no keys"):
            region_from({CONFIG: arn.replace("edge", "edge2")})


def test_a_store_that_is_none_is_refused(config: str) -> None:
    """The fault names the variable and says what an address looks like."""
    with pytest.raises(ParameterError, match=r"ANTIPHASE_STATES.*USER@HOST:PORT/GROUP"):
        region_from({CONFIG: config, STATES: "elasticache://states.example.org"})


def test_missing_config_says_what_to_set() -> None:
    """Without the file of keys the fault names the variable."""
    with pytest.raises(ParameterError, match="ANTIPHASE_EDGE_CONFIG"):
        region_from({})
