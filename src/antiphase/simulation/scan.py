"""Many scenarios at once: on all cores of this machine or on a Ray cluster, resumable."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from antiphase import __version__
from antiphase.errors import AntiphaseError, MissingDependencyError, require
from antiphase.files.rows import RowFile
from antiphase.simulation.limits import main_limit
from antiphase.simulation.scenario import Scenario, load_scenario
from antiphase.simulation.study import run_study
from antiphase.threads import ONE_THREAD

__all__ = ["Case", "ScanResult", "make_cases", "run_case", "run_scan"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One scenario of a scan.

    Attributes
    ----------
    name : str
        The scenario's name or file.
    changes : dict
        Dotted keys and the values they were set to.
    scenario : Scenario
        The scenario with the changes in it.
    """

    name: str
    changes: dict[str, Any]
    scenario: Scenario

    @property
    def key(self) -> str:
        """The same for the same scenario and version of this package, and only then."""
        text = f"{__version__} {self.scenario!r}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ScanResult:
    """How a scan went.

    Attributes
    ----------
    path : Path
        The Parquet file.
    total, ran, kept, failed : int
        Cases asked for; run now; already in the file; run now and failed.
    rows : list of dict
        The rows of the cases asked for.
    """

    path: Path
    total: int
    ran: int
    kept: int
    failed: int
    rows: list[Row]


def make_cases(
    names: Sequence[str], sweeps: Mapping[str, Sequence[Any]], *, seeds: int = 1
) -> list[Case]:
    """Return every combination of scenarios, values and seeds.

    Parameters
    ----------
    names : sequence of str
        Scenarios, by name or file.
    sweeps : mapping
        Dotted keys and the values each takes, such as ``{"controller.mu": [0.01, 0.1]}``.
    seeds : int
        Number of seeds, counted from each scenario's own; 1 keeps just that one.

    Raises
    ------
    ParameterError, FileFormatError
        If a scenario, key or value does not fit; before anything runs.
    """
    require(seeds >= 1, "seeds", seeds, "at least 1")
    cases = []
    for name in names:
        first = load_scenario(name).seed
        for values in itertools.product(*sweeps.values()):
            for seed in range(first, first + seeds):
                changes = dict(zip(sweeps, values, strict=True))
                if seeds > 1:
                    changes["seed"] = seed
                cases.append(Case(name, changes, load_scenario(name, changes)))
    return cases


def run_case(case: Case) -> Row:
    """Run one case and return its row; a case that fails gives a row that says why.

    Parameters
    ----------
    case : Case
        What to run.
    """
    row: Row = {"case": case.key, "scenario": case.name, **case.changes}
    try:
        study = run_study(case.scenario)
    except AntiphaseError as error:
        return {**row, "failure": str(error)}
    limit = main_limit(study.limits)
    return {
        **row,
        "seed": case.scenario.seed,
        "controller": case.scenario.controller.kind,
        "n_taps": case.scenario.controller.n_taps,
        "nr_db": study.reached_db,
        "bound_db": study.bound.nr_db,
        "gap_db": study.bound.nr_db - study.reached_db,
        "margin_ms": study.scene.margin_samples / case.scenario.fs * 1000,
        "limited_by": limit.cause if limit else None,
        "warnings": len(study.warnings),
        "failure": None,
    }


def run_scan(
    cases: Sequence[Case],
    path: str | Path,
    *,
    workers: int | None = None,
    ray: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> ScanResult:
    """Run all cases that are not in the file yet, and write one Parquet file.

    Parameters
    ----------
    cases : sequence of Case
        From `make_cases`.
    path : str or Path
        The Parquet file. Rows of finished cases are kept, failed ones run again.
    workers : int, optional
        Processes; all cores by default.
    ray : str, optional
        Address of a Ray cluster, or ``"local"`` for one on this machine. Recordings must lie where
        the cluster's machines can read them.
    progress : callable, optional
        Called with the number of cases done and of all.

    Returns
    -------
    ScanResult

    Raises
    ------
    ParameterError
        If `workers` is below 1.
    MissingDependencyError
        If pyarrow or, with `ray`, Ray is not installed.
    """
    require(workers is None or workers >= 1, "workers", workers, "at least 1")
    file = RowFile(path, key="case")
    done = {row["case"] for row in file.rows if row.get("failure") is None}
    waiting = list({case.key: case for case in cases if case.key not in done}.values())
    kept = len({case.key for case in cases}) - len(waiting)
    tell = progress or (lambda _done, _all: None)
    tell(kept, kept + len(waiting))
    failed = 0
    runner = _on_processes(waiting, workers) if ray is None else _on_ray(waiting, ray, workers)
    for count, row in enumerate(runner, 1):
        file.append(row)
        failed += row["failure"] is not None
        tell(kept + count, kept + len(waiting))
    file.finish()
    keys = {case.key for case in cases}
    rows = [row for row in file.rows if row["case"] in keys]
    return ScanResult(Path(path), len(keys), len(waiting), kept, failed, rows)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for child processes, and put back what was there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _on_processes(cases: Sequence[Case], workers: int | None) -> Iterator[Row]:
    if not cases:
        return
    count = min(workers or os.cpu_count() or 1, len(cases))
    # A forked child would inherit the locks of threads that do not exist in it.
    context = multiprocessing.get_context("spawn")
    # One process per core, so a linear-algebra library must not start a thread per core in each.
    with _environment(ONE_THREAD), ProcessPoolExecutor(count, context) as pool:
        futures = [pool.submit(run_case, case) for case in cases]
        for future in as_completed(futures):
            yield future.result()


def _on_ray(cases: Sequence[Case], address: str, workers: int | None) -> Iterator[Row]:
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingDependencyError('--ray needs Ray: pip install "antiphase[cluster]"') from error
    where = {"num_cpus": workers or os.cpu_count()} if address == "local" else {"address": address}
    ray.init(
        **where,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": ONE_THREAD},
    )
    try:
        task = ray.remote(run_case)
        pending = [task.remote(case) for case in cases]
        while pending:
            ready, pending = ray.wait(pending)
            yield from ray.get(ready)
    finally:
        ray.shutdown()
