"""Audio over a network in virtual time: packets, and what the link does to them.

Times are seconds on the receiver's clock, which is taken as true. All is drawn from a seed: the
same link gives the same packets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from antiphase.arrays import as_signal
from antiphase.errors import SignalError, require

__all__ = [
    "ExponentialJitter",
    "GilbertLoss",
    "HalfNormalJitter",
    "IndependentLoss",
    "Jitter",
    "Link",
    "Loss",
    "NoJitter",
    "NoLoss",
    "Packet",
    "WifiJitter",
    "packetise",
]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Jitter(Protocol):
    """What a link adds to its least delay."""

    def draw(self, sent_s: Floats, rng: np.random.Generator) -> Floats:
        """Return the extra delay of packets sent at these times, in seconds ≥ 0."""


class Loss(Protocol):
    """Which packets a link loses."""

    def draw(self, n: int, rng: np.random.Generator) -> Flags:
        """Return True for each of n packets in a row that is lost."""


@dataclass(frozen=True)
class NoJitter:
    """Every packet takes the least time."""

    def draw(self, sent_s: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG002 - the seam
        """Return zeros."""
        return np.zeros(len(sent_s))


@dataclass(frozen=True)
class ExponentialJitter:
    """Independent delays of exponential distribution: a wire shared with other traffic.

    Parameters
    ----------
    mean_ms : float
        ≥ 0.
    """

    mean_ms: float = 1.0

    def __post_init__(self) -> None:
        require(self.mean_ms >= 0, "mean_ms", self.mean_ms, "≥ 0 ms")

    def draw(self, sent_s: Floats, rng: np.random.Generator) -> Floats:
        """Return one independent delay per packet."""
        return self.mean_ms / 1000 * rng.exponential(size=len(sent_s))


@dataclass(frozen=True)
class HalfNormalJitter:
    """Independent delays ``|N(0, σ²)|``: few packets come as early as they could.

    Parameters
    ----------
    sigma_ms : float
        ≥ 0.
    """

    sigma_ms: float = 2.0

    def __post_init__(self) -> None:
        require(self.sigma_ms >= 0, "sigma_ms", self.sigma_ms, "≥ 0 ms")

    def draw(self, sent_s: Floats, rng: np.random.Generator) -> Floats:
        """Return one independent delay per packet."""
        return self.sigma_ms / 1000 * np.abs(rng.standard_normal(len(sent_s)))


@dataclass(frozen=True)
class WifiJitter:
    """A radio channel that is quiet at times and busy at others, with a queue before it.

    Each packet waits its turn on the air, exponentially distributed with mean `quiet_ms` or
    `busy_ms`; the state changes as a two-state Markov process in time. Packets queue: none
    overtakes another and a long wait delays all behind it, which then arrive together.

    Parameters
    ----------
    quiet_ms, busy_ms : float
        Mean wait in either state, ≥ 0.
    busy_share : float
        Share of the time that the channel is busy, in [0, 1).
    busy_length_ms : float
        Mean length of a busy spell, > 0.
    """

    quiet_ms: float = 0.5
    busy_ms: float = 4.0
    busy_share: float = 0.15
    busy_length_ms: float = 300.0

    def __post_init__(self) -> None:
        require(self.quiet_ms >= 0, "quiet_ms", self.quiet_ms, "≥ 0 ms")
        require(self.busy_ms >= 0, "busy_ms", self.busy_ms, "≥ 0 ms")
        require(0 <= self.busy_share < 1, "busy_share", self.busy_share, "in [0, 1)")
        require(self.busy_length_ms > 0, "busy_length_ms", self.busy_length_ms, "> 0 ms")

    def draw(self, sent_s: Floats, rng: np.random.Generator) -> Floats:
        """Return waits with the queue's; `sent_s` must rise."""
        busy = self._busy(sent_s, rng)
        mean = np.where(busy, self.busy_ms, self.quiet_ms) / 1000
        free = np.maximum.accumulate(sent_s + mean * rng.exponential(size=len(sent_s)))
        return free - sent_s

    def _busy(self, sent_s: Floats, rng: np.random.Generator) -> Flags:
        if self.busy_share == 0 or not len(sent_s):
            return np.zeros(len(sent_s), dtype=bool)
        busy_s = self.busy_length_ms / 1000
        quiet_s = busy_s * (1 - self.busy_share) / self.busy_share
        span = float(sent_s[-1] - sent_s[0])
        spells = int(4 * span / (busy_s + quiet_s)) + 8
        lengths = rng.exponential(size=2 * spells) * np.tile([quiet_s, busy_s], spells)
        changes = float(sent_s[0]) + np.cumsum(lengths)
        return np.asarray(np.searchsorted(changes, sent_s) % 2 == 1)


@dataclass(frozen=True)
class NoLoss:
    """Every packet arrives."""

    def draw(self, n: int, rng: np.random.Generator) -> Flags:  # noqa: ARG002 - the seam
        """Return False for all."""
        return np.zeros(n, dtype=bool)


@dataclass(frozen=True)
class IndependentLoss:
    """Each packet is lost with the same probability.

    Parameters
    ----------
    rate : float
        In [0, 1].
    """

    rate: float

    def __post_init__(self) -> None:
        require(0 <= self.rate <= 1, "rate", self.rate, "in [0, 1]")

    def draw(self, n: int, rng: np.random.Generator) -> Flags:
        """Return independent losses."""
        return rng.random(n) < self.rate


@dataclass(frozen=True)
class GilbertLoss:
    """Losses in bursts: a Markov chain of a good state (none lost) and a bad one (all lost).

    Parameters
    ----------
    rate : float
        Share of packets lost in the long run, in [0, 1).
    burst : float
        Mean packets lost in a row, ≥ 1; 1 / (1 − rate) gives independent losses.

    References
    ----------
    Gilbert (1960), Capacity of a burst-noise channel.
    """

    rate: float
    burst: float = 3.0

    def __post_init__(self) -> None:
        require(0 <= self.rate < 1, "rate", self.rate, "in [0, 1)")
        least = max(1.0, self.rate / (1 - self.rate))
        require(self.burst >= least, "burst", self.burst, f"≥ {least:g} packets")

    def draw(self, n: int, rng: np.random.Generator) -> Flags:
        """Return losses in bursts, starting in the long-run distribution."""
        leave = 1 / self.burst
        enter = self.rate * leave / (1 - self.rate)
        chance = rng.random(n + 1)
        lost = np.zeros(n, dtype=bool)
        bad = bool(chance[n] < self.rate)
        for k in range(n):
            lost[k] = bad
            bad = bool(chance[k] >= leave) if bad else bool(chance[k] < enter)
        return lost


@dataclass(frozen=True)
class Link:
    """What happens to packets on their way.

    Parameters
    ----------
    delay_ms : float
        Least time from sending to arrival, ≥ 0.
    jitter : Jitter
        Added to it.
    loss : Loss
    reorder_rate : float
        Share of packets that take another way, in [0, 1].
    reorder_ms : float
        By which they come later, ≥ 0.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """

    delay_ms: float = 0.0
    jitter: Jitter = field(default_factory=NoJitter)
    loss: Loss = field(default_factory=NoLoss)
    reorder_rate: float = 0.0
    reorder_ms: float = 10.0

    def __post_init__(self) -> None:
        require(self.delay_ms >= 0, "delay_ms", self.delay_ms, "≥ 0 ms")
        require(0 <= self.reorder_rate <= 1, "reorder_rate", self.reorder_rate, "in [0, 1]")
        require(self.reorder_ms >= 0, "reorder_ms", self.reorder_ms, "≥ 0 ms")

    def arrivals_s(self, sent_s: npt.ArrayLike, seed: int = 0) -> Floats:
        """Return when packets sent at these times arrive; infinity for those lost.

        Parameters
        ----------
        sent_s : array_like, shape (n,)
            Rising.
        seed : int
            ≥ 0. Jitter, loss and reordering are drawn apart: changing one leaves the others.

        Raises
        ------
        SignalError
            If the times fall.
        """
        sent = np.asarray(sent_s, dtype=np.float64)
        if sent.ndim != 1 or (np.diff(sent) < 0).any():
            raise SignalError("sent_s must be a rising list of times")
        jitter, loss, order = (np.random.default_rng([seed, 0x11, part]) for part in range(3))
        arrival = sent + self.delay_ms / 1000 + self.jitter.draw(sent, jitter)
        arrival[order.random(len(sent)) < self.reorder_rate] += self.reorder_ms / 1000
        arrival[self.loss.draw(len(sent), loss)] = np.inf
        return np.asarray(arrival, dtype=np.float64)


@dataclass(frozen=True)
class Packet:
    """One frame as it arrives.

    Attributes
    ----------
    sequence : int
        Number of the frame.
    timestamp : int
        The sender's index of its first sample.
    sent_s, arrival_s : float
        On the receiver's clock; infinity where it is lost.
    samples : ndarray, shape (frame,)
    """

    sequence: int
    timestamp: int
    sent_s: float
    arrival_s: float
    samples: Floats


def packetise(
    samples: npt.ArrayLike,
    capture_s: npt.ArrayLike,
    link: Link,
    *,
    frame: int,
    redundancy: int = 0,
    redundancy_distance: int = 1,
    seed: int = 0,
) -> list[Packet]:
    """Send a recording in frames over a link and return what arrives, in order of arrival.

    A frame is sent when its last sample has been taken. With redundancy each packet also carries
    earlier frames (as in RFC 2198), so that a lost frame arrives with a later packet.

    Parameters
    ----------
    samples, capture_s : array_like, shape (n,)
        As `clocks.sample_on` gives them, after the codec if there is one.
    link : Link
    frame : int
        Samples per frame, at least 1; an incomplete last frame is not sent.
    redundancy : int
        Earlier frames carried along, ≥ 0.
    redundancy_distance : int
        How many frames lie between them, ≥ 1; further apart outlasts longer bursts of loss.
    seed : int
        Of the link, ≥ 0.

    Returns
    -------
    list of Packet
        Without the lost ones; a frame that came twice is listed once, at its first arrival.

    Raises
    ------
    SignalError
        If the arrays do not fit each other.
    """
    require(frame >= 1, "frame", frame, "at least 1")
    require(redundancy >= 0, "redundancy", redundancy, "≥ 0")
    require(redundancy_distance >= 1, "redundancy_distance", redundancy_distance, "at least 1")
    signal = as_signal("samples", samples, channels=1)
    capture = as_signal("capture_s", capture_s, channels=1)
    if len(signal) != len(capture):
        raise SignalError(f"capture_s has {len(capture)} entries but samples {len(signal)}")
    n = len(signal) // frame
    if n == 0:
        return []
    spacing = (capture[-1] - capture[0]) / max(len(capture) - 1, 1)
    # A buffer that repeats samples does not send into the past.
    sent = np.maximum.accumulate(capture[frame - 1 : n * frame : frame] + spacing)
    arrival = link.arrivals_s(sent, seed)
    earliest = arrival.copy()
    for copy in range(1, redundancy + 1):
        later = arrival[copy * redundancy_distance :]
        earliest[: len(later)] = np.minimum(earliest[: len(later)], later)
    packets = [
        Packet(
            k, k * frame, float(sent[k]), float(earliest[k]), signal[k * frame : (k + 1) * frame]
        )
        for k in np.flatnonzero(np.isfinite(earliest)).tolist()
    ]
    return sorted(packets, key=lambda packet: (packet.arrival_s, packet.sequence))
