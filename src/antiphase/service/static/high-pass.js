/* Second-order Butterworth high-pass. Loudspeakers play nothing that low and a sweep tells nothing of it, so
   a path estimate is near zero there; a solver that divides by it would drive the loudspeaker without bounds. */

export class HighPass {
  /** @param {number} hz corner, −3 dB @param {number} fs Hz */
  constructor(hz, fs) {
    const k = Math.tan((Math.PI * hz) / fs);
    const norm = 1 / (1 + Math.SQRT2 * k + k * k);
    this.gain = norm;
    this.a1 = 2 * (k * k - 1) * norm;
    this.a2 = (1 - Math.SQRT2 * k + k * k) * norm;
    this.s1 = this.s2 = 0;
  }

  /** n samples in place. */
  process(samples, n) {
    const { gain, a1, a2 } = this;
    let { s1, s2 } = this;
    for (let k = 0; k < n; k += 1) {
      const x = gain * samples[k];
      const y = x + s1;
      s1 = s2 - 2 * x - a1 * y;
      s2 = x - a2 * y;
      samples[k] = y;
    }
    this.s1 = Number.isFinite(s1) ? s1 : 0;
    this.s2 = Number.isFinite(s2) ? s2 : 0;
  }
}
