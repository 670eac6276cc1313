/* The device in the audio thread: converts rates, measures, runs the kernel, keeps the limits.

   Input 0: microphones (channel 0 is the error, channel 1 the reference, if there are two). Output 0: the drive.

   Messages in:  {type: "measure", samples, frames} · {type: "run", mode, module, nTaps, secondaryPath, limit}
                 {type: "message", data} of split control · {type: "control", on} · {type: "mute", on} · {type: "stop"}
                 {type: "packets", port}: the reference comes there from another device · {type: "playout", …} its guide
   Messages out: {type: "level", error, reference, drive, guard, clipped} ten times a second
                 {type: "recorded", error, reference} · {type: "message", data} · {type: "failed", reason}
                 {type: "playout", rate_ppm, jumps, delay_s} twice a second */

import { HighPass } from "./high-pass.js";
import { DeviceKernel } from "./kernel.js";
import { Decimator, Interpolator, controlFactor } from "./rate-converter.js";
import { ReferencePlayout } from "./reference-playout.js";
import { SplitDevice } from "./split-device.js";
import { decode, encode } from "./split-protocol.js";

const RAMP_S = 0.01;
const LOWEST_HZ = 40;
const MOST_CONTROL = 4096;

class Meter {
  constructor() {
    this.clear();
  }

  clear() {
    this.sum = this.peak = this.n = 0;
  }

  add(samples, n) {
    for (let k = 0; k < n; k += 1) {
      this.sum += samples[k] * samples[k];
      this.peak = Math.max(this.peak, Math.abs(samples[k]));
    }
    this.n += n;
  }

  take() {
    const level = { rms: Math.sqrt(this.sum / Math.max(this.n, 1)), peak: this.peak };
    this.clear();
    return level;
  }
}

class DeviceProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.factor = controlFactor(sampleRate);
    this.fs = Math.round(sampleRate / this.factor);
    this.decimators = [new Decimator(this.factor), new Decimator(this.factor)];
    this.highPasses = [new HighPass(LOWEST_HZ, this.fs), new HighPass(LOWEST_HZ, this.fs)];
    this.interpolator = new Interpolator(this.factor);
    this.error = new Float32Array(MOST_CONTROL);
    this.reference = new Float32Array(MOST_CONTROL);
    this.drive = new Float32Array(MOST_CONTROL);
    this.meters = { error: new Meter(), reference: new Meter(), drive: new Meter() };
    this.lastError = 0;
    this.gain = 1;
    this.muted = false;
    this.control = true;
    this.metered = this.told = this.ended = 0;
    this.playout = null;
    this.port.onmessage = ({ data }) => {
      try {
        this.take(data);
      } catch (error) {
        this.port.postMessage({ type: "failed", reason: String(error.message ?? error) });
      }
    };
  }

  take(message) {
    switch (message.type) {
      case "measure":
        this.stop();
        this.measurement = {
          samples: message.samples,
          at: 0,
          error: new Float32Array(message.frames),
          reference: new Float32Array(message.frames),
        };
        break;
      case "run":
        this.run(message);
        break;
      case "message":
        if (this.mode === "split") this.answer(this.device.receive(decode(message.data)));
        break;
      case "control":
        this.control = message.on;
        this.rest();
        break;
      case "mute":
        this.muted = message.on;
        this.rest();
        break;
      case "packets":
        this.playout = new ReferencePlayout(this.fs);
        message.port.onmessage = ({ data: { timestamp, samples } }) => this.playout?.push(timestamp, samples);
        break;
      case "playout":
        this.playout?.obey(message);
        break;
      case "stop":
        this.stop();
        this.playout = null;
        break;
    }
  }

  stop() {
    // Blocks of the next run go on counting where these ended.
    this.ended += this.kernel?.recorded ?? 0;
    this.kernel = this.device = this.measurement = this.mode = null;
  }

  run({ mode, module, nTaps, secondaryPath, limit }) {
    this.stop();
    const blockSize = Math.round(this.fs / 10);
    this.kernel = new DeviceKernel(module, { mode, fs: this.fs, nTaps, secondaryPath, limit, kept: 4 * blockSize + 1 });
    this.device = new SplitDevice(this.kernel, this.fs, blockSize, this.ended);
    this.frames = 0;
    this.mode = mode;
    this.rest();
  }

  // With control off or muted the kernel itself goes silent, so that the guard's model of what is
  // heard stays true; the output gain behind it is the last word. The solver pushes anew later.
  rest() {
    if (!this.kernel) return;
    const resting = this.muted || !this.control;
    if (this.mode === "local") this.kernel.setAdapting(!resting);
    if (!resting) return;
    if (this.mode === "local") this.kernel.clear();
    else this.device.receive({ type: "rollback", toVersion: 0 });
  }

  answer(messages) {
    for (const message of messages) {
      const data = encode(message).buffer;
      this.port.postMessage({ type: "message", data }, [data]);
    }
  }

  process(inputs, outputs) {
    const [microphones] = inputs;
    const output = outputs[0][0];
    const frames = output.length;
    const n = this.decimators[0].process(microphones[0] ?? null, frames, this.error);
    this.decimators[1].process(microphones[1] ?? null, frames, this.reference);
    if (this.playout) this.hearRemote(n);
    this.highPasses[0].process(this.error, n);
    this.highPasses[1].process(this.reference, n);
    this.drive.fill(0, 0, n);
    if (this.measurement) this.measure(n);
    else if (this.kernel) this.act(n);
    this.limit(n);
    this.interpolator.process(this.drive, output, frames);
    for (const other of outputs[0].slice(1)) other.set(output);
    this.meter(n);
    return true;
  }

  hearRemote(n) {
    const whole = this.playout.pull(n, this.reference);
    if (!whole && this.mode === "split") this.device.mark(this.frames, n);
    this.told += n;
    if (this.told < this.fs / 2) return;
    this.told = 0;
    this.port.postMessage({ ...this.playout.report(), delay_s: this.playout.delayS });
  }

  measure(n) {
    const { samples, error, reference, at } = this.measurement;
    const count = Math.min(n, error.length - at);
    for (let k = 0; k < count; k += 1) this.drive[k] = samples[at + k] ?? 0;
    error.set(this.error.subarray(0, count), at);
    reference.set(this.reference.subarray(0, count), at);
    this.measurement.at += count;
    if (this.measurement.at === error.length) {
      this.measurement = null;
      this.port.postMessage({ type: "recorded", error, reference }, [error.buffer, reference.buffer]);
    }
  }

  act(n) {
    const { kernel } = this;
    kernel.reference.set(this.reference.subarray(0, n));
    kernel.error[0] = this.lastError;
    kernel.error.set(this.error.subarray(0, n - 1), 1);
    this.lastError = this.error[n - 1];
    kernel.process(n);
    this.frames += n;
    this.drive.set(kernel.drive.subarray(0, n));
    // What is played while muted is not what the kernel recorded.
    const due = this.device.poll();
    this.answer(this.muted ? due.filter((message) => message.type !== "block") : due);
  }

  // Nothing above full scale and nothing not finite reaches an ear; mutes and returns ramp.
  limit(n) {
    const target = this.muted ? 0 : 1;
    const step = 1 / (RAMP_S * this.fs);
    for (let k = 0; k < n; k += 1) {
      this.gain += Math.max(-step, Math.min(step, target - this.gain));
      const value = Number.isFinite(this.drive[k]) ? this.drive[k] : 0;
      this.drive[k] = Math.max(-1, Math.min(1, this.gain * value));
    }
  }

  meter(n) {
    for (const name of ["error", "reference", "drive"]) this.meters[name].add(this[name], n);
    this.metered += n;
    if (this.metered < this.fs / 10) return;
    this.metered = 0;
    const levels = Object.fromEntries(Object.entries(this.meters).map(([name, meter]) => [name, meter.take()]));
    const { guardState = null, clipped = 0 } = this.kernel ?? {};
    this.port.postMessage({ type: "level", ...levels, guard: guardState, clipped });
  }
}

registerProcessor("antiphase-device", DeviceProcessor);
