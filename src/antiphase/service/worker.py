"""One worker as a process of its own, which ends with its parent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection

from antiphase.errors import AntiphaseError
from antiphase.service.settings import ServiceSettings
from antiphase.threads import use_one_thread

__all__ = ["WorkerProcess"]

_NOW = b"now"


class WorkerProcess:
    """A process that serves until it is told to end, or its parent is gone.

    Parameters
    ----------
    settings : ServiceSettings
    nice : int
        Added to its priority number where the system permits it; negative is more urgent.
    """

    def __init__(self, settings: ServiceSettings, *, nice: int = 0) -> None:
        self.url = ""
        """Its own address, once it has said it."""
        context = multiprocessing.get_context("spawn")
        theirs, self._leash = context.Pipe(duplex=False)
        self.words, said = context.Pipe(duplex=False)
        """Readable when it has something to say: its address, then why it could not start."""
        arguments = (settings, theirs, said, nice)
        self.process = context.Process(target=_work, args=arguments, daemon=True)
        self.process.start()
        theirs.close()
        said.close()

    def take_words(self) -> str | None:
        """Read what it says; returns why it could not start, None where that is not it."""
        try:
            address, fault = self.words.recv()
        except (EOFError, OSError):
            return None
        self.url = address
        return str(fault) if fault else None

    def end(self, *, now: bool = False) -> None:
        """Tell it to send its clients away and end; `now`: not to wait until they have left."""
        with contextlib.suppress(OSError):
            if now:
                self._leash.send_bytes(_NOW)
            self._leash.close()

    def join(self, seconds: float) -> None:
        """Wait for its end; kill it after a time."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.words.close()


def _work(settings: ServiceSettings, leash: Connection, said: Connection, nice: int) -> None:
    """Serve until the parent lets go of the leash or dies."""
    # A parent that is not our command line has not said it.
    use_one_thread()
    # The web framework and the media libraries are for this process only.
    from antiphase.service.serve import Server  # noqa: PLC0415

    # Ctrl-C reaches the whole terminal; the parent decides when this process ends.
    os.setpgid(0, 0)
    with contextlib.suppress(OSError):
        os.nice(nice)
    try:
        server = Server(settings)
    except AntiphaseError as error:
        said.send(("", str(error)))
        return
    said.send((server.url, ""))

    def watch() -> None:
        now = False
        with contextlib.suppress(EOFError, OSError):
            now = leash.recv_bytes() == _NOW
        server.moves = False
        if now:
            server.should_exit = True
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    server.run()
