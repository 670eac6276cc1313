"""What links and clocks cost: rows S11–S13 of the standard table, and drift and loss in a room.

Virtual time, seeded. All figures are after the first second; three seeds, the worst counts.

Street (8 kHz, margin +5 ms): the source's reference microphone is a device of its own; network,
frames, codec and jitter buffer share the 49.1 ms that geometry leaves. Link 15 ms (Wi-Fi on
site 5 ms, ``far`` 15 ms), frames of 5 ms (Opus 10 ms). Controller: least squares, 512 taps, Ŝ 256
taps. The room is `benchmarks.network_room`.

``python -m benchmarks.network_links --json`` prints one JSON object on its last line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import numpy as np

from antiphase.acoustics import StreetScene, noise
from antiphase.adaptive import LeastSquaresController
from antiphase.simulation import (
    Codec,
    DriftingClock,
    ExponentialJitter,
    IndependentLoss,
    Link,
    WifiJitter,
    run_loop,
    transcode,
)
from antiphase.sync import AdaptationGate
from benchmarks import data, network_room
from benchmarks.network_reception import Receiver, after_1_s

__all__ = ["links", "street"]

SEEDS = (0, 1, 2)
FS = 8000
SECONDS = 10
LINK_MS = 15.0
ON_SITE_MS = 5.0


def _street_nr(
    kind: str,
    seed: int,
    link: Link,
    *,
    clock: DriftingClock | None = None,
    codec: Codec | None = None,
    ambient_db: float = -30.0,
    redundancy: int = 0,
    compensate: bool = True,
) -> float:
    """Return the NR of one run on the street, dB."""
    scene, fs = StreetScene(), FS
    margin = scene.margin().margin_ms
    emitted = noise.make(kind, SECONDS + 1, fs, seed)
    signals = scene.signals(emitted, margin_ms=margin, ambient_db=ambient_db, seed=seed)
    frame_ms = 5.0 if codec is None else codec.frame_ms
    codec_ms = 0.0
    if codec is not None:
        codec_ms = transcode(emitted[:fs], fs, codec).latency_ms
    spent_ms = frame_ms + link.delay_ms + codec_ms
    receiver = Receiver(
        signals.reference,
        fs,
        link,
        (scene.electronics_for(5.0) - spent_ms) / 1000,
        clock=clock or DriftingClock(),
        frame=round(frame_ms * fs / 1000),
        redundancy=redundancy,
        codec=codec,
        compensate=compensate,
        seed=seed,
    )
    heard, missing = np.zeros(len(signals.reference)), np.ones(len(signals.reference), dtype=bool)
    for here, played in receiver.blocks():
        heard[here], missing[here] = played.signal, played.missing
    path = scene.secondary_path
    controller = LeastSquaresController(512, secondary_path_estimate=path[:256], fs=fs)
    run = run_loop(
        controller,
        reference=heard,
        disturbance=signals.disturbance + signals.ambient,
        secondary_path=path,
        adapting=AdaptationGate(512 + 256).process(missing),
    )
    return after_1_s(run.disturbance, run.error, fs)


def street() -> dict[str, float]:
    """Return rows S11 to S13 and what belongs beside them."""
    quiet = Link(LINK_MS)
    lossy = Link(LINK_MS, loss=IndependentLoss(0.01))
    fast = DriftingClock(0.0031, 50.0)
    spread = Link(LINK_MS, ExponentialJitter(1.0))
    far, bursty = Link(LINK_MS, WifiJitter()), Link(ON_SITE_MS, WifiJitter())
    busy = Link(ON_SITE_MS, WifiJitter(1.0, 8.0, 0.3, 500.0))
    g722, opus = Codec("g722", 5.0), Codec("opus", 10.0, 64000)
    rows: dict[str, Callable[[int], float]] = {
        "no_network_band": lambda s: _street_nr("band", s, quiet),
        "s11_band": lambda s: _street_nr("band", s, lossy),
        "s11_hum": lambda s: _street_nr("hum", s, lossy),
        "s11_band_redundant": lambda s: _street_nr("band", s, lossy, redundancy=1),
        "s12_independent": lambda s: _street_nr("band", s, spread, clock=fast),
        "s12_bursty": lambda s: _street_nr("band", s, bursty, clock=fast),
        "s12_bursty_far": lambda s: _street_nr("band", s, far, clock=fast),
        "s12_busy": lambda s: _street_nr("band", s, busy, clock=fast),
        "s12_uncompensated": lambda s: _street_nr("band", s, bursty, clock=fast, compensate=False),
        "s13_none": lambda s: _street_nr("band", s, quiet, ambient_db=-60),
        "s13_g722": lambda s: _street_nr("band", s, quiet, ambient_db=-60, codec=g722),
        "s13_opus": lambda s: _street_nr("band", s, quiet, ambient_db=-60, codec=opus),
    }
    figures = {name: min(row(seed) for seed in SEEDS) for name, row in rows.items()}
    figures["s12"] = min(figures["s12_independent"], figures["s12_bursty"])
    return figures


def links() -> dict[str, float]:
    """Return all figures."""
    return {name: round(value, 2) for name, value in (street() | network_room.room()).items()}


def main() -> None:
    """Print the table of impairments beside the published one, then the figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    if not parser.parse_args().json:
        ours = {"band": network_room.uncompensated("band")}
        if data.available():
            ours["aircraft"] = network_room.uncompensated("aircraft")
        print("uncompensated, NR after 1 s (published): " + ", ".join(ours))
        for name, published in network_room.PUBLISHED.items():
            pairs = zip(ours.values(), published, strict=False)
            print(f"{name:14s}" + "".join(f"{t[name]:7.1f} ({p:4.1f})" for t, p in pairs))
    print(json.dumps(links()))


if __name__ == "__main__":
    main()
