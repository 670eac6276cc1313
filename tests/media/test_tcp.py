"""ICE over TCP, the listener: frames cut anywhere, strangers, peers that do not read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from antiphase.media import tcp
from antiphase.media.stun import Address
from antiphase.media.tcp import TcpListener, is_tcp, tcp_address

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def with_listener(
    check: Callable[[TcpListener, list[tuple[bytes, Address]]], Awaitable[None]],
) -> None:
    async def whole() -> None:
        listener = await TcpListener.start("127.0.0.1", 0)
        came: list[tuple[bytes, Address]] = []
        listener.on_datagram = lambda datagram, source: came.append((datagram, source))
        try:
            await check(listener, came)
        finally:
            listener.close()

    asyncio.run(whole())


def framed(*datagrams: bytes) -> bytes:
    return b"".join(len(d).to_bytes(2) + d for d in datagrams)


async def connect(listener: TcpListener) -> Streams:
    return await asyncio.open_connection("127.0.0.1", listener.port)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within five seconds")


def test_addresses_tell_tcp_from_udp() -> None:
    """The same host and port over TCP is another address."""
    assert is_tcp(tcp_address("127.0.0.1", 5))
    assert not is_tcp(("127.0.0.1", 5))
    assert is_tcp(tcp_address("fe80::1%eth0", 5))


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_frames_come_whole_however_they_are_cut(piece: int) -> None:
    """Bytes in pieces of any length give the datagrams that were framed; empty frames are none."""
    datagrams = [bytes([k]) * (50 * k + 1) for k in range(8)]

    async def check(listener: TcpListener, came: list[tuple[bytes, Address]]) -> None:
        _, writer = await connect(listener)
        data = framed(*datagrams[:4], b"", *datagrams[4:])
        for start in range(0, len(data), piece):
            writer.write(data[start : start + piece])
            await writer.drain()
        await until(lambda: len(came) == len(datagrams))
        assert [datagram for datagram, _ in came] == datagrams
        host, port = writer.get_extra_info("sockname")
        assert {source for _, source in came} == {tcp_address(host, port)}
        writer.close()

    with_listener(check)


def test_answers_are_framed() -> None:
    """What is sent to a source arrives on its connection, with its length before it."""

    async def check(listener: TcpListener, came: list[tuple[bytes, Address]]) -> None:
        reader, writer = await connect(listener)
        writer.write(framed(b"hello"))
        await until(lambda: bool(came))
        listener.send(b"answer", came[0][1])
        listener.send(b"nobody", tcp_address("127.0.0.1", 1))
        assert await reader.readexactly(8) == framed(b"answer")
        writer.close()

    with_listener(check)


def test_a_frame_longer_than_any_datagram_ends_the_connection() -> None:
    """Nobody makes the server keep 64 kB of waiting bytes."""

    async def check(listener: TcpListener, came: list[tuple[bytes, Address]]) -> None:
        reader, writer = await connect(listener)
        writer.write((0xFFFF).to_bytes(2) + bytes(10))
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        assert came == []
        writer.close()

    with_listener(check)


def test_a_stranger_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who passes no check in time is disconnected; who has passed one stays."""
    monkeypatch.setattr(tcp, "_PROOF_SECONDS", 0.05)

    async def check(listener: TcpListener, came: list[tuple[bytes, Address]]) -> None:
        reader, writer = await connect(listener)
        stranger, other = await connect(listener)
        writer.write(framed(b"proof"))
        await until(lambda: bool(came))
        listener.knows = lambda source: source == came[0][1]
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(stranger.readexactly(1), 5)
        listener.send(b"welcome", came[0][1])
        assert await asyncio.wait_for(reader.readexactly(9), 5) == framed(b"welcome")
        writer.close()
        other.close()

    with_listener(check)


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a connection is closed at once; a place that is left can be taken."""
    monkeypatch.setattr(tcp, "_MAX_CONNECTIONS", 2)

    async def check(listener: TcpListener, came: list[tuple[bytes, Address]]) -> None:
        del came
        first, second = await connect(listener), await connect(listener)
        await until(lambda: len(listener._connections) == 2)
        reader, writer = await connect(listener)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        first[1].close()
        await until(lambda: len(listener._connections) == 1)
        third = await connect(listener)
        await until(lambda: len(listener._connections) == 2)
        for _, kept in (second, third):
            kept.close()
        writer.close()

    with_listener(check)


def test_a_peer_that_does_not_read_costs_bounded_memory() -> None:
    """What does not fit is dropped and counted, as a full UDP queue would."""

    async def check(listener: TcpListener, came: list[tuple[bytes, Address]]) -> None:
        _, writer = await connect(listener)
        writer.write(framed(b"hello"))
        await until(lambda: bool(came))
        connection = listener._connections[came[0][1]]
        for _ in range(20000):
            listener.send(bytes(1000), came[0][1])
        assert listener.dropped > 10000
        assert connection.transport.get_write_buffer_size() < 70000
        writer.close()

    with_listener(check)
