"""What drift and loss cost in a room: the table of network impairments.

16 kHz; 4 × 3 × 2.5 m, T60 .3 s; paths cut to 512 and 256 taps, as a control filter of 512 taps has
no reach for more; modified filtered-x NLMS .1; virtual time; NR after the first second; three
seeds, the worst counts.

First each impairment as it comes, beside the figures published with the table; then through the
jitter buffer, with the delay that the buffer needs added to the disturbance, so that the margin
stays the room's own 88 samples and the figures show the impairment alone. Frames of 10 ms over a
bursty link; the drift is steady, or falls by 40 ppm after 5 s. Timestamps start the clock, then the
audio itself keeps it, by d̂ = e − ŝ∗y of the running loop (``timestamps_…``: without the audio;
``identified_…``: Ŝ from 5 s of white noise at 20 dB SNR instead of the true one). For loss each
packet carries the frame before (1 %) or the two before (5 %); the figures with 0, 1 and 2 copies
are printed, each costs a frame of delay.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.acoustics import noise
from antiphase.acoustics.room import room_paths
from antiphase.adaptive import ModifiedFxNLMS
from antiphase.identify import identify_path
from antiphase.simulation import (
    DriftingClock,
    IndependentLoss,
    Link,
    Plant,
    WifiJitter,
    run_loop,
    sample_on,
)
from antiphase.sync import AdaptationGate
from benchmarks import data
from benchmarks.network_reception import Receiver, after_1_s

__all__ = ["BUFFER_S", "FS", "LINK_MS", "PUBLISHED", "SECONDS", "arriving", "room", "uncompensated"]

Floats = npt.NDArray[np.float64]

FS = 16000
SECONDS = 10
SEEDS = (0, 1, 2)
N_TAPS = 512
PATH_TAPS = 256
MU = 0.1
LINK_MS = 15.0
BUFFER_S = 0.03
FRAME = 160
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


@cache
def _paths() -> tuple[Floats, Floats]:
    """Return P and S of the room."""
    paths = room_paths(
        (4, 3, 2.5),
        [(1, 1.5, 1.2), (3.05, 1.5, 1.2)],
        [(3, 1.5, 1.2)],
        FS,
        t60_s=0.3,
        n_taps=512,
    )
    return paths.taps[0, 0], paths.taps[0, 1, :PATH_TAPS]


@cache
def _estimate(*, identified: bool) -> Floats:
    """Return Ŝ: the true path, or what 5 s of white noise at 20 dB SNR tell of it."""
    secondary = _paths()[1]
    if not identified:
        return secondary
    rng = np.random.default_rng(11)
    drive = rng.standard_normal(5 * FS)
    heard = signal.lfilter(secondary, 1.0, drive)
    heard += 0.1 * np.std(heard) * rng.standard_normal(len(heard))
    return identify_path(drive, heard, PATH_TAPS).taps


@cache
def _source(kind: str, seed: int) -> Floats:
    """Return 10 s of a noise with unit RMS; recordings know no seed."""
    if kind == "band":
        return noise.make("band", SECONDS, FS, seed)
    recorded = data.load("duct")["aircraft"]
    return np.asarray(recorded / recorded.std(), dtype=np.float64)


def arriving(source: Floats, late: int = 0) -> Floats:
    """Return the disturbance at the error microphone, `late` samples later than sound is."""
    sound = np.concatenate([np.zeros(late), source])[: len(source)]
    return np.asarray(signal.lfilter(_paths()[0], 1, sound))


@cache
def _unimpaired(kind: str, seed: int, *, identified: bool) -> float:
    """Return the NR with the source itself as reference."""
    return _nr(_source(kind, seed), _source(kind, seed), identified=identified)


def _nr(source: Floats, reference: Floats, *, identified: bool = False) -> float:
    n = min(len(source), len(reference))
    run = run_loop(
        ModifiedFxNLMS(N_TAPS, _estimate(identified=identified), MU),
        reference=reference[:n],
        disturbance=arriving(source)[:n],
        secondary_path=_paths()[1],
    )
    return after_1_s(run.disturbance, run.error, FS)


def uncompensated(kind: str, seed: int = 0) -> dict[str, float]:
    """Return the table of impairments as they come: reference late, lost, drifting, noisy."""
    source = _source(kind, seed)
    rng = np.random.default_rng([seed, 5])
    table = {"none": _nr(source, source)}
    for ppm in (20, 100, 500):
        drifting, _ = sample_on(source, FS, DriftingClock(drift_ppm=ppm))
        table[f"drift {ppm} ppm"] = _nr(source, drifting)
    for percent in (1, 5):
        kept = np.repeat(rng.random(len(source) // FRAME) >= percent / 100, FRAME)
        table[f"loss {percent} %"] = _nr(source, source * kept)
    for samples in (88, 96, 128, 256):
        late = np.concatenate([np.zeros(samples), source[:-samples]])
        table[f"delay {samples}"] = _nr(source, late)
    for snr_db in (40, 30, 20, 10):
        sensor = 10 ** (-snr_db / 20) * rng.standard_normal(len(source))
        table[f"SNR {snr_db} dB"] = _nr(source, source + sensor)
    return table


def _networked_nr(
    kind: str,
    seed: int,
    clock: DriftingClock,
    link: Link,
    *,
    redundancy: int = 0,
    by_audio: bool = False,
    identified: bool = False,
) -> float:
    """Return the NR with the reference over a network; the loop runs as the stream comes."""
    source = _source(kind, seed)
    estimate = _estimate(identified=identified)
    late = round((FRAME / FS + link.delay_ms / 1000 + BUFFER_S) * FS)
    disturbance = arriving(source, late)
    receiver = Receiver(
        source, FS, link, BUFFER_S, clock=clock, frame=FRAME, redundancy=redundancy, seed=seed
    )
    reference, error = np.zeros(len(source)), disturbance.copy()
    # The plant reads the reference as it plays: what comes is written there before.
    plant = Plant(reference=reference, disturbance=disturbance, secondary_path=_paths()[1])
    controller = ModifiedFxNLMS(N_TAPS, estimate, MU)
    gate = AdaptationGate(N_TAPS + PATH_TAPS)
    memory = np.zeros(len(estimate) - 1)
    for here, played in receiver.blocks():
        reference[here] = played.signal
        controller.adapting = bool(gate.process(played.missing).all())
        error[here], drive, _ = plant.advance(controller, here.stop - here.start)
        anti_noise, memory = signal.lfilter(estimate, 1.0, drive, zi=memory)
        if by_audio:
            receiver.align(played.signal, error[here] - anti_noise)
    return after_1_s(disturbance, error, FS)


def _loss_db(
    kind: str,
    clock: DriftingClock,
    link: Link,
    *,
    redundancy: int = 0,
    by_audio: bool = False,
    identified: bool = False,
) -> float:
    """Return the worst seed's loss against no network at all."""
    return max(
        _unimpaired(kind, seed, identified=identified)
        - _networked_nr(
            kind,
            seed,
            clock,
            link,
            redundancy=redundancy,
            by_audio=by_audio,
            identified=identified,
        )
        for seed in SEEDS
    )


def _drift(kind: str, ppm: int) -> dict[str, float]:
    bursty = Link(LINK_MS, WifiJitter())
    clocks = {
        "steady": DriftingClock(0.0031, ppm),
        "changing": DriftingClock(0.0031, [(0, ppm), (SECONDS / 2, CHANGED[ppm])]),
    }
    figures = {}
    for word, clock in clocks.items():
        name = f"drift{ppm}_{kind}_{word}"
        figures[name] = _loss_db(kind, clock, bursty, by_audio=True)
        figures[f"identified_{name}"] = _loss_db(
            kind, clock, bursty, by_audio=True, identified=True
        )
        figures[f"timestamps_{name}"] = _loss_db(kind, clock, bursty)
    return figures


def room() -> dict[str, float]:
    """Return what drift and loss cost with compensation, dB."""
    kinds = ("band", "aircraft") if data.available() else ("band",)
    figures: dict[str, float] = {}
    for kind in kinds:
        for ppm in CHANGED:
            figures |= _drift(kind, ppm)
        for percent in (1, 5):
            lossy = Link(LINK_MS, loss=IndependentLoss(percent / 100))
            for copies in (0, 1, 2):
                figures[f"loss{percent}_{kind}_{copies}_copies"] = _loss_db(
                    kind, DriftingClock(), lossy, redundancy=copies
                )
    for ppm in CHANGED:
        mine = [v for k, v in figures.items() if k.startswith(f"drift{ppm}_")]
        figures[f"drift{ppm}_loss_db"] = max(mine)
    for percent in (1, 5):
        figures[f"loss{percent}_cost_db"] = max(
            figures[f"loss{percent}_{k}_{COPIES[percent]}_copies"] for k in kinds
        )
    return figures
