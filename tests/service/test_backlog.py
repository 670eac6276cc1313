"""Writes that nobody waits for: none is lost silently."""

from __future__ import annotations

import logging
import threading

import pytest

from antiphase.service.backlog import Backlog


def test_a_store_that_fails_for_a_while_gets_everything_in_order() -> None:
    """What it refuses is tried again; nothing is lost and nothing overtakes."""
    got: list[int] = []
    faults = iter([True, True, False, True])

    def write(items: list[int]) -> None:
        if next(faults, False):
            raise OSError("gone")
        got.extend(items)

    log: Backlog[int] = Backlog("test store", write)
    for k in range(50):
        log.put(k)
    assert log.settle(20)
    log.close()
    assert got == list(range(50))
    assert (log.failures, log.lost, log.waiting) == (3, 0, 0)


def test_one_that_is_refused_for_good_does_not_hold_up_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is given up by itself, counted and logged."""
    got: list[int] = []

    def write(items: list[int]) -> None:
        if 3 in items:
            raise ValueError("not three")
        got.extend(items)

    log: Backlog[int] = Backlog("test store", write, tries=3)
    with caplog.at_level(logging.WARNING, "antiphase.service"):
        for k in range(6):
            log.put(k)
        assert log.settle(20)
    log.close()
    assert got == [0, 1, 2, 4, 5]
    assert log.lost == 1
    assert "not three" in caplog.text
    assert "1 writes to the test store are lost" in caplog.text


def test_more_than_may_wait_is_counted_as_lost() -> None:
    """The oldest are given up, so that the memory ends somewhere."""
    open_up = threading.Event()
    got: list[int] = []

    def write(items: list[int]) -> None:
        open_up.wait(20)
        got.extend(items)

    log: Backlog[int] = Backlog("test store", write, most=10)
    for k in range(25):
        log.put(k)
    assert log.waiting == 10
    open_up.set()
    log.close()
    assert log.lost + len(set(got)) >= 25
    assert got[-10:] == list(range(15, 25))


def test_closing_does_not_wait_for_a_dead_store_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """What is still waiting then is counted and logged as lost."""

    def write(_: list[int]) -> None:
        raise OSError("gone")

    log: Backlog[int] = Backlog("test store", write)
    log.put(1)
    assert not log.settle(0.05)
    log.close(0.3)
    assert log.lost == 1
    assert "the service ends" in caplog.text
