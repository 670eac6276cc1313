/* "Use my microphone": four steps of measurement, a verdict, then control in the audio thread. */

import { apiKey, joinToken } from "./access.js";
import { AncClient, createSession, deleteSession } from "./anc-client.js";
import { remoteReferences } from "./remote-reference.js";
import { chirpProbe, exponentialSweep } from "./identify.js";

const LEVELS = [0.02, 0.05, 0.12, 0.25];
const CLEAR_DB = 15;
// Over all that the device can play: a filter is solved for that whole band.
const sweepAt = (fs) => ({ seconds: 3, lowHz: 20, highHz: 0.48 * fs });
const NOISE_S = 6;
const TAPS = 512;
// A reference from far away is early: w has to wait as long.
const REMOTE_TAPS = 1024;
const RESPONSE_S = 0.032;
const MOST_PATH = 2048;
const DRIVE_LIMIT = 0.5;
const PROCESSING = {
  echoCancellation: "echo cancellation",
  noiseSuppression: "noise suppression",
  autoGainControl: "automatic gain control",
};
const STEPS = [
  ["Permission", "The microphone, without any processing by the browser."],
  ["Level and latency", "Chirps, from very quiet upwards, until one is clear."],
  ["Secondary path", "A sweep of 3 s: loudspeaker, air, microphone, converters."],
  ["The noise here", "6 s of listening; it stays in this page."],
];

const REFUSALS = {
  NotAllowedError: "The browser or the system refused the microphone: allow it for this page and measure again.",
  NotFoundError: "There is no microphone: plug one in and measure again.",
  NotReadableError: "Another program holds the microphone: end that one and measure again.",
};

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

/**
 * A microphone whose sound the browser leaves as it is; throws with the reason otherwise.
 * @returns {Promise<MediaStream>}
 */
export async function openMicrophone() {
  if (!navigator.mediaDevices) throw new Error("The browser gives no microphone here: open this page by https or on localhost.");
  const wanted = Object.fromEntries(Object.keys(PROCESSING).map((name) => [name, false]));
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...wanted, channelCount: { ideal: 2 } } });
  const settings = stream.getAudioTracks()[0].getSettings();
  const supported = navigator.mediaDevices.getSupportedConstraints();
  const kept = Object.keys(PROCESSING).filter((name) => settings[name] === true || (settings[name] === undefined && supported[name]));
  if (kept.length > 0) {
    for (const track of stream.getTracks()) track.stop();
    const names = kept.map((name) => PROCESSING[name]).join(" and ");
    throw new Error(`The browser does not turn off ${names}: it would take the noise, or the anti-noise, out of what is measured. Choose another microphone or browser.`);
  }
  return stream;
}

const rms = (signal) => Math.sqrt(signal.reduce((sum, value) => sum + value * value, 0) / Math.max(signal.length, 1));

/** The measurement and the running device; draws itself into `container`. */
export class OwnDevice {
  constructor(container, { enter, problem, watch }) {
    this.container = container;
    this.enter = enter;
    this.problem = problem;
    this.watch = watch;
    this.muted = false;
    this.draw();
  }

  draw() {
    this.steps = STEPS.map(([name, words]) => element("li", {}, element("b", { textContent: name }), element("span", { textContent: words })));
    const list = element("ol", { className: "steps" }, ...this.steps);
    this.verdict = element("p", { className: "verdict", hidden: true, id: "own-verdict" });
    this.verdict.setAttribute("role", "status");
    this.measureButton = element("button", { type: "button", id: "own-measure", className: "main", textContent: "Measure", onclick: () => this.measure() });
    this.startButton = element("button", { type: "button", id: "own-start", hidden: true, textContent: "Start control", onclick: () => this.toggle() });
    this.level = element("meter", { min: -90, max: 0, low: -60, high: -6, optimum: -30, value: -90 });
    this.level.setAttribute("aria-label", "Microphone level, dB of full scale");
    this.live = element("span", { className: "caption", id: "own-live" });
    this.sources = element("select", { id: "own-reference" }, new Option("this device", ""));
    this.source = element("p", { className: "row", hidden: true }, element("label", { htmlFor: "own-reference", textContent: "Reference from" }), this.sources);
    const hint = element("p", { className: "hint", textContent: "Turn the volume down first, use loudspeakers (not a headset), and keep still. The key m mutes at once." });
    this.container.replaceChildren(list, hint, this.verdict, this.source, element("div", { className: "row" }, this.measureButton, this.startButton, this.level, this.live));
  }

  step(index, state, words) {
    this.steps[index].dataset.state = state;
    if (state === "now") this.steps[index].setAttribute("aria-current", "step");
    else this.steps[index].removeAttribute("aria-current");
    if (words) this.steps[index].lastChild.textContent = words;
  }

  /** Whether this device is the loudspeaker of a session. @param {string} session its id */
  playsIn(session) {
    return Boolean(this.client) && this.client.session === session;
  }

  setMuted(muted) {
    this.muted = muted;
    this.node?.port.postMessage({ type: "mute", on: muted });
  }

  async measure() {
    await this.stop();
    this.close();
    this.draw();
    this.measureButton.disabled = true;
    this.current = 0;
    try {
      const open = await this.during(0, () => this.open());
      const delay = await this.during(1, () => this.findLatency());
      const path = await this.during(2, () => this.findPath(delay));
      const noise = await this.during(3, () => this.hearNoise());
      this.found = { ...open, delay, path, ...noise };
      const plan = await this.compute("plan", { ...noise, path: path.taps, delay: delay.samples, fs: this.fs, nTaps: TAPS });
      this.found.plan = plan;
      this.verdict.textContent = plan.verdict;
      this.verdict.hidden = this.startButton.hidden = false;
      await this.offerReferences();
    } catch (error) {
      this.step(this.current, "bad", REFUSALS[error.name] ?? error.message);
      this.close();
    }
    this.measureButton.disabled = false;
    this.measureButton.textContent = "Measure again";
  }

  async during(index, work) {
    this.current = index;
    this.step(index, "now");
    const result = await work();
    this.step(index, "done", result.words);
    return result;
  }

  async open() {
    this.stream = await openMicrophone();
    this.context = new AudioContext({ latencyHint: 0 });
    await this.context.resume();
    await this.context.audioWorklet.addModule("/static/device-worklet.js");
    const options = { numberOfInputs: 1, numberOfOutputs: 1, outputChannelCount: [1], channelCount: 2, channelCountMode: "clamped-max", channelInterpretation: "discrete" };
    this.node = new AudioWorkletNode(this.context, "antiphase-device", options);
    this.node.port.onmessage = ({ data }) => this.take(data);
    this.context.createMediaStreamSource(this.stream).connect(this.node).connect(this.context.destination);
    this.setMuted(this.muted);
    const factor = Math.max(1, Math.round(this.context.sampleRate / 8000));
    this.fs = Math.round(this.context.sampleRate / factor);
    const { channelCount = 1 } = this.stream.getAudioTracks()[0].getSettings();
    return { words: `Unprocessed, ${channelCount === 1 ? "one channel" : `${channelCount} channels`}, ${this.context.sampleRate / 1000} kHz.` };
  }

  take(message) {
    if (message.type === "level") {
      this.level.value = 20 * Math.log10(Math.max(message.error.rms, 1e-5));
      if (this.client) this.live.textContent = this.liveWords(message);
    } else if (message.type === "recorded") {
      this.recorded(message);
    } else if (message.type === "message") {
      this.client?.sendSplit(message.data);
    } else if (message.type === "playout") {
      const { delay_s: delay, ...report } = message;
      this.client?.tell(report);
      this.client?.tell({ type: "latency", capture: 0, buffer: 1000 * delay, converters: this.found.delay.ms });
    } else if (message.type === "failed") {
      this.problem(`The device stopped: ${message.reason}`);
    }
  }

  liveWords({ guard, drive }) {
    if (guard === "muted") return "The guard has muted the output: control did harm.";
    const playing = `playing ${(20 * Math.log10(Math.max(drive.rms, 1e-5))).toFixed(0)} dBFS`;
    if (!this.remote || this.marginMs === null || this.marginMs === undefined) return playing;
    if (this.marginMs >= 0) return `${playing}; the reference comes ${this.marginMs.toFixed(0)} ms early`;
    return `${playing}; the reference comes ${(-this.marginMs).toFixed(0)} ms too late: only what repeats can be cancelled`;
  }

  record(samples, seconds) {
    if (this.muted) throw new Error("The output is muted: press m and measure again.");
    return new Promise((resolve) => {
      this.recorded = resolve;
      this.node.port.postMessage({ type: "measure", samples, frames: Math.round(seconds * this.fs) });
    });
  }

  compute(task, given) {
    const worker = new Worker("/static/measure-worker.js", { type: "module" });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        worker.terminate();
        if (data.failed) reject(new Error(data.failed));
        else resolve(data.result);
      };
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage({ task, ...given });
    });
  }

  async findLatency() {
    const probe = chirpProbe(this.fs);
    const quiet = await this.record(new Float32Array(0), 0.5);
    if (rms(quiet.error) === 0) throw new Error("The microphone is silent: is it muted?");
    for (const level of LEVELS) {
      const { error } = await this.record(Float32Array.from(probe, (value) => level * value), 0.8);
      const found = await this.compute("roundTrip", { probe, recording: Float64Array.from(error), fs: this.fs });
      if (found.clarityDb >= CLEAR_DB) {
        // The sweep lasts thirty times as long; four times the level makes it clear of most rooms' noise.
        this.playLevel = Math.min(4 * level, LEVELS.at(-1));
        return { ...found, words: `${found.ms.toFixed(1)} ms from playing to hearing, chirp ${found.clarityDb.toFixed(0)} dB clear.` };
      }
    }
    throw new Error("The loudspeaker can't be heard: raise its volume a little, bring the microphone closer, and measure again.");
  }

  async findPath(delay) {
    const settings = sweepAt(this.fs);
    const sweep = exponentialSweep(this.fs, settings);
    const nTaps = Math.min(MOST_PATH, Math.ceil((delay.samples + RESPONSE_S * this.fs) / 32) * 32);
    const samples = Float32Array.from(sweep.samples, (value) => this.playLevel * value);
    const { error } = await this.record(samples, settings.seconds + nTaps / this.fs + 0.1);
    const recording = Float64Array.from(error, (value) => value / this.playLevel);
    const found = await this.compute("identify", { fs: this.fs, settings, recording, nTaps });
    return { ...found, words: `${nTaps} taps explain the sweep to ${found.residualDb.toFixed(0)} dB.` };
  }

  async hearNoise() {
    const { error, reference } = await this.record(new Float32Array(0), NOISE_S);
    const difference = rms(error.map((value, k) => value - reference[k]));
    const two = rms(reference) > 1e-6 && difference > 0.02 * rms(error);
    const level = 20 * Math.log10(Math.max(rms(error), 1e-6));
    return {
      disturbance: Float64Array.from(error),
      reference: two ? Float64Array.from(reference) : null,
      words: `${level.toFixed(0)} dBFS; ${two ? "a second microphone serves as reference" : "one microphone, no reference"}.`,
    };
  }

  async toggle() {
    this.startButton.disabled = true;
    this.problem("");
    try {
      if (this.client) await this.stop();
      else await this.start();
    } catch (error) {
      this.problem(`Control did not start: ${error.message}`);
      await this.stop();
    }
    this.startButton.disabled = false;
  }

  // Sessions in which somebody else's microphone hears the noise and nobody plays against it yet.
  async offerReferences() {
    const found = await remoteReferences();
    const own = new Option(this.found.reference ? "this device's second microphone" : "none: what repeats, from the one microphone", "");
    this.sources.replaceChildren(own, ...found.map(({ session, name }) => new Option(name, session)));
    this.source.hidden = found.length === 0;
  }

  async start() {
    const { plan, path } = this.found;
    const remote = this.sources.value;
    this.mode = remote ? "split" : plan.mode;
    this.nTaps = remote ? REMOTE_TAPS : TAPS;
    this.module = await WebAssembly.compileStreaming(fetch("/static/device.wasm"));
    this.secondaryPath = Float32Array.from(path.taps);
    const made = remote ? null : await createSession({ name: "my microphone", mode: plan.mode }, location.origin, apiKey);
    this.session = made;
    const session = remote || made.session_id;
    const token = remote ? await joinToken(session, ["error", "loudspeaker"]) : made.owner_token;
    const client = new AncClient({ session, token });
    this.client = client;
    this.watch(client);
    client.addEventListener("split", ({ detail }) => this.node?.port.postMessage({ type: "message", data: detail.data }));
    client.addEventListener("control", ({ detail }) => this.node?.port.postMessage({ type: "control", on: detail.on }));
    client.addEventListener("guide", ({ detail }) => this.obey(detail));
    client.addEventListener("figures", ({ detail }) => { this.marginMs = detail.margin_ms; });
    client.addEventListener("bye", () => this.stop());
    const own = plan.mode === "split" && !remote ? ["reference"] : [];
    const roles = [...own, "error"].map((role) => ({ role, track: "data" }));
    await client.join({
      name: "this browser",
      roles: [...roles, { role: "loudspeaker", track: remote ? "0" : "data" }],
      fs: this.fs,
      taps: this.nTaps,
      secondaryPathEstimate: Array.from(this.secondaryPath, (value) => Number(value.toPrecision(7))),
      deviceMarginMs: own.length > 0 ? (plan.marginMs ?? undefined) : undefined,
    });
    this.remote = Boolean(remote);
    this.run(this.mode);
    const { port1, port2 } = new MessageChannel();
    if (remote) this.node.port.postMessage({ type: "packets", port: port2 }, [port2]);
    await client.openSplit(remote ? port1 : undefined);
    this.startButton.textContent = "Stop control";
    await this.enter(session);
  }

  run(mode) {
    this.mode = mode;
    const { module, nTaps, secondaryPath } = this;
    this.node.port.postMessage({ type: "run", mode, module, nTaps, secondaryPath, limit: DRIVE_LIMIT });
  }

  // What the service says on anc.control.
  obey(message) {
    if (message.type === "playout") {
      this.node?.port.postMessage(message);
    } else if (message.type === "open") {
      this.client?.tell({ type: "latency", capture: 0, converters: this.found.delay.ms, buffer: 0 });
    } else if (message.type === "mode") {
      const mode = message.mode === "local" ? "local" : "split";
      if (mode !== this.mode) this.run(mode);
    }
  }

  async stop() {
    this.node?.port.postMessage({ type: "stop" });
    const { client, session } = this;
    this.client = this.session = this.marginMs = null;
    this.remote = false;
    if (this.startButton) this.startButton.textContent = "Start control";
    if (this.live) this.live.textContent = "";
    client?.leave();
    if (session) await deleteSession(session.session_id, undefined, session.owner_token).catch(() => undefined);
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.context?.close();
    this.stream = this.context = this.node = null;
  }
}
