"""What links and clocks cost: rows S11–S13 of the standard table, and drift and loss in a room.

Virtual time, seeded. All figures are after the first second; three seeds, the worst counts.

Street (8 kHz, margin +5 ms): the source's reference microphone is a device of its own; network,
frames, codec and jitter buffer share the 49.1 ms that geometry leaves. Link 15 ms (Wi-Fi on
site 5 ms, ``far`` 15 ms), frames of 5 ms (Opus 10 ms). Controller: least squares, 512 taps, Ŝ 256
taps.

Room (16 kHz; 4 × 3 × 2.5 m, T60 .3 s; paths cut to 512 and 256 taps, as a control filter of 512
taps has no reach for more; modified filtered-x NLMS .1): the table of network impairments. First
each impairment as it comes, beside the figures published with the table; then through the jitter
buffer, with the delay that the buffer needs added to the disturbance, so that the margin stays the
room's own 88 samples and the figures show the impairment alone. Frames of 10 ms over a bursty
link; the drift is steady, or falls by 40 ppm after 5 s; timestamps start the clock, then the audio
itself keeps it (``timestamps_…``: without the audio). For loss each
packet carries the frame before (1 %) or the two before (5 %); the figures with 0, 1 and 2 copies
are printed, each costs a frame of delay.

``python -m benchmarks.network_links --json`` prints one JSON object on its last line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.acoustics import StreetScene, noise
from antiphase.acoustics.room import room_paths
from antiphase.adaptive import LeastSquaresController, ModifiedFxNLMS
from antiphase.metrics import noise_reduction_db
from antiphase.simulation import (
    Codec,
    DriftingClock,
    ExponentialJitter,
    IndependentLoss,
    Link,
    WifiJitter,
    packetise,
    run_loop,
    sample_on,
    transcode,
)
from antiphase.sync import AdaptationGate, LagTracker, PlayoutBuffer, SyncLoop
from benchmarks import data

__all__ = ["PUBLISHED", "Reception", "links", "receive", "room", "street", "uncompensated"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SEEDS = (0, 1, 2)
STREET_FS = 8000
ROOM_FS = 16000
SECONDS = 10
LINK_MS = 15.0
ON_SITE_MS = 5.0
_SEGMENT = 2048
_END_S = 0.1
# Drifts, and what they change to after half of the run: 40 ppm less.
CHANGED = {20: -20, 100: 60, 500: 460}

# Earlier frames that each packet carries, per percent of loss.
COPIES = {1: 1, 5: 2}

# NR after 1 s: 100–1000 Hz noise, aircraft.
PUBLISHED = {
    "none": (24.3, 15.3),
    "drift 20 ppm": (23.7, 12.2),
    "drift 100 ppm": (18.3, 9.0),
    "drift 500 ppm": (9.4, 4.2),
    "loss 1 %": (18.9, 12.7),
    "loss 5 %": (12.3, 9.4),
    "delay 88": (25.6, 16.4),
    "delay 96": (18.2, 10.7),
    "delay 128": (10.1, 9.3),
    "delay 256": (4.9, 4.7),
    "SNR 40 dB": (24.3, 15.3),
    "SNR 30 dB": (24.1, 14.8),
    "SNR 20 dB": (22.9, 12.5),
    "SNR 10 dB": (17.7, 8.2),
}


@dataclass(frozen=True)
class Reception:
    """A reference as it comes out of the jitter buffer.

    Attributes
    ----------
    signal : ndarray, shape (n,)
    missing : ndarray of bool, shape (n,)
        Where samples were guessed.
    lag_s : ndarray, shape (blocks,)
        Age of the sound at the end of each block.
    rate_ppm : ndarray, shape (blocks,)
        Sender samples per receiver sample, re nominal.
    """

    signal: Floats
    missing: Flags
    lag_s: Floats
    rate_ppm: Floats


def receive(
    reference: Floats,
    fs: float,
    link: Link,
    delay_s: float,
    *,
    clock: DriftingClock,
    frame: int,
    redundancy: int = 0,
    codec: Codec | None = None,
    compensate: bool = True,
    felt: Floats | None = None,
    seed: int = 0,
) -> Reception:
    """Send a reference from a device on `clock` and play it out in blocks of 5 ms.

    `delay_s` counts from the earliest arrival to playing, as in `PlayoutBuffer`. With `felt`, the
    disturbance at the receiver, the audio itself aligns the two once timestamps know the clock.
    """
    coded = transcode(reference, fs, codec or Codec("none"))
    samples, capture = sample_on(coded.signal, fs, clock)
    packets = packetise(
        samples,
        capture + coded.latency_ms / 1000,
        link,
        frame=frame,
        redundancy=redundancy,
        seed=seed,
    )
    buffer = PlayoutBuffer(fs, delay_s, compensate=compensate)
    block = round(fs * 0.005)
    blocks = len(reference) // block
    out, missing = np.zeros(len(reference)), np.ones(len(reference), dtype=bool)
    lag, rate = np.zeros(blocks), np.zeros(blocks)
    aligner = _Aligner(LagTracker(segment=_SEGMENT))
    coming = iter(packets)
    packet = next(coming, None)
    for k in range(blocks):
        while packet is not None and packet.arrival_s <= k * block / fs:
            buffer.push(packet.timestamp, packet.arrival_s, packet.samples)
            packet = next(coming, None)
        played = buffer.pull(block, k * block / fs)
        here = slice(k * block, (k + 1) * block)
        out[here], missing[here] = played.signal, played.missing
        if felt is not None:
            _align(buffer, aligner, played.signal, felt[here])
        if buffer.position is not None:
            taken = np.interp(buffer.position, np.arange(len(capture)), capture)
            lag[k] = (k + 1) * block / fs - taken
            rate[k] = 1e6 * (buffer.rate - 1)
    return Reception(out, missing, lag, rate)


@dataclass
class _Aligner:
    """Alignment by audio: the tracker, and the loop once there is one."""

    tracker: LagTracker
    loop: SyncLoop | None = None


def _align(buffer: PlayoutBuffer, aligner: _Aligner, heard: Floats, felt: Floats) -> None:
    """Let the audio steer the buffer, from when the timestamps know the clock."""
    line = buffer.tracker.line
    if aligner.loop is None:
        if line is None or not np.isfinite(line.error_ppm):
            return
        aligner.loop = SyncLoop(aligner.tracker.hop, drift_ppm=line.drift_ppm)
    for change in aligner.tracker.process(heard, felt):
        skip = aligner.loop.update(change)
        if skip:
            buffer.skip(skip)
        buffer.guide_ppm = aligner.loop.rate_ppm


def _after_1_s(disturbance: Floats, error: Floats, fs: int) -> float:
    # The stream ends before the sound does: its last buffer is no part of the figure.
    judged = slice(fs, -round(_END_S * fs))
    return noise_reduction_db(disturbance[judged], error[judged])


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
    scene, fs = StreetScene(), STREET_FS
    margin = scene.margin().margin_ms
    emitted = noise.make(kind, SECONDS + 1, fs, seed)
    signals = scene.signals(emitted, margin_ms=margin, ambient_db=ambient_db, seed=seed)
    frame_ms = 5.0 if codec is None else codec.frame_ms
    codec_ms = 0.0
    if codec is not None:
        codec_ms = transcode(emitted[:fs], fs, codec).latency_ms
    spent_ms = frame_ms + link.delay_ms + codec_ms
    got = receive(
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
    path = scene.secondary_path
    controller = LeastSquaresController(512, secondary_path_estimate=path[:256], fs=fs)
    run = run_loop(
        controller,
        reference=got.signal,
        disturbance=signals.disturbance + signals.ambient,
        secondary_path=path,
        adapting=AdaptationGate(512 + 256).process(got.missing),
    )
    return _after_1_s(run.disturbance, run.error, fs)


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


@cache
def _paths() -> tuple[Floats, Floats]:
    """Return P and S of the room."""
    paths = room_paths(
        (4, 3, 2.5),
        [(1, 1.5, 1.2), (3.05, 1.5, 1.2)],
        [(3, 1.5, 1.2)],
        ROOM_FS,
        t60_s=0.3,
        n_taps=512,
    )
    return paths.taps[0, 0], paths.taps[0, 1, :256]


@cache
def _source(kind: str, seed: int) -> Floats:
    """Return 10 s of a noise with unit RMS; recordings know no seed."""
    if kind == "band":
        return noise.make("band", SECONDS, ROOM_FS, seed)
    recorded = data.load("duct")["aircraft"]
    return np.asarray(recorded / recorded.std(), dtype=np.float64)


def _room_nr(
    source: Floats, reference: Floats, *, late: float = 0.0, missing: Flags | None = None
) -> float:
    """Return the NR of one run in the room; the disturbance comes `late` samples later."""
    primary, secondary = _paths()
    n = min(len(source), len(reference))
    whole = round(late)
    disturbance = signal.lfilter(primary, 1, np.concatenate([np.zeros(whole), source]))[:n]
    adapting = None if missing is None else AdaptationGate(512 + 256).process(missing)[:n]
    run = run_loop(
        ModifiedFxNLMS(512, secondary, 0.1),
        reference=reference[:n],
        disturbance=disturbance,
        secondary_path=secondary,
        adapting=adapting,
    )
    return _after_1_s(run.disturbance, run.error, ROOM_FS)


def uncompensated(kind: str, seed: int = 0) -> dict[str, float]:
    """Return the table of impairments as they come: reference late, lost, drifting, noisy."""
    source = _source(kind, seed)
    rng = np.random.default_rng([seed, 5])
    table = {"none": _room_nr(source, source)}
    for ppm in (20, 100, 500):
        drifting, _ = sample_on(source, ROOM_FS, DriftingClock(drift_ppm=ppm))
        table[f"drift {ppm} ppm"] = _room_nr(source, drifting)
    for percent in (1, 5):
        kept = np.repeat(rng.random(len(source) // 160) >= percent / 100, 160)
        table[f"loss {percent} %"] = _room_nr(source, source * kept)
    for samples in (88, 96, 128, 256):
        late = np.concatenate([np.zeros(samples), source[:-samples]])
        table[f"delay {samples}"] = _room_nr(source, late)
    for snr_db in (40, 30, 20, 10):
        sensor = 10 ** (-snr_db / 20) * rng.standard_normal(len(source))
        table[f"SNR {snr_db} dB"] = _room_nr(source, source + sensor)
    return table


def _networked_nr(
    kind: str,
    seed: int,
    clock: DriftingClock,
    link: Link,
    redundancy: int = 0,
    *,
    by_audio: bool = False,
) -> float:
    """Return the NR in the room with the reference over a network."""
    source = _source(kind, seed)
    delay_s = 0.03
    late = round((0.010 + link.delay_ms / 1000 + delay_s) * ROOM_FS)
    sound = np.concatenate([np.zeros(late), source])[: len(source)]
    # What the receiver knows as d̂ = e − ŝ∗y; with ŝ = s it is d.
    felt = signal.lfilter(_paths()[0], 1, sound) if by_audio else None
    got = receive(
        source,
        ROOM_FS,
        link,
        delay_s,
        clock=clock,
        frame=160,
        redundancy=redundancy,
        felt=felt,
        seed=seed,
    )
    return _room_nr(source, got.signal, late=late, missing=got.missing)


def _loss_db(
    kind: str, clock: DriftingClock, link: Link, redundancy: int = 0, *, by_audio: bool = False
) -> float:
    """Return the worst seed's loss against no network at all."""
    losses = []
    for seed in SEEDS:
        source = _source(kind, seed)
        best = _room_nr(source, source)
        losses.append(best - _networked_nr(kind, seed, clock, link, redundancy, by_audio=by_audio))
    return max(losses)


def room() -> dict[str, float]:
    """Return what drift and loss cost with compensation, dB."""
    kinds = ("band", "aircraft") if data.available() else ("band",)
    bursty = Link(LINK_MS, WifiJitter())
    figures: dict[str, float] = {}
    for kind in kinds:
        for ppm, changed in CHANGED.items():
            name = f"drift{ppm}_{kind}"
            steady = DriftingClock(0.0031, ppm)
            moving = DriftingClock(0.0031, [(0, ppm), (SECONDS / 2, changed)])
            for word, clock in (("steady", steady), ("changing", moving)):
                figures[f"{name}_{word}"] = _loss_db(kind, clock, bursty, by_audio=True)
                figures[f"timestamps_{name}_{word}"] = _loss_db(kind, clock, bursty)
        for percent in (1, 5):
            lossy = Link(LINK_MS, loss=IndependentLoss(percent / 100))
            name = f"loss{percent}_{kind}"
            for copies in (0, 1, 2):
                figures[f"{name}_{copies}_copies"] = _loss_db(kind, DriftingClock(), lossy, copies)
    for ppm in CHANGED:
        mine = [v for k, v in figures.items() if k.startswith(f"drift{ppm}_")]
        figures[f"drift{ppm}_loss_db"] = max(mine)
    for percent in (1, 5):
        figures[f"loss{percent}_cost_db"] = max(
            figures[f"loss{percent}_{k}_{COPIES[percent]}_copies"] for k in kinds
        )
    return figures


def links() -> dict[str, float]:
    """Return all figures."""
    return {name: round(value, 2) for name, value in (street() | room()).items()}


def main() -> None:
    """Print the table of impairments beside the published one, then the figures as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON object")
    if not parser.parse_args().json:
        ours = {"band": uncompensated("band")}
        if data.available():
            ours["aircraft"] = uncompensated("aircraft")
        print("uncompensated, NR after 1 s (published): " + ", ".join(ours))
        for name, published in PUBLISHED.items():
            pairs = zip(ours.values(), published, strict=False)
            print(f"{name:14s}" + "".join(f"{t[name]:7.1f} ({p:4.1f})" for t, p in pairs))
    print(json.dumps(links()))


if __name__ == "__main__":
    main()
