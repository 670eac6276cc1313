/* A reference that another device hears, put on this device's clock: devices/rig/forwarded.py in small.

   It is played behind the earliest packets by what the jitter of the first half second asks for, at the nominal
   rate until the server's guide says at which one (docs/service.md, `playout`). What is not there when it is due
   is silence and counts as missing. */

const HALF = 8;
const PHASES = 512;
const SIZE = 2 ** 14;
const SETTLE_S = 0.5;
const SPARE_S = 0.02;
const MEMORY_S = 2;
const MOST = 0.5;
const PAUSE_S = 0.3;
const LONGEST_DELAY_S = 0.25;
const MOST_PPM = 2000;

// Windowed sinc by phase of the sample wanted; the band is that of the slower of the two rates.
function interpolator(ratio) {
  const cutoff = Math.min(1, 1 / ratio);
  return Array.from({ length: PHASES }, (_, p) => {
    const taps = Float32Array.from({ length: 2 * HALF }, (_unused, k) => {
      const t = k - HALF + 1 - p / PHASES;
      const sinc = t === 0 ? cutoff : Math.sin(Math.PI * cutoff * t) / (Math.PI * t);
      return sinc * Math.cos((Math.PI * t) / (2 * HALF + 1)) ** 2;
    });
    const total = taps.reduce((a, b) => a + b, 0);
    return taps.map((tap) => tap / total);
  });
}

export class ReferencePlayout {
  /** @param {number} fs of the device, Hz @param {{sourceFs?: number, delayS?: number}} [settings] */
  constructor(fs, { sourceFs = 8000, delayS = 0.03 } = {}) {
    Object.assign(this, { fs, sourceFs, delayS });
    this.ratio = sourceFs / fs;
    this.phases = interpolator(this.ratio);
    this.values = new Float32Array(SIZE);
    this.places = new Float64Array(SIZE).fill(-1);
    this.ratePpm = this.jumps = this.missing = 0;
    this.last = this.at = null;
    this.pulled = this.late = this.early = 0;
    this.fresh = false;
    this.settling = undefined;
  }

  /** A packet that has just come. @param {number} timestamp 32 bits @param {Float32Array} samples */
  push(timestamp, samples) {
    // Unwrapped against the newest one.
    const first = this.last === null ? timestamp : this.last + ((timestamp - this.last) | 0);
    if (first < 0) return;
    for (let k = 0; k < samples.length; k += 1) {
      const slot = (first + k) % SIZE;
      this.values[slot] = samples[k];
      this.places[slot] = first + k;
    }
    const end = first + samples.length;
    this.last = Math.max(this.last ?? end, end);
    this.fresh = true;
    const early = end - this.pulled * this.ratio;
    if (this.settling === undefined) this.settling = { until: this.pulled + SETTLE_S * this.fs, early, late: early };
    if (!this.settling) return;
    this.settling.early = Math.max(this.settling.early, early);
    this.settling.late = Math.min(this.settling.late, early);
  }

  /** n samples into `output`; returns whether all were there. */
  pull(n, output) {
    this.anchor();
    const before = this.missing;
    const step = this.ratio * (1 + 1e-6 * this.ratePpm);
    for (let k = 0; k < n; k += 1) {
      output[k] = this.at === null ? 0 : this.sample();
      if (this.at !== null) this.at += step;
    }
    this.pulled += n;
    const whole = this.at !== null && this.missing === before;
    if (this.at !== null) this.judge(n, whole);
    return whole;
  }

  // A network or a machine that stalls does not move the clocks: what was missed is missed, and the place
  // kept. Only where most of two seconds is not there, or waits too long, it is fixed anew.
  judge(n, whole) {
    const keep = Math.exp(-n / (MEMORY_S * this.fs));
    const ahead = (this.last - this.at) / this.sourceFs;
    this.late += (1 - keep) * (Number(!whole && this.fresh) - this.late);
    this.early += (1 - keep) * (Number(ahead > this.delayS + PAUSE_S) - this.early);
    if (this.late > MOST) this.again(ahead < -PAUSE_S ? 1 : 1.5);
    else if (this.early > MOST) this.again(1);
    else if (ahead < -PAUSE_S) this.fresh = false;
  }

  anchor() {
    if (this.at !== null || !this.settling || this.pulled < this.settling.until) return;
    const { early, late } = this.settling;
    this.delayS = Math.min(LONGEST_DELAY_S, Math.max(this.delayS, (early - late) / this.sourceFs + SPARE_S));
    this.at = early + this.pulled * this.ratio - this.delayS * this.sourceFs;
    this.settling = null;
  }

  // The packets come later than they did, or have heaped up: the delay is fixed anew.
  again(factor) {
    this.delayS = Math.min(LONGEST_DELAY_S, factor * this.delayS);
    this.at = this.last === null ? null : this.last - this.delayS * this.sourceFs;
    this.late = this.early = 0;
    this.jumps += 1;
  }

  sample() {
    const whole = Math.floor(this.at);
    const taps = this.phases[Math.floor((this.at - whole) * PHASES)];
    let sum = 0;
    let gap = false;
    for (let j = 0; j < 2 * HALF; j += 1) {
      const place = whole + j - HALF + 1;
      const slot = ((place % SIZE) + SIZE) % SIZE;
      if (this.places[slot] === place) sum += taps[j] * this.values[slot];
      else gap = true;
    }
    if (gap) this.missing += 1;
    return sum;
  }

  /** What the server should know. */
  report() {
    return { type: "playout", rate_ppm: this.ratePpm, jumps: this.jumps };
  }

  /** The server's guide: `rate_ppm` re nominal, null for by timestamps, and samples to `skip`. */
  obey({ rate_ppm: rate, skip }) {
    this.ratePpm = Math.abs(rate ?? 0) <= MOST_PPM ? (rate ?? 0) : this.ratePpm;
    if (this.at === null || !skip || !(Math.abs(skip) <= 0.1 * this.fs)) return;
    this.at += skip * this.ratio;
    this.jumps += 1;
  }
}
