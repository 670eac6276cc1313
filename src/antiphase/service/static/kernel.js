/* The native device kernel (device.wasm, native/wasm/device.cpp) as a class. */

export const MODES = { split: 0, local: 1 };
export const GUARD_STATES = ["active", "held", "muted", "testing"];
const LEVEL_S = 0.1;

/** One device: reference and error in, drive out, all at the control rate, one channel each. */
export class DeviceKernel {
  /**
   * @param {WebAssembly.Module} module
   * @param {object} settings
   * @param {"split"|"local"} settings.mode
   * @param {number} settings.fs control rate, Hz
   * @param {number} settings.nTaps of the control filter, at most 4096
   * @param {ArrayLike<number>} settings.secondaryPath Ŝ, at most 4096 taps
   * @param {number} settings.kept frames recorded
   * @param {number} [settings.limit] largest drive; 0 is none
   * @param {number} [settings.mu] step of the local rule
   * @param {number} [settings.leakage] factor on its filter each sample
   */
  constructor(module, { mode, fs, nTaps, secondaryPath, kept, limit = 0, mu = 0.02, leakage = 0.99999 }) {
    this.exports = new WebAssembly.Instance(module, {}).exports;
    this.exports._initialize?.();
    this.nTaps = nTaps;
    this.pathTaps = secondaryPath.length;
    this.view("path", 4096).set(Float32Array.from(secondaryPath).subarray(0, 4096));
    const smoothing = 1 - Math.exp(-1 / (LEVEL_S * fs));
    const done = this.exports.antiphase_create(
      MODES[mode] ?? -1, nTaps, secondaryPath.length, kept, fs, smoothing, limit, mu, leakage);
    if (!done) throw new RangeError(`no device of mode ${mode} with ${nTaps} and ${secondaryPath.length} taps: at most 4096 each`);
    this.reference = this.view("reference", 4096);
    this.error = this.view("error", 4096);
    this.drive = this.view("drive", 4096);
    this.taps = this.view("taps", nTaps);
  }

  view(name, length) {
    return new Float32Array(this.exports.memory.buffer, this.exports[`antiphase_${name}`](), length);
  }

  /** n frames of `reference` and `error` (one frame late) to `drive`. */
  process(n) {
    this.exports.antiphase_process(n);
  }

  push(taps, version, at, fade) {
    this.taps.set(taps);
    this.exports.antiphase_push(version, at, fade);
  }

  setProbe(samples, relative) {
    this.view("probe", samples.length).set(samples);
    this.exports.antiphase_set_probe(samples.length, relative);
  }

  setSecondaryPath(path) {
    this.view("path", path.length).set(path);
    this.exports.antiphase_set_path(path.length);
  }

  beginAfresh() {
    this.exports.antiphase_begin_afresh();
  }

  setAdapting(on) {
    this.exports.antiphase_set_adapting(on ? 1 : 0);
  }

  /** w = 0. */
  clear() {
    this.taps.fill(0);
    this.exports.antiphase_set_filter();
  }

  /** A copy of w. */
  get controlFilter() {
    this.exports.antiphase_get_filter();
    return this.taps.slice();
  }

  get version() { return this.exports.antiphase_version(); }
  get appliedAt() { return this.exports.antiphase_applied_at(); }
  get overrides() { return this.exports.antiphase_overrides(); }
  get guardState() { return GUARD_STATES[this.exports.antiphase_guard_state()]; }
  get clipped() { return this.exports.antiphase_clipped(); }
  get recorded() { return this.exports.antiphase_recorded(); }

  /** x, y, e of frames [first, first + n), or null where they are no longer held. */
  copy(first, n) {
    if (!this.exports.antiphase_copy(first, n)) return null;
    const all = this.view("block", 3 * n).slice();
    return [all.subarray(0, n), all.subarray(n, 2 * n), all.subarray(2 * n)];
  }
}
