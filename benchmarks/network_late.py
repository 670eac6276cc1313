"""References that come too late: oscillators on a tacho, and prediction in a room."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.acoustics import StreetScene, noise
from antiphase.acoustics.room import room_paths
from antiphase.control import predictive_controller
from antiphase.metrics import fixed_filter_bound, noise_reduction_db
from antiphase.simulation import run_loop
from benchmarks import data

__all__ = ["late"]

Floats = npt.NDArray[np.float64]
FS = 8000
SCENE = StreetScene()
SEEDS = (0, 1, 2)
ORDERS = tuple(0.5 * k for k in range(1, 41))
ROOM_FS = 16000
ROOM_TAPS = 512
MARGIN = 88  # samples by which the room's reference is ahead


def _tacho(seed: int, late_ms: float) -> float:
    """Engine ± 1 %, oscillators on the shaft's angle; 3 s to the end of 10 s."""
    seconds = 10.3
    emitted = noise.make("engine", seconds, FS, seed)
    heard = SCENE.signals(emitted, margin_ms=5.0, seed=seed)
    d = heard.disturbance + heard.ambient
    electronics = SCENE.electronics_for(-late_ms) * FS / 1000
    angle = noise.tacho("engine", seconds, FS, seed)
    flight = 0.5 / 343.2 * FS  # as far as the acoustic reference is from the source
    at = np.arange(len(angle))[-len(d) :] - electronics - flight
    phase = np.interp(at, np.arange(len(angle)), angle)
    controller = predictive_controller(
        "tacho",
        FS,
        SCENE.secondary_path[:256],
        late_ms=late_ms,
        frequency_hz=25.0,
        harmonics=ORDERS,
    )
    error = run_loop(
        controller,
        reference=np.mod(phase, 4 * np.pi),
        disturbance=d,
        secondary_path=SCENE.secondary_path,
    ).error
    return noise_reduction_db(d, error, start=3 * FS)


def _room_noises() -> dict[str, Floats]:
    """Return the noises of the room table that are here."""
    noises = {"band": noise.make("band", 10.0, ROOM_FS, 0)}
    if data.available():
        aircraft = data.load("duct")["aircraft"]
        noises["aircraft"] = aircraft / np.std(aircraft)
    return noises


def _room() -> dict[str, dict[str, float]]:
    """Return bound and reached reduction after 1 s for each noise and added delay."""
    places = [[1, 1.5, 1.2], [3.05, 1.5, 1.2]]
    paths = room_paths([4, 3, 2.5], places, [[3, 1.5, 1.2]], ROOM_FS, t60_s=0.3, n_taps=512)
    primary, secondary = paths.taps[0, 0], paths.taps[0, 1, :256]
    rows = {}
    for name, x in _room_noises().items():
        d = signal.oaconvolve(x, primary)[: len(x)]
        sensor = np.random.default_rng(3).standard_normal(len(x)) * np.std(x) * 10 ** (-50 / 20)
        for added in (88, 96, 128, 256):
            late = np.concatenate([np.zeros(added), (x + sensor)[:-added]])
            controller = predictive_controller(
                "fir",
                ROOM_FS,
                secondary,
                late_ms=1000 * max(0, added - MARGIN) / ROOM_FS,
                n_taps=ROOM_TAPS,
            )
            error = run_loop(
                controller, reference=late, disturbance=d, secondary_path=secondary
            ).error
            bound = fixed_filter_bound(late, d, secondary, ROOM_TAPS, start=ROOM_FS)
            rows[f"{name}+{added}"] = {
                "bound": bound.nr_db,
                "reached": noise_reduction_db(d, error, start=ROOM_FS),
            }
    return rows


def late() -> dict[str, object]:
    """Return S8 and the gap to the bound with a late reference."""
    rows = _room()
    return {
        "s8_40": min(_tacho(seed, 40.0) for seed in SEEDS),
        "s8_100": min(_tacho(seed, 100.0) for seed in SEEDS),
        "late_gap_db": max(row["bound"] - row["reached"] for row in rows.values()),
        "late": rows,
    }
