"""Cost of a partitioned-block filter, 4096 taps in blocks of 128, beside Speex and adafilt.

``python -m benchmarks.fdaf --json`` prints the figures alone; `benchmarks.kernels` includes them.
Speex is Debian's libspeexdsp1 (its echo canceller, the usual C peer); without it that ratio is
left out.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from adafilt import FastBlockLMSFilter
from scipy.signal import oaconvolve

from antiphase.adaptive import (
    Canceller,
    Controller,
    DelaylessFxLMS,
    FrequencyDomainKalmanFilter,
    PartitionedBlockFilter,
    PartitionedBlockFxLMS,
)

__all__ = ["fdaf"]

Floats = npt.NDArray[np.float64]
TAPS, BLOCK, FS = 4096, 128, 48000
RUNS = 7


def _signals() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    x = 0.1 * rng.standard_normal(FS // BLOCK * BLOCK)
    path = rng.standard_normal(TAPS) * np.exp(-np.arange(TAPS) / 600)
    d = oaconvolve(x, path / np.linalg.norm(path))[: len(x)]
    return x, d + 1e-4 * rng.standard_normal(len(x))


def _blocks(x: Floats) -> list[Floats]:
    return [np.ascontiguousarray(block) for block in x.reshape(-1, BLOCK)]


def _speex(x: Floats, d: Floats) -> Callable[[], None] | None:
    """Return a run over the signals with Speex's echo canceller, None where it is not installed."""
    name = ctypes.util.find_library("speexdsp")
    if name is None:
        print("libspeexdsp1 is not installed: no fdaf4096_vs_speex", file=sys.stderr)
        return None
    library = ctypes.CDLL(name)
    library.speex_echo_state_init.restype = ctypes.c_void_p
    state = ctypes.c_void_p(library.speex_echo_state_init(BLOCK, TAPS))
    cancel = library.speex_echo_cancellation
    pairs = [
        ((32767 * b).clip(-32768, 32767).astype(np.int16), (32767 * a).astype(np.int16))
        for a, b in zip(_blocks(x), _blocks(d), strict=True)
    ]
    out = np.empty(BLOCK, np.int16)
    pointers = [
        tuple(ctypes.c_void_p(array.ctypes.data) for array in (near, far, out))
        for near, far in pairs
    ]

    def run(_keep: object = (pairs, out)) -> None:
        for near, far, cleaned in pointers:
            cancel(state, near, far, cleaned)

    return run


def _adafilt(x: Floats, d: Floats) -> Callable[[], None]:
    peer = FastBlockLMSFilter(length=TAPS, blocklength=BLOCK, stepsize=0.05)
    pairs = list(zip(_blocks(x), _blocks(d), strict=True))[: len(x) // BLOCK // 8]

    def run() -> None:
        for far, near in pairs:
            peer.adapt(far, near - peer.filt(far))

    return run


def _ours(filter_: Canceller | Controller, x: Floats, d: Floats) -> Callable[[], None]:
    """Return a run of one of our filters, block by block as a host would call it."""
    pairs = list(zip(_blocks(x.astype(np.float32)), _blocks(d.astype(np.float32)), strict=True))
    out = np.empty(BLOCK, np.float32)

    def run() -> None:
        process = filter_.process
        for far, near in pairs:
            process(far, near, out)

    return run


def fdaf() -> dict[str, float]:
    """Return ns per sample of each filter and the two ratios, medians of interleaved runs.

    Returns
    -------
    dict
        ``fdaf4096_ns`` and, where the peers are installed, ``fdaf4096_vs_speex`` and
        ``fdaf4096_vs_adafilt``; the costs of peers and of the other block filters beside them.
    """
    x, d = _signals()
    path = np.r_[np.zeros(16), 1.0, np.zeros(111)]
    samples = len(x)
    runs: dict[str, tuple[Callable[[], None], int]] = {
        "fdaf4096": (_ours(PartitionedBlockFilter(TAPS, BLOCK), x, d), samples),
        "adafilt4096": (_adafilt(x, d), samples // BLOCK // 8 * BLOCK),
        "kalman4096": (_ours(FrequencyDomainKalmanFilter(TAPS, BLOCK), x, d), samples),
        "fdfx4096": (
            _ours(PartitionedBlockFxLMS(TAPS, path, BLOCK, modified=False), x, d),
            samples,
        ),
        "delayless4096": (_ours(DelaylessFxLMS(TAPS, path, BLOCK, modified=False), x, d), samples),
    }
    speex = _speex(x, d)
    if speex is not None:
        runs["speex4096"] = (speex, samples)
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(RUNS):
        for name, (run, count) in runs.items():
            start = time.thread_time()
            run()
            costs[name].append((time.thread_time() - start) / count * 1e9)
    median = {name: statistics.median(values[1:]) for name, values in costs.items()}
    ours = median["fdaf4096"]
    figures = {f"{name}_ns": value for name, value in median.items()}
    figures["fdaf4096_x_realtime"] = 1e9 / (ours * FS)
    figures["fdaf4096_vs_adafilt"] = median["adafilt4096"] / ours
    if speex is not None:
        figures["fdaf4096_vs_speex"] = median["speex4096"] / ours
    return figures


def main() -> None:
    """Print the figures, as one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    arguments = parser.parse_args()
    figures = {name: round(value, 2) for name, value in fdaf().items()}
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:24} {value:10.2f}")


if __name__ == "__main__":
    main()
