"""Two threads against two processes, each with filter batches of its own."""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier

import numpy as np

from antiphase.adaptive import FilterBatch, NLMSFilter

__all__ = ["threads2_efficiency"]

SESSIONS, FRAME = 32, 480


def _worker() -> Callable[[float], float]:
    """Return a function that calls a batch for some seconds and answers calls per second."""
    rng = np.random.default_rng(0)
    x, d = rng.standard_normal((2, SESSIONS, FRAME)).astype(np.float32)
    batch = FilterBatch([NLMSFilter(128) for _ in range(SESSIONS)])
    out = np.empty_like(x)

    def work(seconds: float) -> float:
        calls = 0
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            batch.process(x, d, out)
            calls += 1
        return calls / (time.perf_counter() - start)

    return work


def _threads(seconds: float) -> float:
    rates: list[float] = []
    workers = [_worker() for _ in range(2)]
    ready = threading.Barrier(2)

    def run(work: Callable[[float], float]) -> None:
        ready.wait()
        rates.append(work(seconds))

    threads = [threading.Thread(target=run, args=(work,)) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def _serve(
    ready: Barrier, rounds: int, seconds: float, rates: multiprocessing.Queue[float]
) -> None:
    work = _worker()
    for _ in range(rounds):
        ready.wait()
        rates.put(work(seconds))
        ready.wait()


def threads2_efficiency(rounds: int = 7, seconds: float = 0.25) -> float:
    """Return the rate of two threads over that of two processes, median of pairs of runs."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(3)
    rates: multiprocessing.Queue[float] = context.Queue()
    processes = [
        context.Process(target=_serve, args=(ready, rounds, seconds, rates)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    shares = []
    for _ in range(rounds):
        ready.wait()
        apart = rates.get() + rates.get()
        ready.wait()
        shares.append(_threads(seconds) / apart)
    for process in processes:
        process.join()
    return statistics.median(shares)
