"""A media server in a process of its own, for `benchmarks.media`: JSON lines in, JSON lines out.

``{"open": id, "sdp": offer, "mode": "clean" | "gain" | "forward"}`` gives ``{"sdp": answer}``;
``{"stats": true}`` gives CPU seconds, delays since the last request and memory; ``{"stop": true}``
ends it. With ``aiortc`` as first argument the peer that we compare with serves instead.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from antiphase.adaptive import NLMSFilter
from antiphase.media.answer import AnswerPolicy
from antiphase.media.endpoint import EndpointSettings
from antiphase.media.native_loop import NativeDriver
from antiphase.media.payload import OpusSettings
from antiphase.media.routing import Clean, Forward, Gain, Processing, Route
from antiphase.media.session import SessionSettings

OPUS = OpusSettings(application="lowdelay", bitrate=32000, complexity=0)
OPUS_RATE = 16000
N_TAPS = 128

Answer = Callable[[dict[str, object]], Awaitable[dict[str, object]]]


def cost() -> dict[str, object]:
    """CPU seconds of this process so far and its resident memory in kB."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.monotonic(),
        "rss_kb": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
    }


def processing(mode: object) -> Processing:
    """Return a new processing of the kind that the benchmark asks for."""
    if mode == "clean":
        return Clean(NLMSFilter(N_TAPS, 0.5))
    return Gain(0.5) if mode == "gain" else Forward()


async def ours() -> tuple[Answer, Callable[[], Awaitable[None]]]:
    """Start the native driver."""
    settings = SessionSettings(opus=OPUS, opus_rate=OPUS_RATE)
    driver = await NativeDriver.start(
        "127.0.0.1",
        0,
        lambda address: EndpointSettings(
            (address,), max_sessions=5000, policy=AnswerPolicy(), session=settings
        ),
        lambda *_: None,
    )

    async def answer(request: dict[str, object]) -> dict[str, object]:
        if "open" in request:
            name = str(request["open"])
            sdp = driver.endpoint.open(name, str(request["sdp"]), time.monotonic())
            routes = (Route(processing(request["mode"]), name, "0"),)
            driver.endpoint.set_routes(name, "0", routes)
            driver.flush()
            return {"sdp": sdp}
        loop = driver.carrier.loop
        return {**cost(), "delays": loop.take_delays(), "busy": loop.busy, **loop.counters()}

    return answer, driver.stop


async def theirs() -> tuple[Answer, Callable[[], Awaitable[None]]]:
    """Start an aiortc echo: its own decoder, jitter buffer and encoder."""
    from aiortc import RTCPeerConnection, RTCSessionDescription  # noqa: PLC0415 - the peer
    from aiortc.contrib.media import MediaRelay  # noqa: PLC0415

    peers: list[RTCPeerConnection] = []
    relay = MediaRelay()

    async def answer(request: dict[str, object]) -> dict[str, object]:
        if "open" not in request:
            return cost()
        peer = RTCPeerConnection()
        peers.append(peer)
        peer.on("track", lambda track: peer.addTrack(relay.subscribe(track)))
        await peer.setRemoteDescription(RTCSessionDescription(str(request["sdp"]), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return {"sdp": peer.localDescription.sdp}

    async def stop() -> None:
        for peer in peers:
            await peer.close()

    return answer, stop


async def serve() -> None:
    """Answer requests on standard input until told to stop."""
    answer, stop = await (theirs() if "aiortc" in sys.argv[1:] else ours())
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        request = json.loads(line)
        if request.get("stop"):
            break
        try:
            result = await answer(request)
        except ValueError as error:
            result = {"error": str(error)}
        print(json.dumps(result), flush=True)
    await stop()


if __name__ == "__main__":
    asyncio.run(serve())
