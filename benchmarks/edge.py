"""The edge function: `python -m benchmarks.edge --json`.

Compute times are CPU time of a whole handler call (event in, response out) and medians over
interleaved runs, by the interpreter that is named; `ANTIPHASE_EDGE_PYTHON` chooses another, and the
emulator runs it too where it has `awslambdaric`. As on the platform no bytecode is kept, so that an
import compiles the package. `failover_ok` is the worst over the faults of 1,000 blocks each.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.errors import MissingDependencyError
from antiphase.region.client import EdgeClient
from antiphase.region.contract import Answer, Request
from antiphase.region.contract_binary import encode_request
from antiphase.region.emulator import EDGE, Emulator, find_emulator
from antiphase.region.front import FAULTS, Fault, make_event, make_front
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from antiphase.region.wire import parse_answer
from benchmarks.interpreters import edge_python, runtime_python
from edge import config
from edge.build import build
from edge.handler import lambda_handler

OCTET = "application/octet-stream"
SECRET = "00" * 32
KEYS = Keys({1: bytes.fromhex(SECRET)}, 1)
# 1,769 MB are one vCPU, less memory its share.
FULL_MB, SMALL_MB = 1769, 128
TERRAFORM = Path(__file__).resolve().parents[1] / "infra" / "modules" / "edge" / "variables.tf"
FAULTY_SHARE = 0.3
SCRIPT = """
import json, statistics, sys, time
sys.path.insert(0, sys.argv[1])
begin = time.perf_counter()
from edge.handler import lambda_handler
import_ms = 1e3 * (time.perf_counter() - begin)
import io, contextlib
class Context:
    def get_remaining_time_in_millis(self): return 29000
out = {}
jobs = json.loads(sys.stdin.read())
with contextlib.redirect_stdout(io.StringIO()):
    for turn in range(25):
        for name, event in jobs.items():
            begin = time.process_time()
            answer = lambda_handler(event, Context())
            out.setdefault(name, []).append(1e3 * (time.process_time() - begin))
            assert answer["status"] == "200"
result = {name: statistics.median(times[5:]) for name, times in out.items()}
print(json.dumps({"import_ms": import_ms, "python": sys.version.split()[0], **result}))
"""


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def terraform_mb() -> int:
    """Return the memory that the module `edge` sets unless told otherwise, in MB."""
    text = TERRAFORM.read_text()

    def default(name: str) -> float:
        block = text.partition(f'variable "{name}" {{')[2]
        return float(re.search(r"default\s*=\s*([0-9.]+)", block)[1])  # type: ignore[index]

    needed = FULL_MB * default("compute_ms") / (default("compute_share") * default("block_ms"))
    return max(SMALL_MB, math.ceil(needed))


def _pcm(frames: int, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    reference = 0.1 * rng.standard_normal(frames)
    path = rng.standard_normal(60) * np.exp(-np.arange(60) / 12)
    primary = 0.3 * np.convolve(reference, path)[:frames] + 0.003 * rng.standard_normal(frames)
    table = np.rint(32767 * np.clip(np.stack([reference, primary], 1), -1, 1))
    return table.astype("<i2").tobytes()


def _edge(request: Request) -> Answer:
    event = make_event("POST", "/anc-process", {"Content-Type": OCTET}, encode_request(request))
    answer = lambda_handler(event, _Context())
    return parse_answer(base64.b64decode(answer["body"]), OCTET)


def _event(fs: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the contract
    request = Request(audio=_pcm(fs // 10), sample_rate=fs, references=1, **fields)
    return make_event("POST", "/anc-process", {"Content-Type": OCTET}, encode_request(request))


def compute(folder: Path) -> dict[str, Any]:
    """Return handler times of both packages, and their sizes."""
    path = tuple(0.5 * 0.9**k for k in range(64))
    jobs = {
        "edge_ms_p50_100ms_16k_128": _event(16000),
        "edge_ms_p50_100ms_8k_128": _event(8000),
        "edge_ms_p50_100ms_8k_128_fxnlms": _event(8000, algorithm="fxnlms", secondary_path=path),
        "edge_ms_p50_100ms_16k_128_fxnlms": _event(16000, algorithm="fxnlms", secondary_path=path),
    }
    settings = {"keys": {"1": SECRET}}
    figures: dict[str, Any] = {}
    for native in (False, True):
        name = "native" if native else "python"
        package = folder / f"{name}.zip"
        size = build(settings, package, native=native)
        zipfile.ZipFile(package).extractall(folder / name)
        command = [edge_python(), "-B", "-c", SCRIPT, str(folder / name)]
        runs = [
            json.loads(
                subprocess.run(
                    command, input=json.dumps(jobs), check=True, capture_output=True, text=True
                ).stdout
            )
            for _ in range(3)
        ]
        best = {key: min(run[key] for run in runs) for key in runs[0]}
        best["zip_bytes"] = size
        figures.update({k if not native else f"{k}_native": v for k, v in best.items()})
    return figures


def continuity_db() -> float:
    """Return the level of blocks against one pass, 10 s at 16 kHz, in dB of the pass's output."""
    pcm = _pcm(160_000)
    base = Request(audio=pcm, references=1, encoding="float32", output="residual", binary=True)
    region = Region(Keys(dict(config.KEYS.secrets), config.KEYS.current))
    # One pass through the float64 kernel: the region takes any length.
    reply = region.serve(encode_request(base), OCTET)
    whole = np.frombuffer(parse_answer(reply.body, OCTET).audio, "<f4").astype(float)
    state, parts = b"", []
    for k in range(0, 160_000, 1600):
        answer = _edge(base.changed(audio=pcm[4 * k : 4 * (k + 1600)], state=state))
        state = answer.state
        parts.append(np.frombuffer(answer.audio, "<f4").astype(float))
    return _level_db(np.concatenate(parts) - whole, whole)


def _level_db(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.sum(a**2) / np.sum(b**2)))


def region_ms() -> float:
    """Return the median time of a 100 ms block, RLS 128 at 16 kHz, HTTP to HTTP."""
    pcm = _pcm(1600 * 40)
    settings = Request(audio=pcm, references=1, algorithm="rls")
    times = []
    with serving(make_server(Region(KEYS))) as url:
        client = EdgeClient(url, url, settings)
        for k in range(40):
            block = pcm[6400 * k : 6400 * (k + 1)]
            begin = time.perf_counter()
            client.process(block)
            times.append(1e3 * (time.perf_counter() - begin))
        client.close()
    return statistics.median(times[5:])


def failover(
    invoke: Callable[[Any], Any], kind: str, pcm: bytes, once: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """Return the share of blocks answered in order, and the level of their seams.

    Parameters
    ----------
    invoke : callable
        The edge function.
    kind : str
        What befalls `FAULTY_SHARE` of the blocks at the edge.
    pcm : bytes
        Blocks of 100 ms at 16 kHz, reference and primary.
    once : ndarray
        What the region alone gives for them.
    """
    draw = random.Random(3)  # noqa: S311 - faults to inject

    def faults() -> Fault:
        return Fault(kind if draw.random() < FAULTY_SHARE else "")

    blocks = len(pcm) // 6400
    settings = Request(audio=pcm[:6400], references=1, encoding="float32")
    good, parts = 0, []
    with ExitStack() as stack:
        region = stack.enter_context(serving(make_server(Region(KEYS))))
        front = stack.enter_context(serving(make_front(invoke, region, faults=faults)))
        client = EdgeClient(front, region, settings, edge_timeout_s=0.25)
        for k in range(blocks):
            answer = client.process(pcm[6400 * k : 6400 * (k + 1)])
            good += answer.sequence == k
            parts.append(np.frombuffer(answer.audio, "<f4").astype(float))
        client.close()
    return {
        f"failover_{kind}_share": good / blocks,
        f"failover_{kind}_seam_db": _level_db(np.concatenate(parts) - once, once),
        f"failover_{kind}_answered": dict(client.answered),
    }


def _once(pcm: bytes) -> npt.NDArray[np.float64]:
    """Return what the region alone gives, asked with 20 s at a time."""
    region = Region(KEYS)
    asked = Request(audio=pcm[:4], references=1, encoding="float32", binary=True)
    parts = []
    for k in range(0, len(pcm), 20 * 64000):
        asked = asked.changed(audio=pcm[k : k + 20 * 64000])
        answer = parse_answer(region.serve(encode_request(asked), OCTET).body, OCTET)
        asked = asked.changed(state=answer.state)
        parts.append(np.frombuffer(answer.audio, "<f4").astype(float))
    return np.concatenate(parts)


def front_figures(folder: Path, blocks: int) -> Iterator[tuple[str, Any]]:
    """Give the figures that need the runtime emulator."""
    try:
        binary = find_emulator()
    except MissingDependencyError as missing:
        yield "front_missing", str(missing)
        return
    python = runtime_python()
    with ExitStack() as stack:
        place = folder / "python"
        pool = stack.enter_context(Emulator(EDGE, place, binary, instances=2, python=python))
        region = stack.enter_context(serving(make_server(Region(KEYS))))
        url = stack.enter_context(serving(make_front(pool.invoke, region)))
        client = EdgeClient(url, region, Request(audio=_pcm(1), references=1), edge_timeout_s=5)
        times = []
        for k in range(60):
            begin = time.perf_counter()
            client.process(_pcm(1600, k))
            times.append(1e3 * (time.perf_counter() - begin))
        client.close()
        yield "front_ms_p50", statistics.median(times[10:])
        version = "import sys; print(sys.version.split()[0])"
        yield "front_python", subprocess.check_output([python, "-c", version], text=True).strip()
        pcm = _pcm(1600 * blocks)
        once = _once(pcm)
        share = 1.0
        for kind in FAULTS:
            figures = failover(pool.invoke, kind, pcm, once)
            yield from figures.items()
            seamless = figures[f"failover_{kind}_seam_db"] < -100
            share = min(share, figures[f"failover_{kind}_share"] if seamless else 0.0)
        yield "failover_blocks", blocks
        yield "failover_ok", share


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--blocks", type=int, default=1000, help="per fault of the fail-over")
    arguments = parser.parse_args()
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = sys.stdout
        with (folder / "log").open("w") as quiet:
            sys.stdout = quiet
            try:
                figures = {"terraform_mb": terraform_mb(), **compute(folder)}
                first = _edge(Request(audio=_pcm(1600), references=1, binary=True))
                figures["state_bytes_128"] = len(first.state)
                figures["continuity_db"] = continuity_db()
                figures["region_ms_p50_100ms"] = region_ms()
                figures.update(front_figures(folder, arguments.blocks))
            finally:
                sys.stdout = log
    for key in [key for key in figures if key.startswith("edge_ms") and "native" not in key]:
        figures[f"{key}_at_{SMALL_MB}_mb"] = figures[key] * FULL_MB / SMALL_MB
        figures[f"{key}_at_terraform_mb"] = figures[key] * FULL_MB / figures["terraform_mb"]
    if arguments.json:
        print(json.dumps(figures))
        return
    for key, value in sorted(figures.items()):
        print(f"{key:48} {value}")


if __name__ == "__main__":
    main()
