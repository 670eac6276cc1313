"""The whole edge on one machine, and the line of the documentation that asks it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from antiphase.errors import ParameterError
from antiphase.region.stack import edge_stack
from edge.build import build
from tests import needs
from tests.region.test_emulator import binary

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_curl_line_of_the_docs_works(tmp_path: Path) -> None:
    """The curl line in docs/edge.md, sent to the front, is answered by the edge."""
    binary()
    needs.program("curl")
    settings = {"keys": {"1": "00" * 16}}
    config = tmp_path / "edge.json"
    config.write_text(json.dumps(settings))
    build(settings, tmp_path / "edge.zip")
    text = (DOCS / "edge.md").read_text()
    line = re.search(r"^curl .*$", text, re.MULTILINE)
    assert line is not None
    package, folder = tmp_path / "edge.zip", tmp_path / "task"
    with edge_stack(package, config, folder, port=0, region_port=0) as (url, _):
        command = line[0].replace("http://127.0.0.1:8000", url)
        shell = ["/bin/sh", "-c", command]
        done = subprocess.run(shell, check=True, capture_output=True, text=True, timeout=30)
    answer = json.loads(done.stdout)
    assert answer["where"] == "edge"
    document = json.loads((DOCS / "openapi.json").read_text())
    schema = document["components"]["schemas"]["Answer"]
    assert set(schema["required"]) <= set(answer) <= set(schema["properties"])


def test_numbers_outside_their_range_are_refused(tmp_path: Path) -> None:
    """A share of failures above 1 is no share."""
    with (
        pytest.raises(ParameterError, match="failures=2"),
        edge_stack(tmp_path, tmp_path, tmp_path, failures=2.0),
    ):
        pass
