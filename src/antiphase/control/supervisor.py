"""Which mode a session runs in, why, and when its output must be silent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy.typing as npt

from antiphase.errors import require
from antiphase.metrics import prediction_bound_db, two_sided_density

__all__ = ["Choice", "Harm", "Mode", "Situation", "Supervisor", "choose_mode", "predictable_db"]

Mode = Literal["lookahead", "predictive", "split", "clean", "forward", "local"]

_WORTH_DB = 3.0  # below this a mode is not worth its sound
_MARGIN_MS = 1.0  # a look-ahead with less stands on the edge of the cliff
_STEADY_MS = 3.0  # jitter that a frame of concealment hides
_LOST = 0.05


@dataclass(frozen=True)
class Situation:
    """What is known of a session.

    Attributes
    ----------
    margin_ms : float, optional
        Causality margin of the reference as it reaches the controller by the network; None while
        unmeasured.
    device_margin_ms : float, optional
        The same for a reference that the device with the loudspeaker hears itself.
    predictable_db : float
        What could be cancelled of the noise at the network's margin (`predictable_db`).
    has_reference, has_error, has_loudspeaker, has_talker : bool
        Roles that are taken.
    on_one_device : bool
        Error microphone and loudspeaker have the same clock.
    loss : float
        Share of lost frames, 0 … 1.
    jitter_ms : float
        95th percentile.
    solver_is_free : bool
        A solver has room for one more session.
    """

    margin_ms: float | None = None
    device_margin_ms: float | None = None
    predictable_db: float = 0.0
    has_reference: bool = False
    has_error: bool = False
    has_loudspeaker: bool = False
    has_talker: bool = False
    on_one_device: bool = True
    loss: float = 0.0
    jitter_ms: float = 0.0
    solver_is_free: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.loss <= 1, "loss", self.loss, "in 0 … 1")
        require(self.jitter_ms >= 0, "jitter_ms", self.jitter_ms, "≥ 0 ms")


@dataclass(frozen=True)
class Choice:
    """A mode, and why in words.

    Attributes
    ----------
    mode : str
    reason : str
        One sentence for the person who listens.
    """

    mode: Mode
    reason: str


def predictable_db(
    disturbance: npt.ArrayLike, fs: float, margin_ms: float, *, segment: int = 4096
) -> float:
    """Return what prediction alone could cancel of a noise with a reference that late.

    Parameters
    ----------
    disturbance : array_like, shape (n,)
        As heard at the error microphone.
    fs : float
        Hz.
    margin_ms : float
        Causality margin; positive margins count as 0.1 ms late.
    segment : int
        Of the spectral estimate: the finer, the longer a line is seen to last.

    Returns
    -------
    float
        dB; near 0 for broadband noise.
    """
    late = max(1, math.ceil(-margin_ms * fs / 1000))
    return float(prediction_bound_db(two_sided_density(disturbance, segment), late))


def choose_mode(situation: Situation) -> Choice:
    """Pick the mode of a session from what was measured.

    Parameters
    ----------
    situation : Situation

    Returns
    -------
    Choice
    """
    s = situation
    if not (s.has_loudspeaker and s.has_error):
        return _without_loop(s)
    if s.device_margin_ms is not None and s.device_margin_ms >= 0 and s.on_one_device:
        return _on_the_device(s, s.device_margin_ms)
    if not s.has_reference or s.margin_ms is None:
        why = "the causality margin is not measured yet" if s.has_reference else "no reference"
        return Choice("local", f"{why}; the device works on its error microphone alone")
    return _over_the_network(s, s.margin_ms)


def _without_loop(s: Situation) -> Choice:
    if s.has_talker and s.has_reference:
        why = "no loudspeaker at an error microphone: the talker is cleaned instead"
        return Choice("clean", why)
    missing = "loudspeaker" if s.has_error else "error microphone"
    return Choice("forward", f"no {missing}: nothing to cancel with; sound is passed on")


def _on_the_device(s: Situation, margin_ms: float) -> Choice:
    if not s.solver_is_free:
        return Choice("local", "no solver is free; the device adapts by itself")
    return Choice(
        "split",
        f"the device hears the noise itself, {margin_ms:.1f} ms before it must answer; the loop "
        "closes there and the network only brings better filters",
    )


def _over_the_network(s: Situation, margin_ms: float) -> Choice:
    poor = s.loss > _LOST or s.jitter_ms > max(_STEADY_MS, margin_ms)
    in_time = margin_ms >= _MARGIN_MS
    if in_time and not poor:
        return Choice(
            "lookahead", f"the network brings the noise {margin_ms:.1f} ms before its answer is due"
        )
    late = "too unsteadily" if in_time else f"{_MARGIN_MS - margin_ms:.1f} ms too late"
    if s.predictable_db >= _WORTH_DB:
        return Choice(
            "predictive",
            f"the reference comes {late}, but {s.predictable_db:.0f} dB of this noise can be "
            "foretold",
        )
    if in_time:
        return Choice(
            "local",
            f"{100 * s.loss:.0f} % of the frames are lost and the jitter is {s.jitter_ms:.0f} ms: "
            "the device works on its error microphone alone",
        )
    return Choice(
        "forward",
        f"the reference comes {late} and this noise can't be foretold "
        f"({s.predictable_db:.1f} dB): anti-noise would only add sound",
    )


@dataclass(frozen=True)
class Harm:
    """When control counts as harm.

    Attributes
    ----------
    limit_db : float
        Estimated reduction below which control does harm.
    memory_s : float
        Time constant of the estimate, s.
    patience_s : float
        How long it may be below, s.
    first_pause_s, longest_pause_s : float
        Silence after harm; doubles each time.
    """

    limit_db: float = 0.0
    memory_s: float = 0.5
    patience_s: float = 0.3
    first_pause_s: float = 2.0
    longest_pause_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.memory_s > 0, "memory_s", self.memory_s, "> 0 s")
        require(self.patience_s >= 0, "patience_s", self.patience_s, "≥ 0 s")
        good = 0 < self.first_pause_s <= self.longest_pause_s
        require(good, "first_pause_s", self.first_pause_s, "in (0, longest_pause_s]")


class Supervisor:
    """Keeps a session in the mode that suits it, and its output silent where control does harm.

    Parameters
    ----------
    harm : Harm
    settle_s : float
        A new mode must be the right one for that long before the session changes to it.

    Notes
    -----
    No clock: time is what `observe` and `consider` are told.
    """

    def __init__(self, harm: Harm | None = None, *, settle_s: float = 2.0) -> None:
        require(settle_s >= 0, "settle_s", settle_s, "≥ 0 s")
        self._harm = Harm() if harm is None else harm
        self._settle_s = settle_s
        self._choice = Choice("forward", "nothing is known yet")
        self._candidate: Choice | None = None
        self._candidate_s = 0.0
        self._before = self._after = 0.0
        self._bad_s = self._pause_s = 0.0
        self._next_pause_s = self._harm.first_pause_s
        self.mutes = 0

    @property
    def choice(self) -> Choice:
        """The mode in force and its reason."""
        if self.muted:
            why = "control was estimated to add sound; silent for a while"
            return Choice(self._choice.mode, why)
        return self._choice

    @property
    def muted(self) -> bool:
        """The output must be silent now."""
        return self._pause_s > 0

    @property
    def estimated_db(self) -> float:
        """Estimated noise reduction, dB; 0 before anything was heard."""
        if self._before <= 0:
            return 0.0
        return 10 * math.log10(self._before / max(self._after, 1e-12 * self._before))

    def consider(self, situation: Situation, elapsed_s: float) -> Choice:
        """Take in what was measured over the last `elapsed_s` and return the choice in force.

        Parameters
        ----------
        situation : Situation
        elapsed_s : float
            Since the last call, s.
        """
        wanted = choose_mode(situation)
        if wanted.mode == self._choice.mode:
            self._choice, self._candidate = wanted, None
        elif self._candidate is None or self._candidate.mode != wanted.mode:
            self._candidate, self._candidate_s = wanted, 0.0
        else:
            self._candidate_s += elapsed_s
        if self._candidate is not None and self._candidate_s >= self._settle_s:
            self._choice, self._candidate = self._candidate, None
        return self.choice

    def observe(self, disturbance_energy: float, error_energy: float, elapsed_s: float) -> bool:
        """Take in the energies of d̂ and e over the last `elapsed_s`; return `muted`.

        Parameters
        ----------
        disturbance_energy, error_energy : float
            Σ d̂², Σ e² with control on; what is heard in silence is ignored.
        elapsed_s : float
            Their duration, > 0.

        Raises
        ------
        ParameterError
            If an argument is negative or the duration is 0.
        """
        least = min(disturbance_energy, error_energy)
        require(least >= 0, "energy", least, "≥ 0")
        require(elapsed_s > 0, "elapsed_s", elapsed_s, "> 0 s")
        if self.muted:
            self._pause_s = max(0.0, self._pause_s - elapsed_s)
            return self.muted
        keep = math.exp(-elapsed_s / self._harm.memory_s)
        self._before = keep * self._before + disturbance_energy
        self._after = keep * self._after + error_energy
        if self.estimated_db < self._harm.limit_db:
            self._bad_s += elapsed_s
        else:
            self._bad_s = 0.0
            if self.estimated_db > 1 + self._harm.limit_db:
                self._next_pause_s = self._harm.first_pause_s
        if self._bad_s > self._harm.patience_s:
            self.mutes += 1
            self._pause_s = self._next_pause_s
            self._next_pause_s = min(2 * self._next_pause_s, self._harm.longest_pause_s)
            self._before = self._after = self._bad_s = 0.0
        return self.muted
