/* The device side of split control over the kernel: control/remote_device.py, step for step. It runs
   in the AudioWorklet; it neither blocks nor looks at a clock. */

import { probeSamples } from "./probe.js";

const KEPT_FILTERS = 8;
const ROLLBACK_FADE_S = 0.005;
const one = (samples) => ({ channels: 1, samples });
const sameShape = (a, b) => a.length === b.length && a.every((n, k) => n === b[k]);

/** Applies a filter that is solved for elsewhere, records, obeys; mutes first and tells then. */
export class SplitDevice {
  /**
   * @param {import("./kernel.js").DeviceKernel} kernel in mode "split" that keeps 4 blocks and a frame
   * @param {number} fs control rate, Hz
   * @param {number} [blockSize] frames per block; 100 ms by default
   * @param {number} [start] index of the kernel's first sample: where the last run of this device ended
   */
  constructor(kernel, fs, blockSize = Math.round(fs / 10), start = 0) {
    this.kernel = kernel;
    this.fs = fs;
    this.blockSize = blockSize;
    this.start = start;
    this.gaps = [];
    this.known = new Map([[0, new Float32Array(kernel.nTaps)]]);
    this.pending = null;
    this.version = this.secondaryVersion = this.applied = 0;
    this.overrides = kernel.overrides;
    this.clips = [false, false, false];
    this.seq = this.nextSample = 0;
  }

  /** @param {object} message a decoded push, rollback or probe @returns {object[]} refusals */
  receive(message) {
    if (message.type === "push") return this.receivePush(message);
    if (message.type === "rollback") {
      const taps = this.known.get(message.toVersion);
      if (!taps) return [{ type: "nack", version: message.toVersion, reason: "stale" }];
      this.kernel.push(taps, message.toVersion, 0, Math.round(ROLLBACK_FADE_S * this.fs));
      this.pending = null;
    } else if (message.type === "probe") {
      this.kernel.setProbe(probeSamples(message), 10 ** (message.levelDb / 20));
    }
    return [];
  }

  receivePush(push) {
    const { version, taps, secondaryPath } = push;
    const badPath = secondaryPath.values.length > 0 && !sameShape(secondaryPath.shape, [1, 1, this.kernel.pathTaps]);
    if (!sameShape(taps.shape, [1, 1, this.kernel.nTaps]) || badPath) return [{ type: "nack", version, reason: "shape" }];
    if (version < this.version) return [{ type: "nack", version, reason: "stale" }];
    if (version === this.version) return [{ type: "ack", version, appliedAt: this.appliedAt }];
    this.known.set(version, taps.values);
    const old = [...this.known.keys()].sort((a, b) => a - b).slice(1, -KEPT_FILTERS);
    for (const key of old) this.known.delete(key);
    this.kernel.push(taps.values, version, push.applyAt - this.start, push.fadeSamples);
    this.pending = push;
    return [];
  }

  get appliedAt() {
    return this.start + this.kernel.appliedAt;
  }

  /** Frames [first, first + n) of the kernel's had a reference that was guessed: w remembers it. */
  mark(first, n) {
    const last = this.gaps.at(-1);
    const end = first + n + this.kernel.nTaps;
    if (last && first <= last[1]) last[1] = end;
    else this.gaps.push([first, end]);
  }

  // Those within a block, as [start, length].
  gapsOf(first, n) {
    this.gaps = this.gaps.filter(([, end]) => end > first);
    return this.gaps.flatMap(([begin, end]) => {
      const [from, to] = [Math.max(0, begin - first), Math.min(n, end - first)];
      return to > from ? [[from, to - from]] : [];
    });
  }

  /** What is due to the solver: acks, nacks, blocks, in order. */
  poll() {
    return [...this.settle(), ...this.blocks()];
  }

  settle() {
    const out = [];
    const { kernel, pending } = this;
    const wasSilent = this.version === 0;
    if (kernel.overrides !== this.overrides) {
      out.push({ type: "nack", version: this.version, reason: kernel.guardState === "muted" ? "muted" : "rolled_back" });
      this.overrides = kernel.overrides;
      this.version = this.find(kernel.controlFilter);
    }
    if (kernel.version !== this.applied) this.version = this.applied = kernel.version;
    if (pending && kernel.version === pending.version) {
      if (pending.secondaryPath.values.length > 0) {
        kernel.setSecondaryPath(pending.secondaryPath.values);
        this.secondaryVersion = pending.secondaryVersion;
      } else if (wasSilent) {
        kernel.beginAfresh();
      }
      this.pending = null;
      out.push({ type: "ack", version: pending.version, appliedAt: this.appliedAt });
    }
    return out;
  }

  // Version of a filter, 0 if it is none of those kept.
  find(taps) {
    let found = 0;
    for (const [version, known] of this.known) {
      if (version > found && known.every((value, k) => value === taps[k])) found = version;
    }
    return found;
  }

  blocks() {
    const out = [];
    const { kernel, blockSize } = this;
    const { recorded } = kernel;
    const muted = kernel.guardState === "muted";
    while (this.nextSample < recorded - 4 * blockSize) this.nextSample += blockSize;
    while (this.nextSample + blockSize <= recorded) {
      const signals = kernel.copy(this.nextSample, blockSize);
      out.push({
        type: "block",
        seq: this.seq,
        firstSample: this.start + this.nextSample,
        fs: this.fs,
        reference: one(signals[0]),
        drive: one(signals[1]),
        error: one(signals[2]),
        tapsVersion: this.version,
        secondaryVersion: this.secondaryVersion,
        muted,
        clipped: this.clips,
        gaps: this.gapsOf(this.nextSample, blockSize),
      });
      this.clips = [false, false, false];
      this.seq += 1;
      this.nextSample += blockSize;
    }
    return out;
  }
}
