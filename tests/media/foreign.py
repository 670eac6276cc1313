"""aiortc, a peer that we did not write, in a call with a real server, on a network that tests own.

All that it sends and gets goes through a `Nat`: tests read there what is on the wire, and lose it,
delay it, send it again. An `Ear` keeps every sample that the peer plays, from the first to the
last, so that a test can say of the whole call that its tone was never broken.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack

from antiphase.media.answer import AnswerPolicy
from antiphase.media.events import AudioReceived
from antiphase.media.routing import Gain, Listen, Route
from antiphase.media.session import SessionSettings
from tests.media.nat import Nat
from tests.media.offer_answer import check_answer
from tests.media.room import Driver, Room, in_room

__all__ = ["LEFT_HZ", "RIGHT_HZ", "TONE_HZ", "Call", "Ear", "Stereo", "Tone", "in_call", "level_db"]

TONE_HZ = 440
LEFT_HZ, RIGHT_HZ = 440, 1200
_PEAK = 10362  # −10 dB


class Tone(AudioStreamTrack):
    """Sines at −10 dB, one in each channel, 20 ms a frame; they never skip a sample."""

    hertz = (TONE_HZ, TONE_HZ)

    async def recv(self) -> av.AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, av.AudioFrame)
        n = np.arange(frame.samples) + (frame.pts or 0)
        tones = [np.sin(2 * np.pi * hz * n / frame.sample_rate) for hz in self.hertz]
        pcm = (_PEAK * np.stack(tones, axis=1)).astype(np.int16).reshape(1, -1)
        out = av.AudioFrame.from_ndarray(pcm, "s16", "stereo")
        out.sample_rate, out.pts = frame.sample_rate, frame.pts
        out.time_base = Fraction(1, frame.sample_rate)
        return out


class Stereo(Tone):
    """Another tone in each channel."""

    hertz = (LEFT_HZ, RIGHT_HZ)


def level_db(pcm: np.ndarray, hz: float, fs: int) -> float:
    """Return the level of a tone in the last half second."""
    steady = pcm[-fs // 2 :]
    turns = hz * np.arange(len(steady)) / fs
    return float(20 * np.log10(2 * abs(np.mean(steady * np.exp(-2j * np.pi * turns))) + 1e-9))


class Ear:
    """Keeps what a track of the peer plays: int16 frames, shape (n, channels), and their times."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self.fs = 48000
        self.frames: list[npt.NDArray[np.int16]] = []
        self.times: list[int] = []
        self._task = asyncio.create_task(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, av.AudioFrame)
                assert frame.pts is not None
                self.fs = frame.sample_rate
                channels = len(frame.layout.channels)
                pcm = frame.to_ndarray().astype(np.int16)
                self.frames.append(pcm.reshape(-1, channels))
                self.times.append(frame.pts)
        except MediaStreamError:
            return

    @property
    def seconds(self) -> float:
        """How much has been heard."""
        return sum(map(len, self.frames)) / self.fs

    def sound(self, since: int = 0) -> npt.NDArray[np.float64]:
        """Return what was heard from a frame on, shape (n, channels)."""
        return np.concatenate(self.frames[since:]).astype(float) / 32768

    def check_gapless(self, since: int) -> None:
        """Check that from a frame on times of frames follow each other: nothing was lost to it."""
        sizes = [len(frame) for frame in self.frames[since:]]
        assert list(np.diff(self.times[since:])) == sizes[:-1]

    def tones(self, since: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return levels (dB) and phases (radians from their mean) of the tone in each 20 ms."""
        sound = self.sound(since)[:, 0]
        n = self.fs // 50
        blocks = sound[: len(sound) // n * n].reshape(-1, n)
        turns = TONE_HZ * np.arange(blocks.size).reshape(blocks.shape) / self.fs
        phasors = 2 * np.mean(blocks * np.exp(-2j * np.pi * turns), axis=1)
        return 20 * np.log10(np.abs(phasors) + 1e-9), np.angle(phasors / np.mean(phasors))

    def check_whole(self, since: int, db: float) -> None:
        """Check that from a frame on the tone is whole: no sample lost, doubled or made up.

        In every 20 ms it has its level and the phase that it would have had without the rest of
        the world.
        """
        self.check_gapless(since)
        levels, phases = self.tones(since)
        assert np.abs(levels - db).max() < 1.5, f"levels in dB: {np.round(levels, 1)}"
        assert np.abs(phases).max() < 0.3, f"phases in radians: {np.round(phases, 2)}"


class Call:
    """aiortc's peer, its NAT, and the server that sends its sound back."""

    def __init__(self, room: Room, nat: Nat, session_id: str) -> None:
        self.room, self.nat, self.session_id = room, nat, session_id
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.offer = self.answer = self.mid = ""
        self.ear: Ear

    @classmethod
    async def dial(
        cls,
        room: Room,
        session_id: str = "a",
        *,
        track: type[Tone] = Stereo,
        listen: bool = True,
        prepare: Callable[[RTCPeerConnection], None] = lambda _: None,
        rewrite: Callable[[str], str] = lambda offer: offer,
    ) -> Call:
        """Offer and let the server answer; nothing is sent before `go`.

        `prepare` may add to the peer, `rewrite` changes its offer; `listen` makes its frames events
        of the room, too.
        """
        nat = await Nat.start(room.driver.address)
        room.closing.append(nat.close)
        call = cls(room, nat, session_id)
        call.peer.addTrack(track())
        prepare(call.peer)
        await call.peer.setLocalDescription(await call.peer.createOffer())
        call.offer = rewrite(call.peer.localDescription.sdp)
        call.answer = room.endpoint.open(session_id, call.offer, time.monotonic())
        check_answer(call.offer, call.answer)
        call.mid = mid = room.endpoint.sessions[session_id].sections[0].offer.mid
        back = Route(Gain(), session_id, mid)
        room.endpoint.set_routes(session_id, mid, (back, Route(Listen())) if listen else (back,))
        return call

    async def go(self) -> None:
        """Give the peer the answer, with the NAT in the server's place."""
        host, port = self.nat.inside
        pattern = r"(a=candidate:\S+ 1 udp \d+) \S+ \d+"
        answer = re.sub(pattern, rf"\1 {host} {port}", self.answer)
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        self.ear = Ear(self.peer.getReceivers()[0].track)

    @property
    def frames(self) -> list[AudioReceived]:
        """What the server has heard of it."""
        events = [e for e in self.room.events if isinstance(e, AudioReceived)]
        return [e for e in events if e.session_id == self.session_id]

    async def heard(self, seconds: float) -> tuple[npt.NDArray[np.float64], int]:
        """Wait until the peer has played so much more; return that, shape (n, 2), and its rate."""
        since, target = len(self.ear.frames), self.ear.seconds + seconds
        assert await self.room.until(lambda: self.ear.seconds >= target, seconds + 10)
        return self.ear.sound(since), self.ear.fs

    async def hang_up(self) -> None:
        """Close the peer."""
        await self.peer.close()


def in_call(
    kind: Driver,
    check: Callable[[Call], Awaitable[None]],
    policy: AnswerPolicy | None = None,
    session: SessionSettings | None = None,
    *,
    track: type[Tone] = Stereo,
    prepare: Callable[[RTCPeerConnection], None] = lambda _: None,
) -> Room:
    """Run a check in a call whose sound goes both ways and return the room afterwards."""

    async def whole(room: Room) -> None:
        call = await Call.dial(room, track=track, prepare=prepare)
        await call.go()
        try:
            assert await room.until(lambda: len(call.frames) > 5)
            await check(call)
        finally:
            await call.hang_up()

    return in_room(
        kind, whole, policy=policy or AnswerPolicy(), session=session or SessionSettings()
    )
