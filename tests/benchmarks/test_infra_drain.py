"""A rolling restart with real processes and real WebRTC."""

from __future__ import annotations

import pytest

from benchmarks.infra_drain import rolling_restart


@pytest.mark.slow
def test_a_rolling_restart_loses_no_session() -> None:
    """Each of six live sessions, filters of three running, is handed over twice and heard again."""
    found = rolling_restart(6)
    assert found["drain_lost_sessions"] == 0
    assert found["drain_moved_sessions"] == 6
    assert 0 < found["drain_gap_s_max"] < found["drain_deadline_s"]
    for kind in ("clean", "split"):
        assert found[f"drain_nr_db_before_{kind}"] > 6
        assert found[f"drain_nr_db_after_{kind}"] > 6
