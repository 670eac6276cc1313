"""A headless Chromium as a client of `benchmarks.media`: set-up time, the parts of its delay."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Awaitable, Callable

from playwright.async_api import async_playwright

__all__ = ["browser_figures"]

FRAME_MS = 20.0
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
]
CONNECT = """
async (name) => {
  const context = window.context ||= new AudioContext();
  await context.resume();
  const tone = new OscillatorNode(context);
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const begin = performance.now();
  const peer = window.peer = new RTCPeerConnection();
  peer.addTrack(out.stream.getTracks()[0], out.stream);
  const sink = new Audio();
  peer.ontrack = (event) => { sink.srcObject = new MediaStream([event.track]); sink.play(); };
  const connected = new Promise((resolve) => {
    peer.onconnectionstatechange = () => peer.connectionState === "connected" && resolve();
  });
  await peer.setLocalDescription(await peer.createOffer());
  const sdp = await window.answer(name, peer.localDescription.sdp);
  await peer.setRemoteDescription({type: "answer", sdp});
  await connected;
  return performance.now() - begin;
}
"""
STATS = """
async () => {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const all = [...(await peer.getStats()).values()];
  const pair = all.find((s) => s.type === "candidate-pair" && s.nominated);
  const heard = all.find((s) => s.type === "inbound-rtp");
  peer.close();
  return [1000 * pair.currentRoundTripTime,
          1000 * heard.jitterBufferDelay / heard.jitterBufferEmittedCount];
}
"""


async def browser_figures(answer: Callable[[str, str], Awaitable[str]]) -> dict[str, float]:
    """Connect Chromium several times; nothing where it is not installed.

    Returns
    -------
    dict
        ``chromium_setup_ms``: from the peer connection's making to "connected", signalling through
        this process included, median. ``chromium_rtt_ms``: from a sample's capture to its being
        played again, without sound devices: one frame, the network's round trip, the browser's
        jitter buffer; each part beside it.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        return {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = await browser.new_page()
        await page.expose_function("answer", answer)
        setups = []
        for k in range(5):
            setups.append(float(await page.evaluate(CONNECT, f"browser{k}")))
            network, buffered = await page.evaluate(STATS) if k == 4 else (0.0, 0.0)
        await browser.close()
    return {
        "chromium_setup_ms": round(statistics.median(setups), 1),
        "chromium_rtt_ms": round(FRAME_MS + network + buffered, 1),
        "chromium_frame_ms": FRAME_MS,
        "chromium_network_ms": round(network, 2),
        "chromium_buffer_ms": round(buffered, 1),
    }
