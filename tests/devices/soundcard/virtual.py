"""A sound card in virtual time: a room at the card's rate, a worker that may be slow."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from antiphase.devices.rig import LoopedSound, RigPlant
from antiphase.devices.soundcard import (
    BlockBridge,
    Calibration,
    CardFormat,
    DeviceAgent,
    DeviceLoop,
)

__all__ = [
    "FORM",
    "Paced",
    "VirtualCard",
    "hum",
    "measured",
    "noisy_room",
    "room_path",
    "run_agent",
]

Floats = npt.NDArray[np.float64]

FORM = CardFormat(16000, 2, block=64)


def room_path(rate: float, *, delay_ms: float = 12.0, gain: float = 0.6) -> Floats:
    """Return a small room: a delay, a direct sound and 20 ms of decay, the same at any rate."""
    n = round(0.02 * rate)
    first = round(delay_ms * rate / 1000)
    taps = np.zeros(first + n)
    taps[first] = gain
    # Reflections at fixed times, each a smooth pulse, so that all rates see the same room.
    rng = np.random.default_rng(7)
    t = np.arange(len(taps)) / rate
    for at, level in zip(rng.uniform(0.001, 0.015, 12), rng.normal(0, 0.12, 12), strict=True):
        since = t - delay_ms / 1000 - at
        shape = np.sinc(6000 * since) * (np.abs(since) < 2e-3)
        taps += gain * level * shape * 6000 / rate
    return taps


def hum(rate: int, *, level: float = 0.05, broadband: float = 0.0005) -> Floats:
    """Return a second's loop of mains hum with its harmonics and some broadband noise."""
    t = np.arange(rate) / rate
    tones = sum(np.sin(2 * np.pi * 100 * k * t + k) / k for k in range(1, 6))
    noise = np.random.default_rng(3).standard_normal(rate)
    return np.asarray(level * tones + broadband * noise)


class VirtualCard:
    """One card in one room.

    Parameters
    ----------
    form : CardFormat
    noise : ndarray, shape (n,)
        At the error microphone, repeated.
    path : ndarray, shape (taps,)
        From output to error microphone at the card's rate.
    reference : ndarray, shape (n,), optional
        At the second microphone; the noise by default.
    work_s : callable, optional
        From the virtual time to how long the worker takes for a block, s.
    """

    def __init__(
        self,
        form: CardFormat,
        noise: Floats,
        path: Floats,
        *,
        reference: Floats | None = None,
        work_s: Callable[[float], float] = lambda _: 0.0,
    ) -> None:
        self.form = form
        sound = LoopedSound(noise)
        heard = sound if reference is None else LoopedSound(reference)
        self.plant = RigPlant(heard, sound, path, longest_path=8192)
        self.bridge = BlockBridge(form)
        self.time = 0.0
        self.played: list[Floats] = []
        self.heard: list[Floats] = []
        self._work_s = work_s
        self._free_at = 0.0
        self._result: tuple[int, Floats] | None = None
        self._output = np.zeros((form.block, form.outputs), np.float32)

    def step(self, loop: DeviceLoop) -> None:
        """Let one block pass: the room sounds, the card calls, the worker works if it is free."""
        drive = self._output[:, 0].astype(np.float64)
        reference, error, _ = self.plant.exchange(drive)
        self.played.append(drive)
        self.heard.append(error)
        captured = np.zeros((self.form.block, self.form.inputs), np.float32)
        captured[:, 0] = error
        if self.form.inputs > 1:
            captured[:, 1] = reference
        self.time += self.form.block / self.form.rate
        self._deliver(loop)
        self._output = np.zeros((self.form.block, self.form.outputs), np.float32)
        self.bridge.exchange(captured, self._output)
        self._work(loop)

    def _deliver(self, loop: DeviceLoop) -> None:
        """Hand over what the worker has finished by now."""
        if self._result is not None and self._free_at <= self.time:
            index, drive = self._result
            self._result = None
            if not self.bridge.give(index, drive):
                loop.not_played()

    def _work(self, loop: DeviceLoop) -> None:
        """Work until the next call of the card."""
        until = self.time + self.form.block / self.form.rate
        while self._result is None and self.bridge.waiting and self._free_at < until:
            block = self.bridge.take()
            if block is None:
                return
            drive = loop.process(block.frames, lost=block.lost)
            self._free_at = max(self._free_at, self.time) + self._work_s(self.time)
            if self._free_at > until:
                self._result = block.index, drive
            elif not self.bridge.give(block.index, drive):
                loop.not_played()


def run_agent(card: VirtualCard, agent: DeviceAgent, seconds: float) -> None:
    """Let virtual time pass with an agent that leads its loop."""
    end = card.time + seconds
    due = card.time
    while card.time < end - 1e-9 and agent.loop is not None:
        card.step(agent.loop)
        if card.time >= due:
            due += 0.05
            agent.advance(card.time)


class Paced:
    """A virtual card that keeps step with real time.

    Attributes
    ----------
    stuck : bool
        Gives and takes no sound any more.
    """

    def __init__(self, card: VirtualCard, agent: DeviceAgent) -> None:
        self._card, self._agent = card, agent
        self._start: float | None = None
        self.stuck = False

    def poll(self, now: float) -> None:
        if self.stuck:
            self._start = now - self._card.time
        self._start = now - self._card.time if self._start is None else self._start
        while self._agent.loop is not None and self._card.time < now - self._start:
            self._card.step(self._agent.loop)
        self._agent.advance(now)


def noisy_room() -> VirtualCard:
    """Return a card with two microphones in a room with broadband noise."""
    x = 0.02 * np.random.default_rng(0).standard_normal(16000)
    return VirtualCard(FORM, np.roll(x, 800), room_path(16000), reference=x)


@functools.cache
def calibration() -> Calibration:
    card, agent = noisy_room(), DeviceAgent(goal="calibrate")
    agent.opened("virtual card", FORM, 0.0)
    while agent.state == "measuring":
        run_agent(card, agent, 0.5)
    assert agent.calibration is not None
    return agent.calibration


def measured(*, server: bool = True) -> tuple[VirtualCard, DeviceAgent]:
    """Return a card in its room and an agent whose control runs."""
    card, agent = noisy_room(), DeviceAgent(calibration(), server=server)
    agent.opened("virtual card", FORM, 0.0)
    while agent.state != "running":
        run_agent(card, agent, 0.5)
    return card, agent
