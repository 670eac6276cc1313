"""Rows of the street table that split control stands for, in virtual time."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.acoustics import SceneSignals, StreetScene, noise
from antiphase.adaptive import (
    Controller,
    DelaylessFxLMS,
    FxNLMS,
    LeastSquaresController,
    ModifiedFxNLMS,
    PartitionedBlockFxLMS,
)
from antiphase.control import SplitDevice, SplitSettings, SplitSolver
from antiphase.identify import identify_path
from antiphase.metrics import fixed_filter_bound, noise_reduction_db, seconds_to_level
from antiphase.simulation import (
    Plant,
    blown,
    moved_listener,
    passing_vehicle,
    quiet_radius_m,
    run_loop,
    run_split,
)
from benchmarks import data

__all__ = [
    "FS",
    "SCENE",
    "SEEDS",
    "Run",
    "after_a_move",
    "disturbed",
    "estimate",
    "margins",
    "moved",
    "outlook",
    "recordings",
    "split",
    "tables",
    "times",
]

Floats = npt.NDArray[np.float64]
FS = 8000
SCENE = StreetScene()
SEEDS = (0, 1, 2)
N_TAPS = 512
PATH_TAPS = 256
_RUN_IN_S = 0.3  # the sound is everywhere before a run starts
_CENSOR_S = 10.0


@cache
def estimate() -> Floats:
    """Return Ŝ from 5 s of white noise at 20 dB SNR, 256 taps."""
    rng = np.random.default_rng(11)
    drive = rng.standard_normal(5 * FS)
    heard = signal.lfilter(SCENE.secondary_path, 1.0, drive)
    heard += 0.1 * np.std(heard) * rng.standard_normal(len(heard))
    return identify_path(drive, heard, PATH_TAPS).taps


@dataclass(frozen=True)
class Run:
    """One run of split control and what it can be held against."""

    disturbance: Floats
    error: Floats
    device: SplitDevice
    solver: SplitSolver
    core_share: float
    bound: float
    bound_error: Floats

    def nr(self, start_s: float, stop_s: float | None = None) -> float:
        """Return the noise reduction of a window."""
        stop = None if stop_s is None else round(stop_s * FS)
        return noise_reduction_db(
            self.disturbance, self.error, start=round(start_s * FS), stop=stop
        )


def split(
    heard: SceneSignals,
    *,
    n_taps: int = N_TAPS,
    settings: SplitSettings | None = None,
    secondary: Floats | None = None,
    changes: Iterable[tuple[int, Floats, int]] = (),
    bound_from_s: float = 1.0,
    watch: Callable[[float, SplitDevice], object] | None = None,
) -> Run:
    """Run split control: update = round trip = 100 ms."""
    secondary = SCENE.secondary_path if secondary is None else secondary
    changes = list(changes)
    d = heard.disturbance + heard.ambient
    size = max(len(p) for p in (secondary, *(path for _, path, _ in changes)))
    padded = [(at, np.pad(path, (0, size - len(path))), fade) for at, path, fade in changes]
    plant = Plant(
        reference=heard.reference,
        disturbance=d,
        secondary_path=np.pad(secondary, (0, size - len(secondary))),
        secondary_path_changes=padded,
    )
    device = SplitDevice(n_taps, secondary_path_estimate=estimate(), fs=FS)
    solver = SplitSolver(n_taps, secondary_path_estimate=estimate(), fs=FS, settings=settings)
    told = None if watch is None else (lambda now: watch(now, device))
    result = run_split(plant, device, solver, FS, watch=told)
    last = changes[-1][1] if changes else secondary
    bound = fixed_filter_bound(heard.reference, d, last, n_taps, start=round(bound_from_s * FS))
    share = result.solver_cpu_s / (len(d) / FS)
    return Run(d, result.error, device, solver, share, bound.nr_db, bound.error)


def disturbed(kind: str, seconds: float, seed: int, *, margin_ms: float = 5.0) -> SceneSignals:
    """Return what the scene's microphones hear of a noise, `seconds` long."""
    emitted = noise.make(kind, seconds + _RUN_IN_S, FS, seed)
    heard = SCENE.signals(emitted, margin_ms=margin_ms, seed=seed)
    n = round(seconds * FS)
    cut = {f.name: getattr(heard, f.name)[-n:] for f in dataclasses.fields(heard)}
    return SceneSignals(**cut)


_WINDOWS = {
    "s1": ("band", 1.0, 1.5),
    "s2": ("white", 2.0, 3.0),
    "s3": ("fan", 2.0, 3.0),
    "s4": ("traffic", 1.5, 2.5),
    "s5": ("engine", 1.0, 1.5),
}


def tables() -> dict[str, object]:
    """Return S1 … S5 and what the solver costs."""
    figures: dict[str, object] = {}
    shares, rows = [], {}
    for field, (kind, start, stop) in _WINDOWS.items():
        runs = [split(disturbed(kind, 3.0, seed)) for seed in SEEDS]
        levels = [run.nr(start, stop) for run in runs]
        figures[field] = min(levels)
        shares += [run.core_share for run in runs]
        rows[kind] = {"nr": levels, "bound": [run.bound for run in runs]}
    return figures | {"solver_core_share": min(shares), "split": rows}


def margins() -> dict[str, object]:
    """Return S6, S7 and S9: late references."""
    hum = [split(disturbed("hum", 4.0, s, margin_ms=-40.0)).nr(2.0) for s in SEEDS]
    late = SplitSettings(window_s=4.0)
    genset = [
        split(disturbed("genset", 10.0, s, margin_ms=-40.0), n_taps=2048, settings=late)
        for s in SEEDS
    ]
    band = [split(disturbed("band", 6.0, s, margin_ms=-5.0)) for s in SEEDS]
    return {
        "s6": min(hum),
        "s7": min(run.nr(6.0) for run in genset),
        "s7_bound": min(run.bound for run in genset),
        "s9": min(run.nr(0.0) for run in band),
        "s9_pushes": [run.solver.status.version for run in band],
    }


def moved(
    kind: str,
    seed: int,
    *,
    track: bool,
    at_s: float = 4.0,
    seconds: float = 12.0,
    watch: Callable[[float, SplitDevice], object] | None = None,
) -> Run:
    """Run split control while the listener moves by 20 cm at `at_s`."""
    emitted = noise.make(kind, seconds + _RUN_IN_S, FS, seed)
    move = moved_listener(SCENE, emitted, at_s=at_s, seed=seed)
    return split(
        move.signals,
        settings=SplitSettings(track=track),
        changes=[(move.at, move.moved_secondary_path, move.fade)],
        bound_from_s=at_s + 0.5,
        watch=watch,
    )


def after_a_move() -> dict[str, object]:
    """Return S10 (followed) and S16 (not followed): the listener moves by 20 cm at 4 s."""
    at = 4.0
    rows: dict[str, list[float]] = {}
    for kind in ("band", "white", "fan", "engine", "traffic"):
        rows[kind] = []
        for seed in SEEDS:
            run = moved(kind, seed, track=True)
            since = slice(round(at * FS), None)
            rows[kind].append(_time(run.bound_error[since], run.error[since]))
    stale = [_stale(kind, seed, at) for kind in ("band", "white", "traffic") for seed in SEEDS]
    return {
        "s10": max(max(v) for k, v in rows.items() if k != "traffic"),
        "s10_traffic": max(rows["traffic"]),
        "s10_rows": rows,
        "s16": max(seconds for seconds, _ in stale),
        "s16_worst_db": min(level for _, level in stale),
    }


def _stale(kind: str, seed: int, at_s: float) -> tuple[float, float]:
    """Return how long control did harm until the device acted, and the worst second.

    Harm begins with the first tenth of a second that is louder than without control by 0.5 dB; the
    device acts when its guard rolls back or mutes.
    """
    acted: list[float] = []

    def watch(now: float, device: SplitDevice) -> None:
        if now > at_s and device.guard.state in ("held", "muted"):
            acted.append(now)

    run = moved(kind, seed, track=False, at_s=at_s, seconds=8.0, watch=watch)
    starts = np.arange(at_s, 7.0, 0.05)
    worst = min(run.nr(start, start + 1) for start in starts)
    harmful = [start for start in starts if run.nr(start, start + 0.1) < -0.5]
    if not harmful:
        return 0.0, worst
    first = min(acted, default=math.inf)
    return max(0.0, first - harmful[0]), worst


def outlook() -> dict[str, object]:
    """Return S14, S15 and S17: wind, the zone, a vehicle.

    S15 is the free field's, mean over directions; ``_ground`` has the scene's asphalt, whose
    reflections make the sound change from place to place faster.
    """
    windy = SplitSettings(window_s=0.25)
    wind = {
        kind: min(
            split(blown(disturbed(kind, 11.0, seed), FS, seed=seed), n_taps=256, settings=windy).nr(
                1.0
            )
            for seed in SEEDS
        )
        for kind in ("band", "hum")
    }
    x, y, z = SCENE.error
    aside = (x, y + 0.6, z)
    towards = np.array(SCENE.source) - np.array(SCENE.error)
    inline = tuple(np.array(SCENE.error) + 0.6 * towards / np.linalg.norm(towards))
    radius = {
        name + ground: quiet_radius_m(
            dataclasses.replace(SCENE, loudspeaker=at, flow_resistivity=resistivity), 500.0
        )
        for name, at in (("inline", inline), ("side", aside))
        for ground, resistivity in (("", None), ("_ground", SCENE.flow_resistivity))
    }
    vehicle = []
    for seed in SEEDS:
        emitted = noise.make("band", 10.0, FS, seed)
        vehicle.append(split(passing_vehicle(SCENE, emitted, seed=seed)).nr(0.0))
    return {
        "s14_band": wind["band"],
        "s14_hum": wind["hum"],
        **{f"s15_{name}_m": mean for name, (mean, _) in radius.items()},
        **{f"s15_{name}_least_m": least for name, (_, least) in radius.items()},
        "s17": min(vehicle),
        "s17_seeds": vehicle,
    }


def _time(bound_error: Floats, error: Floats) -> float:
    """Return when a run is first within 3 dB of the bound on the same samples, for 1 s."""
    if not np.isfinite(error).all():
        return _CENSOR_S  # it diverged
    took = seconds_to_level(bound_error, error, FS, -3.0)
    return _CENSOR_S if took is None else max(took, 0.1)


def _local_times(heard: SceneSignals, bound_error: Floats) -> tuple[float, float]:
    """Return the times of the best cheap local filter and of least squares on the spot."""
    path, d = estimate(), heard.disturbance + heard.ambient
    # The sound is there from the first sample, with an empty history: without an epsilon of the
    # size of the energy to come the first steps of a normalised rule are far too long.
    epsilon = 0.1 * N_TAPS * float(np.mean(signal.lfilter(path, 1.0, heard.reference) ** 2))
    cheap: list[Controller] = [
        *(
            FxNLMS(N_TAPS, secondary_path_estimate=path, mu=mu, epsilon=epsilon)
            for mu in (0.03, 0.1, 0.2)
        ),
        *(
            ModifiedFxNLMS(N_TAPS, secondary_path_estimate=path, mu=mu, epsilon=epsilon)
            for mu in (0.1, 0.3, 0.6)
        ),
        *(PartitionedBlockFxLMS(N_TAPS, path, 32, mu) for mu in (0.1, 0.3, 0.6)),
        *(DelaylessFxLMS(N_TAPS, path, mu=mu) for mu in (0.1, 0.3, 0.6)),
    ]
    squares = LeastSquaresController(N_TAPS, secondary_path_estimate=path, fs=FS)
    times = [
        _time(
            bound_error,
            run_loop(
                controller,
                reference=heard.reference,
                disturbance=d,
                secondary_path=SCENE.secondary_path,
            ).error,
        )
        for controller in (*cheap, squares)
    ]
    return min(times[:-1]), times[-1]


def times() -> dict[str, object]:
    """Return the time to 3 dB below the bound, remote against local."""
    rows: dict[str, dict[str, list[float]]] = {}
    for kind in ("band", "white", "fan", "engine", "traffic"):
        rows[kind] = {"remote": [], "cheap": [], "local_ls": []}
        for seed in SEEDS:
            heard = disturbed(kind, 11.0, seed)
            run = split(heard)
            cheap, squares = _local_times(heard, run.bound_error)
            rows[kind]["remote"].append(_time(run.bound_error, run.error))
            rows[kind]["cheap"].append(cheap)
            rows[kind]["local_ls"].append(squares)
    ratio = {
        who: statistics.median(
            min(a / b for a, b in zip(row[who], row["remote"], strict=True))
            for row in rows.values()
        )
        for who in ("cheap", "local_ls")
    }
    return {
        "remote_vs_cheap_local_t": ratio["cheap"],
        "remote_vs_local_ls_t": ratio["local_ls"],
        "times": rows,
    }


def recordings() -> dict[str, object]:
    """Return S1's run on real recordings: 1 s to the end of 8 s, and the bound there."""
    figures: dict[str, object] = {}
    for name, samples in data.load("noises").items():
        if samples.ndim != 1 or len(samples) < FS:
            continue
        emitted = signal.resample_poly(samples, 1, 2)[: round(8.3 * FS)]
        run = split(SCENE.signals(emitted, seed=0))
        figures[f"{name}_real"] = run.nr(1.0)
        figures[f"{name}_real_bound"] = run.bound
    return figures
