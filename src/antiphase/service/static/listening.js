/* What the listener hears: from low, in a slow ramp, with a hard limit, and a mute that acts within 20 ms. */

const RAMP_S = 2;
const MUTE_S = 0.02;
const LIMIT = 0.5;

// Loudness grows with the square of the slider; full is −6 dB of full scale.
const gainOf = (percent) => LIMIT * (percent / 100) ** 2;

export class Listening {
  constructor() {
    this.percent = 15;
    this.muted = false;
  }

  /** Plays a stream of a peer connection through the limiter. @param {MediaStream} stream @param {HTMLAudioElement} sink */
  async start(stream, sink) {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    await this.context.resume();
    // Chromium decodes a remote track only while an element plays it too.
    sink.srcObject = stream;
    sink.muted = true;
    await sink.play().catch(() => undefined);
    this.gain = new GainNode(this.context, { gain: 0 });
    const limiter = new WaveShaperNode(this.context, { curve: Float32Array.of(-LIMIT, 0, LIMIT) });
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.gain).connect(limiter).connect(this.context.destination);
    this.#ramp(RAMP_S);
  }

  stop() {
    this.source?.disconnect();
    this.source = this.gain = null;
  }

  get playing() {
    return Boolean(this.source);
  }

  setVolume(percent) {
    this.percent = percent;
    this.#ramp(0.3);
  }

  setMuted(muted) {
    this.muted = muted;
    this.#ramp(muted ? MUTE_S : RAMP_S);
  }

  #ramp(seconds) {
    if (!this.gain) return;
    const { gain } = this.gain;
    const now = this.context.currentTime;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(gain.value, now);
    gain.linearRampToValueAtTime(this.muted ? 0 : gainOf(this.percent), now + seconds);
  }
}
