"""The browser's device against Python's: the same bytes, the same kernel, the same decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from antiphase.control.remote_device import SplitDevice, probe_samples
from antiphase.control.split_messages import Ack, Block, Message, Nack, Probe, Push, Rollback
from antiphase.control.split_protocol import decode, encode
from antiphase.errors import ProtocolError
from tests import needs
from tests.service.node import STATIC, in_node, needs_node

pytestmark = needs_node

Floats = npt.NDArray[np.floating]
RNG = np.random.default_rng(7)


def noise(*shape: int) -> Floats:
    return RNG.standard_normal(shape).astype(np.float32)


MESSAGES: dict[str, Message] = {
    "block": Block(
        7,
        123456789012,
        8000,
        noise(800, 2),
        1e-6 * noise(800, 1),
        30 * noise(800, 1),
        taps_version=3,
        secondary_version=2,
        muted=True,
        clipped=(True, False, True),
        gaps=((0, 5), (700, 100)),
    ),
    "silence": Block(0, 0, 7350, np.zeros((5, 1)), np.zeros((5, 1)), np.zeros((5, 1))),
    "halves": Block(
        1, 0, 8000, np.arange(-8, 9)[:, None] / 2 * 4, np.full((17, 1), 32767.0), noise(17, 1)
    ),
    "push": Push(9, noise(1, 1, 512), 2**40, 80, 4, noise(1, 1, 256)),
    "push without a path": Push(1, noise(2, 1, 3), 0, 0),
    "ack": Ack(2**32 - 1, 2**50),
    "nack": Nack(5, "rolled_back"),
    "rollback": Rollback(4),
    "probe": Probe("mls", 77, -40.0),
    "silent probe": Probe("gaussian", 1, -np.inf),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_bytes_are_those_of_python(name: str) -> None:
    """What the browser decodes and encodes again is the same message, byte for byte."""
    data = encode(MESSAGES[name])
    script = """
      const { decode, encode } = await use("split-protocol.js");
      answer(hex(encode(decode(bytes(given.data)))));
    """
    assert bytes.fromhex(in_node(script, data=data)) == data


def test_a_block_from_the_browser_is_read_by_python() -> None:
    """Samples encoded in the browser are those that Python encodes, rounding included."""
    x, y, e = noise(800), 1e-3 * noise(800), 1e4 * noise(800)
    script = """
      const { encode } = await use("split-protocol.js");
      const one = (values) => ({channels: 1, samples: Float32Array.from(values)});
      answer(hex(encode({type: "block", seq: 3, firstSample: 2400, fs: 8000, tapsVersion: 1,
        secondaryVersion: 0, reference: one(given.x), drive: one(given.y), error: one(given.e)})));
    """
    ours = encode(Block(3, 2400, 8000, x[:, None], y[:, None], e[:, None], taps_version=1))
    assert bytes.fromhex(in_node(script, x=x, y=y, e=e)) == ours


def test_junk_is_refused_by_both() -> None:
    """Cut, lengthened and changed messages are refused by the browser where Python refuses them."""
    cases: list[bytes] = [b"", b"AP", b"AQ\x01\x01", b"AP\x02\x03" + bytes(12)]
    for message in MESSAGES.values():
        data = encode(message)
        cases += [data[:-1], data + b"\0", data[:3] + b"\x09" + data[4:]]
    cases += [encode(Nack(1, "muted"))[:-1] + b"\x07"]
    script = """
      const { decode, ProtocolError } = await use("split-protocol.js");
      answer(given.cases.map((text) => {
        try { decode(bytes(text)); } catch (error) { return error instanceof ProtocolError; }
        return false;
      }));
    """
    for data, refused in zip(cases, in_node(script, cases=cases), strict=True):
        assert refused, data[:8]
        with pytest.raises(ProtocolError):
            decode(data)


@pytest.mark.parametrize("seed", [1, 2, 12345, 2**32 - 1])
def test_probe_is_that_of_python(seed: int) -> None:
    """The maximum-length probe has the same samples for the same seed; the Gaussian unit RMS."""
    script = """
      const { probeSamples } = await use("probe.js");
      const {seed} = given;
      answer(["mls", "gaussian"].map((generator) => probeSamples({generator, seed, levelDb: -40})));
    """
    mls, gaussian = map(np.array, in_node(script, seed=seed))
    np.testing.assert_array_equal(mls, probe_samples(Probe("mls", seed, -40)))
    assert len(gaussian) == len(mls)
    assert np.mean(gaussian**2) == pytest.approx(1, rel=1e-5)
    assert abs(np.mean(gaussian)) < 0.02


RUN = """
  const { DeviceKernel } = await use("kernel.js");
  const { SplitDevice } = await use("split-device.js");
  const { decode, encode } = await use("split-protocol.js");
  const module = new WebAssembly.Module(readFileSync(given.wasm));
  const kernel = new DeviceKernel(module, {mode: "split", fs: 8000, nTaps: given.taps,
    secondaryPath: given.path, kept: 4 * given.block + 1, limit: given.limit});
  const device = new SplitDevice(kernel, 8000, given.block);
  const path = Float64Array.from(given.path);
  const history = new Float64Array(path.length);
  const sent = [], errors = [];
  let last = 0;
  const script = new Map(given.messages);
  for (let n = 0; n < given.x.length; n += 1) {
    for (const data of script.get(n) ?? []) {
      for (const m of device.receive(decode(bytes(data)))) sent.push([n, hex(encode(m))]);
    }
    kernel.reference[0] = given.x[n];
    kernel.error[0] = last;
    kernel.process(1);
    history.copyWithin(1, 0);
    history[0] = kernel.drive[0];
    last = given.d[n];
    for (let k = 0; k < path.length; k += 1) last += path[k] * history[k];
    errors.push(last);
    for (const m of device.poll()) sent.push([n, hex(encode(m))]);
  }
  answer([sent, errors, kernel.guardState]);
"""


def both_devices(
    script: dict[int, list[Message]], d: Floats, path: Floats, limit: float = 0.0
) -> tuple[list[tuple[int, Message]], list[tuple[int, Message]], Floats, Floats]:
    """Run one closed loop with Python's device and one with the browser's."""
    x = np.random.default_rng(3).standard_normal(len(d)).astype(np.float32) * 0.1
    device = SplitDevice(
        64, secondary_path_estimate=path, fs=8000, block_size=400, limit=limit or None
    )
    ours: list[tuple[int, Message]] = []
    played, heard, last = np.zeros(len(d)), np.zeros(len(d)), 0.0
    for n in range(len(d)):
        for message in script.get(n, []):
            ours += [(n, m) for m in device.receive(message)]
        y = device.process(x[n : n + 1], np.array([last], np.float32))
        played[n] = y[0]
        recent = played[max(0, n - len(path) + 1) : n + 1][::-1]
        last = heard[n] = d[n] + path[: len(recent)] @ recent
        ours += [(n, m) for m in device.poll()]
    given: dict[str, Any] = {
        "messages": [[n, [encode(m) for m in messages]] for n, messages in script.items()]
    }
    theirs, errors, _ = in_node(
        RUN, wasm=str(STATIC / "device.wasm"), taps=64, block=400, x=x, d=d, path=path,
        limit=limit, **given,
    )  # fmt: skip
    return ours, [(n, decode(bytes.fromhex(m))) for n, m in theirs], heard, np.array(errors)


def assert_alike(ours: list[tuple[int, Message]], theirs: list[tuple[int, Message]]) -> None:
    assert [(n, type(m)) for n, m in ours] == [(n, type(m)) for n, m in theirs]
    for (_, a), (_, b) in zip(ours, theirs, strict=True):
        if isinstance(a, Block):
            assert isinstance(b, Block)
            for name in ("seq", "first_sample", "taps_version", "secondary_version", "muted"):
                assert getattr(a, name) == getattr(b, name), name
            for name in ("reference", "drive", "error"):
                one, other = getattr(a, name), getattr(b, name)
                np.testing.assert_allclose(other, one, rtol=0, atol=2e-4 * np.abs(one).max() + 1e-9)
        else:
            assert a == b


def disturbance(n: int, w: Floats, path: Floats) -> Floats:
    """Return what w would cancel to nothing, from the reference of `both_devices`."""
    x = np.random.default_rng(3).standard_normal(n).astype(np.float32) * 0.1
    d: Floats = -signal.lfilter(path, 1, signal.lfilter(w, 1, x)).astype(np.float32)
    return d


def test_both_devices_do_the_same() -> None:
    """Pushes, late copies, a new path, a probe, roll-backs: the same answers, sample by sample."""
    rng = np.random.default_rng(5)
    path = np.concatenate([np.zeros(4), [1, 0.5, -0.2], np.zeros(25)]).astype(np.float32)
    w = (0.2 * rng.standard_normal(64)).astype(np.float32)
    script: dict[int, list[Message]] = {
        100: [Probe("mls", 3, -40.0)],
        500: [Push(1, 0.5 * w[None, None], 0, 80, 1, path[None, None])],
        1300: [Push(2, w[None, None], 1500, 80)],
        1900: [Push(2, w[None, None], 0, 80)],
        2000: [Push(1, w[None, None], 0, 80), Push(7, w[None, None, :9], 0, 80)],
        2500: [Rollback(1), Rollback(55)],
        3000: [Push(3, w[None, None], 0, 0, 2, 0.9 * path[None, None])],
    }
    d = disturbance(4000, w, path)
    ours, theirs, a, b = both_devices(script, d, path)
    assert_alike(ours, theirs)
    np.testing.assert_allclose(b, a, atol=1e-5)
    assert np.std(a[3500:]) < 0.1 * np.std(d[3500:])


def test_both_guards_mute_at_the_same_sample() -> None:
    """A filter of the wrong sign is muted, or rolled back, and told, by both alike."""
    path = np.concatenate([np.zeros(4), [1, 0.5], np.zeros(10)]).astype(np.float32)
    w = np.zeros(64, np.float32)
    w[0] = 1.0
    script: dict[int, list[Message]] = {800: [Push(1, -3 * w[None, None], 0, 80)]}
    ours, theirs, a, b = both_devices(script, disturbance(8000, w, path), path)
    assert_alike(ours, theirs)
    assert any(isinstance(m, Nack) for _, m in ours)
    np.testing.assert_allclose(b, a, atol=1e-5)


def test_a_second_run_counts_on_and_tells_its_gaps() -> None:
    """Blocks, acks and pushes use the device's sample index; a guessed reference is a gap in them.

    The filter remembers the guess for as many samples as it has taps.
    """
    script = """
      const { DeviceKernel } = await use("kernel.js");
      const { SplitDevice } = await use("split-device.js");
      const module = new WebAssembly.Module(readFileSync(given.wasm));
      const kernel = new DeviceKernel(module,
        {mode: "split", fs: 8000, nTaps: 64, secondaryPath: [0, 1], kept: 1601});
      const device = new SplitDevice(kernel, 8000, 400, 7000);
      const taps = {shape: [1, 1, 64], values: new Float32Array(64)};
      const none = {shape: [1, 1, 0], values: []};
      device.receive({type: "push", version: 1, secondaryVersion: 0, applyAt: 7500,
        fadeSamples: 10, taps, secondaryPath: none});
      const sent = [];
      for (let n = 0; n < 1201; n += 1) {
        if (n === 380 || n === 390) device.mark(n, 10);
        kernel.process(1);
        sent.push(...device.poll());
      }
      answer(sent.map(({ type, firstSample, gaps, appliedAt }) =>
        ({ type, firstSample, gaps, appliedAt })));
    """
    sent = in_node(script, wasm=str(STATIC / "device.wasm"))
    blocks = [m for m in sent if m["type"] == "block"]
    assert [m["firstSample"] for m in blocks] == [7000, 7400, 7800]
    assert [m["gaps"] for m in blocks] == [[[380, 20]], [[0, 64]], []]
    assert [m["appliedAt"] for m in sent if m["type"] == "ack"] == [7500]


def test_the_drive_keeps_its_limit() -> None:
    """No filter can drive the output beyond the limit."""
    path = np.concatenate([np.zeros(2), [1.0], np.zeros(5)]).astype(np.float32)
    w = np.zeros(64, np.float32)
    w[0] = 1.0
    script: dict[int, list[Message]] = {100: [Push(1, w[None, None], 0, 0)]}
    d = disturbance(2000, w, path)
    ours, theirs, *_ = both_devices(script, d, path, limit=0.05)
    assert_alike(ours, theirs)
    peaks = [np.abs(m.drive).max() for _, m in theirs if isinstance(m, Block)]
    assert max(peaks) == pytest.approx(0.05, rel=1e-3)


def test_local_control_cancels_a_tone_without_a_reference() -> None:
    """One microphone: a hum falls by 20 dB through a path of 40 ms, white noise stays."""
    script = """
      const { DeviceKernel } = await use("kernel.js");
      const module = new WebAssembly.Module(readFileSync(given.wasm));
      answer(given.noises.map((d) => {
        const path = new Float32Array(400);
        path[320] = 0.5;
        const kernel = new DeviceKernel(module,
          {mode: "local", fs: 8000, nTaps: 512, secondaryPath: path, kept: 3201});
        const drive = new Float32Array(d.length);
        let last = 0;
        const error = d.map((value, n) => {
          kernel.error[0] = last;
          kernel.process(1);
          drive[n] = kernel.drive[0];
          last = value + (n >= 320 ? 0.5 * drive[n - 320] : 0);
          return last;
        });
        return error;
      }));
    """
    n = np.arange(40000) / 8000
    rng = np.random.default_rng(0)
    hum = 0.1 * np.sin(2 * np.pi * 100 * n) + 0.05 * np.sin(2 * np.pi * 300 * n + 1)
    hum += 1e-3 * rng.standard_normal(len(n))
    white = 0.1 * rng.standard_normal(len(n))
    errors = in_node(script, wasm=str(STATIC / "device.wasm"), noises=[hum, white])
    reductions = [
        10 * np.log10(np.sum(d[24000:] ** 2) / np.sum(np.square(e)[24000:]))
        for d, e in zip((hum, white), errors, strict=True)
    ]
    assert reductions[0] > 20
    assert reductions[1] > -0.5


def test_rates_are_changed_without_aliases() -> None:
    """48 kHz to 8 kHz and back: the filter is scipy's, flat to 2.5 kHz, 60 dB down from 4.7 kHz."""
    script = """
      const { Decimator, Interpolator, lowpass } = await use("rate-converter.js");
      const run = (input, sizes) => {
        const down = new Decimator(6), up = new Interpolator(6);
        const [small, out] = [[], []];
        let at = 0;
        for (let k = 0; at < input.length; k += 1) {
          const n = Math.min(sizes[k % sizes.length], input.length - at);
          const kept = new Float32Array(n), big = new Float32Array(n);
          const count = down.process(Float32Array.from(input.slice(at, at + n)), n, kept);
          small.push(...kept.subarray(0, count));
          up.process(kept, big, n);
          out.push(...big);
          at += n;
        }
        return [small, out];
      };
      answer([lowpass(6), run(given.x, [128]), run(given.x, [1, 7, 300])]);
    """
    x = np.random.default_rng(0).standard_normal(6000).astype(np.float32)
    taps, (small, out), other = in_node(script, x=x)
    np.testing.assert_allclose(small, signal.lfilter(taps, 1, x)[::6], atol=1e-5)
    up = np.zeros(6000)
    up[::6] = small
    np.testing.assert_allclose(out, 6 * signal.lfilter(taps, 1, up), atol=1e-4)
    for one, two in zip((small, out), other, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-6)
    _, response = signal.freqz(taps, worN=[100, 2500, 4700, 8000, 15000], fs=48000)
    level = 20 * np.log10(np.abs(response))
    assert np.abs(level[:2]).max() < 0.1
    assert level[2:].max() < -60


def test_the_high_pass_is_that_of_scipy() -> None:
    """Butterworth of order 2 at 40 Hz, in blocks of any length."""
    script = """
      const { HighPass } = await use("high-pass.js");
      answer([[6000], [1, 7, 300]].map((sizes) => {
        const filter = new HighPass(40, 7350);
        const out = [];
        for (let at = 0, k = 0; at < given.x.length; k += 1) {
          const n = Math.min(sizes[k % sizes.length], given.x.length - at);
          const part = Float32Array.from(given.x.slice(at, at + n));
          filter.process(part, n);
          out.push(...part);
          at += n;
        }
        return out;
      }));
    """
    x = np.random.default_rng(0).standard_normal(6000).astype(np.float32) + 1
    for out in in_node(script, x=x):
        np.testing.assert_allclose(
            out, signal.lfilter(*signal.butter(2, 40, "high", fs=7350), x), atol=1e-5
        )


@pytest.mark.slow
def test_the_kept_module_is_what_the_sources_give(tmp_path: Path) -> None:
    """`make wasm` gives the checked-in module, byte for byte."""
    needs.package("ziglang")
    from tools import build_wasm  # noqa: PLC0415 - needs the compiler

    built = build_wasm.build("device", tmp_path)
    assert built.read_bytes() == build_wasm.DEVICE.read_bytes()
