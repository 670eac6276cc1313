"""Cost of the kernels beside other libraries: ``kernels`` of the issue.

All figures of one run come from one machine in one state: processor time, medians of interleaved
runs, in frames of 480 samples unless the name says otherwise; `calibration_ns` (a fixed loop of the
interpreter), `fma_peak_gflops` and `steal_percent` tell what state that was. Peers are those that
``pip install -r requirements/bench.txt`` brings, and Debian's libspeexdsp1.

``python -m benchmarks.kernels --json`` prints one JSON object on its last line.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from antiphase import _native
from antiphase.adaptive import (
    AffineProjectionFilter,
    Canceller,
    Controller,
    FilterBatch,
    FxNLMS,
    ModifiedFxAP,
    ModifiedFxNLMS,
    MultichannelFxLMS,
    NLMSFilter,
    RLSFilter,
)
from benchmarks.fdaf import fdaf
from benchmarks.peers import affine_padasip, nlms_peers, rls_padasip
from benchmarks.threads import threads2_efficiency
from benchmarks.timing import StealMeter, calibration_ns, interleaved
from tools import build_wasm

__all__ = ["kernels"]

Floats = npt.NDArray[np.float64]
Run = tuple[Callable[[], object], int]
FS, FRAME, SESSIONS = 48000, 480, 1500


def _signals(samples: int, channels: tuple[int, int] = (1, 1)) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    x = 0.1 * rng.standard_normal((samples, channels[0]))
    path = rng.standard_normal(64) * 0.9 ** np.arange(64)
    d = np.convolve(x[:, 0], path)[:samples, None] + 1e-3 * rng.standard_normal(
        (samples, channels[1])
    )
    return (x[:, 0] if channels[0] == 1 else x), (d[:, 0] if channels[1] == 1 else d)


def _path(taps: int) -> Floats:
    return np.random.default_rng(1).standard_normal(taps) * 0.9 ** np.arange(taps)


def _frames(filter_: Canceller | Controller, x: Floats, d: Floats, dtype: type = np.float32) -> Run:
    """Return the run of one of our filters, frame by frame as a host would call it."""
    x, d = np.ascontiguousarray(x, dtype), np.ascontiguousarray(d, dtype)
    starts = range(0, len(x), FRAME)
    # Ten times over: frames are in the cache when they have just come in, as these are.
    pairs = [(x[k : k + FRAME], d[k : k + FRAME]) for k in starts] * 10
    out = np.empty_like(filter_.process(*pairs[0]))

    def run() -> None:
        process = filter_.process
        for a, b in pairs:
            process(a, b, out)

    return run, 10 * len(x)


def _against_peers() -> dict[str, float]:
    """Return costs in float64 beside the peers', and the ratios of the issue."""
    x, d = _signals(10 * FRAME)
    slow = slice(0, 2 * FRAME)
    own: dict[str, Run] = {
        "nlms128_f64": _frames(NLMSFilter(128, dtype=np.float64), x, d, np.float64),
        "ap4_128_f64": _frames(AffineProjectionFilter(128, 4, dtype=np.float64), x, d, np.float64),
        "rls64_f64": _frames(RLSFilter(64, dtype=np.float64), x, d, np.float64),
    }
    peers = {f"nlms128_{name}": run for name, run in nlms_peers(x, d, 128).items()}
    others = {
        "ap4_128_padasip": affine_padasip(x[slow], d[slow], 128, 4),
        "rls64_padasip": rls_padasip(x[slow], d[slow], 64),
    }
    peers |= {name: run for name, run in others.items() if run is not None}
    cost = interleaved({**own, **peers})
    figures = {f"{name}_ns": value for name, value in cost.items()}
    for kernel in ("nlms128", "ap4_128", "rls64"):
        if f"{kernel}_padasip" in cost:
            ratio = cost[f"{kernel}_padasip"] / cost[f"{kernel}_f64"]
            figures[f"{kernel}_vs_padasip"] = ratio
    best = [value for name, value in cost.items() if name in peers and name.startswith("nlms128_")]
    if best:
        figures["nlms128_vs_best_peer"] = min(best) / cost["nlms128_f64"]
    return figures


def _own() -> dict[str, float]:
    """Return costs in float32, as multiples of real time at 48 kHz and of the peak."""
    x, d = _signals(10 * FRAME)
    wide_x, wide_e = _signals(2 * FRAME, (4, 4))
    room = np.random.default_rng(2).standard_normal((4, 4, 64)) * 0.9 ** np.arange(64)
    runs = {
        "nlms128": _frames(NLMSFilter(128), x, d),
        "nlms512": _frames(NLMSFilter(512), x, d),
        "fxnlms256": _frames(FxNLMS(256, _path(64)), x, 1e-3 * d),
        "modified_fxnlms256": _frames(ModifiedFxNLMS(256, _path(64)), x, 1e-3 * d),
        "modified_fxap4_1024": _frames(ModifiedFxAP(1024, _path(128), 4), x, 1e-3 * d),
        "mc444": _frames(
            MultichannelFxLMS(256, room, 1e-3, references=4, form="error"), wide_x, 1e-3 * wide_e
        ),
        "mc444_reference_form": _frames(
            MultichannelFxLMS(256, room, 1e-3, references=4), wide_x, 1e-3 * wide_e
        ),
    }
    peaks = []

    def measure_peak() -> None:
        peaks.append(_native.measure_peak_f32(20))

    cost = interleaved({**runs, "peak": (measure_peak, 1)})
    figures = {f"{name}_ns": value for name, value in cost.items() if name in runs}
    figures["fma_peak_gflops"] = statistics.median(peaks)
    # A multiply-add for the output and one for the update, per tap.
    figures["nlms512_peak_fraction"] = 4 * 512 / cost["nlms512"] / figures["fma_peak_gflops"]
    for name in ("fxnlms256", "mc444"):
        figures[f"{name}_x_realtime"] = 1e9 / FS / cost[name]
    return figures


def _frame_us(rounds: int = 4000) -> float:
    """Return the median time of one call from Python: 480 frames, 128 taps, float32."""
    x, d = (s.astype(np.float32) for s in _signals(FRAME))
    out = np.empty(FRAME, np.float32)
    filter_ = NLMSFilter(128)
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        filter_.process(x, d, out)
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1000


def _sessions() -> float:
    """Return how many sessions (NLMS, 128 taps, 48 kHz, 10 ms frames) one core carries."""
    x, d = (
        np.stack([np.roll(s, 7 * k) for k in range(SESSIONS)]).astype(np.float32)
        for s in _signals(FRAME)
    )
    batch = FilterBatch([NLMSFilter(128) for _ in range(SESSIONS)])
    # In place: the residual takes the primary's buffer, as a host would have it.
    cost = interleaved({"frame": (lambda: batch.process(x, d, d), SESSIONS)})["frame"]
    return FRAME / FS * 1e9 / cost


def _silence() -> float:
    """Return the worst cost in silence over that in sound.

    Leaky weights and histories fade in silence until they would be denormal; the cost is taken
    there.
    """
    x, d = _signals(20 * FRAME)
    makers: dict[str, Callable[[], Canceller | Controller]] = {
        "nlms": lambda: NLMSFilter(128, leakage=0.999, energy_floor=0.0),
        "affine": lambda: AffineProjectionFilter(128, 4, leakage=0.999),
        "fxnlms": lambda: FxNLMS(256, _path(64), leakage=0.999),
        "modified": lambda: ModifiedFxNLMS(256, _path(64), leakage=0.999),
        "rls": lambda: RLSFilter(64),
    }
    runs = {}
    for name, make in makers.items():
        runs[f"{name} loud"] = _frames(make(), x, 1e-3 * d)
        quiet = make()
        _frames(quiet, x, 1e-3 * d)[0]()
        # 0.999 to the power of all these samples is below 1e-46.
        fading = np.r_[x * 1e-36, np.zeros(20 * FRAME)]
        _frames(quiet, fading, fading)[0]()
        runs[f"{name} quiet"] = _frames(quiet, 0 * x, 0 * d)
    cost = interleaved(runs)
    return max(cost[f"{name} quiet"] / cost[f"{name} loud"] for name in makers)


def _import_ms(module: str, rounds: int = 7) -> float:
    code = (
        "import time; t = time.perf_counter(); "
        f"import {module}; print((time.perf_counter() - t) * 1e3)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(rounds)
    ]
    return statistics.median(runs)


def _wasm() -> dict[str, float]:
    """Return size and cost of the browser's kernel, under wasmtime, beside the native one."""
    missing = [name for name in ("ziglang", "wasmtime") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)} not installed: no wasm figures", file=sys.stderr)
        return {}
    from benchmarks.wasm import WasmFxNLMS  # noqa: PLC0415 - an optional package

    module = build_wasm.build()
    x, d = (s.astype(np.float32) for s in _signals(FRAME))
    e = 1e-3 * d
    browser, native = WasmFxNLMS(module, 256, _path(64), 0.01), FxNLMS(256, _path(64), 0.01)
    drives = browser.process(x, e), native.process(x, e)
    difference = float(np.abs(drives[0] - drives[1]).max() / np.abs(drives[1]).max())
    out = np.empty(FRAME, np.float32)

    def run_wasm() -> None:
        for _ in range(20):
            browser.run(FRAME)

    def run_native() -> None:
        for _ in range(20):
            native.process(x, e, out)

    frames = 20 * FRAME
    cost = interleaved({"wasm": (run_wasm, frames), "native": (run_native, frames)})
    return {
        "wasm_kb": module.stat().st_size / 1000,
        "wasm_vs_native": cost["wasm"] / cost["native"],
        "wasm_x_realtime": 1e9 / FS / cost["wasm"],
        "wasm_difference": difference,
    }


def kernels() -> dict[str, float]:
    """Return all figures; those of peers that are not installed are left out, with a message."""
    steal = StealMeter()
    figures = {"calibration_ns": calibration_ns()}
    figures |= _own()
    figures |= _against_peers()
    figures |= fdaf()
    figures["frame480_us_p50"] = _frame_us()
    figures["sessions_per_core_nlms128"] = _sessions()
    figures["silence_ratio"] = _silence()
    figures["threads2_efficiency"] = threads2_efficiency()
    figures["import_ms"] = _import_ms("antiphase")
    figures["import_adaptive_ms"] = _import_ms("antiphase.adaptive")
    figures |= _wasm()
    figures["steal_percent"] = steal.percent()
    return figures


def main() -> None:
    """Print the figures, as one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    arguments = parser.parse_args()
    figures = {name: round(value, 7 if value < 1e-3 else 3) for name, value in kernels().items()}
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"instruction set: {_native.ISA}")
    for name, value in figures.items():
        print(f"{name:28} {value:12.3f}")


if __name__ == "__main__":
    main()
