"""Both drivers against headless Chromium: audio both ways, data channels, restart, reload."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page

from antiphase.media.answer import AnswerPolicy
from antiphase.media.datachannel import ChannelMessage
from antiphase.media.endpoint import Endpoint, EndpointSettings
from antiphase.media.events import AudioReceived, ChannelChanged, Closed, Connected, Event
from antiphase.media.loop import AsyncioDriver
from antiphase.media.native_loop import NativeDriver
from antiphase.media.tcp import is_tcp
from tests.media.browser import needs_chromium, open_page
from tests.media.offer_answer import check_answer

pytestmark = needs_chromium

Driver = type[AsyncioDriver] | type[NativeDriver]
DRIVERS = pytest.mark.parametrize("kind", [AsyncioDriver, NativeDriver])

CONNECT = """
async ({tracks, data, settings}) => {
  const context = window.context ||= new AudioContext();
  const peer = window.peer = new RTCPeerConnection(settings);
  window.messages = [];
  window.states = [];
  peer.onconnectionstatechange = () => window.states.push(peer.connectionState);
  for (let k = 0; k < tracks; k++) {
    const tone = new OscillatorNode(context, {frequency: 440 * (k + 1)});
    const gain = new GainNode(context, {gain: 0.3});
    const out = context.createMediaStreamDestination();
    out.channelCount = 1;
    tone.connect(gain).connect(out);
    tone.start();
    peer.addTrack(out.stream.getTracks()[0], out.stream);
  }
  if (data) {
    window.channel = peer.createDataChannel("telemetry", data);
    channel.binaryType = "arraybuffer";
    channel.onmessage = (event) => window.messages.push(
      typeof event.data === "string" ? event.data : "bytes " + event.data.byteLength);
  }
  window.analysers = [];
  peer.ontrack = (event) => {
    const stream = new MediaStream([event.track]);
    const sink = new Audio();
    sink.srcObject = stream;
    sink.muted = true;
    sink.play();
    const analyser = new AnalyserNode(context, {fftSize: 8192});
    context.createMediaStreamSource(stream).connect(analyser);
    window.analysers.push(analyser);
  };
  await context.resume();
  await peer.setLocalDescription(await peer.createOffer());
  return peer.localDescription.sdp;
}
"""
ANSWER = "async (sdp) => { await window.peer.setRemoteDescription({type: 'answer', sdp}); }"
PITCH = """
async ({index, hz}) => {
  const analyser = window.analysers[index];
  const bins = new Float32Array(analyser.frequencyBinCount);
  for (let tries = 0; tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    analyser.getFloatFrequencyData(bins);
    let best = 0;
    for (let k = 1; k < bins.length; k++) if (bins[k] > bins[best]) best = k;
    const found = best * window.context.sampleRate / analyser.fftSize;
    if (bins[best] > -60 && Math.abs(found - hz) < 12) return found;
  }
  return -1;
}
"""


class Server:
    """An echo and its record."""

    def __init__(self, kind: Driver) -> None:
        self.kind = kind
        self.events: list[Event] = []
        self.driver: AsyncioDriver | NativeDriver

    def handle(self, endpoint: Endpoint, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, AudioReceived) and event.session_id in endpoint.sessions:
            endpoint.send_audio(event.session_id, event.mid, event.frame.pcm)
        elif isinstance(event, ChannelChanged) and isinstance(event.change, ChannelMessage):
            change = event.change
            endpoint.send_message(event.session_id, change.label, change.data, time.monotonic())

    async def start(self, policy: AnswerPolicy) -> None:
        self.driver = await self.kind.start(
            "127.0.0.1",
            0,
            lambda address: EndpointSettings((address,), policy=policy),
            self.handle,
            tcp_port=0,
        )

    async def take(self, page: Page, session_id: str, sdp: str) -> None:
        answer = self.driver.endpoint.open(session_id, sdp, time.monotonic())
        check_answer(sdp, answer)
        self.driver.flush()
        await page.evaluate(ANSWER, answer)


def in_browser(
    kind: Driver,
    check: Callable[[Server, Page], Awaitable[None]],
    policy: AnswerPolicy | None = None,
    flags: tuple[str, ...] = (),
    **offer: Any,  # noqa: ANN401 - handed to the page as JSON
) -> Server:
    async def run() -> Server:
        server = Server(kind)
        await server.start(policy or AnswerPolicy())
        try:
            async with open_page(*flags) as page:
                sdp = await page.evaluate(CONNECT, {"tracks": 1, "data": None, **offer})
                await server.take(page, "tab", sdp)
                await check(server, page)
            await asyncio.sleep(0.3)
        finally:
            await server.driver.stop()
        return server

    return asyncio.run(run())


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # noqa: ASYNC110 - events come by callback
        await asyncio.sleep(0.02)
    assert condition()


@DRIVERS
@pytest.mark.parametrize("name", ["OPUS", "G722", "PCMU", "PCMA"])
def test_a_browser_hears_its_own_tone(kind: Driver, name: str) -> None:
    """440 Hz from WebAudio goes through our decoder and encoder and comes back as 440 Hz."""

    async def check(_: Server, page: Page) -> None:
        assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0

    server = in_browser(kind, check, AnswerPolicy(formats=(name,)))
    assert isinstance(server.events[0], Connected)


@DRIVERS
def test_a_browser_whose_udp_is_blocked_comes_over_tcp(kind: Driver) -> None:
    """Told not to use UDP it takes the TCP candidate (RFC 6544); with UDP it never does."""
    transports: list[bool] = []

    async def check(server: Server, page: Page) -> None:
        assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0
        selected = server.driver.endpoint._peers["tab"].agent.selected
        assert selected is not None
        transports.append(is_tcp(selected))

    in_browser(kind, check, flags=("--webrtc-ip-handling-policy=disable_non_proxied_udp",))
    in_browser(kind, check)
    assert transports == [True, False]


@DRIVERS
@pytest.mark.parametrize("ptime_ms", [10, 20])
def test_a_browser_honours_the_frame_length(kind: Driver, ptime_ms: int) -> None:
    """`a=ptime` in the answer sets the browser's packets to 10 or 20 ms."""

    async def check(server: Server, _: Page) -> None:
        await until(lambda: sum(isinstance(e, AudioReceived) for e in server.events) > 30)

    server = in_browser(kind, check, AnswerPolicy(ptime_ms=ptime_ms))
    frames = [e.frame for e in server.events if isinstance(e, AudioReceived)][10:]
    assert np.median([1000 * len(f.pcm) / f.fs for f in frames]) == ptime_ms


@DRIVERS
def test_two_tracks_come_back_apart(kind: Driver) -> None:
    """Two m-lines in one bundle: 440 and 880 Hz, each on its own section."""

    async def check(_: Server, page: Page) -> None:
        for index in range(2):
            assert await page.evaluate(PITCH, {"index": index, "hz": 440 * (index + 1)}) > 0

    in_browser(kind, check, tracks=2)


@DRIVERS
@pytest.mark.parametrize("options", [{}, {"ordered": False, "maxRetransmits": 0}])
def test_data_channels_echo(kind: Driver, options: dict[str, object]) -> None:
    """Text and bytes come back over reliable and lossy channels."""

    async def check(_: Server, page: Page) -> None:
        await page.wait_for_function("channel.readyState === 'open'", timeout=10000)
        await page.evaluate("channel.send('text'); channel.send(new Uint8Array(5000))")
        await page.wait_for_function("messages.length === 2", timeout=10000)
        assert sorted(await page.evaluate("messages")) == ["bytes 5000", "text"]

    in_browser(kind, check, data=options)


@DRIVERS
def test_an_ice_restart_keeps_the_sound(kind: Driver) -> None:
    """After restartIce the same session goes on under new credentials."""

    async def check(server: Server, page: Page) -> None:
        assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0
        agent = server.driver.endpoint._peers["tab"].agent
        before = (agent.local, agent.remote)
        sdp = await page.evaluate(
            "async () => { peer.restartIce(); await peer.setLocalDescription();"
            " return peer.localDescription.sdp; }"
        )
        await server.take(page, "tab", sdp)
        assert {agent.local, agent.remote}.isdisjoint(before)
        await until(lambda: agent.nominated)  # by checks with the new passwords
        heard = len(server.events)
        await until(lambda: len(server.events) > heard + 20)
        assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0

    server = in_browser(kind, check)
    assert sum(isinstance(e, Connected) for e in server.events) == 1


ADD = """
async () => {
  const tone = new OscillatorNode(context, {frequency: 1320});
  const out = context.createMediaStreamDestination();
  out.channelCount = 1;
  tone.connect(out);
  tone.start();
  window.added = peer.addTrack(out.stream.getTracks()[0], out.stream);
  await peer.setLocalDescription();
  return peer.localDescription.sdp;
}
"""
TAKE_AWAY = """
async () => {
  peer.getTransceivers().find((t) => t.sender === added).stop();
  await peer.setLocalDescription();
  return peer.localDescription.sdp;
}
"""


@DRIVERS
def test_renegotiation_adds_a_track_and_takes_it_away(kind: Driver) -> None:
    """A second tone comes beside the first and goes again; the first is never interrupted."""

    async def check(server: Server, page: Page) -> None:
        assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0
        await server.take(page, "tab", await page.evaluate(ADD))
        assert await page.evaluate(PITCH, {"index": 1, "hz": 1320}) > 0
        assert len(server.driver.endpoint.sessions["tab"].senders) == 2
        await server.take(page, "tab", await page.evaluate(TAKE_AWAY))
        assert len(server.driver.endpoint.sessions["tab"].senders) == 1
        assert await page.evaluate(PITCH, {"index": 0, "hz": 440}) > 0

    server = in_browser(kind, check)
    assert sum(isinstance(e, Connected) for e in server.events) == 1
    first = [e.frame for e in server.events if isinstance(e, AudioReceived) and e.mid == "0"]
    assert not any(frame.concealed for frame in first)
    assert set(np.diff([frame.timestamp for frame in first])) == {len(first[0].pcm)}


@DRIVERS
def test_a_closed_page_frees_its_place(kind: Driver) -> None:
    """`peer.close()` ends the session at once."""

    async def check(server: Server, page: Page) -> None:
        await until(lambda: any(isinstance(e, Connected) for e in server.events))
        await page.evaluate("peer.close()")
        await until(lambda: any(isinstance(e, Closed) for e in server.events))

    server = in_browser(kind, check)
    assert server.driver.endpoint.sessions == {}


@DRIVERS
def test_the_server_closes_a_page(kind: Driver) -> None:
    """The DTLS alert ends the browser's transport at once."""

    async def check(server: Server, page: Page) -> None:
        await until(lambda: any(isinstance(e, Connected) for e in server.events))
        await page.wait_for_function("peer.connectionState === 'connected'", timeout=10000)
        server.driver.endpoint.close("tab")
        server.driver.flush()
        closed = "peer.getSenders()[0].transport.state === 'closed'"
        await page.wait_for_function(closed, timeout=10000)

    in_browser(kind, check)


def test_video_is_refused_and_audio_works() -> None:
    """An offer with video beside audio gets the audio."""

    async def check(server: Server, _: Page) -> None:
        await until(lambda: any(isinstance(e, AudioReceived) for e in server.events))

    async def run() -> None:
        server = Server(AsyncioDriver)
        await server.start(AnswerPolicy())
        async with open_page() as page:
            await page.evaluate(CONNECT, {"tracks": 1, "data": None})
            sdp = await page.evaluate(
                "async () => { peer.addTransceiver('video');"
                " await peer.setLocalDescription(await peer.createOffer());"
                " return peer.localDescription.sdp; }"
            )
            await server.take(page, "tab", sdp)
            await check(server, page)
        await server.driver.stop()

    asyncio.run(run())
