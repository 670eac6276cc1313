"""The native carrier's own parts; whole sessions are tested in test_native_loop."""

from __future__ import annotations

import os

import pytest

from antiphase.media import srtp
from antiphase.media.native_session import native_loop_available

linux = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="the batch loop needs Linux")


@linux
def test_available_where_the_wheels_are() -> None:
    """On Linux with the pinned wheels the batch loop loads."""
    assert native_loop_available()


def test_not_available_without_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A libsrtp of another line is not called; the plain driver runs instead."""

    def missing() -> None:
        raise ImportError

    monkeypatch.setattr(srtp, "library", missing)
    assert not native_loop_available()
