"""Mouth to ear: from a sample's capture to the moment at which it can be played."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.media.client import Client, ClientTrack
from antiphase.media.events import AudioReceived
from antiphase.media.session import SessionSettings
from benchmarks.media_setup import OPUS, RATE, STEREO, Server

__all__ = ["mouth_to_ear_ms"]

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Arrival:
    moment: float
    pcm: Samples


class _Peer(asyncio.DatagramProtocol):
    """A client on its socket, which notes when each frame comes."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.arrivals: list[_Arrival] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now = time.monotonic()
        self.client.receive(data, addr[:2], now, time.time())
        for event in self.client.poll_events():
            if isinstance(event, AudioReceived):
                pcm = np.asarray(event.frame.pcm, dtype=np.float64)
                self.arrivals.append(_Arrival(now, pcm if pcm.ndim == 1 else pcm[:, 0]))
        self.flush()

    def flush(self) -> None:
        for datagram, target in self.client.poll_outgoing():
            self.transport.sendto(datagram, target)


async def mouth_to_ear_ms(running: Server, frame_ms: float, seconds: float = 3.0) -> float:
    """Return the delay from a sample's capture to its being playable, oldest sample of a frame.

    A client sends noise in real time, on the right another noise, which the canceller can't use, so
    that the residual is the left channel; the lag between what it sent and what it got, from their
    cross-correlation, plus the time at which each frame arrived, gives the delay of its samples.
    """
    peer = await _connect(running, frame_ms)
    n = round(RATE * frame_ms / 1000)
    noise = 0.1 * np.random.default_rng(3).standard_normal(round(seconds * RATE / n) * n)
    other = 0.1 * np.random.default_rng(4).standard_normal((len(noise) // n, n))
    start = time.monotonic() + 0.02
    for k, frame in enumerate(noise.reshape(-1, n)):
        captured = start + (k + 1) * n / RATE
        await _until(captured)
        peer.client.send_audio("0", np.stack([frame, other[k]], axis=1))
        peer.client.tick(captured, time.time())
        peer.flush()
    await asyncio.sleep(0.1)
    peer.client.close()
    peer.flush()
    peer.transport.close()
    return _median_delay_ms(peer.arrivals, noise, start)


async def _connect(running: Server, frame_ms: float) -> _Peer:
    settings = SessionSettings(opus=OPUS, opus_rate=RATE)
    client = Client((ClientTrack(STEREO, ptime_ms=frame_ms),), settings=settings)
    _, peer = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Peer(client), local_addr=("127.0.0.1", 0)
    )
    answer = await running.ask(open=f"m2e-{frame_ms}", sdp=client.offer(), mode="clean")
    client.accept(str(answer["sdp"]), time.monotonic())
    while not client.connected:
        client.tick(time.monotonic(), time.time())
        peer.flush()
        await asyncio.sleep(0.005)
    return peer


async def _until(moment: float) -> None:
    """Sleep to a moment of the monotonic clock, busily for the last 2 ms."""
    await asyncio.sleep(max(0.0, moment - time.monotonic() - 0.002))
    while time.monotonic() < moment:  # noqa: ASYNC110 - a timer's grain is too coarse here
        await asyncio.sleep(0)


def _median_delay_ms(arrivals: list[_Arrival], noise: Samples, start: float) -> float:
    """Return the median over frames of arrival less capture of their first sample."""
    heard = np.concatenate([arrival.pcm for arrival in arrivals])
    size = 1 << int(np.ceil(np.log2(len(heard) + len(noise))))
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(noise, size))
    lag = int(np.argmax(np.fft.irfft(spectrum)[: RATE // 2]))
    first = np.cumsum([0] + [len(arrival.pcm) for arrival in arrivals[:-1]])
    came = np.array([arrival.moment for arrival in arrivals])
    delays = 1000 * (came - start - (first - lag) / RATE)
    return float(np.median(delays[len(delays) // 4 :]))
