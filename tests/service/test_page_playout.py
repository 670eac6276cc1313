"""The browser's playout of a reference from elsewhere, under Node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from antiphase.codecs.g711 import decode_g711
from tests.service.node import in_node, needs_node

pytestmark = needs_node

RUN = """
  const { ReferencePlayout } = await use("reference-playout.js");
  const { fs, sourceFs, seconds, hz, arrivals, guide } = given;
  const playout = new ReferencePlayout(fs, { sourceFs });
  const out = new Float32Array(seconds * fs);
  const holes = [];
  let next = 0;
  for (let at = 0; at < out.length; at += 10) {
    while (next < arrivals.length && arrivals[next][1] * fs <= at) {
      const [first] = arrivals[next];
      const wave = (_, k) => Math.sin((2 * Math.PI * hz * (first + k)) / sourceFs);
      const samples = Float32Array.from({ length: 80 }, wave);
      playout.push((first + given.start) % 2 ** 32, samples);
      next += 1;
    }
    if (guide && at === 5000) playout.obey({ rate_ppm: guide, skip: 0 });
    if (!playout.pull(10, out.subarray(at, at + 10))) holes.push(at);
  }
  answer({ out, holes, ...playout.report(), delayS: playout.delayS });
"""


def played(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Play packets of 10 ms of a sine, each at its arrival in s."""
    usual = {"fs": 7350, "sourceFs": 8000, "seconds": 4, "hz": 440, "start": 0}
    done: dict[str, Any] = in_node(RUN, **{"guide": 0, **usual, **given})
    return done


def packets(seconds: float = 4, late: Any = lambda _: 0.0) -> list[tuple[int, float]]:  # noqa: ANN401
    times = [(80 * k, (k + 1) / 100) for k in range(round(100 * seconds))]
    return sorted(((n, t + late(t)) for n, t in times), key=lambda packet: packet[1])


def assert_sine(out: list[float], hz: float, fs: float) -> None:
    """Hold samples to the sine that fits best, to −50 dB."""
    n = np.arange(len(out))
    basis = np.stack([np.cos(2 * np.pi * hz / fs * n), np.sin(2 * np.pi * hz / fs * n)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, np.array(out), rcond=None)
    assert np.std(out - basis @ fit) < 3e-3 * np.std(out)


@pytest.mark.parametrize("start", [0, 2**32 - 20000])
def test_another_rate_is_converted_through_jitter_and_wraps(start: int) -> None:
    """8 kHz at 7350 Hz, 15 ms of jitter, timestamps that wrap: one sine without a hole."""
    rng = np.random.default_rng(0)
    done = played(arrivals=packets(late=lambda _: 0.015 * rng.random()), start=start)
    assert done["jumps"] == 0
    assert [at for at in done["holes"] if at > 4000] == []
    assert_sine(done["out"][8000:], 440, 7350)


def test_the_guide_sets_the_rate() -> None:
    """Played 100 ppm faster the sine comes out 100 ppm higher."""
    done = played(arrivals=packets(), guide=100)
    assert_sine(done["out"][6000:], 440 * (1 + 1e-4), 7350)
    assert done["rate_ppm"] == 100


def test_a_stall_keeps_the_place_and_a_longer_way_moves_it() -> None:
    """400 ms without packets are a hole; packets that stay 300 ms late are played later, once."""
    stall = played(arrivals=packets(late=lambda t: max(0.0, 2.4 - t) if t > 2 else 0.0))
    assert stall["jumps"] == 0
    assert 2.0 < min(at for at in stall["holes"] if at > 4000) / 7350 < 2.1
    assert_sine(stall["out"][-8000:], 440, 7350)
    moved = played(seconds=8, arrivals=packets(8, late=lambda t: 0.3 if t > 2 else 0.0))
    assert moved["jumps"] == 1
    assert_sine(moved["out"][-8000:], 440, 7350)


def test_packets_are_decoded_as_g711_says() -> None:
    """All 256 codes of PCMU; other payload types are left alone."""
    script = """
      const heard = [];
      globalThis.self = globalThis;
      await use("packet-worker.js");
      globalThis.onmessage({ data: { port: { postMessage: (message) => heard.push(message) } } });
      const codes = Uint8Array.from({ length: 256 }, (_, k) => k);
      const packet = (payloadType) => ({ data: codes.buffer,
        getMetadata: () => ({ rtpTimestamp: 77, payloadType }) });
      const readable = new ReadableStream({ start(c) {
        c.enqueue(packet(111)); c.enqueue(packet(0)); c.close(); } });
      await globalThis.onrtctransform({ transformer: { readable } });
      answer(heard);
    """
    (one,) = in_node(script)
    assert one["timestamp"] == 77
    np.testing.assert_allclose(one["samples"], decode_g711(bytes(range(256))), atol=1e-6)
