"""The rig in a process of its own."""

from __future__ import annotations

import time

import pytest

from antiphase.devices.rig import RigProcess, RigReport, RigWish, call_server
from antiphase.errors import ProtocolError
from tests.devices.rig.live import free_port, service


def test_reports_come_and_leaving_ends_the_session() -> None:
    """The child reports twice a second; when it is let go its session is gone from the server."""
    with service() as (server, _):
        with RigProcess(RigWish(server, ("drill",), options={"seconds": 4.0})) as rig:
            end = time.monotonic() + 30
            reports: list[RigReport] = []
            while len(reports) < 4 and time.monotonic() < end:
                report = rig.next(1.0)
                if report is not None:
                    reports.append(report)
            assert [r.scene for r in reports] == ["drill"] * 4
        assert call_server(server, "GET", "/sessions") == []


def test_what_ends_the_rig_is_told() -> None:
    """Without a server the parent gets the child's one line."""
    wish = RigWish(f"http://127.0.0.1:{free_port()}", ("road",), options={"seconds": 2.0})
    with RigProcess(wish) as rig, pytest.raises(ProtocolError, match="no answer"):
        rig.next(60.0)
