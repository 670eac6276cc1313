"""Draw the pictures of `docs/theory` again: ``.venv/bin/python tools/theory_plots.py [NAME ...]``.

Everything comes from the benchmarks' own runs in virtual time, one seed. Needs the packages of
`make bench`; look at each picture before it is committed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from antiphase.acoustics import noise  # noqa: E402 - the path comes first
from antiphase.adaptive import (  # noqa: E402
    Controller,
    FxNLMS,
    LeastSquaresController,
    PartitionedBlockFxLMS,
)
from antiphase.metrics import noise_reduction_db  # noqa: E402
from antiphase.simulation import (  # noqa: E402
    DriftingClock,
    Link,
    WifiJitter,
    packetise,
    run_loop,
    sample_on,
)
from antiphase.simulation.planner import causality_cliff  # noqa: E402
from benchmarks import network_room, network_split  # noqa: E402
from benchmarks.network_reception import Receiver  # noqa: E402

Floats = npt.NDArray[np.float64]
IMAGES = ROOT / "docs" / "images"
MARGINS_MS = (-10.0, -5.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


def nr_over_time(
    disturbance: Floats, error: Floats, fs: int, *, window_s: float = 0.1
) -> tuple[Floats, Floats]:
    """Return the ends of windows in s and the noise reduction in each, dB."""
    n = round(window_s * fs)
    starts = range(0, len(error) - n + 1, n)
    levels = [noise_reduction_db(disturbance[a : a + n], error[a : a + n]) for a in starts]
    return window_s * np.arange(1.0, len(levels) + 1), np.array(levels)


def causality_cliff_picture() -> None:
    """Draw the bound over the causality margin."""
    kinds = ("white", "band", "traffic", "engine", "hum")
    table = causality_cliff(kinds, MARGINS_MS, seconds=20.0)
    _, axes = plt.subplots(figsize=(6.5, 3.2))
    for kind, row in zip(table.kinds, table.nr_db, strict=True):
        axes.plot(table.margins_ms, row, label=kind, marker=".")
    axes.axvline(0, color="0.8", zorder=0)
    label(axes, "causality margin / ms", "bound / dB")
    save("causality_cliff.svg")


def split_remote_local() -> None:
    """Draw remote least squares against local filters, white noise and traffic."""
    _, both = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    path = network_split.estimate()
    for axes, kind in zip(both, ("white", "traffic"), strict=True):
        heard = network_split.disturbed(kind, 10.0, 0)
        d = heard.disturbance + heard.ambient
        run = network_split.split(heard)
        axes.plot(
            *nr_over_time(d, run.error, network_split.FS), label="remote least squares", color="C0"
        )
        epsilon = 0.1 * network_split.N_TAPS * float(np.mean(heard.reference**2))
        local: dict[str, Controller] = {
            "least squares on the spot": LeastSquaresController(
                network_split.N_TAPS, secondary_path_estimate=path, fs=network_split.FS
            ),
            "partitioned block .3": PartitionedBlockFxLMS(network_split.N_TAPS, path, 32, 0.3),
            "FxNLMS .1": FxNLMS(
                network_split.N_TAPS, secondary_path_estimate=path, mu=0.1, epsilon=epsilon
            ),
        }
        for k, (name, controller) in enumerate(local.items(), start=1):
            error = run_loop(
                controller,
                reference=heard.reference,
                disturbance=d,
                secondary_path=network_split.SCENE.secondary_path,
            ).error
            axes.plot(*nr_over_time(d, error, network_split.FS), label=name, color=f"C{k}", lw=1)
        axes.axhline(run.bound, color="0.6", ls="--", label="fixed-filter bound")
        axes.set_title(kind)
        axes.set_ylim(-3, 35)
        label(axes, "time / s", "noise reduction / dB", legend=kind == "white")
    save("split_remote_local.svg")


def split_moved_listener() -> None:
    """Draw a listener who moves by 20 cm, followed and not."""
    _, axes = plt.subplots(figsize=(6.5, 3.2))
    for track, name in ((True, "both paths followed"), (False, "old Ŝ kept")):
        run = network_split.moved("band", 0, track=track, seconds=8.0)
        axes.plot(*nr_over_time(run.disturbance, run.error, network_split.FS), label=name)
    axes.axvline(4.0, color="0.8", zorder=0)
    label(axes, "time / s", "noise reduction / dB")
    save("split_moved_listener.svg")


def synchronisation() -> None:
    """Draw arrivals over a bursty link and what moves of the lag, by way of compensation."""
    fs, seconds = network_room.FS, network_room.SECONDS
    clock = DriftingClock(0.0031, [(0, 100), (seconds / 2, 60)])
    link = Link(network_room.LINK_MS, WifiJitter())
    _, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
    source = noise.make("band", seconds, fs, 0)
    samples, capture = sample_on(source, fs, clock)
    packets = packetise(samples, capture, link, frame=80, seed=0)
    at = np.array([p.timestamp / fs for p in packets])
    late = 1000 * (np.array([p.arrival_s for p in packets]) - at)
    left.plot(at, late, ".", ms=2, color="0.6", label="packets")
    buckets = [np.flatnonzero((at >= k * 0.05) & (at < (k + 1) * 0.05)) for k in range(200)]
    earliest = [int(b[np.argmin(late[b])]) for b in buckets if len(b)]
    left.plot(at[earliest], late[earliest], ".", ms=4, label="earliest of 50 ms")
    left.set_ylim(late.min() - 0.2, late.min() + 4)
    label(left, "timestamp / s", "arrival − timestamp / ms")
    ways = {"not compensated": (False, False), "timestamps": (True, False)}
    for name, (compensate, audio) in (ways | {"timestamps and audio": (True, True)}).items():
        right.plot(*_lag_us(clock, link, source, compensate=compensate, audio=audio), label=name)
    right.axvline(seconds / 2, color="0.8", zorder=0)
    right.set_ylim(-150, 300)
    label(right, "time / s", "change of the lag since 1.5 s / µs")
    save("synchronisation.png")


def _lag_us(
    clock: DriftingClock, link: Link, source: Floats, *, compensate: bool, audio: bool
) -> tuple[Floats, Floats]:
    """Return times and how far the lag has moved since 1.5 s."""
    fs, buffer_s = network_room.FS, network_room.BUFFER_S
    receiver = Receiver(
        source, fs, link, buffer_s, clock=clock, frame=160, compensate=compensate, seed=0
    )
    late = round((0.010 + link.delay_ms / 1000 + buffer_s) * fs)
    felt = network_room.arriving(source, late)
    _, capture = sample_on(source, fs, clock)
    times, lags = [], []
    for here, played in receiver.blocks():
        if audio:
            receiver.align(played.signal, felt[here])
        position = receiver.position
        if position is not None and here.stop >= fs:
            times.append(here.stop / fs)
            lags.append(here.stop / fs - np.interp(position, np.arange(len(capture)), capture))
    moved = 1e6 * (np.array(lags) - np.interp(1.5, times, lags))
    return np.array(times), moved


def label(axes: Axes, x: str, y: str, *, legend: bool = True) -> None:
    """Name the axes."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, color="0.92")
    if legend:
        axes.legend(fontsize=8)


def save(name: str) -> None:
    """Write the present picture, the same bytes for the same figures."""
    plt.tight_layout()
    kind = name.rsplit(".", 1)[1]
    plt.savefig(IMAGES / name, dpi=100, metadata={"Date": None} if kind == "svg" else {})
    plt.close()
    print(f"docs/images/{name}")


PICTURES: dict[str, Callable[[], None]] = {
    "causality_cliff": causality_cliff_picture,
    "split_remote_local": split_remote_local,
    "split_moved_listener": split_moved_listener,
    "synchronisation": synchronisation,
}


def main() -> None:
    """Draw those named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], help="default: all")
    mpl.rcParams["svg.hashsalt"] = "antiphase"
    mpl.use("agg")
    for name in parser.parse_args().names or PICTURES:
        PICTURES[name]()


if __name__ == "__main__":
    main()
