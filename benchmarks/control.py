"""Depth and speed of the least-squares controller on measured paths: ``control`` of the issue.

What is simulated, the same for all rows:

- physical plant ``e = d + s∗y``, sample by sample, d = p∗x;
- the controller hears ``x + v``: white sensor noise v, 40 dB below the RMS of x over the run, is
  added at the reference microphone and reaches the loudspeaker with x; the error microphone has
  none (``noiseless`` rows: no v either);
- Ŝ is identified by least squares from 5 s of white noise at 20 dB SNR, as long as S;
- one controller, ``LeastSquaresController`` with its defaults, for all noises and paths. Its rules:
  window ten times the unknowns per equation (0.64 s here), effort weight from the error that
  identification states of Ŝ, ridge from the evidence, solver started each 2.5 ms.

``python -m benchmarks.control --json`` prints one JSON object on its last line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.adaptive import LeastSquaresController
from antiphase.identify import PathEstimate, identify_path
from antiphase.metrics import fixed_filter_bound, noise_reduction_db, seconds_to_level
from antiphase.simulation import run_loop
from benchmarks import data
from benchmarks.robustness import robustness

__all__ = ["bandpass", "control", "duct", "rooms", "speed"]

Floats = npt.NDArray[np.float64]
FS = 16000
N_TAPS = 1024
DUCT = ("drill", "aircraft", "motorbike")
BANDPASS = ("aircraft", "drill", "mix")
ROOM_SEEDS = range(5)
ROOM_SECONDS = 3
SPEED_RUNS = 5


def _sensor_noise(reference: Floats, snr_db: float, seed: int) -> Floats:
    rms = np.sqrt(np.mean(reference**2)) * 10 ** (-snr_db / 20)
    noise: Floats = rms * np.random.default_rng(seed).standard_normal(len(reference))
    return noise


def _identified(secondary: Floats) -> PathEstimate:
    """Return Ŝ from 5 s of white noise at 20 dB SNR, with the error it states itself."""
    rng = np.random.default_rng(11)
    paths = secondary[None, None] if secondary.ndim == 1 else secondary
    drive = rng.standard_normal((5 * FS, paths.shape[1]))
    response = np.stack(
        [sum(signal.lfilter(s, 1.0, drive[:, k]) for k, s in enumerate(mic)) for mic in paths], 1
    )
    response += 0.1 * np.sqrt(np.mean(response**2, 0)) * rng.standard_normal(response.shape)
    if secondary.ndim == 1:
        drive, response = drive[:, 0], response[:, 0]
    return identify_path(drive, response, secondary.shape[-1])


def _true_error_db(estimate: PathEstimate, secondary: Floats) -> float:
    return float(10 * np.log10(np.sum((estimate.taps - secondary) ** 2) / np.sum(secondary**2)))


def _controller(n_taps: int, estimate: PathEstimate) -> LeastSquaresController:
    """Return the one controller of all rows: its defaults, and what identification stated."""
    return LeastSquaresController(
        n_taps, secondary_path_estimate=estimate.taps, fs=FS, path_error_db=estimate.error_db
    )


def _single(
    file: str, noise: str, estimate: PathEstimate, snr_db: float | None
) -> dict[str, float]:
    """Return the figures of one recording on a single-channel path."""
    paths = data.load(file)
    x, secondary = paths[noise], paths["secondary_path"]
    d = signal.lfilter(paths["primary_path"], 1.0, x)
    v = None if snr_db is None else _sensor_noise(x, snr_db, seed=3)
    result = run_loop(
        _controller(N_TAPS, estimate),
        reference=x,
        disturbance=d,
        secondary_path=secondary,
        reference_noise=v,
    )
    bound = fixed_filter_bound(x, d, secondary, N_TAPS, start=FS, reference_noise=v)
    return {
        "whole": noise_reduction_db(d, result.error),
        "first_second": noise_reduction_db(d, result.error, stop=FS),
        "after_1s": noise_reduction_db(d, result.error, start=FS),
        "bound_after_1s": bound.nr_db,
    }


def duct() -> dict[str, object]:
    """Return NMSE over the whole run and the gap to the bound on the measured duct."""
    secondary = data.load("duct")["secondary_path"]
    estimate = _identified(secondary)
    rows = {noise: _single("duct", noise, estimate, 40.0) for noise in DUCT}
    figures: dict[str, object] = {f"duct_{n}_nmse": -row["whole"] for n, row in rows.items()}
    gaps = [row["bound_after_1s"] - row["after_1s"] for row in rows.values()]
    return figures | {
        "duct_gap_db_max": max(gaps),
        "duct_path_error_db": _true_error_db(estimate, secondary),
        "duct": rows,
    }


def bandpass() -> dict[str, object]:
    """Return noise reduction after the first second on the band-pass path."""
    secondary = data.load("bandpass")["secondary_path"]
    estimate = _identified(secondary)
    noisy = {noise: _single("bandpass", noise, estimate, 40.0) for noise in BANDPASS}
    clean = {noise: _single("bandpass", noise, estimate, None) for noise in BANDPASS}
    reached = [r["after_1s"] >= min(29.5, r["bound_after_1s"] - 1) for r in noisy.values()]
    return {
        "bandpass_gap_or_floor": sum(reached) / len(reached),
        "bandpass_noiseless_nr_min": min(row["after_1s"] for row in clean.values()),
        "bandpass_path_error_db": _true_error_db(estimate, secondary),
        "bandpass": noisy,
        "bandpass_noiseless": clean,
    }


def _room(
    file: str, band_pass: Floats, snr_db: float | None, level_db: float
) -> dict[str, float | None]:
    """Return times to the level, true and identified Ŝ, and the depth after the first second.

    Powers are summed over `ROOM_SEEDS` runs: in one run the level of narrow-band noise, and of its
    bound, wanders by more than 1 dB from second to second.
    """
    paths = data.load(file)
    secondary = paths["secondary_path"]
    identified = _identified(secondary)
    # The true path, trusted as far as 0.01 %.
    true = replace(identified, taps=secondary, error_db=-40.0)
    out: dict[str, float | None] = {"path_error_db": _true_error_db(identified, secondary)}
    for name, estimate in (("true", true), ("identified", identified)):
        disturbances, errors = [], []
        for seed in ROOM_SEEDS:
            white = np.random.default_rng(seed).standard_normal(ROOM_SECONDS * FS)
            x = signal.lfilter(band_pass, 1.0, white)
            d = np.stack([signal.lfilter(p, 1.0, x) for p in paths["primary_path"]], 1)
            v = None if snr_db is None else _sensor_noise(x, snr_db, seed + 100)
            result = run_loop(
                _controller(512, estimate),
                reference=x,
                disturbance=d,
                secondary_path=secondary,
                reference_noise=v,
            )
            disturbances.append(d)
            errors.append(result.error)
        d, e = np.hstack(disturbances), np.hstack(errors)
        out[f"seconds_{name}"] = seconds_to_level(d, e, FS, level_db)
        out[f"after_1s_{name}"] = noise_reduction_db(d, e, start=FS)
    return out


def rooms() -> dict[str, object]:
    """Return the time to the published level in the two rooms."""
    narrow = signal.firwin(512, [400, 800], pass_zero=False, fs=FS)
    wide = signal.firwin(63, [100, 1000], pass_zero=False, fs=FS)
    room144 = _room("room_1x4x4", narrow, None, 16.0)
    room166 = _room("room_1x6x6", wide, 40.0, 11.7)
    return {
        "room144_seconds_to_16db": room144["seconds_true"],
        "room166_seconds_to_11_7db": room166["seconds_true"],
        "room144": room144,
        "room166": room166,
    }


def speed() -> dict[str, object]:
    """Return how much faster than real time 1024 taps run at 16 kHz on one core, float32."""
    rng = np.random.default_rng(5)
    path = rng.standard_normal(512) * np.exp(-np.arange(512) / 60)
    blocks = rng.standard_normal((150, 2, 320)).astype(np.float32)
    totals, worst = [], []
    for _ in range(SPEED_RUNS):
        controller = LeastSquaresController(N_TAPS, secondary_path_estimate=path, fs=FS)
        times = []
        for x, e in blocks:
            start = time.process_time()
            controller.process(x, e)
            times.append(time.process_time() - start)
        totals.append(sum(times))
        worst.append(max(times))
    return {
        "ls1024_x_realtime": blocks.shape[0] * blocks.shape[2] / FS / statistics.median(totals),
        "ls1024_worst_20ms_block_ms": 1000 * min(worst),
    }


def control() -> dict[str, object]:
    """Return all figures."""
    return speed() | duct() | bandpass() | rooms() | robustness()


def main() -> None:
    """Print the figures; the last line is JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    arguments = parser.parse_args()
    figures = control()
    if not arguments.json:
        for name, value in figures.items():
            print(f"{name}: {json.dumps(value)}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
