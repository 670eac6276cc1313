/* What can be cancelled here: simulation/planner.py's rules on the recorded noise and the measured path. */

import { convolve, covarianceMatrix, crossCovariance, fft, solveRidge } from "./identify.js";

const TONE_S = 0.1;
const TONE_TAPS = 1024;
const USEFUL_DB = 3;
const BAND_DB = 6;
const CLEAR = 3;
const LONGEST_LEAD_S = 0.3;

function shift(signal, delay) {
  const shifted = new Float64Array(signal.length);
  shifted.set(signal.subarray(0, signal.length - delay), delay);
  return shifted;
}

/** The best fixed filter of nTaps on these samples. @returns {{controlFilter: Float64Array, error: Float64Array}} */
export function fixedFilterBound(reference, disturbance, path, nTaps, { delay = 0, start = 0, ridge = 1e-12 } = {}) {
  const x = delay > 0 ? shift(reference, delay) : reference;
  const filtered = convolve(x, path);
  const matrix = covarianceMatrix(filtered, nTaps, start);
  const cross = crossCovariance(filtered, disturbance, nTaps, start);
  const controlFilter = solveRidge(matrix, cross, ridge).map((value) => -value);
  const anti = convolve(filtered, controlFilter);
  return { controlFilter, error: disturbance.map((value, n) => value + anti[n]) };
}

/** The part of a noise that can be foretold 0.1 s ahead. */
export function tonalPart(noise, fs) {
  const delay = Math.round(TONE_S * fs);
  const { error } = fixedFilterBound(noise, noise, Float64Array.of(1), TONE_TAPS, { delay, start: delay + TONE_TAPS, ridge: 1e-6 });
  return noise.map((value, n) => value - error[n]);
}

function energy(signal, start) {
  let sum = 0;
  for (let n = start; n < signal.length; n += 1) sum += signal[n] ** 2;
  return sum;
}

const reduction = (before, after, start) => 10 * Math.log10(energy(before, start) / Math.max(energy(after, start), 1e-300));

function thirdOctaves(before, after, fs) {
  const size = 2 ** Math.floor(Math.log2(before.length));
  const power = [before, after].map((signal) => {
    const re = Float64Array.from({ length: size }, (_, n) => signal[signal.length - size + n] * Math.sin((Math.PI * (n + 0.5)) / size) ** 2);
    const im = new Float64Array(size);
    fft(re, im);
    return re.map((value, k) => value ** 2 + im[k] ** 2);
  });
  const bands = [];
  for (let k = -14; 1000 * 10 ** (k / 10 + 0.05) < fs / 2; k += 1) {
    const [low, high] = [-0.05, 0.05].map((half) => 1000 * 10 ** (k / 10 + half));
    const [from, to] = [low, high].map((hz) => Math.ceil((hz * size) / fs));
    const [off, on] = power.map((all) => all.subarray(from, to).reduce((a, b) => a + b, 0));
    bands.push({ low, high, off, db: off > 0 && on > 0 ? 10 * Math.log10(off / on) : 0 });
  }
  return bands;
}

function ranges(bands) {
  const loudest = Math.max(...bands.map((band) => band.off));
  const found = [];
  let open = null;
  for (const band of bands) {
    const good = band.off >= 1e-3 * loudest && band.db >= BAND_DB;
    if (good && open) open[1] = band.high;
    else if (good) found.push((open = [band.low, band.high]));
    else open = null;
  }
  return found;
}

/**
 * How much earlier the reference hears the noise than the error microphone, by the phase of their cross spectrum
 * (GCC-PHAT, Knapp & Carter 1976). @returns {number|null} samples; null where the noise is too regular to tell
 */
export function leadOf(reference, disturbance, longest) {
  const size = 2 ** Math.ceil(Math.log2(disturbance.length + longest));
  const [x, d] = [reference, disturbance].map((signal) => {
    const [re, im] = [new Float64Array(size), new Float64Array(size)];
    re.set(signal);
    fft(re, im);
    return { re, im };
  });
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const power = Float64Array.from(re, (_, k) => Math.hypot(x.re[k], x.im[k]) * Math.hypot(d.re[k], d.im[k]));
  const floor = 1e-4 * power.reduce((a, b) => Math.max(a, b), 0);
  for (let k = 0; k < size; k += 1) {
    if (!(power[k] > floor)) continue;
    re[k] = (d.re[k] * x.re[k] + d.im[k] * x.im[k]) / power[k];
    im[k] = (d.im[k] * x.re[k] - d.re[k] * x.im[k]) / power[k];
  }
  fft(re, im, 1);
  const at = (lag) => Math.abs(re[(lag + size) % size]);
  const lags = Array.from({ length: 2 * longest + 1 }, (_, k) => k - longest);
  const best = lags.reduce((a, b) => (at(b) > at(a) ? b : a));
  const others = lags.filter((lag) => Math.abs(lag - best) > 16).map(at).sort((a, b) => a - b);
  return at(best) > CLEAR * others[Math.floor(0.99 * (others.length - 1))] ? best : null;
}

/**
 * What one device can do about the noise that it hears.
 * @param {object} heard
 * @param {Float64Array} heard.disturbance at the error microphone, control off, 3 s or more
 * @param {Float64Array|null} heard.reference of the same time; null with one microphone only
 * @param {Float64Array} heard.path Ŝ
 * @param {number} heard.delay samples from playing to hearing
 * @param {number} heard.fs
 * @param {number} [heard.nTaps]
 * @returns {{mode: string, marginMs: number|null, nrDb: number, tonesDb: number|null, broadbandDb: number|null, cancellableHz: number[][], verdict: string}}
 */
export function planHere({ disturbance, reference, path, delay, fs, nTaps = 512 }) {
  const mode = reference ? "split" : "local";
  const lead = reference && leadOf(reference, disturbance, Math.round(LONGEST_LEAD_S * fs));
  const marginMs = lead === null ? null : (1000 * (lead - delay)) / fs;
  const start = Math.round(TONE_S * fs) + 2 * TONE_TAPS;
  // Feedback knows its own disturbance, one sample late.
  const bound = fixedFilterBound(reference ?? disturbance, disturbance, path, nTaps, { delay: reference ? 0 : 1, start, ridge: 1e-6 });
  const tones = tonalPart(disturbance, fs);
  const tonesThere = reference ? tonalPart(reference, fs) : shift(tones, 1);
  const anti = convolve(convolve(tonesThere, bound.controlFilter), path);
  const tonesLeft = tones.map((value, n) => value + anti[n]);
  const rest = disturbance.map((value, n) => value - tones[n]);
  const restLeft = bound.error.map((value, n) => value - tonesLeft[n]);
  const least = Math.max(0.05, (2 * TONE_TAPS) / disturbance.length) * energy(disturbance, start);
  const part = (before, after) => (energy(before, start) < least ? null : reduction(before, after, start));
  const nrDb = reduction(disturbance, bound.error, start);
  const [tonesDb, broadbandDb] = [part(tones, tonesLeft), part(rest, restLeft)];
  const cancellableHz = ranges(thirdOctaves(disturbance.subarray(start), bound.error.subarray(start), fs));
  const plan = { mode, marginMs, nrDb, tonesDb, broadbandDb, cancellableHz };
  return { ...plan, verdict: words(plan) };
}

function words({ mode, marginMs, nrDb, tonesDb, broadbandDb, cancellableHz }) {
  const parts = [];
  if (tonesDb !== null) parts.push(tonesDb >= 1 ? `tones fall by ${tonesDb.toFixed(1)} dB` : `tones can't be cancelled (${tonesDb.toFixed(1)} dB)`);
  if (broadbandDb !== null) parts.push(broadbandDb >= 1 ? `broadband noise falls by ${broadbandDb.toFixed(1)} dB` : `broadband noise can't be cancelled (${broadbandDb.toFixed(1)} dB)`);
  const what = parts.length > 0 ? parts.join(", ") : "the noise has no part that stands out";
  let margin = "";
  if (marginMs !== null) {
    margin = marginMs >= 0
      ? ` The reference hears the noise ${marginMs.toFixed(1)} ms before the anti-noise has to leave.`
      : ` The reference hears the noise ${(-marginMs).toFixed(1)} ms too late: move it towards the noise.`;
  }
  if (nrDb < USEFUL_DB) return `No anti-noise here: ${mode} reaches ${Math.max(nrDb, 0).toFixed(1)} dB at most; ${what}.${margin}`;
  const where = cancellableHz.map(([low, high]) => `${low.toFixed(0)}–${high.toFixed(0)} Hz`).join(" and ");
  return `Up to ${nrDb.toFixed(1)} dB with ${mode} control${where && `, cancellable ${where}`}; ${what}.${margin}`;
}
