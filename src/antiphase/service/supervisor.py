"""Several workers on one machine: starts them, starts dead ones again, ends them together."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType

from antiphase.errors import ParameterError, require
from antiphase.service.ports import bind
from antiphase.service.registry import forget_worker
from antiphase.service.settings import ServiceSettings
from antiphase.service.worker import WorkerProcess
from antiphase.storage.state import StateStore
from antiphase.storage.urls import open_stores

__all__ = ["Supervisor", "worker_settings"]

_LOG = logging.getLogger("antiphase.service")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0
_STEADY_S = 10.0
_LAST_S = 8.0
_LOOK_S = 0.2


def worker_settings(settings: ServiceSettings, k: int) -> ServiceSettings:
    """Return the settings of worker k, counted from 1: it has ports of its own.

    Parameters
    ----------
    settings : ServiceSettings
        With port 0 the workers' ports are free ones too.
    k : int
    """
    media = settings.port if settings.media_port is None else settings.media_port
    changes = {
        "worker_port": settings.port + k if settings.port else 0,
        "media_port": media + k if media else 0,
        "media_tcp_port": settings.media_tcp_port and settings.media_tcp_port + k,
    }
    return settings.model_copy(update=changes)


@dataclass
class _Slot:
    """A place for a worker."""

    settings: ServiceSettings
    worker: WorkerProcess | None = None
    started: float = 0.0
    start_at: float = 0.0
    wait_s: float = _FIRST_WAIT_S
    ran: bool = False


class Supervisor:
    """Runs the workers.

    Parameters
    ----------
    settings : ServiceSettings
        With two workers or more.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        require(not settings.worker_url, "worker_url", settings.worker_url, "empty with workers")
        self._settings = settings
        self._slots: list[_Slot] = []
        self._asked = False
        self._now = False
        self._wake, self._waker = os.pipe()

    def run(self) -> None:
        """Serve until told to end.

        Raises
        ------
        ParameterError
            If a port is taken.
        """
        settings = self._settings
        each = [worker_settings(settings, k) for k in range(1, settings.workers + 1)]
        for port in (settings.port, *(s.worker_port or 0 for s in each)):
            bind(settings.host, port).close()
        # Bound and not listening: it gets no connections and keeps the port for the workers.
        held = bind(settings.host, settings.port, shared=True)
        with held, self._folder(settings) as folder, self._signals():
            known = {"port": held.getsockname()[1], "data": folder}
            self._slots = [_Slot(one.model_copy(update=known)) for one in each]
            stores = open_stores(settings.store_urls, folder)
            try:
                self._watch(stores.states)
            finally:
                self._end()
                stores.close()

    @staticmethod
    @contextlib.contextmanager
    def _folder(settings: ServiceSettings) -> Iterator[Path]:
        if settings.data is not None:
            yield settings.data
            return
        with tempfile.TemporaryDirectory(prefix="antiphase-") as name:
            yield Path(name)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def ask(kind: int, _: FrameType | None) -> None:
            self._now = self._asked or kind == signal.SIGINT
            self._asked = True
            os.write(self._waker, b"x")

        kinds = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(kind, ask) for kind in kinds]
        try:
            yield
        finally:
            for kind, handler in zip(kinds, before, strict=True):
                signal.signal(kind, handler)

    def _watch(self, states: StateStore) -> None:
        while not self._asked:
            now = time.monotonic()
            for slot in self._slots:
                if slot.worker is None and now >= slot.start_at:
                    slot.worker, slot.started = WorkerProcess(slot.settings), now
            waiting = [slot.start_at - now for slot in self._slots if slot.worker is None]
            alive = [slot.worker for slot in self._slots if slot.worker is not None]
            wait(
                [w.process.sentinel for w in alive]
                + [w.words for w in alive if not w.url]
                + [self._wake],
                timeout=min(waiting, default=None),
            )
            for slot in self._slots:
                if slot.worker is not None:
                    self._look(slot, slot.worker, states)

    def _look(self, slot: _Slot, worker: WorkerProcess, states: StateStore) -> None:
        if not worker.url and worker.words.poll():
            fault = worker.take_words()
            if fault is not None and not slot.ran:
                raise ParameterError("workers", self._settings.workers, f"able to start: {fault}")
            slot.ran = True
        if worker.process.is_alive():
            return
        worker.join(0)
        slot.worker = None
        lived = time.monotonic() - slot.started
        # Who dies young is started again ever later, so that a fault does not eat the machine.
        slot.wait_s = _FIRST_WAIT_S if lived > _STEADY_S else min(2 * slot.wait_s, _LONGEST_WAIT_S)
        slot.start_at = time.monotonic() + (0.0 if lived > _STEADY_S else slot.wait_s)
        code = worker.process.exitcode
        _LOG.warning("worker %s has ended with %s; starting it again", worker.url, code)
        with contextlib.suppress(Exception):  # the beat ends by itself
            forget_worker(states, worker.url)

    def _end(self) -> None:
        """End all workers: at once after Ctrl-C or a second signal, else when clients have left."""
        workers = [slot.worker for slot in self._slots if slot.worker is not None]
        for worker in workers:
            worker.end(now=self._now)
        end = time.monotonic() + self._settings.drain_s + _LAST_S
        told = self._now
        while time.monotonic() < end:
            alive = [worker.process for worker in workers if worker.process.is_alive()]
            if not alive:
                break
            if self._now and not told:
                told, end = True, time.monotonic() + _LAST_S
                for process in alive:
                    process.terminate()
            wait([process.sentinel for process in alive], timeout=_LOOK_S)
        for worker in workers:
            worker.join(0)
