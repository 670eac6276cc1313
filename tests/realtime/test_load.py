"""Pools of solvers."""

from __future__ import annotations

import threading
import time

import pytest

from antiphase.errors import ParameterError
from antiphase.realtime import InlinePool, ThreadPool


def test_inline_is_done_at_once() -> None:
    """The ticket is ready with the result."""
    ticket = InlinePool().submit(lambda: 7, 0.0)
    assert ticket.ready(0.0)
    assert ticket.result() == 7


def test_threads_do_it_elsewhere() -> None:
    """A job runs on another thread; its fault comes out with the result."""
    pool = ThreadPool(1)
    names = pool.submit(lambda: threading.current_thread().name, 0.0)
    fault = pool.submit(lambda: 1 / 0, 0.0)
    while not fault.ready(0.0):
        time.sleep(0.001)
    assert names.result().startswith("antiphase-solver")
    with pytest.raises(ZeroDivisionError):
        fault.result()
    pool.stop()


def test_room_is_counted() -> None:
    """A pool takes as many sessions as fit."""
    pool = InlinePool(most_sessions=1)
    assert pool.has_room()
    pool.open()
    assert not pool.has_room()
    pool.close()
    assert pool.has_room()
    with pytest.raises(ParameterError):
        ThreadPool(0)
