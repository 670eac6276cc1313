"""The live bound against the closed form and against what sessions reach."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.metrics import fixed_filter_bound
from antiphase.realtime.bound import BoundKeeper, best_filter, left_by
from antiphase.realtime.load import InlinePool
from antiphase.realtime.meter import Meter
from antiphase.realtime.roster import Device

from .engine_loop import FS, EngineLoop, paths, speaker


def test_the_filter_is_that_of_the_offline_bound() -> None:
    """Without a gap it leaves exactly what `fixed_filter_bound` leaves."""
    rng = np.random.default_rng(2)
    primary, secondary = paths()
    x = rng.standard_normal(2 * FS)
    d = np.convolve(x, primary)[: len(x)] + 0.1 * rng.standard_normal(len(x))
    known = np.ones(len(x), dtype=bool)
    taps = best_filter(x, d, secondary, 128, known)
    assert taps is not None
    start = 128 + len(secondary)
    offline = fixed_filter_bound(x, d, secondary, 128, start=start, ridge=1e-9)
    left = left_by(taps, x, d, secondary)
    np.testing.assert_allclose(left[start:], offline.error[start:], atol=1e-6)
    assert best_filter(x, d, secondary, 4096, known) is None
    assert best_filter(np.zeros_like(x), d, secondary, 128, known) is None


def test_gaps_are_no_part_of_it() -> None:
    """Where the reference is nonsense and flagged, the filter is that of the rest."""
    rng = np.random.default_rng(3)
    primary, secondary = paths()
    x = rng.standard_normal(4 * FS)
    d = np.convolve(x, primary)[: len(x)]
    known = np.ones(len(x), dtype=bool)
    for at in range(2000, len(x), 4000):
        x[at : at + 40] = 0.0
        known[at : at + 40 + 512] = False
    taps = best_filter(x, d, secondary, 256, known)
    assert taps is not None
    left = left_by(taps, x, d, secondary)
    judged = known.copy()
    judged[:2000] = False
    clean = 10 * np.log10(np.sum(d[judged] ** 2) / np.sum(left[judged] ** 2))
    blind = fixed_filter_bound(x, d, secondary, 256, start=2000).nr_db
    assert clean > blind + 10


def test_the_bound_is_that_of_the_noise_floor() -> None:
    """White noise with a floor 20 dB below gives 20 dB, after three seconds already."""
    rng = np.random.default_rng(1)
    primary, secondary = paths()
    x = rng.standard_normal(4 * FS)
    d = np.convolve(x, primary)[: len(x)]
    d += 0.1 * np.std(d) * rng.standard_normal(len(d))
    meter = Meter(FS, secondary)
    keeper = BoundKeeper(InlinePool(), meter)
    device = Device("d", speaker(secondary))
    for start in range(0, len(x), 800):
        part = slice(start, start + 800)
        meter.take(x[part], np.zeros(800), d[part])
        keeper.tick(device, start / FS)
        keeper.tick(None, start / FS)
    assert meter.bound_db == pytest.approx(20, abs=1.5)


def test_what_is_reached_stays_below_the_bound() -> None:
    """Ten seconds whose level swings by 20 dB: never above it by more than the stated error."""
    rng = np.random.default_rng(5)
    swing = 10 ** (0.5 * np.sin(2 * np.pi * np.arange(13 * FS) / (3 * FS)))
    loop = EngineLoop(0.05 * swing * rng.standard_normal(13 * FS), noise=0.05)
    loop.run(3.5)
    seen = []
    for _ in range(18):
        loop.run(0.5)
        shown = loop.engine.figures(loop.now).attenuation
        assert shown.bound is not None
        assert shown.bound_error is not None
        assert shown.estimated is not None
        assert shown.estimated <= shown.bound + shown.bound_error
        assert shown.bound_error < 1.5
        seen.append(shown.bound - shown.estimated)
    assert np.median(seen) < 3


def test_other_paths_are_soon_other_bounds() -> None:
    """What is reached passes a bound of paths that are gone: asked for again after a second."""
    rng = np.random.default_rng(6)
    secondary = paths()[1]
    x = rng.standard_normal(12 * FS)
    near, far = np.eye(1, 200, 60)[0], np.eye(1, 200, 90)[0]
    d = np.concatenate(
        [np.convolve(x, near)[: 6 * FS], np.convolve(x, far)[6 * FS : len(x)]]
    ) + 0.05 * rng.standard_normal(len(x))
    meter = Meter(FS, secondary)
    keeper = BoundKeeper(InlinePool(), meter)
    device = Device("d", speaker(secondary))
    for start in range(0, len(x), 800):
        part = slice(start, start + 800)
        meter.take(x[part], np.zeros(800), d[part])
        keeper.tick(device, start / FS)
    assert meter.bound_db == pytest.approx(26, abs=6)


def test_a_lag_that_has_moved_is_no_part_of_the_bound() -> None:
    """Three samples of slip at 2 s: the bound of 3.5 s is that of what came after."""
    rng = np.random.default_rng(8)
    primary, secondary = paths()
    x = rng.standard_normal(4 * FS)
    d = np.convolve(x, primary)[: len(x)]
    d += 0.1 * np.std(d) * rng.standard_normal(len(d))
    slipped = np.concatenate([x[: 2 * FS], x[2 * FS - 3 : -3]])
    bounds = []
    for told in (False, True):
        meter = Meter(FS, secondary)
        keeper = BoundKeeper(InlinePool(), meter)
        for start in range(0, round(3.5 * FS), 800):
            part = slice(start, start + 800)
            meter.take(slipped[part], np.zeros(800), d[part])
            if told and start == 2 * FS:
                meter.doubt()
            keeper.tick(Device("d", speaker(secondary)), start / FS)
            keeper.tick(None, start / FS)
        bounds.append(meter.bound_db or 0.0)
    assert bounds[0] < 15
    assert bounds[1] == pytest.approx(20, abs=1.5)
