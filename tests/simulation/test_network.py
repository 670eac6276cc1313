"""Links against the distributions they state."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from antiphase.errors import ParameterError, SignalError
from antiphase.simulation.network import (
    ExponentialJitter,
    GilbertLoss,
    HalfNormalJitter,
    IndependentLoss,
    Jitter,
    Link,
    Loss,
    WifiJitter,
    packetise,
)

Floats = npt.NDArray[np.float64]
SENT_S: Floats = np.arange(40000, dtype=np.float64) * 0.005


def late_ms(link: Link, seed: int = 0) -> Floats:
    return np.asarray(1000 * (link.arrivals_s(SENT_S, seed) - SENT_S))


def test_jitter_has_the_stated_mean() -> None:
    """Exponential and half-normal delays above the least one."""
    exponential = late_ms(Link(20, ExponentialJitter(1.5)))
    assert exponential.min() == pytest.approx(20, abs=1e-3)
    assert exponential.mean() == pytest.approx(21.5, rel=0.01)
    half_normal = late_ms(Link(0, HalfNormalJitter(2.0)))
    assert half_normal.mean() == pytest.approx(2 * np.sqrt(2 / np.pi), rel=0.02)


def test_wifi_jitter_is_bursty_and_keeps_order() -> None:
    """Delays are correlated over 50 ms, no packet overtakes another, quiet spells are quiet."""
    link = Link(10, WifiJitter(0.3, 6.0, 0.2, 400))
    arrival = link.arrivals_s(SENT_S)
    assert (np.diff(arrival) >= 0).all()
    late = late_ms(link)
    centred = late - late.mean()
    correlation = np.mean(centred[10:] * centred[:-10]) / np.mean(centred**2)
    assert correlation > 0.3
    assert np.median(late) < 11
    assert np.percentile(late, 99) > 20
    busy = WifiJitter(0.3, 6.0, 0.2, 400)._busy(SENT_S, np.random.default_rng(1))
    assert busy.mean() == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize(
    ("loss", "share", "burst"),
    [(IndependentLoss(0.05), 0.05, 1 / 0.95), (GilbertLoss(0.05, 4.0), 0.05, 4.0)],
    ids=["independent", "gilbert"],
)
def test_losses_have_the_stated_rate_and_bursts(loss: Loss, share: float, burst: float) -> None:
    """Share of lost packets and mean length of a burst."""
    lost = np.isinf(Link(loss=loss).arrivals_s(SENT_S))
    starts = np.sum(lost[1:] & ~lost[:-1]) + lost[0]
    assert lost.mean() == pytest.approx(share, rel=0.1)
    assert lost.sum() / starts == pytest.approx(burst, rel=0.1)


def test_a_link_is_reproducible_and_its_parts_independent() -> None:
    """The seed fixes everything; adding loss does not change the jitter of the rest."""
    plain = Link(5, ExponentialJitter(1.0))
    lossy = Link(5, ExponentialJitter(1.0), IndependentLoss(0.1))
    np.testing.assert_array_equal(plain.arrivals_s(SENT_S, 3), plain.arrivals_s(SENT_S, 3))
    arrival = lossy.arrivals_s(SENT_S, 3)
    kept = np.isfinite(arrival)
    np.testing.assert_array_equal(arrival[kept], plain.arrivals_s(SENT_S, 3)[kept])
    assert not np.array_equal(plain.arrivals_s(SENT_S, 3), plain.arrivals_s(SENT_S, 4))


def test_packets_hold_the_frames_in_order_of_arrival() -> None:
    """Frames are sent when full; overtaken packets come in another order."""
    signal = np.arange(1000.0)
    packets = packetise(signal, signal / 8000, Link(3, reorder_rate=0.2), frame=40, seed=2)
    assert len(packets) == 25
    assert [p.sequence for p in packets] != sorted(p.sequence for p in packets)
    assert all(a.arrival_s <= b.arrival_s for a, b in pairwise(packets))
    for packet in packets:
        assert packet.sent_s == pytest.approx((packet.timestamp + 40) / 8000)
        np.testing.assert_array_equal(packet.samples, packet.timestamp + np.arange(40))


def test_redundancy_brings_lost_frames_with_a_later_packet() -> None:
    """5 % lost packets leave 0.25 % lost frames, and the rescued ones are one frame late."""
    signal = np.zeros(400000)
    capture = np.arange(400000) / 8000
    link = Link(3, loss=IndependentLoss(0.05))
    plain = packetise(signal, capture, link, frame=40, seed=1)
    doubled = packetise(signal, capture, link, frame=40, redundancy=1, seed=1)
    assert 1 - len(plain) / 10000 == pytest.approx(0.05, rel=0.15)
    assert 1 - len(doubled) / 10000 == pytest.approx(0.0025, rel=0.5)
    ways = {round(1000 * (p.arrival_s - p.sent_s), 6) for p in doubled}
    assert ways == {3.0, 8.0}


def test_impossible_links_are_refused() -> None:
    """Every parameter is checked, and times must rise."""
    makers: list[Callable[[], object]] = [
        lambda: Link(-1.0),
        lambda: Link(reorder_rate=2.0),
        lambda: IndependentLoss(1.5),
        lambda: GilbertLoss(0.9, 1.0),
        lambda: WifiJitter(busy_share=1.0),
        lambda: ExponentialJitter(-1.0),
        lambda: HalfNormalJitter(-1.0),
    ]
    for make in makers:
        with pytest.raises(ParameterError, match="must be"):
            make()
    with pytest.raises(SignalError, match="rising"):
        Link().arrivals_s([1.0, 0.0])
    with pytest.raises(SignalError, match="capture_s has 2"):
        packetise(np.zeros(3), np.zeros(2), Link(), frame=1)
    assert packetise(np.zeros(3), np.zeros(3), Link(), frame=4) == []


def test_no_packets_is_no_problem() -> None:
    """Every jitter and loss takes an empty list."""
    jitters: list[Jitter] = [ExponentialJitter(), HalfNormalJitter(), WifiJitter()]
    for jitter in jitters:
        assert Link(1, jitter, GilbertLoss(0.1)).arrivals_s(np.zeros(0)).shape == (0,)
