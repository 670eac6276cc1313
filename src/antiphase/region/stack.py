"""Edge, front and region in one process: what `antiphase edge-front` starts."""

from __future__ import annotations

import contextlib
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

from antiphase.errors import require
from antiphase.region.emulator import EDGE, Emulator, find_emulator
from antiphase.region.front import FAULTS, Fault, make_front
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.settings import read_keys

__all__ = ["edge_stack"]


@contextlib.contextmanager
def edge_stack(
    package: Path,
    config: Path,
    folder: Path,
    *,
    port: int = 8000,
    region_port: int = 8080,
    instances: int = 2,
    latency_ms: float = 0.0,
    failures: float = 0.0,
    seed: int = 0,
) -> Iterator[tuple[str, str]]:
    """Run a built package behind the front, the region as its origin; gives the URLs of both.

    Parameters
    ----------
    package : Path
        Zip of ``python -m edge.build``.
    config : Path
        The file it was built from: the region shares its keys.
    folder : Path
        Where to unpack.
    port, region_port : int
        Of the front and of the region; 0 takes a free one.
    instances : int
        Concurrency cap, ≥ 1.
    latency_ms : float
        Added to each request, ≥ 0.
    failures : float
        Share of requests that fail, 0 … 1, in all the ways that a platform fails.
    seed : int
        Of the failures.

    Raises
    ------
    ParameterError
        If a number is outside its range.
    MissingDependencyError
        If the emulator is missing.
    """
    require(instances >= 1, "instances", instances, "at least 1")
    require(latency_ms >= 0.0, "latency_ms", latency_ms, "at least 0")
    require(0.0 <= failures <= 1.0, "failures", failures, "in [0, 1]")
    draw = random.Random(seed)  # noqa: S311 - faults to inject, nothing secret

    def faults() -> Fault:
        kind = draw.choice(FAULTS) if draw.random() < failures else ""
        return Fault(kind, latency_ms / 1000)

    binary = find_emulator()
    zipfile.ZipFile(package).extractall(folder)
    region = make_server(Region(read_keys(config)), port=region_port)
    with (
        Emulator(EDGE, folder, binary, instances=instances) as pool,
        serving(region) as origin,
        serving(make_front(pool.invoke, origin, faults=faults, port=port)) as url,
    ):
        yield url, origin
