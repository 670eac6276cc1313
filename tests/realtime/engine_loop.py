"""An engine, one device and a plant on one virtual clock, with delay in between."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from antiphase.control import SplitDevice
from antiphase.control.split_protocol import decode, encode
from antiphase.realtime import DeviceDescription, Engine, Notice, RoleBinding, SendMessage
from antiphase.simulation import Plant

Floats = npt.NDArray[np.float64]

FS = 8000
LEAD = 80


def paths() -> tuple[Floats, Floats]:
    """Return a primary path of 10 ms and a secondary path of 2.5 ms, both short."""
    rng = np.random.default_rng(5)
    primary, secondary = np.zeros(160), np.zeros(128)
    primary[LEAD + 20 : LEAD + 40] = rng.standard_normal(20) * np.exp(-np.arange(20) / 4)
    secondary[20:40] = rng.standard_normal(20) * np.exp(-np.arange(20) / 4)
    primary[LEAD + 20] = secondary[20] = 2.0
    return primary, secondary


def speaker(path: Floats, **changes: object) -> DeviceDescription:
    """Return a device with everything on it."""
    roles = (
        RoleBinding("reference", "data"),
        RoleBinding("error", "0"),
        RoleBinding("loudspeaker", "0"),
    )
    fields = {"name": "window", "roles": roles, "secondary_path_estimate": path, "taps": 256}
    return DeviceDescription(**{**fields, **changes})  # type: ignore[arg-type]


class EngineLoop:
    """Runs an engine against a plant in steps of 10 ms."""

    def __init__(
        self,
        reference: Floats,
        *,
        engine: Engine | None = None,
        estimate: Floats | None = None,
        noise: float = 0.0,
        delay_s: float = 0.05,
        fs: int = FS,
        now: float = 0.0,
    ) -> None:
        primary, secondary = paths()
        self.fs = fs
        self.estimate = secondary if estimate is None else estimate
        rng = np.random.default_rng(9)
        self.disturbance = np.convolve(reference, primary)[: len(reference)]
        self.disturbance += noise * np.std(self.disturbance) * rng.standard_normal(len(reference))
        self.plant = Plant(
            reference=reference, disturbance=self.disturbance, secondary_path=secondary
        )
        self.device = SplitDevice(256, secondary_path_estimate=self.estimate, fs=fs)
        self.engine = Engine() if engine is None else engine
        self.delay_s = delay_s
        self.now = now
        self.errors: list[Floats] = []
        self.notices: list[dict[str, object]] = []
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self.present = False
        self.join()

    def join(self) -> None:
        """Let the device join (again)."""
        self.engine.add_device("d", speaker(self.estimate, fs=self.fs), self.now)
        self.engine.open_channel("d", "anc.split", self.now)
        self.present = True

    def leave(self) -> None:
        """Let the device go; it plays on by itself."""
        self.engine.remove_device("d", self.now)
        self.present = False

    def _later(self, work: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + self.delay_s, next(self._count), work))

    def run(self, seconds: float) -> Floats:
        """Let time pass; return the error meanwhile."""
        heard = []
        for _ in range(round(100 * seconds)):
            error, _, _ = self.plant.advance(self.device, self.fs // 100)
            heard.append(np.atleast_1d(error))
            self.now += 0.01
            while self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            for message in self.device.poll():
                if self.present:
                    data = encode(message)
                    self._later(lambda d=data: self._up(d))  # type: ignore[misc]
            self.engine.tick(self.now)
            self._carry_out()
        self.errors += heard
        return np.concatenate(heard)

    def _up(self, data: bytes) -> None:
        self.engine.push_message("d", "anc.split", data, self.now)
        self._carry_out()

    def _carry_out(self) -> None:
        for output in self.engine.poll():
            if isinstance(output, Notice):
                self.notices.append(output.message)
            elif isinstance(output, SendMessage) and output.label == "anc.split" and self.present:
                data = output.data
                self._later(lambda d=data: self._down(d))  # type: ignore[misc]

    def _down(self, data: bytes) -> None:
        for answer in self.device.receive(decode(data)):
            self.engine.push_message("d", "anc.split", encode(answer), self.now)

    def reduction_db(self, seconds: float) -> float:
        """Return the true reduction of the last seconds."""
        error = np.concatenate(self.errors)
        n = round(seconds * self.fs)
        before = self.disturbance[len(error) - n : len(error)]
        return float(10 * np.log10(np.sum(before**2) / np.sum(error[-n:] ** 2)))
