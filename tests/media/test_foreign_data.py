"""aiortc's data channels on a bad network, both drivers: what is lost and what is waited for."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from aiortc import RTCDataChannel, RTCPeerConnection

from antiphase.media.datachannel import ChannelClosed, ChannelMessage
from antiphase.media.events import ChannelChanged
from tests.media.foreign import Call, in_call
from tests.media.nat import Spoil
from tests.media.room import DRIVERS, Driver

APPLICATION = 23  # DTLS record
N_MESSAGES = 60


def losing(part: float, gone: list[bytes]) -> Spoil:
    """Drop a share of what the channels send."""
    rng = random.Random(5)  # noqa: S311 - reproducible loss

    def spoil(datagram: bytes) -> list[bytes]:
        if datagram[0] != APPLICATION or rng.random() >= part:
            return [datagram]
        gone.append(datagram)
        return []

    return spoil


class Echoed:
    """A channel of the peer's; the server sends its messages back."""

    def __init__(self, label: str, **options: object) -> None:
        self.label, self.options = label, options
        self.back: list[str] = []
        self.taken: list[str] = []
        self._next = 0
        self.channel: RTCDataChannel

    def prepare(self, peer: RTCPeerConnection) -> None:
        self.channel = peer.createDataChannel(self.label, **self.options)  # type: ignore[arg-type]
        self.channel.on("message", self.back.append)

    def answer(self, call: Call) -> None:
        """Send back what has come."""
        events = call.room.events[self._next :]
        self._next += len(events)
        for event in events:
            if isinstance(event, ChannelChanged) and isinstance(event.change, ChannelMessage):
                self.taken.append(str(event.change.data))
                call.room.endpoint.send_message(
                    "a", self.label, event.change.data, time.monotonic()
                )
        call.room.driver.flush()

    async def talk(self, call: Call) -> list[str]:
        """Send messages while a fifth is lost each way; return them."""
        assert await call.room.until(lambda: self.channel.readyState == "open")
        gone: list[bytes] = []
        call.nat.up, call.nat.down = losing(0.2, gone), losing(0.2, gone)
        sent = [f"message {k}" for k in range(N_MESSAGES)]
        for message in sent:
            self.channel.send(message)
            await call.room.run(0.01)
            self.answer(call)
        assert len(gone) > N_MESSAGES / 10
        call.nat.up = call.nat.down = lambda datagram: [datagram]
        return sent

    async def until_back(self, call: Call, done: Callable[[], bool], seconds: float) -> bool:
        """Send messages back until it is done."""

        def there() -> bool:
            self.answer(call)
            return done()

        return await call.room.until(there, seconds)


@DRIVERS
def test_a_reliable_channel_loses_nothing(kind: Driver) -> None:
    """Every message comes, and comes back, once and in order, though a fifth was lost each way."""
    echoed = Echoed("steady")

    async def check(call: Call) -> None:
        sent = await echoed.talk(call)
        assert await echoed.until_back(call, lambda: len(echoed.back) == N_MESSAGES, 60)
        assert echoed.back == sent
        assert echoed.taken == sent

    in_call(kind, check, prepare=echoed.prepare)


@DRIVERS
def test_a_lossy_channel_waits_for_nothing(kind: Driver) -> None:
    """Some messages are lost for good, none comes twice, and the next ones come without them."""
    echoed = Echoed("fast", ordered=False, maxRetransmits=0)

    async def check(call: Call) -> None:
        sent = await echoed.talk(call)
        sent.append("the network is good again")
        echoed.channel.send(sent[-1])
        assert await echoed.until_back(call, lambda: sent[-1] in echoed.back, 20)
        for heard in (echoed.taken, echoed.back):
            assert N_MESSAGES / 3 < len(heard) < N_MESSAGES
            assert set(heard) < set(sent)
            assert len(set(heard)) == len(heard)
        echoed.channel.close()
        assert await call.room.until(
            lambda: ChannelChanged("a", ChannelClosed("fast")) in call.room.events
        )

    in_call(kind, check, prepare=echoed.prepare)
