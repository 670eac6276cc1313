"""Data channels in virtual time: order, loss, both reliabilities, bad use."""

from __future__ import annotations

import contextlib
import random
import struct
from collections import deque

import pytest

from antiphase.errors import ParameterError, ProtocolError, SignalError
from antiphase.media.datachannel import (
    MAX_MESSAGE,
    ChannelClosed,
    ChannelEvent,
    ChannelMessage,
    ChannelOpened,
    DataChannels,
)
from tests.media.packets import numbered


class Pair:
    """Two peers joined by queues that may lose packets."""

    def __init__(self, loss: float = 0.0) -> None:
        self.now = 0.0
        self.loss = loss
        self.rng = random.Random(4)  # noqa: S311 - reproducible loss
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.server = DataChannels("server", self.down.append, 0.0)
        self.client = DataChannels("client", self.up.append, 0.0)
        self.events: list[ChannelEvent] = []

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.01
            for queue, target in ((self.up, self.server), (self.down, self.client)):
                for _ in range(len(queue)):
                    packet = queue.popleft()
                    if self.rng.random() >= self.loss:
                        target.receive(packet, self.now)
            self.server.tick(self.now)
            self.client.tick(self.now)
            self.events += self.server.poll_events()

    def messages(self) -> list[bytes | str]:
        return [e.data for e in self.events if isinstance(e, ChannelMessage)]


def unfinished(number: int, stream: int, size: int) -> bytes:
    """Return a DATA chunk that begins a message which never ends."""
    body = struct.pack("!LHHL", number & 0xFFFFFFFF, stream, 0, 53) + bytes(size)
    return struct.pack("!BBH", 0, 2, len(body) + 4) + body + bytes(-len(body) % 4)


@pytest.mark.parametrize(
    ("size", "streams", "chunks"), [(1100, 1, 4000), (1, 1, 6000), (1, 4000, 4000)]
)
def test_messages_that_never_end_cost_bounded_memory(size: int, streams: int, chunks: int) -> None:
    """Long or many pieces, on one stream or many: what is beyond the window is not taken."""
    pair = Pair()
    pair.client.open("a", 0.0)
    pair.run(0.3)
    sctp = pair.server._sctp
    first, refused = (sctp._last_received_tsn or 0) + 2, 0  # one is missing for ever
    each = max(1, 1200 // (20 + size))
    for k in range(0, chunks, each):
        pieces = [unfinished(first + j, j % streams, size) for j in range(k, k + each)]
        try:
            pair.server.receive(numbered(bytes(12) + b"".join(pieces), sctp), pair.now)
        except ProtocolError:
            refused += 1
    assert refused > 0
    held = [piece for stream in sctp._inbound_streams.values() for piece in stream.reassembly]
    assert sum(len(piece.user_data) for piece in held) < 2.2e6
    assert len(held) < 2200
    assert len(sctp._inbound_streams) < 1100


def test_a_backlog_behind_one_lost_piece_is_caught_up() -> None:
    """Thousands of small messages wait for the one that was lost; it is taken, and all arrive."""
    pair = Pair()
    pair.client.open("a", 0.0)
    pair.run(0.3)
    sctp = pair.server._sctp
    first = (sctp._last_received_tsn or 0) + 1
    (stream,) = sctp._data_channels
    whole = []
    for k in range(3000):
        body = struct.pack("!LHHL", first + k & 0xFFFFFFFF, stream, k + 1, 53) + b"x"
        whole.append(struct.pack("!BBH", 0, 3, len(body) + 4) + body + bytes(-len(body) % 4))
    for k in range(1, 3000):
        with contextlib.suppress(ProtocolError):
            pair.server.receive(numbered(bytes(12) + whole[k], sctp), pair.now)
    pair.events += pair.server.poll_events()
    assert pair.messages() == []
    pair.server.receive(numbered(bytes(12) + whole[0], sctp), pair.now)
    pair.events += pair.server.poll_events()
    assert len(pair.messages()) > 2000


def test_messages_arrive_whole_and_in_order() -> None:
    """Bytes and text of any size up to the limit, from a channel that the peer made."""
    pair = Pair()
    pair.client.open("anc.split", 0.0)
    pair.run(0.5)
    sent: list[bytes | str] = [bytes([k]) * size for k, size in enumerate([1, 4800, MAX_MESSAGE])]
    sent.append("text")
    for message in sent:
        pair.client.send("anc.split", message, pair.now)
    pair.run(3.0)
    assert ChannelOpened("anc.split") in pair.events
    assert pair.messages() == sent


def test_a_reliable_channel_survives_loss() -> None:
    """With 20 % of packets lost every message still arrives, in order."""
    pair = Pair()
    pair.client.open("reliable", 0.0)
    pair.run(0.5)
    pair.loss = 0.2
    for k in range(50):
        pair.client.send("reliable", b"%d" % k, pair.now)
        pair.run(0.1)
    pair.run(60.0)
    assert pair.messages() == [b"%d" % k for k in range(50)]


def test_a_lossy_channel_does_not_wait_for_the_lost() -> None:
    """Unordered without retransmission: most arrive, none twice, and nothing stalls."""
    pair = Pair()
    pair.client.open("lossy", 0.0, ordered=False, max_retransmits=0)
    pair.run(0.5)
    pair.loss = 0.2
    for k in range(100):
        pair.client.send("lossy", b"%d" % k, pair.now)
        pair.run(0.1)
    pair.loss = 0.0
    pair.run(5.0)
    got = pair.messages()
    assert 40 < len(got) < 100
    assert len(set(got)) == len(got)


def test_closing_is_seen_by_the_other_side() -> None:
    """A closed channel is gone on both sides and its label is free again."""
    pair = Pair()
    pair.client.open("x", 0.0)
    pair.run(0.5)
    pair.client.close("x", pair.now)
    pair.run(1.0)
    assert ChannelClosed("x") in pair.events
    pair.client.open("x", pair.now)
    pair.run(1.0)
    pair.client.send("x", b"again", pair.now)
    pair.run(1.0)
    assert pair.messages() == [b"again"]


def test_bad_use_is_refused_by_name() -> None:
    """Unknown labels, taken labels and oversize messages raise at the caller."""
    pair = Pair()
    pair.client.open("x", 0.0)
    with pytest.raises(ParameterError, match="label='y'"):
        pair.client.send("y", b"", 0.0)
    with pytest.raises(ParameterError, match="new among"):
        pair.client.open("x", 0.0)
    pair.run(0.5)
    with pytest.raises(SignalError, match="longer"):
        pair.client.send("x", bytes(MAX_MESSAGE + 1), pair.now)


def test_a_peer_that_stops_reading_is_noticed() -> None:
    """Unsent bytes are bounded: the sender is told instead of the memory growing."""
    pair = Pair()
    pair.client.open("x", 0.0)
    pair.run(0.5)
    pair.loss = 1.0
    for _ in range(19):
        pair.client.send("x", bytes(60000), pair.now)
    with pytest.raises(SignalError, match="unsent"):
        pair.client.send("x", b"", pair.now)


def test_random_packets_do_not_break_the_association() -> None:
    """Junk inside DTLS (a broken peer) is dropped and messages still pass."""
    pair = Pair()
    pair.client.open("x", 0.0)
    pair.run(0.5)
    rng = random.Random(5)  # noqa: S311 - reproducible junk
    for size in range(60):
        pair.server.receive(rng.randbytes(size), pair.now)
    pair.client.send("x", b"fine", pair.now)
    pair.run(1.0)
    assert pair.messages() == [b"fine"]
