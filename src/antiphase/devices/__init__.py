"""The far end of a session: testers that are real clients (rigs and sound cards follow)."""

from __future__ import annotations

from antiphase.devices.loadtest import LoadReport, LoadSettings, LoadTest, percentile_ms

__all__ = ["LoadReport", "LoadSettings", "LoadTest", "percentile_ms"]
