"""Single keys from a terminal."""

from __future__ import annotations

import os
import pty
import sys
import termios
import time

import pytest

from antiphase.cli.keys import Keys


def test_keys_come_at_once_and_the_terminal_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a line feed; afterwards lines are edited and echoed again."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(terminal)
        with Keys() as keys:
            assert keys.pressed() == ""
            os.write(ours, b"mc")
            end = time.monotonic() + 5
            heard = ""
            while len(heard) < 2 and time.monotonic() < end:
                heard += keys.pressed()
            assert heard == "mc"
        assert termios.tcgetattr(terminal) == before
    os.close(ours)


def test_without_a_terminal_there_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is left alone."""
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123 - as the standard input is
        monkeypatch.setattr(sys, "stdin", nothing)
        with Keys() as keys:
            assert keys.pressed() == ""
