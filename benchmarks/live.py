"""Live sessions end to end: devices, network, endpoint, rooms and engines on one virtual clock.

``python -m benchmarks.live --json`` prints one JSON object on its last line; ``--only NAME`` runs
one group. Real DTLS, SRTP, SCTP and the service's own rooms; only network and sound are simulated,
and time passes as fast as it is computed. What the figures are:

- ``road_…``: traffic, reference 20 m ahead on another device, clocks 20 ppm apart, 1 % of packets
  lost each way, 5 ms and 1 ms of jitter; seconds 10–20, unweighted, full band; the gap is to the
  best fixed filter of the same length on the same samples, with a reference that nothing happened
  to and the margin that was measured;
- ``early_…``: the same road second by second from 3 to 8 s: least attenuation, and by how much the
  shown bound is off the best fixed filter for a reference that nothing happened to;
- ``transformer_…``: hum, no lead, seconds 10–20; ``clean_…``: talker and fan, true SNR gained;
- ``split_…``: band noise on a device with its own reference, margin 5 ms, 100 ms blocks and round
  trip, beside FxNLMS that runs on the spot;
- ``recover_…``: primary, then secondary path of another listener's place, until within 3 dB of the
  level before; ``harm_s``: the longest time in a row that was louder than without control;
- ``sessions_50_nr_loss_db``: what 50 sessions lose when two cores solve for all of them;
- ``road_realtime_nr_db``: the road scene in real time over real sockets, printed with its misses;
- ``estimate_error_db``: shown against true attenuation, also with Ŝ 10 dB wrong;
- ``rooms_vs_media_cost``: CPU time of an echo in 200 rooms of the service, each with one session,
  over that of the bare media loop, both real processes, interleaved, median of five.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import FxNLMS
from antiphase.devices.rig import LoudspeakerDevice, RigScene, make_scene, spoil_estimate
from antiphase.errors import SignalError
from antiphase.metrics import fixed_filter_bound, noise_reduction_db
from antiphase.realtime import Ticket
from antiphase.realtime.bound import best_filter, left_by
from antiphase.simulation import run_loop
from benchmarks.groups import collect, print_figures
from benchmarks.live_page import page
from benchmarks.live_realtime import realtime
from benchmarks.live_rooms import rooms
from benchmarks.live_world import RigSession, world_of_rooms

__all__ = ["GROUPS", "ModelledPool", "live"]

Floats = npt.NDArray[np.float64]
T = TypeVar("T")

FS = 8000
_HOP_S = 0.05


def _started(scene: RigScene, mode: str = "auto", **options: Any) -> tuple[Any, Any, RigSession]:  # noqa: ANN401
    world, rooms = world_of_rooms()
    rooms.create("a", mode=mode, now=world.now)
    return world, rooms, world.add("a", scene, keep=True, **options)


def _nr(device: LoudspeakerDevice, start_s: float, stop_s: float) -> float:
    record = device.record
    part = slice(round(start_s * FS), round(stop_s * FS))
    return noise_reduction_db(record.disturbance[part], record.sound[part])


def _road_bound(scene: RigScene, margin_ms: float, start_s: float, stop_s: float) -> float:
    """Return the bound with the microphone's own signal, as late as it was measured to be."""
    n, first = round(stop_s * FS), round(start_s * FS)
    late = round((scene.lead_ms - margin_ms) * FS / 1000)
    x, d = scene.reference.take(0, n), scene.disturbance.take(0, n)
    return fixed_filter_bound(
        x, d, scene.secondary_path, 512, delay=late, start=first, stop=n, ridge=1e-9
    ).nr_db


def outdoors() -> dict[str, Any]:
    """Return road and transformer: chosen by themselves, 20 ppm, 1 % lost."""
    figures: dict[str, Any] = {}
    for name in ("road", "transformer"):
        rows = []
        for seed in (0, 1, 2):
            scene = make_scene(name, seconds=25, seed=seed)
            world, rooms, session = _started(scene)
            world.run(20.3)
            shown = rooms.figures("a", world.now)
            row = {"nr_db": _nr(session.speaker, 10, 20), "mode": shown.mode}
            if shown.margin_ms is not None:
                row["bound_db"] = _road_bound(scene, shown.margin_ms, 10, 20)
                row["margin_ms"] = shown.margin_ms
            rows.append(row)
        figures[f"{name}_nr_db"] = min(row["nr_db"] for row in rows)
        figures[f"{name}_rows"] = rows
        gaps = [row["bound_db"] - row["nr_db"] for row in rows if "bound_db" in row]
        if gaps:
            figures[f"{name}_gap_db"] = max(gaps)
    return figures


def early() -> dict[str, Any]:
    """Return attenuation and the error of the shown bound in the first seconds of the road."""
    rows: dict[str, list[list[float]]] = {}
    for seed in (0, 1, 2):
        scene = make_scene("road", seconds=25, seed=seed)
        world, rooms, session = _started(scene)
        world.run(3.08)
        shown = []
        for _ in range(6):
            stop = len(session.speaker.record.sound) / FS - 0.08
            bound = rooms.figures("a", world.now).attenuation.bound
            shown.append([stop, _nr(session.speaker, stop - 1, stop), bound or 0.0])
            world.run(1)
        margin_ms = rooms.figures("a", world.now).margin_ms or 0.0
        best = _best_left(scene, margin_ms, 12.0)
        d = scene.disturbance.take(0, len(best))
        for row in shown:
            part = slice(round((row[0] - 1) * FS), round(row[0] * FS))
            row.append(noise_reduction_db(d[part], best[part]))
        rows[str(seed)] = shown
    seconds = [row for shown in rows.values() for row in shown]
    return {
        "early_nr_db": min(nr for _, nr, _, _ in seconds),
        "early_bound_error_db": max(abs(bound - true) for _, _, bound, true in seconds),
        "early_rows": rows,
    }


def _best_left(scene: RigScene, margin_ms: float, seconds: float) -> Floats:
    """Return what the best fixed filter leaves of the first seconds at a margin."""
    n, late = round(seconds * FS), round((scene.lead_ms - margin_ms) * FS / 1000)
    x = scene.reference.take(-late, n)
    d, known = scene.disturbance.take(0, n), np.ones(n, dtype=bool)
    taps = best_filter(x, d, scene.secondary_path, 512, known)
    if taps is None:
        raise SignalError("too few samples for a bound")
    return left_by(taps, x, d, scene.secondary_path)


def office() -> dict[str, Any]:
    """Return SNR gained for the listener and the talker's level, last seconds of 25."""
    world, _, session = _started(make_scene("office", seconds=30))
    gains: list[float] = []
    world.run(25)
    gains = [
        float(world.rooms.figures("a", world.now).attenuation.true or 0.0),
    ]
    listener: Any = next(d for d in session.devices.values() if hasattr(d, "figures"))
    return {
        "clean_snr_gain_db": gains[-1],
        "clean_talker_level_db": listener.figures.level_db,
    }


def split() -> dict[str, Any]:
    """Return band noise with the device's own reference, and FxNLMS on the same sound.

    Times and windows count from the moment at which the device was told the mode; the first push
    counts when it plays.
    """
    scene = make_scene(
        "drill", seconds=20, kind="band", margin_ms=5.0, delay_ms=50, jitter_ms=0, loss=0
    )
    world, _, session = _started(scene)
    speaker = session.speaker
    played: list[float] = []

    def watch(now: float) -> None:
        # A version that was solved need not have been sent: the device says when one plays.
        if not played and speaker.splitter is not None and speaker.splitter.taps_version > 0:
            played.append(now - session.start)

    world.run(7.1, watch)
    begun = _connected_at(session)
    n = round(7 * FS)
    x, d = scene.reference.take(0, n), scene.disturbance.take(0, n)
    path = scene.secondary_path_estimate
    epsilon = 0.1 * 512 * float(np.mean(np.convolve(x, path)[:n] ** 2))
    local = run_loop(
        FxNLMS(512, secondary_path_estimate=path, mu=0.1, epsilon=epsilon),
        reference=x,
        disturbance=d,
        secondary_path=scene.secondary_path,
    ).error
    windows = {"1s": (1.0, 1.5), "5s": (4.5, 5.5)}
    figures: dict[str, Any] = {
        "split_begun_s": begun,
        "split_first_push_s": played[0] - begun,
    }
    for name, (start, stop) in windows.items():
        figures[f"split_nr_{name}_db"] = _nr(speaker, begun + start, begun + stop)
        part = slice(round(start * FS), round(stop * FS))
        figures[f"local_nr_{name}_db"] = noise_reduction_db(d[part], local[part])
    return figures


def _connected_at(session: RigSession) -> float:
    """Return when the device was told its first mode with a loop: the sound was there before."""
    return next(t for t, mode, _ in session.modes if mode == "split")


def _levels(device: LoudspeakerDevice) -> Floats:
    """Return the true reduction of each twentieth of a second."""
    d, e = device.record.disturbance, device.record.sound
    hop = round(_HOP_S * FS)
    n = len(d) // hop
    before, after = ((s[: n * hop].reshape(n, hop) ** 2).sum(axis=1) for s in (d, e))
    return np.asarray(10 * np.log10(before / np.maximum(after, 1e-12 * before)))


def _recovered(levels: Floats, since_s: float, least: float) -> float:
    """Return the seconds until the mean of half a second stays at a level for a second."""
    at = round(since_s / _HOP_S)
    mean = np.convolve(levels[at:], np.ones(10) / 10, "valid")
    good = mean >= least
    for k in range(len(good) - 20):
        if good[k : k + 20].all():
            return (k + 10) * _HOP_S if k else 0.0
    return float("inf")


def _longest_harm(levels: Floats) -> float:
    """Return the longest time in a row louder than uncontrolled by half a decibel."""
    longest = now = 0
    for level in levels:
        now = now + 1 if level < -0.5 else 0
        longest = max(longest, now)
    return longest * _HOP_S


def recover() -> dict[str, Any]:
    """Return how long control takes to come back after a path has changed."""
    figures: dict[str, Any] = {}
    harm = []
    for name, change in (("recover_s", "primary"), ("recover_secondary_s", "secondary")):
        scene = make_scene(
            "drill", seconds=30, kind="band", margin_ms=5.0, delay_ms=50, jitter_ms=0, loss=0
        )
        world, _, session = _started(scene)
        world.run(6)
        at = len(session.speaker.record.sound) / FS
        session.speaker.change(change)
        world.run(9)
        levels = _levels(session.speaker)
        settled = float(np.mean(levels[round((at - 1) / _HOP_S) : round(at / _HOP_S)]))
        figures[name] = _recovered(levels, at, settled - 3)
        harm.append(_longest_harm(levels[round(at / _HOP_S) :]))
    return figures | {"harm_s": max(harm)}


class ModelledPool:
    """A pool of so many cores on the virtual clock: a job takes as long as it really took here.

    Parameters
    ----------
    cores : int
    """

    def __init__(self, cores: int = 2) -> None:
        self._free = [0.0] * cores

    def submit(self, job: Callable[[], T], now: float) -> Ticket[T]:
        """Do it now, hand it out when a core would have been done with it."""
        before = time.thread_time()
        value = job()
        done = max(now, heapq.heappop(self._free)) + time.thread_time() - before
        heapq.heappush(self._free, done)
        return _Done(value, done)

    def has_room(self) -> bool:
        """Whether one more session fits: always here."""
        return True

    def open(self) -> None:
        """Take no count."""

    def close(self) -> None:
        """Take no count."""


class _Done:
    def __init__(self, value: Any, at: float) -> None:  # noqa: ANN401
        self._value, self._at = value, at

    def ready(self, now: float) -> bool:
        return now >= self._at

    def result(self) -> Any:  # noqa: ANN401
        return self._value


def crowd(count: int = 50, seconds: float = 8.0) -> dict[str, Any]:
    """Return the level of one session and of 50 that share two cores' worth of solver."""
    levels = []
    for n in (1, count):
        world, rooms = world_of_rooms(pool=ModelledPool())
        sessions = []
        for k in range(n):
            rooms.create(str(k), now=world.now)
            scene = make_scene(
                "drill", seconds=10, seed=k % 5, kind="band", margin_ms=5.0, delay_ms=5.0, loss=0
            )
            sessions.append(world.add(str(k), scene, keep=True))
        world.run(seconds)
        same = [s for k, s in enumerate(sessions) if k % 5 == 0]
        levels.append([_nr(s.speaker, seconds - 3, seconds - 0.5) for s in same])
        interval = rooms.figures("0", world.now).split
    return {
        "sessions_50_nr_loss_db": levels[0][0] - min(levels[1]),
        "sessions_50_interval_s": None if interval is None else interval["interval_s"],
    }


def estimates() -> dict[str, Any]:
    """Return the largest difference of shown and true attenuation, means over seconds 6–14."""
    rows: dict[str, float] = {}
    for name, kind, error_db in (
        ("road", None, None),
        ("road", None, -10.0),
        ("drill", "band", None),
        ("drill", "band", -10.0),
        ("transformer", None, -10.0),
    ):
        scene = make_scene(name, seconds=20, seed=1, kind=kind)
        right = scene.secondary_path_estimate
        estimate = right if error_db is None else spoil_estimate(right, error_db)
        world, rooms, session = _started(scene, estimate=estimate)
        world.run(6)
        shown, true = [], []
        for _ in range(8):
            world.run(1)
            estimated = rooms.figures("a", world.now).attenuation.estimated
            shown.append(0.0 if estimated is None else estimated)
            now = len(session.speaker.record.sound) / FS
            # Blocks are up to 100 ms and the way up behind the sound.
            true.append(_nr(session.speaker, now - 1.08, now - 0.08))
        label = f"{name}{'' if error_db is None else ', Ŝ 10 dB wrong'}"
        rows[label] = float(np.mean(shown) - np.mean(true))
    return {
        "estimate_error_db": max(abs(error) for error in rows.values()),
        "estimate_errors": rows,
    }


GROUPS: dict[str, Callable[[], dict[str, Any]]] = {
    "outdoors": outdoors,
    "early": early,
    "office": office,
    "split": split,
    "recover": recover,
    "crowd": crowd,
    "estimates": estimates,
    "page": page,
    "realtime": realtime,
    "rooms": rooms,
}


def live(only: str | None = None) -> dict[str, Any]:
    """Return all figures, or those of one group."""
    return collect(GROUPS, only)


def main() -> None:
    """Print the figures."""
    print_figures(__doc__, GROUPS, live)


if __name__ == "__main__":
    main()
