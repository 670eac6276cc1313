/* Paths and delays from recordings: identify/sweep.py, identify/latency.py and dsp/normal_equations.py for
   one channel. tests/service/test_page_measure.py holds both to the same results. */

const RIDGE = 1e-5;
const WHITE_S = 0.064;
const FLOOR = 0.1;

/** FFT in place of a power-of-two length; `sign` −1 forwards, 1 backwards (not scaled). */
export function fft(re, im, sign = -1) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    const cos = Float64Array.from({ length: half }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    const sin = Float64Array.from({ length: half }, (_, k) => sign * Math.sin((2 * Math.PI * k) / size));
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < half; k += 1) {
        const [a, b] = [start + k, start + k + half];
        const tr = re[b] * cos[k] - im[b] * sin[k];
        const ti = re[b] * sin[k] + im[b] * cos[k];
        re[b] = re[a] - tr;
        im[b] = im[a] - ti;
        re[a] += tr;
        im[a] += ti;
      }
    }
  }
}

const above = (n) => 2 ** Math.ceil(Math.log2(Math.max(n, 2)));

function spectrum(signal, size) {
  const re = new Float64Array(size);
  re.set(signal.subarray ? signal.subarray(0, size) : signal.slice(0, size));
  const im = new Float64Array(size);
  fft(re, im);
  return { re, im };
}

// a·b, or a·conj(b), back in time.
function product(a, b, conjugate) {
  const size = a.re.length;
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const sign = conjugate ? -1 : 1;
  for (let k = 0; k < size; k += 1) {
    re[k] = a.re[k] * b.re[k] - sign * a.im[k] * b.im[k];
    im[k] = a.im[k] * b.re[k] + sign * a.re[k] * b.im[k];
  }
  fft(re, im, 1);
  return re.map((value) => value / size);
}

/** The first `signal.length` samples of signal ∗ taps. */
export function convolve(signal, taps) {
  const size = above(signal.length + taps.length);
  return product(spectrum(signal, size), spectrum(taps, size), false).slice(0, signal.length);
}

// Σ over n in start:stop of newest[n]·delayed[n − lag].
function correlate(newest, delayed, nTaps, start, stop) {
  const first = Math.max(0, start - nTaps + 1);
  const size = above(stop - first + nTaps);
  const windowed = Float64Array.from(newest.slice(first, stop));
  windowed.fill(0, 0, start - first);
  return product(spectrum(windowed, size), spectrum(delayed.slice(first, stop), size), true).slice(0, nTaps);
}

/** R[i, j] = Σ u[n − i]·u[n − j], row by row. */
export function covarianceMatrix(u, nTaps, start = 0, stop = u.length) {
  const matrix = new Float64Array(nTaps * nTaps);
  const lags = correlate(u, u, nTaps, start, stop);
  for (let k = 0; k < nTaps; k += 1) matrix[k] = matrix[k * nTaps] = lags[k];
  const before = (i) => u[start - 1 - i] ?? 0;
  const last = (i) => u[stop - 1 - i] ?? 0;
  for (let i = 0; i < nTaps - 1; i += 1) {
    for (let j = i; j < nTaps - 1; j += 1) {
      const value = matrix[i * nTaps + j] + before(i) * before(j) - last(i) * last(j);
      matrix[(i + 1) * nTaps + j + 1] = matrix[(j + 1) * nTaps + i + 1] = value;
    }
  }
  return matrix;
}

export function crossCovariance(u, target, nTaps, start = 0, stop = u.length) {
  return correlate(target, u, nTaps, start, stop);
}

function cholesky(matrix, n) {
  const low = Float64Array.from(matrix);
  for (let j = 0; j < n; j += 1) {
    for (let i = j; i < n; i += 1) {
      let sum = low[i * n + j];
      const [a, b] = [i * n, j * n];
      for (let k = 0; k < j; k += 1) sum -= low[a + k] * low[b + k];
      if (i === j) {
        if (!(sum > 0)) return null;
        low[a + j] = Math.sqrt(sum);
      } else {
        low[a + j] = sum / low[b + j];
      }
    }
  }
  return low;
}

/** (R + ridge·mean(diag R)·I) w = p; the ridge grows a hundredfold where rounding makes R indefinite. */
export function solveRidge(matrix, right, ridge) {
  const n = right.length;
  const diagonal = Float64Array.from({ length: n }, (_, k) => matrix[k * n + k]);
  const scale = diagonal.reduce((a, b) => a + b, 0) / n;
  if (!(scale > 0)) return new Float64Array(n);
  for (let attempt = 0; attempt <= 4; attempt += 1) {
    const load = attempt === 0 ? ridge : Math.max(ridge, 1e-15) * 100 ** attempt;
    for (let k = 0; k < n; k += 1) matrix[k * n + k] = diagonal[k] + load * scale;
    const low = cholesky(matrix, n);
    if (!low) continue;
    const w = Float64Array.from(right);
    for (let i = 0; i < n; i += 1) {
      for (let k = 0; k < i; k += 1) w[i] -= low[i * n + k] * w[k];
      w[i] /= low[i * n + i];
    }
    for (let i = n - 1; i >= 0; i -= 1) {
      for (let k = i + 1; k < n; k += 1) w[i] -= low[k * n + i] * w[k];
      w[i] /= low[i * n + i];
    }
    return w;
  }
  throw new RangeError("the recording gives no positive covariance; record again");
}

/** A linear chirp of amplitude 1 with faded ends. */
export function chirpProbe(fs, { seconds = 0.1, lowHz = 200, highHz = 0.4 * fs } = {}) {
  const n = Math.round(seconds * fs);
  return Float64Array.from({ length: n }, (_, k) => {
    const t = k / fs;
    const wave = Math.cos(2 * Math.PI * (lowHz * t + (0.5 * (highHz - lowHz) * t * t * fs) / n));
    const edge = Math.min(k, n - 1 - k) / (0.1 * (n - 1));
    return edge < 1 ? (wave * (1 - Math.cos(Math.PI * edge))) / 2 : wave;
  });
}

/** Delay from playing a probe to its first arrival. @returns {{samples: number, ms: number, clarityDb: number}} */
export function roundTrip(probe, recording, fs) {
  const size = above(recording.length + probe.length);
  const [a, b] = [spectrum(recording, size), spectrum(probe, size)];
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  for (let k = 0; k <= size / 2; k += 1) {
    re[k] = a.re[k] * b.re[k] + a.im[k] * b.im[k];
    im[k] = a.im[k] * b.re[k] - a.re[k] * b.im[k];
  }
  fft(re, im, 1);
  const envelope = Float64Array.from({ length: recording.length - probe.length + 1 }, (_, k) => Math.hypot(re[k], im[k]) / size);
  const most = envelope.reduce((x, y) => Math.max(x, y), 0);
  const isPeak = (value, k) => value >= 0.5 * most && value > (envelope[k - 1] ?? 0) && value >= (envelope[k + 1] ?? 0);
  const at = envelope.findIndex(isPeak);
  if (at < 0) return { samples: 0, ms: 0, clarityDb: -Infinity };
  const others = envelope.filter((_, k) => k < at - 8 || k > at + 8).sort();
  const rest = others[Math.floor(0.99 * (others.length - 1))] ?? 0;
  const [left, middle, right] = [envelope[at - 1] ?? 0, envelope[at], envelope[at + 1] ?? 0];
  const curve = left - 2 * middle + right;
  const samples = at + (curve < 0 && at > 0 ? (0.5 * (left - right)) / curve : 0);
  return { samples, ms: (1000 * samples) / fs, clarityDb: 20 * Math.log10(middle / rest) };
}

/** Farina's exponential sweep. @returns {{samples: Float64Array, lowHz: number, highHz: number, fs: number}} */
export function exponentialSweep(fs, { seconds = 3, lowHz = 40, highHz = 0.4 * fs, fadeS = 0.02 } = {}) {
  const n = Math.round(seconds * fs);
  const rate = Math.log(highHz / lowHz);
  const fade = Math.round(fadeS * fs);
  const samples = Float64Array.from({ length: n }, (_, k) => {
    const edge = Math.min(k, n - 1 - k);
    const window = edge < fade ? Math.sin(((Math.PI / 2) * (edge + 0.5)) / fade) ** 2 : 1;
    return window * Math.sin(((2 * Math.PI * lowHz * n) / fs / rate) * Math.expm1((k / n) * rate));
  });
  return { samples, lowHz, highHz, fs };
}

function bandOf(sweep, hz) {
  const clip = (value) => Math.min(1, Math.max(0, value));
  const up = clip(6 * Math.log2(Math.max(hz, 1e-9) / sweep.lowHz));
  const down = clip(6 * Math.log2(sweep.highHz / Math.max(hz, 1e-9)));
  return Math.sin((Math.PI / 2) * up) ** 2 * Math.sin((Math.PI / 2) * down) ** 2;
}

// The prediction error filter of a noise, whose power by frequency counts as `floor` more than it is.
function whiteningFilter(noise, floor, order) {
  const { re, im } = spectrum(noise, above(noise.length + order + 1));
  for (let k = 0; k < re.length; k += 1) [re[k], im[k]] = [re[k] ** 2 + im[k] ** 2 + floor, 0];
  fft(re, im, 1);
  const matrix = Float64Array.from({ length: order * order }, (_, k) => re[Math.abs(Math.floor(k / order) - (k % order))]);
  const taps = solveRidge(matrix, re.slice(1, order + 1), 0);
  return Float64Array.from({ length: order + 1 }, (_, k) => (k === 0 ? 1 : -taps[k - 1]));
}

// Least squares behind a filter, held near zero where the sweep is silent.
function fitPath(sweep, drive, recording, nTaps, white) {
  const [x, r] = white.length > 1 ? [convolve(drive, white), convolve(recording, white)] : [drive, recording];
  const start = white.length - 1;
  const matrix = covarianceMatrix(x, nTaps, start);
  const size = above(8 * nTaps);
  const re = Float64Array.from({ length: size }, (_, k) => 1 - bandOf(sweep, (Math.min(k, size - k) * sweep.fs) / size));
  fft(re, new Float64Array(size), 1);
  const diagonal = matrix[0];
  for (let i = 0; i < nTaps; i += 1) {
    for (let j = 0; j < nTaps; j += 1) matrix[i * nTaps + j] += (diagonal * re[Math.abs(i - j)]) / size;
  }
  const taps = solveRidge(matrix, crossCovariance(x, r, nTaps, start), RIDGE);
  const made = convolve(drive, taps);
  return { taps, rest: recording.map((value, k) => value - made[k]) };
}

const energy = (signal) => signal.reduce((sum, value) => sum + value * value, 0);

/**
 * The path that turned a sweep into a recording: least squares, then once more weighted by how quiet the noise
 * that was left is at each frequency, so that hum does not pass for response.
 * @returns {{taps: Float64Array, residualDb: number}} with what the path leaves unexplained well inside the band
 */
export function identifySweep(sweep, recording, nTaps) {
  const drive = new Float64Array(recording.length);
  drive.set(sweep.samples);
  const rough = fitPath(sweep, drive, recording, nTaps, [1]).rest;
  const lost = (sweep.samples.length * Math.LN2) / 12 / Math.log(sweep.highHz / sweep.lowHz);
  const order = Math.max(1, Math.round(Math.min(WHITE_S * sweep.fs, lost)));
  const white = whiteningFilter(rough, FLOOR * (energy(rough) + energy(recording)), order);
  const { taps, rest: left } = fitPath(sweep, drive, recording, nTaps, white);
  const length = above(recording.length);
  const [rest, whole] = [left, recording].map((signal) => {
    const { re, im } = spectrum(signal, length);
    let sum = 0;
    for (let k = 0; k <= length / 2; k += 1) {
      const hz = (k * sweep.fs) / length;
      if (hz > 2 * sweep.lowHz && hz < sweep.highHz / 1.5) sum += re[k] ** 2 + im[k] ** 2;
    }
    return sum;
  });
  return { taps, residualDb: 10 * Math.log10(Math.max(rest / whole, 1e-12)) };
}
