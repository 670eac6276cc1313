/* Client of the live service: signalling, media and the data channels of one device. No build step, no
   dependencies; documented in docs/client.md.

   import { AncClient } from "https://your-host:8443/static/anc-client.js"; */

const PROTOCOL = "antiphase.v1";
const ANSWER_MS = 10000;
// Opus at a browser's own 32 kb/s caps what a reference can take away at about 15 dB.
const BITRATE = 128000;
const RETRIES_MS = [500, 1000, 2000, 4000, 8000];

/**
 * @typedef {object} Role
 * @property {"reference"|"error"|"loudspeaker"|"talker"|"listener"} role
 * @property {string} [track] "0", "1", … in the order of `publish` and `listen`, or "data"
 * @property {number} [channel] of that track, 0 by default
 */

/**
 * @typedef {object} Device What a device says of itself when it joins.
 * @property {string} [name]
 * @property {(Role|string)[]} [roles] none for a watcher
 * @property {number} [fs] control rate, Hz
 * @property {number} [taps] of the control filter
 * @property {ArrayLike<number>} [secondaryPathEstimate] Ŝ at the control rate
 * @property {number} [deviceMarginMs] causality margin at the device's own reference
 */

/** The service said no, or did not answer. `code` is the service's, or "timeout", "closed" or "unreachable". */
export class ServiceError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** One call of the service; throws a `ServiceError` for a refusal. @returns {Promise<Response>} */
export async function request(server, token, method, path, body, type = "application/json") {
  const headers = body === undefined ? {} : { "content-type": type };
  if (token) headers.authorization = `Bearer ${token}`;
  const asked = new URL(path, server);
  let response = await fetch(asked, { method, headers, body }).catch(() => {
    throw new ServiceError("unreachable", `The service at ${asked.host} does not answer: start it, or look at the network.`);
  });
  if (token && response.status === 401 && response.redirected && new URL(response.url).hostname === asked.hostname)
    // Sent on to another worker: browsers take the token away when the port changes.
    response = await fetch(response.url, { method, headers, body });
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  const detail = answer?.message ?? answer?.detail ?? response.statusText;
  throw new ServiceError(String(response.status), typeof detail === "string" ? detail : JSON.stringify(detail));
}

const asJson = async (response) => (response.status === 204 ? null : response.json());

/** The sessions that run now. @returns {Promise<object[]>} */
export async function listSessions(server = location.origin, token = "") {
  const answer = await asJson(await request(server, token, "GET", "/sessions"));
  return Array.isArray(answer) ? answer : (answer?.sessions ?? []);
}

/** A new session. @returns {Promise<{session_id: string, owner_token: string, websocket: string}>} */
export async function createSession(settings = {}, server = location.origin, token = "") {
  return asJson(await request(server, token, "POST", "/sessions", JSON.stringify(settings)));
}

/** Ends a session. */
export async function deleteSession(session, server = location.origin, token = "") {
  await request(server, token, "DELETE", `/sessions/${encodeURIComponent(session)}`);
}

/** The newest figures, without joining. @returns {Promise<object>} */
export async function fetchFigures(session, server = location.origin, token = "") {
  return asJson(await request(server, token, "GET", `/sessions/${encodeURIComponent(session)}/figures`));
}

async function standardExchange(url, token, peer) {
  await peer.setLocalDescription(await peer.createOffer());
  const response = await request(location.href, token, "POST", url, peer.localDescription.sdp, "application/sdp");
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  const place = response.headers.get("location");
  const end = async () => {
    peer.close();
    if (place) await request(new URL(url, location.href), token, "DELETE", place);
  };
  return { peer, end };
}

/** Publishes a track by WHIP (RFC 9725). @returns {Promise<{peer: RTCPeerConnection, end: () => Promise<void>}>} */
export function whipPublish(url, track, token = "") {
  const peer = new RTCPeerConnection();
  peer.addTransceiver(track, { direction: "sendonly" });
  return standardExchange(url, token, peer);
}

/** Hears a session by WHEP. @returns {Promise<{peer: RTCPeerConnection, stream: MediaStream, end: () => Promise<void>}>} */
export async function whepPlay(url, token = "") {
  const peer = new RTCPeerConnection();
  const { receiver } = peer.addTransceiver("audio", { direction: "recvonly" });
  return { ...(await standardExchange(url, token, peer)), stream: new MediaStream([receiver.track]) };
}

/**
 * One device in one session.
 *
 * Events (CustomEvent, the message in `detail`): `figures`, `mode`, `control`, `device`, `recording`, `error`, `bye`,
 * `state` ({state: "connecting"|"joined"|"lost"|"closed"}), `split` ({data: ArrayBuffer}) and `guide` (a message of
 * `anc.control`).
 * A lost connection is made anew with the same session, roles and tracks.
 */
export class AncClient extends EventTarget {
  /** @param {{server?: string, session: string, token?: string}} options */
  constructor({ server = location.origin, session, token = "" }) {
    super();
    this.server = server;
    this.session = session;
    this.token = token;
    this.deviceId = null;
    this.state = "closed";
    /** @type {MediaStreamTrack[]} */
    this.tracks = [];
    this.listening = null;
    this.peer = null;
    this.left = false;
    this.tries = 0;
    this.negotiation = Promise.resolve();
    const scheme = new URL(server).protocol === "https:" ? "wss:" : "ws:";
    this.home = Object.assign(new URL(`/${encodeURIComponent(session)}`, server), { protocol: scheme }).href;
    this.address = this.home;
  }

  /**
   * Joins; resolves when the service has taken the device in.
   * @param {Device} [device]
   */
  async join(device = {}) {
    this.device = device;
    this.left = false;
    await this.#open();
    return this;
  }

  /** Sends a track; its role is the one that the join gave to its number. @param {MediaStreamTrack} track */
  async publish(track) {
    this.tracks.push(track);
    this.#publish(track);
    await this.#negotiate();
  }

  /** Hears the session. @returns {Promise<MediaStream>} */
  async listen() {
    if (!this.listening) {
      this.listening = new MediaStream();
      this.#hear();
      await this.#negotiate();
    }
    return this.listening;
  }

  /**
   * Opens the channels of split control; what comes are `split` and `guide` events, `sendSplit` and `tell` answer.
   * @param {MessagePort} [port] where the reference of another device goes: packets of {timestamp, samples} at 8 kHz,
   *   without the browser's jitter buffer. It is track "0" of a device that publishes nothing.
   */
  async openSplit(port) {
    this.wantsSplit = true;
    if (port) {
      this.packets = new Worker(new URL("packet-worker.js", import.meta.url), { type: "module" });
      this.packets.postMessage({ port }, [port]);
      this.#receive();
    }
    this.#split();
    await this.#negotiate();
  }

  /** What the service should know of this device: `latency`, `playout`. @param {object} message @returns {boolean} */
  tell(message) {
    const open = this.words?.readyState === "open";
    if (open) this.words.send(JSON.stringify(message));
    return open;
  }

  /** @param {ArrayBuffer} data @returns {boolean} whether it could be sent */
  sendSplit(data) {
    const open = this.channel?.readyState === "open" && this.channel.bufferedAmount < 2 ** 20;
    if (open) this.channel.send(data);
    return open;
  }

  /** @param {boolean} on */
  setControl(on) {
    this.#send({ type: "control", on });
  }

  /** @param {string} mode "auto", "split", "lookahead", "predictive", "clean", "local" or "forward" */
  setMode(mode) {
    this.#send({ type: "mode", mode });
  }

  /** What this device says of being recorded. @param {string} recordingId of the `recording` event @param {boolean} agree */
  consent(recordingId, agree) {
    this.#send({ type: "consent", recording_id: recordingId, agree });
  }

  /** Leaves for good. */
  leave() {
    this.left = true;
    if (this.socket?.readyState === WebSocket.OPEN) this.#send({ type: "leave" });
    this.#close();
    this.packets?.terminate();
    this.packets = null;
    this.#enter("closed");
  }

  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.#emit("state", { state });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) throw new ServiceError("closed", "not connected to the session");
    this.socket.send(JSON.stringify(message));
  }

  #expect(type) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new ServiceError("timeout", `the service sent no ${type}`)), ANSWER_MS);
      this.waiting = {
        type,
        settle: (message, error) => {
          clearTimeout(timer);
          this.waiting = null;
          if (error) reject(error);
          else resolve(message);
        },
      };
    });
  }

  async #open(moves = 3) {
    this.#enter("connecting");
    this.moved = false;
    const protocols = this.token ? [PROTOCOL, `token.${this.token}`] : [PROTOCOL];
    const socket = new WebSocket(this.address, protocols);
    this.socket = socket;
    const joined = this.#expect("joined");
    socket.onopen = () => this.#send(this.#joinMessage());
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ reason }) => {
      if (socket === this.socket) this.#lose(reason);
    };
    const message = await joined;
    if (this.moved) {
      if (!moves) throw new ServiceError("moved", "the service sends this client round in circles");
      return this.#open(moves - 1);
    }
    this.token = message.resume_token ?? this.token;
    this.deviceId = message.device_id;
    this.iceServers = message.ice_servers ?? [];
    this.tries = 0;
    this.#enter("joined");
    return undefined;
  }

  #joinMessage() {
    const { name = "", roles = [], fs, taps, secondaryPathEstimate, deviceMarginMs } = this.device;
    return {
      type: "join",
      device: name,
      roles: roles.map((role) => ({ track: "0", channel: 0, ...(typeof role === "string" ? { role } : role) })),
      fs,
      taps,
      secondary_path_estimate: secondaryPathEstimate && Array.from(secondaryPathEstimate),
      device_margin_ms: deviceMarginMs,
    };
  }

  #take(message) {
    if (message.type === this.waiting?.type) return this.waiting.settle(message);
    if (message.type === "error") {
      const error = new ServiceError(message.code, message.message);
      this.waiting?.settle(null, error);
      this.#emit("error", { code: message.code, message: message.message });
    } else if (message.type === "moved") {
      this.address = new URL(message.websocket, this.address).href;
      this.moved = true;
      if (this.waiting?.type === "joined") this.#settleMove();
      else this.socket.close();
    } else if (message.type === "bye") {
      this.left = true;
      this.#emit("bye", message);
      this.leave();
    } else {
      this.#emit(message.type, message);
    }
    return undefined;
  }

  #close() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
    this.peer?.close();
    this.peer = this.channel = this.words = null;
  }

  #lose(reason) {
    this.#close();
    // Another worker may have the session by now; the first address finds it.
    if (!this.moved) this.address = this.home;
    this.waiting?.settle(null, new ServiceError("closed", reason || "the connection was closed"));
    if (this.left || this.state === "connecting") return;
    this.#retry();
  }

  #settleMove() {
    this.#close();
    this.waiting.settle({});
  }

  #retry() {
    this.#enter("lost");
    const wait = this.moved ? 0 : RETRIES_MS[Math.min(this.tries, RETRIES_MS.length - 1)];
    this.tries += 1;
    setTimeout(async () => {
      if (this.left) return;
      try {
        await this.#open();
        if (this.listening) this.#hear();
        if (this.packets) this.#receive();
        for (const track of this.tracks) this.#publish(track);
        if (this.wantsSplit) this.#split();
        if (this.peer) await this.#negotiate();
      } catch {
        this.#retry();
      }
    }, wait);
  }

  #peer() {
    this.peer ??= new RTCPeerConnection({ iceServers: this.iceServers });
    return this.peer;
  }

  #publish(track) {
    this.#peer().addTransceiver(track, { direction: "sendonly", sendEncodings: [{ maxBitrate: BITRATE }] });
  }

  #hear() {
    const { receiver } = this.#peer().addTransceiver("audio", { direction: "recvonly" });
    for (const old of this.listening.getTracks()) this.listening.removeTrack(old);
    this.listening.addTrack(receiver.track);
  }

  #receive() {
    const transceiver = this.#peer().addTransceiver("audio", { direction: "recvonly" });
    const { codecs } = RTCRtpReceiver.getCapabilities("audio");
    transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === "audio/PCMU"));
    transceiver.receiver.transform = new RTCRtpScriptTransform(this.packets);
  }

  #split() {
    this.channel = this.#peer().createDataChannel("anc.split");
    this.channel.binaryType = "arraybuffer";
    this.channel.onmessage = ({ data }) => this.#emit("split", { data });
    this.words = this.#peer().createDataChannel("anc.control");
    this.words.onmessage = ({ data }) => this.#emit("guide", JSON.parse(data));
    this.words.onopen = () => this.#emit("guide", { type: "open" });
  }

  // Without waiting for candidates: the service learns the browser's address from its first packet.
  #negotiate() {
    const exchange = async () => {
      const peer = this.#peer();
      await peer.setLocalDescription(await peer.createOffer());
      const answer = this.#expect("answer");
      this.#send({ type: "offer", sdp: peer.localDescription.sdp });
      await peer.setRemoteDescription({ type: "answer", sdp: (await answer).sdp });
    };
    this.negotiation = this.negotiation.then(exchange, exchange);
    return this.negotiation;
  }
}
