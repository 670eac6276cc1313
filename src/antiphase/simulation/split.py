"""Split control in virtual time: a plant, a device, a network in between, a solver."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from antiphase.control.remote import SplitSolver
from antiphase.control.remote_device import SplitDevice
from antiphase.control.split_protocol import decode, encode
from antiphase.errors import require
from antiphase.simulation.plant import Plant

__all__ = ["SplitResult", "SteadyLink", "run_split"]

Floats = npt.NDArray[np.float64]


class Transport(Protocol):
    """When a message sent now arrives."""

    def arrival_s(self, sent_s: float, size: int) -> float | None:
        """Return the time of arrival in s; None if it is lost."""


@dataclass(frozen=True)
class SteadyLink:
    """A reliable link with one delay.

    Parameters
    ----------
    delay_s : float
        ≥ 0.
    """

    delay_s: float = 0.05

    def __post_init__(self) -> None:
        """Check the range."""
        require(self.delay_s >= 0, "delay_s", self.delay_s, "≥ 0 s")

    def arrival_s(self, sent_s: float, size: int) -> float | None:  # noqa: ARG002
        """Return the time of arrival in s."""
        return sent_s + self.delay_s


@dataclass
class SplitResult:
    """What a run of split control gave.

    Attributes
    ----------
    error, drive : ndarray, shape (n,)
        True sound at the error microphone, and what was played.
    solver_cpu_s : float
        Processor time of the solver, protocol included.
    bytes_up, bytes_down : int
        Sent by the device and by the solver.
    """

    error: Floats
    drive: Floats
    solver_cpu_s: float = 0.0
    bytes_up: int = 0
    bytes_down: int = 0


@dataclass
class _Network:
    """Messages under way, both directions, in order of arrival."""

    up: Transport
    down: Transport
    queue: list[tuple[float, int, bool, bytes]] = field(default_factory=list)
    sent: int = 0
    bytes_up: int = 0
    bytes_down: int = 0

    def send(self, now_s: float, data: bytes, *, upwards: bool) -> None:
        link = self.up if upwards else self.down
        arrival = link.arrival_s(now_s, len(data))
        if upwards:
            self.bytes_up += len(data)
        else:
            self.bytes_down += len(data)
        if arrival is not None:
            heapq.heappush(self.queue, (arrival, self.sent, upwards, data))
            self.sent += 1

    def due(self, now_s: float) -> tuple[float, bool, bytes] | None:
        if not self.queue or self.queue[0][0] > now_s:
            return None
        arrival, _, upwards, data = heapq.heappop(self.queue)
        return arrival, upwards, data


def run_split(
    plant: Plant,
    device: SplitDevice,
    solver: SplitSolver,
    fs: float,
    *,
    up: Transport | None = None,
    down: Transport | None = None,
    poll_s: float = 0.01,
    watch: Callable[[float], object] | None = None,
) -> SplitResult:
    """Run device and solver against a plant to the end of its signals.

    Messages pass through the real bytes of the protocol. The device's audio is sample by sample
    native; it is polled each `poll_s`, as the callback of a sound card would.

    Parameters
    ----------
    plant : Plant
        With one reference, loudspeaker and microphone.
    device : SplitDevice
    solver : SplitSolver
    fs : float
        Hz.
    up, down : Transport
        Device → solver and back; `SteadyLink` of 50 ms by default.
    poll_s : float
        > 0.
    watch : callable, optional
        Called with the time in s after each poll.

    Returns
    -------
    SplitResult
    """
    require(poll_s > 0, "poll_s", poll_s, "> 0 s")
    network = _Network(up or SteadyLink(), down or SteadyLink())
    step = max(1, round(poll_s * fs))
    errors, drives = [], []
    cpu = 0.0
    frames = 1  # the first error comes one frame late: polls then find whole blocks
    while frames:
        error, drive, _ = plant.advance(device, frames)
        errors.append(np.atleast_1d(error))
        drives.append(np.atleast_1d(drive))
        now = plant.frame / fs
        for message in device.poll():
            network.send(now, encode(message), upwards=True)
        while (item := network.due(now)) is not None:
            arrival, upwards, data = item
            started = time.process_time()
            answers = (solver if upwards else device).receive(decode(data))
            replies = [encode(answer) for answer in answers]
            if upwards:
                cpu += time.process_time() - started
            for reply in replies:
                network.send(arrival if upwards else now, reply, upwards=not upwards)
        if watch is not None:
            watch(now)
        frames = min(step, plant.frames - plant.frame)
    return SplitResult(
        np.concatenate(errors), np.concatenate(drives), cpu, network.bytes_up, network.bytes_down
    )
