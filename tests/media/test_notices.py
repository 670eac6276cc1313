"""Log lines about what is dropped: one per kind, rate limited."""

from __future__ import annotations

import logging

import pytest

from antiphase.media.events import Counters
from antiphase.media.notices import _WORDS, Notices

LOG = logging.getLogger("antiphase.media")


def test_one_line_however_many_datagrams(caplog: pytest.LogCaptureFixture) -> None:
    """A growing counter is told at once, then summed up every ten seconds."""
    notices = Notices(LOG)
    counters = Counters()
    for k in range(220):
        counters.ungated += 1000
        notices.report(counters, 100 + 0.1 * k)
    amounts = [int(r.getMessage().split()[0]) for r in caplog.records]
    assert len(amounts) == 3
    assert amounts[0] == 1000
    assert sum(amounts) <= counters.ungated


def test_quiet_when_nothing_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    """No line without a reason, and each reason has its own."""
    notices = Notices(LOG)
    notices.report(Counters(), 0.0)
    assert caplog.records == []
    notices.report(Counters(junk=1, sdp_refused=2), 0.1)
    assert len(caplog.records) == 2


def test_every_counter_has_its_words() -> None:
    """A new counter needs a line in the log."""
    assert set(_WORDS) == set(vars(Counters()))
