"""The terminal's view."""

from __future__ import annotations

import io

from rich.console import Console

from antiphase.cli.live_table import live_line, live_view
from antiphase.devices.rig import RigReport

FIGURES = {
    "mode": "split",
    "reason": "the loop closes [there]",
    "attenuation_db": {"estimated": 21.0, "a_weighted": 19.0, "bound": 24.0},
    "margin_ms": 23.8,
    "devices": [
        {"name": "kerb", "roles": ["reference"], "drift_ppm": 9.9, "loss": 0.01, "jitter_ms": 2.0}
    ],
    "deadline_misses": 3,
}


def shown(report: RigReport) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(live_view(report, [0.0, 10.0, 20.0, 40.0], "http://here/"))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_view_has_all_that_matters() -> None:
    """Truth, estimate, bound, mode and why, margin, devices, misses, page."""
    text = shown(RigReport("road", "Road", "id", 12.0, 20.4, FIGURES, 1, 2, 3, 2))
    for words in ("20.4 dB", "21.0 dB", "24.0 dB", "split", "[there]", "23.8 ms", "+9.9 ppm"):
        assert words in text
    for words in ("1.0 % lost", "rig 3", "late 1", "missing 2", "http://here/", "▁▃▅█"):
        assert words in text


def test_nothing_known_yet_is_shown_as_such() -> None:
    """Before the first figures there are dashes, not zeros."""
    report = RigReport("road", "Road", "id", 0.5, None, {}, 0, 0, 0, 0)
    assert "– true, – estimated, – bound, mode –" in live_line(report)
    assert "–" in shown(report)
