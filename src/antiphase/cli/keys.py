"""Single keys from a terminal, without waiting for them."""

from __future__ import annotations

import os
import select
import sys
from types import TracebackType
from typing import Any

__all__ = ["Keys"]


class Keys:
    """Reads keys as they are pressed; nothing where the input is no terminal.

    Use as a context manager; the terminal is as before afterwards.
    """

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def __enter__(self) -> Keys:  # noqa: PYI034 - no subclasses
        if sys.stdin.isatty():
            try:
                import termios
                import tty
            except ImportError:
                return self
            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
            self._before = None

    def pressed(self) -> str:
        """Return the keys pressed since the last call."""
        # The text layer would read more than it gives, and `select` not know of it.
        if self._before is None or not select.select([sys.stdin], [], [], 0)[0]:
            return ""
        return os.read(sys.stdin.fileno(), 64).decode("ascii", "ignore")
