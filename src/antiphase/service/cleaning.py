"""The cancellation of a recording in a process of its own, so that media never wait for it."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from antiphase.errors import AntiphaseError

__all__ = ["CleaningProcess"]

_NICE = 10
_FIGURES = ("seconds", "fs", "delay_ms", "reduction_db", "pause_reduction_db")


class CleaningProcess:
    """Makes ``clean.wav`` and ``report.json`` of ``primary`` and ``reference`` in a folder.

    Parameters
    ----------
    folder : path-like
    """

    def __init__(self, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._folder = folder
        self._told, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(folder, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, progress: Callable[[float], None]) -> dict[str, Any]:
        """Wait for its end.

        Parameters
        ----------
        progress : callable
            Takes the share that is done, 0 to 1.

        Returns
        -------
        dict
            ``state``, "done" with the main figures or "failed" with the ``error`` in one line.
        """
        summary = {"state": "failed", "error": "the processing ended before it was done"}
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, value = self._told.recv()
                if kind == "progress":
                    progress(value)
                else:
                    summary = value
        self._process.join()
        (self._folder / "report.json").touch()
        return summary

    def kill(self) -> None:
        """End it at once; no fault if it has ended."""
        self._process.kill()


def _work(folder: Path, tell: Connection) -> None:
    from antiphase.service.clean_file import clean_file  # noqa: PLC0415 - for this process only

    os.nice(_NICE)
    reference = folder / "reference"
    parts = (folder / "primary", reference if reference.exists() else None)
    try:
        report = clean_file(*parts, folder / "clean.wav", lambda p: tell.send(("progress", p)))
    except AntiphaseError as error:
        words = str(error).replace(f"{folder}/", "")
        summary: dict[str, Any] = {"state": "failed", "error": words}
        (folder / "report.json").write_text(json.dumps(summary), encoding="utf-8")
    else:
        found = report.as_dict()
        (folder / "report.json").write_text(json.dumps(found), encoding="utf-8")
        summary = {"state": "done", **{name: found[name] for name in _FIGURES}}
    tell.send(("end", summary))
