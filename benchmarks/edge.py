"""The edge function: `python -m benchmarks.edge --json`.

Compute times are CPU time of a whole handler call (event in, response out) and medians over
interleaved runs, by the interpreter that is named; `ANTIPHASE_EDGE_PYTHON` chooses another.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
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
from antiphase.region.emulator import Emulator, find_emulator
from antiphase.region.front import Fault, make_event, make_front
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys
from antiphase.region.wire import parse_answer
from edge import config
from edge.build import build
from edge.handler import lambda_handler

OCTET = "application/octet-stream"
SECRET = "00" * 32
KEYS = Keys({1: bytes.fromhex(SECRET)}, 1)
# 1,769 MB are one vCPU; 128 MB the share below.
FULL_MB, SMALL_MB = 1769, 128
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


def _interpreter() -> str:
    named = os.environ.get("ANTIPHASE_EDGE_PYTHON")
    # Beside this interpreter, as version managers keep them, then on the path.
    versions = Path(sys.base_prefix).parent
    kept = [str(p) for v in ("3.13", "3.12") for p in versions.glob(f"{v}*/bin/python{v}")]
    found = [named, *kept, shutil.which("python3.13"), shutil.which("python3.12")]
    for name in filter(None, found):
        works = subprocess.run([name, "-c", ""], check=False, capture_output=True)
        if works.returncode == 0:
            return name
    return sys.executable


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
    }
    settings = {"keys": {"1": SECRET}}
    figures: dict[str, Any] = {}
    for native in (False, True):
        name = "native" if native else "python"
        package = folder / f"{name}.zip"
        size = build(settings, package, native=native)
        zipfile.ZipFile(package).extractall(folder / name)
        command = [_interpreter(), "-c", SCRIPT, str(folder / name)]
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


def failover(invoke: Callable[[Any], Any] | None, blocks: int = 1000) -> dict[str, Any]:
    """Return the share of blocks answered in order and without a seam while the edge fails."""
    kinds = ("killed", "throttled", "error", "truncated", "slow")
    rng = np.random.default_rng(3)
    count = {"n": 0}

    def faults() -> Fault:
        count["n"] += 1
        kind = kinds[int(rng.integers(len(kinds)))] if rng.random() < 0.3 else ""
        return Fault("", 0.35) if kind == "slow" else Fault(kind)

    def local(event: Any) -> Any:  # noqa: ANN401 - an event
        return lambda_handler(event, _Context())

    frames = 80
    pcm = _pcm(frames * blocks)
    keys = KEYS if invoke else Keys(dict(config.KEYS.secrets), config.KEYS.current)
    base = Request(audio=pcm, sample_rate=8000, references=1, encoding="float32", taps=32)
    good, parts = 0, []
    with ExitStack() as stack:
        region = stack.enter_context(serving(make_server(Region(keys))))
        front = stack.enter_context(serving(make_front(invoke or local, region, faults=faults)))
        client = EdgeClient(front, region, base, edge_timeout_s=0.25)
        for k in range(blocks):
            answer = client.process(pcm[4 * frames * k : 4 * frames * (k + 1)])
            good += answer.sequence == k
            parts.append(np.frombuffer(answer.audio, "<f4").astype(float))
        client.close()
        whole = EdgeClient(region, region, base, region_timeout_s=30)
        once = np.frombuffer(whole.process(pcm).audio, "<f4").astype(float)
        whole.close()
    seam = _level_db(np.concatenate(parts) - once, once)
    share = good / blocks if seam < -100 else 0.0
    return {"failover_ok": share, "failover_seam_db": seam, "failover_answered": client.answered}


def front_figures(folder: Path) -> Iterator[tuple[str, Any]]:
    """Give the figures that need the runtime emulator."""
    try:
        binary = find_emulator()
    except MissingDependencyError as missing:
        yield "front_missing", str(missing)
        yield from failover(None).items()
        return
    package = folder / "python.zip"
    with Emulator(package, folder / "task", binary, instances=2) as pool, ExitStack() as stack:
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
        yield "front_python", sys.version.split()[0]
        yield from failover(pool.invoke).items()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = sys.stdout
        with (folder / "log").open("w") as quiet:
            sys.stdout = quiet
            try:
                figures = compute(folder)
                first = _edge(Request(audio=_pcm(1600), references=1, binary=True))
                figures["state_bytes_128"] = len(first.state)
                figures["continuity_db"] = continuity_db()
                figures["region_ms_p50_100ms"] = region_ms()
                figures.update(front_figures(folder))
            finally:
                sys.stdout = log
    for key in ("edge_ms_p50_100ms_16k_128", "edge_ms_p50_100ms_8k_128"):
        figures[f"{key}_at_128_mb"] = figures[key] * FULL_MB / SMALL_MB
        # Memory at which compute is half of the block.
        figures[f"{key}_memory_mb_for_half"] = round(max(128, FULL_MB * figures[key] / 50))
    if arguments.json:
        print(json.dumps(figures))
        return
    for key, value in sorted(figures.items()):
        print(f"{key:48} {value}")


if __name__ == "__main__":
    main()
