"""What limits a result: the bound, and the bounds if one thing were different."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.metrics import Bound, fixed_filter_bound
from antiphase.simulation.scene import Scene

__all__ = ["Limit", "find_limits", "main_limit", "verdict"]

Floats = npt.NDArray[np.float64]
AHEAD_MS = 5.0
LONGER = 4
MOST_TAPS = 4096
MATTERS_DB = 1.0
# A controller this close to its bound is limited by the bound, not by itself.
CLOSE_DB = 3.0


@dataclass(frozen=True)
class Limit:
    """A noise reduction that would be possible if one thing were different.

    Attributes
    ----------
    cause : {"algorithm", "latency", "length", "coherence", "model"}
        What stands in the way.
    name : str
        The change, in words.
    nr_db : float
        Noise reduction in dB with it.
    gain_db : float
        What it would add to what it is compared with: the result for "algorithm" and "model", the
        bound for the others.
    """

    cause: str
    name: str
    nr_db: float
    gain_db: float


def find_limits(
    scene: Scene, bound: Bound, reached_db: float, *, n_taps: int, start: int
) -> list[Limit]:
    """Return the bound and what it becomes with more lead, longer filters and no other noise.

    Parameters
    ----------
    scene : Scene
        Signals and paths.
    bound : Bound
        The fixed-filter bound over the samples from `start`.
    reached_db : float
        What the controller reached on the same samples.
    n_taps : int
        Length of the control filter.
    start : int
        First sample that counts.

    Returns
    -------
    list of Limit
        Each is a least-squares fit on this very run, not a rule of thumb.
    """
    channels = scene.secondary_path.shape[1]
    limits = [
        Limit(
            "algorithm", f"best fixed filter, {n_taps} taps", bound.nr_db, bound.nr_db - reached_db
        )
    ]

    def best(cause: str, name: str, value: float) -> None:
        limits.append(Limit(cause, name, value, value - bound.nr_db))

    longer = min(LONGER * n_taps, MOST_TAPS // channels)
    if longer > n_taps:
        found = _bound(scene, longer, start=start)
        best("length", f"… with {longer} taps", found.nr_db)
    ahead = round(AHEAD_MS * scene.fs / 1000)
    # As many taps more as the lead is long: the filter keeps its reach.
    found = _bound(scene, n_taps + ahead, start=start, delay=-ahead)
    best("latency", f"… with {AHEAD_MS:g} ms more lead", found.nr_db)
    if scene.has_other_noise:
        found = _bound(scene, n_taps, start=start, clean=True)
        best("coherence", "… without sensor noise and ambient", found.nr_db)
    return limits


def _bound(scene: Scene, n_taps: int, *, start: int, delay: int = 0, clean: bool = False) -> Bound:
    return fixed_filter_bound(
        scene.reference,
        scene.disturbance - scene.ambient if clean else scene.disturbance,
        scene.secondary_path,
        n_taps,
        delay=delay,
        start=start,
        reference_noise=None if clean else scene.reference_noise,
    )


def main_limit(limits: list[Limit]) -> Limit | None:
    """Return what stands in the way first.

    A controller more than 3 dB from its bound is limited by itself or, if the true path would close
    more than half of the gap, by its model: raising the bound would not help it. One that is close
    to the bound is limited by what raises the bound most. None if nothing gains 1 dB.

    Parameters
    ----------
    limits : list of Limit
        As from `find_limits`; its first is the bound.
    """
    algorithm = limits[0]
    model = next((limit for limit in limits if limit.cause == "model"), None)
    own = model if model and model.gain_db > algorithm.gain_db / 2 else algorithm
    if algorithm.gain_db > CLOSE_DB:
        return own
    raising = [limit for limit in limits if limit.cause not in ("algorithm", "model")]
    best = max([*raising, own], key=lambda limit: limit.gain_db)
    return best if best.gain_db >= MATTERS_DB else None


def verdict(limits: list[Limit], reached_db: float, *, margin_ms: float, last_gap_db: float) -> str:
    """Return one sentence: what was reached, how close that is to the bound, and why not more.

    Parameters
    ----------
    limits : list of Limit
        As from `find_limits`; its first is the bound.
    reached_db : float
        What the controller reached.
    margin_ms : float
        Causality margin in ms.
    last_gap_db : float
        Distance to the bound in the last quarter of the run.
    """
    bound_db = limits[0].nr_db
    gap = bound_db - reached_db
    if gap >= 0.05:
        place = f"{gap:.1f} dB below the best fixed filter ({bound_db:.1f} dB)"
    elif gap > -0.05:
        place = f"level with the best fixed filter ({bound_db:.1f} dB)"
    else:
        place = (
            f"{-gap:.1f} dB above the best fixed filter ({bound_db:.1f} dB), as the noise changes"
        )
    change = f"{abs(reached_db):.1f} dB {'quieter' if reached_db >= 0 else 'louder'}"
    first = f"{change} after the first second, {place}"
    if reached_db < -MATTERS_DB:
        return f"{first}; the controller is unstable here: take a smaller step or the guard."
    worst = main_limit(limits)
    if worst is None:
        return f"{first}; what is left is beyond the loudspeaker's path, not a matter of settings."
    to = f"{worst.nr_db:.1f} dB"
    reason = {
        "algorithm": (
            f"the algorithm limits it: in the last quarter of the run it is {last_gap_db:.1f} dB "
            "from the bound"
        ),
        "model": f"the error of the secondary-path estimate limits it: the true path gives {to}",
        "length": f"filter length limits it: {worst.name.removeprefix('… with ')} could reach {to}",
        "latency": (
            f"latency limits it: the margin is {margin_ms:.2f} ms, and {AHEAD_MS:g} ms more lead "
            f"would allow {to}"
        ),
        "coherence": (
            "coherence limits it: the microphones' own noise and sound that the reference does not "
            f"hear; without them {to}"
        ),
    }[worst.cause]
    return f"{first}; {reason}."
