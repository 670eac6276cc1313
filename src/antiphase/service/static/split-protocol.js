/* Split control's messages as bytes (data channel "anc.split"), little endian, byte for byte those of
   control/split_protocol.py, which describes the layout.

   Messages are plain objects with a `type`:
   block    {seq, firstSample, fs, reference, drive, error, tapsVersion, secondaryVersion, muted,
             clipped: [x, y, e], gaps: [[start, length], …]}, signals as {channels, samples: Float32Array}
   push     {version, taps, applyAt, fadeSamples, secondaryVersion, secondaryPath}, both arrays as
             {shape: [a, b, c], values: Float32Array}
   ack      {version, appliedAt}      nack  {version, reason}
   rollback {toVersion}               probe {generator, seed, levelDb} */

const VERSION = 1;
const HEADER = 4;
const BLOCK_HEAD = 46;
const PUSH_HEAD = 44;
const MOST_BYTES = 2 ** 20;
const KINDS = ["block", "push", "ack", "nack", "rollback", "probe"];
const REASONS = ["stale", "shape", "rolled_back", "muted"];
const GENERATORS = ["gaussian", "mls"];

/** Bytes that are no message of this version, or a message that does not fit. */
export class ProtocolError extends Error {}

function start(kind, size) {
  if (HEADER + size > MOST_BYTES) throw new ProtocolError(`the message has ${HEADER + size} bytes; send at most ${MOST_BYTES}`);
  const bytes = new Uint8Array(HEADER + size);
  bytes.set([0x41, 0x50, VERSION, KINDS.indexOf(kind) + 1]);
  return { bytes, view: new DataView(bytes.buffer, HEADER) };
}

// Half to even, as in IEEE 754 and numpy.
function toEven(value) {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

function scaleOf(samples) {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return Math.fround(peak / 32767) || 1;
}

const encoders = {
  block(message) {
    const signals = [message.reference, message.drive, message.error];
    const frames = signals[0].samples.length / signals[0].channels;
    const gaps = message.gaps ?? [];
    const total = signals.reduce((sum, signal) => sum + signal.samples.length, 0);
    const { bytes, view } = start("block", BLOCK_HEAD + 8 * gaps.length + 2 * total);
    view.setUint32(0, message.seq, true);
    view.setBigInt64(4, BigInt(message.firstSample), true);
    view.setUint32(12, message.fs, true);
    view.setUint32(16, message.tapsVersion, true);
    view.setUint32(20, message.secondaryVersion, true);
    view.setUint32(24, frames, true);
    signals.forEach((signal, k) => view.setUint8(28 + k, signal.channels));
    const flags = [...(message.clipped ?? []), message.muted];
    view.setUint8(31, flags.reduce((sum, on, k) => sum | (on ? 1 << k : 0), 0));
    const scales = signals.map((signal) => scaleOf(signal.samples));
    scales.forEach((scale, k) => view.setFloat32(32 + 4 * k, scale, true));
    view.setUint16(44, gaps.length, true);
    let at = BLOCK_HEAD;
    for (const [first, length] of gaps) {
      view.setUint32(at, first, true);
      view.setUint32(at + 4, length, true);
      at += 8;
    }
    signals.forEach((signal, k) => {
      for (const sample of signal.samples) {
        const whole = toEven(Math.fround(sample / scales[k]));
        view.setInt16(at, Math.min(32767, Math.max(-32768, whole)), true);
        at += 2;
      }
    });
    return bytes;
  },
  push(message) {
    const arrays = [message.taps, message.secondaryPath ?? { shape: [1, 1, 0], values: [] }];
    const total = arrays.reduce((sum, array) => sum + array.values.length, 0);
    const { bytes, view } = start("push", PUSH_HEAD + 4 * total);
    view.setUint32(0, message.version, true);
    view.setUint32(4, message.secondaryVersion ?? 0, true);
    view.setBigInt64(8, BigInt(message.applyAt), true);
    view.setUint32(16, message.fadeSamples, true);
    arrays.flatMap((array) => array.shape).forEach((size, k) => view.setUint32(20 + 4 * k, size, true));
    let at = PUSH_HEAD;
    for (const value of arrays.flatMap((array) => [...array.values])) {
      view.setFloat32(at, value, true);
      at += 4;
    }
    return bytes;
  },
  ack(message) {
    const { bytes, view } = start("ack", 12);
    view.setUint32(0, message.version, true);
    view.setBigInt64(4, BigInt(message.appliedAt), true);
    return bytes;
  },
  nack(message) {
    const { bytes, view } = start("nack", 5);
    view.setUint32(0, message.version, true);
    view.setUint8(4, REASONS.indexOf(message.reason));
    return bytes;
  },
  rollback(message) {
    const { bytes, view } = start("rollback", 4);
    view.setUint32(0, message.toVersion, true);
    return bytes;
  },
  probe(message) {
    const { bytes, view } = start("probe", 9);
    view.setUint8(0, GENERATORS.indexOf(message.generator));
    view.setUint32(1, message.seed, true);
    view.setFloat32(5, message.levelDb, true);
    return bytes;
  },
};

function exact(view, size) {
  if (view.byteLength !== size) {
    throw new ProtocolError(`the message has ${view.byteLength} bytes after its header, not ${size}`);
  }
}

function oneOf(names, index) {
  if (index >= names.length) throw new ProtocolError(`the message holds the choice ${index} of ${names.length}`);
  return names[index];
}

function within(good, what) {
  if (!good) throw new ProtocolError(`the message holds a bad value: ${what}`);
}

function floats(view, at, n) {
  const values = new Float32Array(n);
  for (let k = 0; k < n; k += 1) values[k] = view.getFloat32(at + 4 * k, true);
  within(values.every(Number.isFinite), "taps that are not finite");
  return values;
}

function sampleIndex(view, at) {
  const index = view.getBigInt64(at, true);
  within(index >= 0n && index < 2n ** 53n, "a sample index");
  return Number(index);
}

const decoders = {
  block(view) {
    const frames = view.getUint32(24, true);
    const channels = [28, 29, 30].map((at) => view.getUint8(at));
    within(channels.every((n) => n >= 1 && n <= 64), "channels");
    const nGaps = view.getUint16(44, true);
    let at = BLOCK_HEAD + 8 * nGaps;
    exact(view, at + 2 * frames * (channels[0] + channels[1] + channels[2]));
    const flags = view.getUint8(31);
    const signals = channels.map((count, k) => {
      const scale = view.getFloat32(32 + 4 * k, true);
      if (!(Number.isFinite(scale) && scale > 0)) throw new ProtocolError(`the block has a scale of ${scale}; it must be > 0`);
      const samples = new Float32Array(frames * count);
      for (let n = 0; n < samples.length; n += 1) samples[n] = view.getInt16(at + 2 * n, true) * scale;
      at += 2 * samples.length;
      return { channels: count, samples };
    });
    const gaps = Array.from({ length: nGaps }, (_, k) => [0, 4].map((o) => view.getUint32(BLOCK_HEAD + 8 * k + o, true)));
    within(gaps.every(([first, length]) => length >= 1 && first + length <= frames), "gaps");
    return {
      type: "block",
      seq: view.getUint32(0, true),
      firstSample: sampleIndex(view, 4),
      fs: view.getUint32(12, true),
      tapsVersion: view.getUint32(16, true),
      secondaryVersion: view.getUint32(20, true),
      reference: signals[0],
      drive: signals[1],
      error: signals[2],
      clipped: [1, 2, 4].map((bit) => Boolean(flags & bit)),
      muted: Boolean(flags & 8),
      gaps,
    };
  },
  push(view) {
    const shape = Array.from({ length: 6 }, (_, k) => view.getUint32(20 + 4 * k, true));
    const sizes = [shape[0] * shape[1] * shape[2], shape[3] * shape[4] * shape[5]];
    exact(view, PUSH_HEAD + 4 * (sizes[0] + sizes[1]));
    const message = {
      type: "push",
      version: view.getUint32(0, true),
      secondaryVersion: view.getUint32(4, true),
      applyAt: sampleIndex(view, 8),
      fadeSamples: view.getUint32(16, true),
      taps: { shape: shape.slice(0, 3), values: floats(view, PUSH_HEAD, sizes[0]) },
      secondaryPath: { shape: shape.slice(3), values: floats(view, PUSH_HEAD + 4 * sizes[0], sizes[1]) },
    };
    within(message.version >= 1 && sizes[0] > 0 && message.fadeSamples < 2 ** 20, "a push");
    return message;
  },
  ack(view) {
    exact(view, 12);
    return { type: "ack", version: view.getUint32(0, true), appliedAt: sampleIndex(view, 4) };
  },
  nack(view) {
    exact(view, 5);
    return { type: "nack", version: view.getUint32(0, true), reason: oneOf(REASONS, view.getUint8(4)) };
  },
  rollback(view) {
    exact(view, 4);
    return { type: "rollback", toVersion: view.getUint32(0, true) };
  },
  probe(view) {
    exact(view, 9);
    const levelDb = view.getFloat32(5, true);
    within(levelDb <= 0, "level_db");
    return { type: "probe", generator: oneOf(GENERATORS, view.getUint8(0)), seed: view.getUint32(1, true), levelDb };
  },
};

/** @param {object} message @returns {Uint8Array} */
export function encode(message) {
  const encoder = encoders[message.type];
  if (!encoder) throw new ProtocolError(`no message of the type ${message.type}`);
  return encoder(message);
}

/** @param {ArrayBuffer|Uint8Array} data @returns {object} Throws a ProtocolError for anything else than one whole message. */
export function decode(data) {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const [a, p, version, kind] = bytes;
  if (bytes.length > MOST_BYTES) throw new ProtocolError(`a message of ${bytes.length} bytes; send at most ${MOST_BYTES}`);
  if (a !== 0x41 || p !== 0x50 || version !== VERSION || !(kind >= 1 && kind <= KINDS.length)) {
    throw new ProtocolError(`no message of split control version ${VERSION}`);
  }
  try {
    return decoders[KINDS[kind - 1]](new DataView(bytes.buffer, bytes.byteOffset + HEADER, bytes.length - HEADER));
  } catch (error) {
    if (error instanceof RangeError) throw new ProtocolError("the message ends too early");
    throw error;
  }
}
