"""Does the guard keep every loop from doing harm? 100 seeds × 4 paths × 2 model errors.

``python -m benchmarks.robustness --json`` prints

- ``divergences``: runs in which the error is more than 1 dB above the level with control off over
  any one second after the first (0 asked for);
- ``robust_median_nr_db``: median attenuation after the first second (≥ 6 asked for: muting alone is
  no success);
- ``muted_share``: mean share of the time in which the guard had muted the loudspeaker;
- ``unguarded_divergences``: the same count without the guard, on a quarter of the seeds.

Per seed: a resonant duct, a decaying room, and the measured paths `duct` and `bandpass` (left out,
and said so, where bench-data is absent), each with a noise of the seed's own kind, sensor noise
40 dB below the signals, and a secondary path estimate that is wrong by white noise of −20 or −10 dB
of its energy. One controller with one set of parameters for all: `ModifiedFxNLMS` at its defaults.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.acoustics import noise
from antiphase.adaptive import Controller, ModifiedFxNLMS
from antiphase.control import Guard
from antiphase.simulation import run_loop
from benchmarks import data

__all__ = ["robustness"]

Floats = npt.NDArray[np.float64]
SEEDS = 100
SECONDS = 6
N_TAPS = 512
MODEL_ERRORS_DB = (-20.0, -10.0)
KINDS = ("white", "pink", "band", "engine", "fan", "traffic", "hum", "babble", "impulsive", "drill")


@dataclass(frozen=True)
class Case:
    """One plant with its noise."""

    name: str
    fs: float
    reference: Floats
    disturbance: Floats
    secondary_path: Floats


@dataclass(frozen=True)
class Outcome:
    """What one run gave."""

    nr_db: float
    worst_boost_db: float
    muted_share: float


def _duct(rng: np.random.Generator, fs: float, taps: int, delay: int) -> Floats:
    """Return a path with a few lightly damped resonances after a pure delay."""
    t = np.arange(taps - delay) / fs
    path = np.zeros(taps)
    for _ in range(rng.integers(4, 9)):
        frequency, decay = rng.uniform(60, 0.4 * fs), rng.uniform(0.004, 0.02)
        tone = np.sin(2 * np.pi * frequency * t + rng.uniform(0, 2 * np.pi))
        path[delay:] += rng.uniform(0.3, 1) * np.exp(-t / decay) * tone
    return path / np.linalg.norm(path)


def _room(rng: np.random.Generator, fs: float, taps: int, delay: int) -> Floats:
    """Return a direct sound followed by a tail of Gaussian noise that decays by 60 dB."""
    t = np.arange(taps - delay) / fs
    path = np.zeros(taps)
    tail = rng.standard_normal(taps - delay) * 10 ** (-3 * t / rng.uniform(0.03, 0.12))
    path[delay:] = rng.uniform(0.1, 0.5) * tail / np.linalg.norm(tail)
    path[delay] += 1
    return path / np.linalg.norm(path)


def _synthetic(name: str, seed: int) -> Case:
    rng = np.random.default_rng([seed, len(name)])
    fs, make = 8000.0, {"duct": _duct, "room": _room}[name]
    delay = int(rng.integers(2, 30))
    secondary = make(rng, fs, 256, delay)
    primary = make(rng, fs, 512, delay + int(rng.integers(1, 60)))
    return _case(name, fs, primary, secondary, seed)


def _measured(name: str, seed: int) -> Case:
    paths = data.load(name)
    return _case(name, 16000.0, paths["primary_path"], paths["secondary_path"], seed)


def _case(name: str, fs: float, primary: Floats, secondary: Floats, seed: int) -> Case:
    x = noise.make(KINDS[seed % len(KINDS)], SECONDS, fs, seed=seed)
    d = signal.oaconvolve(x, primary)[: len(x)]
    return Case(name, fs, x, d / np.std(d), secondary)


def cases(seed: int) -> Iterator[Case]:
    """Make the plants of one seed."""
    yield _synthetic("duct", seed)
    yield _synthetic("room", seed)
    if data.available():
        yield _measured("duct", seed)
        yield _measured("bandpass", seed)


def wrong_estimate(path: Floats, error_db: float, rng: np.random.Generator) -> Floats:
    """Return the path plus white noise of `error_db` of its energy."""
    error = rng.standard_normal(len(path))
    scale = float(np.linalg.norm(path) / np.linalg.norm(error)) * 10 ** (error_db / 20)
    return path + scale * error


def default_controller(estimate: Floats) -> Controller:
    """Return what a user gets who chooses nothing."""
    return ModifiedFxNLMS(N_TAPS, estimate)


def _worst_boost_db(disturbance: Floats, error: Floats, fs: float) -> float:
    """Return the largest level increase over any second after the first, in steps of 50 ms."""
    hop = int(fs / 20)
    n = len(error) // hop
    powers = np.square(np.stack([disturbance, error])[:, : n * hop]).reshape(2, n, hop).sum(axis=2)
    seconds = np.lib.stride_tricks.sliding_window_view(powers[:, 20:], 20, axis=1).sum(axis=2)
    return float(10 * np.log10(np.max(seconds[1] / seconds[0])))


def run(case: Case, error_db: float, seed: int, *, guard: bool = True) -> Outcome:
    """Run one case with a wrong estimate."""
    rng = np.random.default_rng([seed, round(-error_db), len(case.name)])
    estimate = wrong_estimate(case.secondary_path, error_db, rng)
    controller = default_controller(estimate)
    guarded = Guard(controller, fs=case.fs, secondary_path_estimate=estimate)
    n = len(case.reference)
    with np.errstate(all="ignore"):
        error = run_loop(
            guarded if guard else controller,
            reference=case.reference,
            disturbance=case.disturbance,
            secondary_path=case.secondary_path,
            reference_noise=0.01 * rng.standard_normal(n),
            error_noise=0.01 * rng.standard_normal(n),
        ).error
        boost = _worst_boost_db(case.disturbance, error, case.fs)
        late = slice(int(case.fs), None)
        ratio = np.sum(case.disturbance[late] ** 2) / np.sum(error[late] ** 2)
        nr_db = float(10 * np.log10(ratio))
    finite = bool(np.isfinite(error).all())
    return Outcome(
        nr_db if finite else -np.inf,
        boost if finite else np.inf,
        guarded.status.muted_share,
    )


def robustness(*, seeds: int = SEEDS, unguarded_seeds: int = SEEDS // 4) -> dict[str, float]:
    """Return the figures named in the module's description."""
    if not data.available():
        print("bench-data is absent: synthetic paths only", file=sys.stderr)
    outcomes, loose = [], []
    for seed in range(seeds):
        for case in cases(seed):
            for error_db in MODEL_ERRORS_DB:
                outcomes.append(run(case, error_db, seed))
                if seed < unguarded_seeds:
                    loose.append(run(case, error_db, seed, guard=False))
    return {
        "divergences": sum(o.worst_boost_db > 1 for o in outcomes),
        "robust_runs": len(outcomes),
        "robust_median_nr_db": float(np.median([o.nr_db for o in outcomes])),
        "robust_lowest_nr_db": min(o.nr_db for o in outcomes),
        "muted_share": float(np.mean([o.muted_share for o in outcomes])),
        "unguarded_divergences": sum(o.worst_boost_db > 1 for o in loose),
        "unguarded_runs": len(loose),
    }


def main() -> None:
    """Print the figures; with ``--json`` as one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    figures = robustness()
    if parser.parse_args().json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:24} {value:.4g}")


if __name__ == "__main__":
    main()
