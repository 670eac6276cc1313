"""An attack on a server while aiortc, the honest peer, listens to its own tone: what must hold."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection

from antiphase.media import notices
from antiphase.media.answer import AnswerPolicy
from antiphase.media.dtls import Certificate, DtlsTransport
from antiphase.media.endpoint import Endpoint
from antiphase.media.ice import _MAX_IDS, _MAX_SOURCES
from antiphase.media.session import SessionSettings
from tests.media.foreign import Call, Tone
from tests.media.room import Driver, Room, in_room

__all__ = ["CERTIFICATE", "HONEST", "Stranger", "attacked", "foreign_hello", "pour"]

CERTIFICATE = Certificate()
HONEST = "honest"
_HANDFUL = 100
_PATIENCE_SECONDS = 20.0
_SETTLED_SECONDS = 0.3  # of sound: codecs have begun
_AFTER_SECONDS = 0.3
_GROWTH_BYTES = 2 << 20  # of the whole process, both peers in it


class Stranger:
    """A socket that belongs to nobody's session."""

    def __init__(self, room: Room) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.target = room.driver.address
        room.closing.append(self.socket.close)

    def send(self, datagram: bytes) -> None:
        self.socket.sendto(datagram, self.target)


def foreign_hello() -> bytes:
    """Return the first flight of a handshake that nobody asked for."""
    transport = DtlsTransport(CERTIFICATE, "client", (CERTIFICATE.fingerprint,))
    transport.start()
    return transport.take_outgoing()[0]


def dropped(endpoint: Endpoint) -> dict[str, int]:
    """Return the counters that are not zero."""
    return {name: count for name, count in asdict(endpoint.counters).items() if count}


async def pour(
    room: Room, send: Callable[[bytes], None], datagrams: Sequence[bytes], *, uncounted: int = 0
) -> None:
    """Send as fast as the server counts them, so that the kernel drops none of anybody's.

    `uncounted` is how many of them the server may take without a word.
    """
    due = sum(dropped(room.endpoint).values()) - uncounted
    for k in range(0, len(datagrams), _HANDFUL):
        handful = datagrams[k : k + _HANDFUL]
        for datagram in handful:
            send(datagram)
        due += len(handful)
        end = time.monotonic() + _PATIENCE_SECONDS
        while sum(dropped(room.endpoint).values()) < due:
            assert time.monotonic() < end, dropped(room.endpoint)
            await asyncio.sleep(0.001)


def _memory(call: Call) -> int:
    """Return the bytes of this process that are in memory, without what the test keeps."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    kept = sum(frame.nbytes for frame in call.ear.frames) + sum(
        map(len, call.nat.sent + call.nat.got)
    )
    return pages * os.sysconf("SC_PAGE_SIZE") - kept


def _check_bounded(endpoint: Endpoint) -> None:
    """Check that nothing of the attack is kept."""
    assert list(endpoint.sessions) == [HONEST]
    assert len(endpoint._by_ufrag) == 1
    assert 1 <= len(endpoint._by_source) <= _MAX_SOURCES
    agent = endpoint._peers[HONEST].agent
    assert len(agent.sources) <= _MAX_SOURCES
    assert len(agent._seen) <= 12 * _MAX_IDS
    assert len(endpoint._outgoing) + len(endpoint._events) < 100
    assert len(endpoint.sessions[HONEST].incoming) == 1


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the counters that warnings of the server speak of, one for each line."""
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("antiphase") and record.levelno >= logging.WARNING
    ]
    names = [re.search(r"\((\w+)\)$", line) for line in lines]
    return sorted(name[1] if name else line for name, line in zip(names, lines, strict=True))


def attacked(
    kind: Driver,
    caplog: pytest.LogCaptureFixture,
    expected: dict[str, int],
    attack: Callable[[Call], Awaitable[None]],
    *,
    before: Callable[[Call], Awaitable[None]] | None = None,
    prepare: Callable[[RTCPeerConnection], None] = lambda _: None,
    policy: AnswerPolicy | None = None,
    session: SessionSettings | None = None,
) -> None:
    """Run an attack and check all that an attack must leave as it was.

    The honest peer hears its tone from before the attack to after it, sample by sample; the process
    does not grow and the server keeps nothing; the counters in `expected` rise by at least so much,
    and no other; the log has one line for each of them. `before` is run between the answer and the
    peer's first datagram.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notices, "_QUIET_SECONDS", 3600.0)  # a slow machine is no second line

        async def check(room: Room) -> None:
            call = await Call.dial(room, HONEST, track=Tone, listen=False, prepare=prepare)
            if before is not None:
                await before(call)
            await call.go()
            try:
                await _under(attack, call)
                counts = dropped(room.endpoint)
                assert set(counts) == set(expected), counts
                assert all(counts[name] >= least for name, least in expected.items()), counts
            finally:
                await call.hang_up()

        with caplog.at_level(logging.INFO, "antiphase"):
            in_room(
                kind, check, policy=policy or AnswerPolicy(), session=session or SessionSettings()
            )
        assert told(caplog) == sorted(expected)


async def _under(attack: Callable[[Call], Awaitable[None]], call: Call) -> None:
    """Attack while the peer listens."""
    endpoint = call.room.endpoint
    assert await call.room.until(lambda: hasattr(call, "ear") and call.ear.seconds > 0.1)
    await call.heard(_SETTLED_SECONDS)
    since, memory = len(call.ear.frames), _memory(call)
    await attack(call)
    await call.heard(_AFTER_SECONDS)
    assert _memory(call) - memory < _GROWTH_BYTES
    _check_bounded(endpoint)
    call.ear.check_whole(since, -10.0)
    assert call.peer.connectionState == "connected"
    (incoming,) = endpoint.sessions[HONEST].incoming.values()
    incoming.receiver.statistics.report(1, 0, 0)
    assert incoming.receiver.statistics.lost == 0
