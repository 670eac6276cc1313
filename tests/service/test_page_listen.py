"""What a listener hears of the switch, in Chromium against the real service."""

from __future__ import annotations

import asyncio
import math

import pytest
from playwright.async_api import Page

from tests.media.browser import needs_chromium, open_page
from tests.service.running import live
from tests.service.test_page import until

pytestmark = needs_chromium
# A device whose error microphone hears a tone, a tenth of it with control on; and the samples that
# the page plays, before its own volume.
DEVICE = """
(async () => {
  const create = AudioContext.prototype.createMediaStreamSource;
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    const source = create.call(this, stream);
    const ear = new AnalyserNode(this, { fftSize: 32768 });
    source.connect(ear);
    const samples = new Float32Array(ear.fftSize);
    window.heard = () => {
      ear.getFloatTimeDomainData(samples);
      return samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
    };
    return source;
  };
  const { AncClient, createSession } = await import("/static/anc-client.js");
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 400 });
  const gain = new GainNode(context, { gain: 0.02 });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  tone.connect(gain).connect(out);
  tone.start();
  const made = await createSession({ name: "tone" });
  const device = new AncClient({ session: made.session_id, token: made.owner_token });
  device.addEventListener("control", ({ detail }) => { gain.gain.value = detail.on ? 0.02 : 0.2; });
  await device.join({ name: "tone", roles: ["error", "loudspeaker"] });
  await device.publish(out.stream.getTracks()[0]);
})()
"""


async def level(page: Page, above: float, below: float) -> float:
    """Wait for a steady level within bounds and return it, dB of full scale."""
    async with asyncio.timeout(30):
        last, now = -math.inf, math.inf
        while not (above < now < below and abs(now - last) < 0.3):
            await asyncio.sleep(0.8)
            last, now = now, 10 * math.log10(max(await page.evaluate("window.heard()"), 1e-12))
    return now


def test_the_switch_is_heard() -> None:
    """The error microphone plays; off and on it goes up and down by the device's 20 dB."""

    async def run(url: str) -> None:
        async with open_page() as page:
            await page.goto(url)
            await until(page, "document.querySelector('#state').textContent === 'no session'")
            await page.evaluate(DEVICE)
            await until(page, "document.querySelector('#control').disabled === false")
            await page.click("#listen")
            await until(page, "window.heard && window.heard() > 1e-6")
            on = await level(page, -60, -30)
            await page.click("#control")
            off = await level(page, -30, 0)
            assert off - on == pytest.approx(20, abs=2)
            await page.click("#control")
            assert await level(page, -60, -30) == pytest.approx(on, abs=2)

    with live() as server:
        asyncio.run(run(server.url))
