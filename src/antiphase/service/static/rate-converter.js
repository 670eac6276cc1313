/* Between the sound card's rate and the control rate, by a whole factor. Linear-phase FIR, 8 control
   samples of delay (1 ms at 8 kHz) each way; pass band to 0.31, stop band from 0.59 of the control
   rate with −60 dB and less (Kaiser window, β = 7). What aliases lies above the pass band. */

const HALF_SPAN = 8;
const CUTOFF = 0.45;
const BETA = 7;

function bessel0(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; k < 40; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** The filter at the card's rate, unit gain at 0 Hz; [1] for a factor of 1. @param {number} factor */
export function lowpass(factor) {
  if (factor === 1) return Float32Array.of(1);
  const half = HALF_SPAN * factor;
  const taps = Float64Array.from({ length: 2 * half + 1 }, (_, n) => {
    const t = (n - half) / factor;
    const sinc = t === 0 ? 2 * CUTOFF : Math.sin(2 * Math.PI * CUTOFF * t) / (Math.PI * t);
    return sinc * bessel0(BETA * Math.sqrt(1 - (t / HALF_SPAN) ** 2));
  });
  const total = taps.reduce((a, b) => a + b, 0);
  return Float32Array.from(taps, (value) => value / total);
}

/** Factor to the control rate: the whole number that comes closest to 8 kHz. @param {number} rate of the card, Hz */
export function controlFactor(rate, wanted = 8000) {
  return Math.max(1, Math.round(rate / wanted));
}

/** Keeps one sample of `factor`, after the filter. */
export class Decimator {
  constructor(factor) {
    this.factor = factor;
    this.taps = lowpass(factor);
    this.history = new Float32Array(2 * this.taps.length);
    this.at = this.phase = 0;
  }

  /** Takes `input` (null is silence) of n frames; returns how many samples were written to `output`. */
  process(input, n, output) {
    const { taps, history, factor } = this;
    const size = taps.length;
    let count = 0;
    for (let k = 0; k < n; k += 1) {
      const value = input === null ? 0 : input[k];
      this.at = this.at === 0 ? size - 1 : this.at - 1;
      history[this.at] = history[this.at + size] = value;
      if (this.phase === 0) {
        let sum = 0;
        for (let j = 0; j < size; j += 1) sum += taps[j] * history[this.at + j];
        output[count] = sum;
        count += 1;
      }
      this.phase = this.phase + 1 === factor ? 0 : this.phase + 1;
    }
    return count;
  }
}

/** Makes `factor` samples of one, through the same filter. */
export class Interpolator {
  constructor(factor) {
    this.factor = factor;
    const taps = lowpass(factor);
    this.length = Math.ceil(taps.length / factor);
    // [phase][control sample, newest first]
    this.phases = Array.from({ length: factor }, (_, p) =>
      Float32Array.from({ length: this.length }, (_unused, j) => factor * (taps[j * factor + p] ?? 0)));
    this.history = new Float32Array(2 * this.length);
    this.at = this.phase = 0;
  }

  /** n frames into `output`, taking one sample of `input` at each frame where a Decimator gave one. */
  process(input, output, n) {
    const { history, length, factor } = this;
    let used = 0;
    for (let k = 0; k < n; k += 1) {
      if (this.phase === 0) {
        this.at = this.at === 0 ? length - 1 : this.at - 1;
        history[this.at] = history[this.at + length] = input[used];
        used += 1;
      }
      const taps = this.phases[this.phase];
      let sum = 0;
      for (let j = 0; j < length; j += 1) sum += taps[j] * history[this.at + j];
      output[k] = sum;
      this.phase = this.phase + 1 === factor ? 0 : this.phase + 1;
    }
  }
}
