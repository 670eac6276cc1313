/* Client of POST /anc-process for browsers and Node: carries the state from block to block, and
   sends the same block, with the same sequence number, to the region where the edge fails. */

const MAGIC = 0x31434e41; // "ANC1", little endian
const REQUEST_HEAD = 50;
const ANSWER_HEAD = 34;
const ALGORITHMS = ["nlms", "fxnlms", "rls", "fxrls", "affine_projection", "multichannel", "wiener", "infer"];
const ENCODINGS = ["pcm16", "float32"];
const PLACES = ["edge", "region"];
const OCTET = "application/octet-stream";

/** A block that was refused (4xx): correct it and send it again. */
export class RefusedError extends Error {}

/** Neither the edge nor the region answered. */
export class NoAnswerError extends Error {}

/**
 * The binary form of a request.
 * @param {object} settings sampleRate, algorithm, references, errors, loudspeakers, taps, mu, leakage,
 *   delay, order, secondaryPath (Float32Array), output ("anti_noise" | "residual"), encoding of the
 *   answer ("pcm16" | "float32"), strict
 * @param {Int16Array} audio interleaved, the references first
 * @param {Uint8Array} state of the previous answer
 * @param {number} sequence
 */
export function encodeRequest(settings, audio, state, sequence) {
  const path = settings.secondaryPath ?? new Float32Array(0);
  const bytes = new Uint8Array(REQUEST_HEAD + 4 * path.length + state.length + 2 * audio.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, 1);
  view.setUint8(5, ALGORITHMS.indexOf(settings.algorithm ?? "nlms"));
  view.setUint8(6, settings.references ?? 0);
  view.setUint8(7, settings.errors ?? 1);
  view.setUint8(8, settings.loudspeakers ?? 1);
  view.setUint8(9, settings.output === "residual" ? 1 : 0);
  view.setUint8(10, ENCODINGS.indexOf(settings.encoding ?? "pcm16"));
  view.setUint8(11, settings.strict ? 1 : 0);
  view.setUint32(12, settings.sampleRate ?? 16000, true);
  view.setUint16(16, settings.taps ?? 128, true);
  view.setUint16(18, settings.delay ?? 0, true);
  view.setUint16(20, settings.order ?? 4, true);
  view.setBigInt64(22, BigInt(sequence), true);
  view.setFloat64(30, settings.mu ?? NaN, true);
  view.setFloat64(38, settings.leakage ?? 1, true);
  view.setUint16(46, path.length, true);
  view.setUint16(48, state.length, true);
  let at = 50;
  for (const tap of path) {
    view.setFloat32(at, tap, true);
    at += 4;
  }
  bytes.set(state, at);
  at += state.length;
  for (const sample of audio) {
    view.setInt16(at, sample, true);
    at += 2;
  }
  return bytes.subarray(0, at);
}

/** The answer in its binary form. Throws a RangeError if it is cut short. */
export function parseAnswer(buffer) {
  const view = new DataView(buffer);
  if (view.byteLength < ANSWER_HEAD || view.getUint32(0, true) !== MAGIC || view.getUint8(4) !== 1) {
    throw new RangeError("the answer is cut short or of another version");
  }
  const stateBytes = view.getUint16(28, true);
  const detailBytes = view.getUint32(30, true);
  const start = ANSWER_HEAD + stateBytes;
  if (buffer.byteLength < start + detailBytes) throw new RangeError("the answer is cut short");
  const attenuation = view.getFloat32(20, true);
  const details = new TextDecoder().decode(new Uint8Array(buffer, start, detailBytes));
  const audio = buffer.slice(start + detailBytes);
  return {
    where: PLACES[view.getUint8(5)],
    engine: ["python", "native"][view.getUint8(6)],
    sequence: Number(view.getBigInt64(8, true)),
    sampleRate: view.getUint32(16, true),
    attenuationDb: Number.isNaN(attenuation) ? null : attenuation,
    computeMs: view.getFloat32(24, true),
    state: new Uint8Array(buffer.slice(ANSWER_HEAD, start)),
    details: details ? JSON.parse(details) : null,
    audio: view.getUint8(7) === 1 ? new Float32Array(audio) : new Int16Array(audio),
  };
}

/* Why a function refuses a block, "" if another place may still take it: what stands before the functions
   (a CDN, a firewall) answers 4xx too, and the edge says 413 of what it is not shown whole. */
function refusal(status, payload) {
  let said;
  try {
    said = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return "";
  }
  const own = PLACES.includes(said?.where) && status >= 400 && status < 500;
  return own && !(status === 413 && said.where === "edge") ? said.error : "";
}

/** Sends blocks in order; the state moves on only with an answer. */
export class EdgeClient {
  /**
   * @param {string} edge URL of the CDN
   * @param {string} region URL of the regional function
   * @param {object} settings see encodeRequest
   */
  constructor(edge, region, settings, { edgeTimeoutMs = 500, regionTimeoutMs = 5000 } = {}) {
    this.settings = settings;
    this.places = [
      [edge, edgeTimeoutMs],
      [region, regionTimeoutMs],
      [region, regionTimeoutMs],
    ];
    this.state = new Uint8Array(0);
    this.sequence = 0;
    this.answered = { edge: 0, region: 0 };
    this.failures = [];
  }

  /** Process one block of interleaved Int16 samples, one call after the other. */
  async process(audio) {
    const body = encodeRequest(this.settings, audio, this.state, this.sequence);
    const faults = [];
    for (const [url, limit] of this.places) {
      let fault;
      try {
        const response = await fetch(`${url}/anc-process`, {
          method: "POST",
          headers: { "content-type": OCTET },
          body,
          signal: AbortSignal.timeout(limit),
        });
        const payload = await response.arrayBuffer();
        if (response.status === 200) {
          const answer = parseAnswer(payload);
          const frames = audio.length / ((this.settings.references ?? 0) + (this.settings.errors ?? 1));
          const whole = answer.details || answer.audio.length % frames === 0;
          if (answer.sequence === this.sequence && whole) {
            this.answered[answer.where] += 1;
            this.state = answer.state;
            this.sequence += 1;
            return answer;
          }
          throw new RangeError("the answer is of another block");
        }
        fault = `status ${response.status}`;
        const reason = refusal(response.status, payload);
        if (reason) throw new RefusedError(`block ${this.sequence} was refused (${response.status}): ${reason}`);
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        fault = String(error);
      }
      faults.push(fault);
      this.failures.push(fault);
    }
    throw new NoAnswerError(`block ${this.sequence} got no answer: ${faults.join("; ")}`);
  }
}
