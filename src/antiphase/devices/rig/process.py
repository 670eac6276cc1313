"""The rig in a process of its own: neither the terminal nor the server can hold up its sound."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import signal
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from antiphase.devices.rig.scenes import make_scene, spoil_estimate
from antiphase.devices.rig.shell import RigReport, run_scene
from antiphase.errors import AntiphaseError, ProtocolError

__all__ = ["RigProcess", "RigWish"]

_END_S = 5.0


@dataclass(frozen=True)
class RigWish:
    """What to play.

    Attributes
    ----------
    server : str
        The service's address.
    scenes : tuple of str
        One after the other.
    seconds : float or None
        How long each lasts; None: the first goes on without end.
    again : bool
        Whether to begin with the first again after the last.
    options : dict
        For `make_scene`.
    spoil_db : float, optional
        Join with an Ŝ that is wrong by so much, dB re its energy.
    key : str, optional
        API key.
    """

    server: str
    scenes: tuple[str, ...]
    seconds: float | None = None
    again: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    spoil_db: float | None = None
    key: str | None = None


class RigProcess:
    """Runs a `RigWish` in a child process and brings its reports.

    Use as a context manager; leaving it ends the child.
    """

    def __init__(self, wish: RigWish) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_main, args=(wish, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> RigProcess:  # noqa: PYI034 - no subclasses
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next(self, timeout: float) -> RigReport | None:
        """Wait for the next report; None when none came in time.

        Raises
        ------
        EOFError
            After the last one.
        ProtocolError
            What ended the rig.
        """
        if not self._ours.poll(timeout):
            return None
        item = self._ours.recv()
        if isinstance(item, str):
            raise ProtocolError(item)
        return item if isinstance(item, RigReport) else None

    def close(self) -> None:
        """Ask the child to leave its session and end."""
        self._ours.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _main(wish: RigWish, pipe: Connection) -> None:
    # Ctrl-C reaches the whole terminal; the parent says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Sound comes before other work where the system lets us say so.
    with contextlib.suppress(OSError):
        os.nice(-10)
    with contextlib.suppress(BrokenPipeError):
        try:
            asyncio.run(_run(wish, pipe))
        except AntiphaseError as error:
            pipe.send(str(error))
    pipe.close()


async def _run(wish: RigWish, pipe: Connection) -> None:
    task = asyncio.create_task(_scenes(wish, pipe))
    loop = asyncio.get_running_loop()

    def parent_has_gone() -> None:
        loop.remove_reader(pipe)
        task.cancel()

    # The parent sends nothing: the pipe turns readable when the parent has closed it or died.
    loop.add_reader(pipe, parent_has_gone)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    loop.remove_reader(pipe)


async def _scenes(wish: RigWish, pipe: Connection) -> None:
    for name in itertools.cycle(wish.scenes) if wish.again else wish.scenes:
        scene = await asyncio.to_thread(make_scene, name, **wish.options)
        estimate = None
        if wish.spoil_db is not None:
            estimate = spoil_estimate(scene.secondary_path_estimate, wish.spoil_db)
        await run_scene(
            wish.server,
            scene,
            pipe.send,
            seconds=wish.seconds,
            estimate=estimate,
            key=wish.key,
        )
