"""The queue between card and worker."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.devices.soundcard import BlockBridge, CardFormat, DeviceLoop, Recorded, Take
from antiphase.errors import ParameterError
from antiphase.identify import chirp_probe, round_trip
from tests.devices.soundcard.virtual import VirtualCard

FORM = CardFormat(8000, block=32)


def call(bridge: BlockBridge, value: float) -> float:
    """Let the card call with a block of one value; what it plays."""
    played = np.full((32, 1), 9.0, np.float32)
    bridge.exchange(np.full((32, 1), value, np.float32), played)
    return float(played[0, 0])


@pytest.mark.parametrize("depth", [1, 3])
def test_what_is_made_of_a_block_is_played_depth_blocks_later(depth: int) -> None:
    """Each result comes out exactly `depth` calls after its block."""
    bridge = BlockBridge(FORM, depth=depth)
    heard = []
    for k in range(10):
        heard.append(call(bridge, k))
        block = bridge.take()
        assert block is not None
        assert bridge.give(block.index, 100 + block.frames[:, 0])
    assert heard == [0.0] * depth + [100.0 + k for k in range(10 - depth)]
    assert (bridge.late, bridge.dropped) == (0, 0)


def test_case_16_overrun_drops_the_oldest_and_counts() -> None:
    """With a worker that does not come the queue stays bounded and holds the newest blocks."""
    bridge = BlockBridge(FORM, capacity=4)
    for k in range(20):
        call(bridge, k)
        assert bridge.waiting <= 4
    assert bridge.dropped == 16
    block = bridge.take()
    assert block is not None
    assert (block.index, block.lost, float(block.frames[0, 0])) == (16, 16, 16.0)
    following = bridge.take()
    assert following is not None
    assert following.lost == 0
    assert not bridge.give(16, np.ones(32))
    assert bridge.late == 19


def lag(card: VirtualCard, loop: DeviceLoop) -> float:
    """Measure the round trip through the whole chain, control samples."""
    probe = chirp_probe(8000)
    loop.measure(Take("chirp", probe, 1600))
    recorded: Recorded | None = None
    while recorded is None:
        card.step(loop)
        recorded = loop.fetch()
    assert recorded.faults == 0
    return round_trip(probe, recorded.error, 8000).samples


def test_case_16_lag_never_grows() -> None:
    """A worker that is four times too slow for half a second leaves silence, and the same lag."""
    path = np.zeros(100)
    path[80] = 1.0
    slow = {"on": False}
    card = VirtualCard(FORM, np.zeros(8000), path, work_s=lambda _: 0.016 if slow["on"] else 0.001)
    loop = DeviceLoop(FORM)
    before = lag(card, loop)
    slow["on"] = True
    for _ in range(125):
        card.step(loop)
        assert card.bridge.waiting <= 4
    slow["on"] = False
    for _ in range(20):
        card.step(loop)
    assert card.bridge.dropped > 60
    assert card.bridge.late > 100
    assert loop.lost_blocks == card.bridge.dropped
    assert lag(card, loop) == pytest.approx(before, abs=1e-6)


def test_a_block_is_awaited_for_a_while_only() -> None:
    """Without a card there is nothing to take; sizes that make no sense are refused."""
    assert BlockBridge(FORM).take(0.01) is None
    with pytest.raises(ParameterError, match="depth"):
        BlockBridge(FORM, depth=0)
    with pytest.raises(ParameterError, match="capacity"):
        BlockBridge(FORM, capacity=0)
