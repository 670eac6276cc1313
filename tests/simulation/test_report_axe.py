"""Reports can be read with a keyboard, a screen reader and weak eyes, as axe-core sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from antiphase.simulation.measurement import measure_paths, write_measurement
from antiphase.simulation.report import write_report
from antiphase.simulation.scenario import load_scenario
from antiphase.simulation.study import run_study
from tests.axe import faults
from tests.media.browser import needs_chromium, open_page
from tests.simulation.test_measurement import SWEEP, path, record

pytestmark = needs_chromium


def seen(path: Path) -> list[str]:
    """Return the faults of a page; its pictures lie beside it."""

    async def run() -> list[str]:
        async with open_page() as page:
            await page.goto(path.as_uri())
            return await faults(page, path.with_suffix(".png"))

    return asyncio.run(run())


def test_the_report_of_a_scenario(tmp_path: Path) -> None:
    """Verdict, notes, figures, sounds, pictures and tables."""
    study = run_study(load_scenario("duct", {"seconds": 2.0}))
    assert seen(write_report(study, tmp_path).page) == []


@pytest.mark.slow
def test_the_page_of_a_measurement(tmp_path: Path) -> None:
    """Of paths from a recording."""
    measured = measure_paths(record(tmp_path, path(20, 0)[None, None]), n_taps=300, **SWEEP)
    assert seen(write_measurement(measured, tmp_path / "paths.npz")) == []
