"""Data channel messages that never end, to both drivers, while aiortc listens; see `attack.py`."""

from __future__ import annotations

from functools import partial

import pytest
from aiortc import RTCPeerConnection

from tests.media.attack import attacked
from tests.media.foreign import Call
from tests.media.packets import numbered
from tests.media.room import DRIVERS, Driver
from tests.media.test_datachannel import unfinished

N_PACKETS, SIZE = 2400, 1100


@DRIVERS
def test_messages_that_never_end(kind: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """A peer's endless messages are held up to the window and dropped beyond it."""

    def with_data(peer: RTCPeerConnection) -> None:
        peer.createDataChannel("telemetry").on("open", lambda: None)

    async def flood(call: Call) -> None:
        room = call.room
        attacker, channels = await room.join_with_channels("attacker")
        assert attacker.client.session is not None
        sctp = channels._sctp
        attacker.spoil_heard = lambda _: []  # no time for what the server answers
        first = (sctp._last_received_tsn or 0) + 2  # one is missing for ever

        def held() -> list[int]:
            streams = sctp._inbound_streams.values()
            return [len(piece.user_data) for stream in streams for piece in stream.reassembly]

        def taken() -> int:
            return len(held()) + room.endpoint.counters.sctp_failed

        for sent in range(0, N_PACKETS, 50):
            for k in range(sent, sent + 50):
                piece = numbered(bytes(12) + unfinished(first + k, 0, SIZE), sctp)
                attacker.client.session.dtls.send(piece)
            attacker.flush()
            attacker.sent.clear()
            assert await room.until(partial(lambda due: taken() >= due, sent + 50))
        assert 500 < len(held()) < 2200
        assert sum(held()) < 2.2e6
        room.endpoint.close("attacker")
        room.peers.remove(attacker)
        attacker.transport.close()

    attacked(kind, caplog, {"sctp_failed": 300}, flood, prepare=with_data)
