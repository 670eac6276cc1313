"""The network packet by packet."""

from __future__ import annotations

import numpy as np

from antiphase.devices.rig import LiveLink
from antiphase.simulation import ExponentialJitter, IndependentLoss, Link


def arrivals(seed: int, loss: float = 0.05) -> list[float | None]:
    link = LiveLink(Link(10.0, ExponentialJitter(2.0), IndependentLoss(loss)), seed)
    return [link.arrival(0.005 * k) for k in range(4000)]


def test_delay_jitter_and_loss_are_those_of_the_link() -> None:
    """Least delay, mean jitter and share of losses are as set; nothing overtakes."""
    got = arrivals(3)
    assert got == arrivals(3)
    assert got != arrivals(4)
    came = [(0.005 * k, at) for k, at in enumerate(got) if at is not None]
    delays = np.array([at - sent for sent, at in came])
    assert 0.010 <= delays.min() < 0.0101
    assert 0.0115 < delays.mean() < 0.0130
    assert 0.04 < 1 - len(came) / len(got) < 0.06
    assert (np.diff([at for _, at in came]) >= 0).all()


def test_a_packet_may_be_spared() -> None:
    """What must not be lost is not, and takes no draw from the others."""
    link = LiveLink(Link(1.0, loss=IndependentLoss(1.0)))
    assert link.arrival(0.0, may_lose=False) is not None
    assert link.arrival(0.0) is None
    assert (link.sent, link.lost) == (2, 1)
