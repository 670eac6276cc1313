"""The JavaScript client under Node, against the front and the region."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from antiphase.region.front import Fault, make_front
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from edge import config
from edge.handler import lambda_handler
from tests.edge.events import Context
from tests.needs import program

MODULE = Path(__file__).resolve().parents[2] / "edge" / "client" / "anc-edge.js"
SCRIPT = """
const { EdgeClient } = await import(process.argv[2]);
const settings = { sampleRate: 8000, references: 1, taps: 16, output: "residual" };
settings.encoding = process.argv[5];
const client = new EdgeClient(process.argv[3], process.argv[4], settings);
const levels = [];
let kind = "";
for (let block = 0; block < 8; block += 1) {
  const audio = new Int16Array(800);
  for (let k = 0; k < 400; k += 1) {
    const x = 8000 * Math.sin(0.37 * (400 * block + k));
    audio[2 * k] = x;
    audio[2 * k + 1] = -0.5 * x;
  }
  const answer = await client.process(audio);
  kind = answer.audio.constructor.name;
  levels.push(Math.max(...answer.audio.map(Math.abs)));
}
const counts = [client.failures.length, client.sequence];
console.log(JSON.stringify([kind, levels, client.answered, ...counts]));
"""


@pytest.mark.parametrize(
    ("encoding", "kind"), [("pcm16", "Int16Array"), ("float32", "Float32Array")]
)
def test_javascript_client_fails_over(tmp_path: Path, encoding: str, kind: str) -> None:
    """Killed, failing and cut answers are asked again at the region, and the tone still goes."""
    plan = [Fault(), Fault("killed"), Fault("error"), Fault("truncated"), Fault("throttled")]
    due = iter([*plan, *[Fault()] * 40])
    keys = Keys(dict(config.KEYS.secrets), config.KEYS.current)
    script = tmp_path / "run.mjs"
    script.write_text(SCRIPT)
    with ExitStack() as stack:
        region = stack.enter_context(serving(make_server(Region(keys))))
        invoke = lambda event: lambda_handler(event, Context())  # noqa: E731 - a seam
        front = make_front(invoke, region, faults=lambda: next(due))
        url = stack.enter_context(serving(front))
        command = [program("node"), str(script), MODULE.as_uri(), url, region, encoding]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    array, levels, answered, failures, sequence = json.loads(done.stdout)
    assert (array, answered, failures, sequence) == (kind, {"edge": 4, "region": 4}, 4, 8)
    assert levels[-1] < 0.05 * levels[0]
