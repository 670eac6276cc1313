/* The probe of split control from its seed, sample for sample that of control/remote_device.py for the
   generator "mls". "gaussian" has the same statistics but other samples; the solver never needs them,
   since a block carries the drive as it was played. */

const BITS = 15;
const MASK32 = 0xffffffffn;
const MASK128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

// The seed's entropy, mixed: numpy.random.SeedSequence (O'Neill's seed_seq) for one 32-bit seed.
function seedWords(seed, count) {
  const mul = (a, b) => Math.imul(a, b) >>> 0;
  let hash = 0x43b0d7e5;
  const hashed = (value, factor) => {
    let v = (value ^ hash) >>> 0;
    hash = mul(hash, factor);
    v = mul(v, hash);
    return (v ^ (v >>> 16)) >>> 0;
  };
  const mix = (x, y) => {
    const v = (mul(0xca01f9dd, x) - mul(0x4973f715, y)) >>> 0;
    return (v ^ (v >>> 16)) >>> 0;
  };
  const pool = [seed >>> 0, 0, 0, 0].map((word) => hashed(word, 0x931e8875));
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) if (from !== to) pool[to] = mix(pool[to], hashed(pool[from], 0x931e8875));
  }
  hash = 0x8b51f9dd;
  return Array.from({ length: count }, (_, k) => hashed(pool[k % 4], 0x58f38ded));
}

// PCG64 XSL-RR (O'Neill 2014) as numpy seeds it.
function* words32(seed) {
  const words = seedWords(seed, 8).map(BigInt);
  const wide = (k) => (words[k] | (words[k + 1] << 32n));
  const initial = (wide(0) << 64n) | wide(2);
  const increment = ((((wide(4) << 64n) | wide(6)) << 1n) | 1n) & MASK128;
  let state = (increment + initial) & MASK128;
  state = (state * MULTIPLIER + increment) & MASK128;
  for (;;) {
    state = (state * MULTIPLIER + increment) & MASK128;
    const turn = state >> 122n;
    const folded = ((state >> 64n) ^ state) & ((1n << 64n) - 1n);
    const value = ((folded >> turn) | (folded << (64n - turn))) & ((1n << 64n) - 1n);
    yield Number(value & MASK32);
    yield Number(value >> 32n);
  }
}

/**
 * One period of unit RMS, ±1 for "mls"; empty for a level of −∞.
 * @param {{generator: string, seed: number, levelDb: number}} probe
 * @returns {Float32Array}
 */
export function probeSamples({ generator, seed, levelDb }) {
  if (levelDb === -Infinity) return new Float32Array(0);
  const random = words32(seed);
  const samples = new Float32Array(2 ** BITS - 1);
  if (generator === "gaussian") {
    let power = 0;
    for (let k = 0; k < samples.length; k += 1) {
      const [u, v] = [random.next().value, random.next().value];
      samples[k] = Math.sqrt(-2 * Math.log((u + 1) / 2 ** 32)) * Math.cos((2 * Math.PI * v) / 2 ** 32);
      power += samples[k] ** 2;
    }
    const scale = Math.sqrt(samples.length / power);
    return samples.map((value) => value * scale);
  }
  // x^15 + x^14 + 1, as scipy.signal.max_len_seq steps it.
  const state = Array.from({ length: BITS }, () => random.next().value >>> 31);
  state[0] = 1;
  let at = 0;
  for (let k = 0; k < samples.length; k += 1) {
    const out = state[at];
    samples[k] = 1 - 2 * out;
    state[at] = out ^ state[(at + BITS - 1) % BITS];
    at = (at + 1) % BITS;
  }
  return samples;
}
