"""Local control as a device."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.control import Block, Push, Rollback
from antiphase.devices.soundcard import LocalDevice
from antiphase.simulation import run_loop

FS = 8000
PATH = np.zeros(240)
PATH[200:] = 0.8 * np.exp(-np.arange(40) / 6.0)


def hum(seconds: float) -> np.ndarray:
    n = np.arange(round(seconds * FS))
    noise = 1e-3 * np.random.default_rng(1).standard_normal(len(n))
    return 0.1 * np.sin(2 * np.pi * 100 * n / FS) + 0.05 * np.sin(2 * np.pi * 300 * n / FS) + noise


def device() -> LocalDevice:
    return LocalDevice(256, secondary_path_estimate=PATH, fs=FS, limit=0.5)


def test_hum_falls_behind_25_ms() -> None:
    """With a secondary path of 25 ms hum falls by more than 20 dB; the limit is kept."""
    d = hum(8)
    run = run_loop(device(), reference=np.zeros(len(d)), disturbance=d, secondary_path=PATH)
    last = slice(-FS, None)
    assert 10 * np.log10(np.sum(d[last] ** 2) / np.sum(run.error[last] ** 2)) > 20
    assert np.abs(run.drive).max() <= 0.5


def test_any_split_gives_the_same() -> None:
    """Blocks of any length give the same drive."""
    e = hum(1.0).astype(np.float32)
    x = np.zeros(len(e), np.float32)
    whole = device().process(x, e)
    parts = device()
    cut = np.cumsum([1, 7, 500, 3400, 93, 1000, 1999])
    pieces = zip(np.split(x, cut), np.split(e, cut), strict=True)
    out = np.empty(len(e), np.float32)
    at = 0
    for xs, es in pieces:
        parts.process(xs, es, out[at : at + len(es)])
        at += len(es)
    np.testing.assert_array_equal(out, whole)
    assert whole.any()


def test_blocks_hold_what_was_heard_and_played() -> None:
    """Blocks of 100 ms follow each other without a gap; x is 0."""
    each = device()
    e = hum(1.0).astype(np.float32)
    drive = np.concatenate(
        [each.process(np.zeros(100, np.float32), e[k : k + 100]) for k in range(0, 2400, 100)]
    )
    first = each.poll()
    assert [type(m) for m in first] == [Block, Block]
    blocks = [m for m in first if isinstance(m, Block)]
    assert [b.first_sample for b in blocks] == [0, 800]
    # The error of frame n comes with frame n + 1.
    np.testing.assert_array_equal(blocks[1].error[:, 0], e[801:1601])
    np.testing.assert_array_equal(blocks[1].drive[:, 0], drive[800:1600])
    assert not blocks[0].reference.any()
    assert each.poll() == []
    assert each.guard.state in {"active", "testing", "muted"}
    assert each.settle == FS // 2


def test_a_rollback_silences_it() -> None:
    """`Rollback` sets w to 0; a push is not for it."""
    each = device()
    e = hum(2.0).astype(np.float32)
    assert np.abs(each.process(np.zeros(len(e), np.float32), e)[-100:]).max() > 0.01
    each.adapting = False
    assert each.receive(Rollback(0)) == []
    taps = np.ones((1, 1, 256), np.float32)
    assert each.receive(Push(1, taps, 0, 0)) == []
    assert not each.process(np.zeros(100, np.float32), e[:100]).any()
    assert each.now == pytest.approx(len(e) + 99)
