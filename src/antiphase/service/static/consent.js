/* The recording of a session: everybody in it sees it, who sends sound is asked and may withdraw at any time,
   who may steer the session starts and ends it. */

import { ownRecording, sessionToken } from "./access.js";
import { request } from "./anc-client.js";

const HEARD = new Set(["reference", "error", "talker"]);
const byId = (id) => document.getElementById(id);
const count = (devices) => (devices.length === 1 ? "1 device" : `${devices.length} devices`);

/** Whether a device sends sound that a recording would hold. @param {AncClient} client */
function sendsSound(client) {
  return (client.device?.roles ?? []).some((role) => HEARD.has(role.role ?? role));
}

/** "ended", "hears", "asked", "agreed" or "declined": where a device stands by the newest `recording` message. */
function standing(client, { state, devices, asked }) {
  if (state === "off") return "ended";
  if (!sendsSound(client)) return "hears";
  if (devices.includes(client.deviceId)) return "agreed";
  return asked.includes(client.deviceId) ? "asked" : "declined";
}

const WORDS = {
  asked: ({ name, devices }) => `${name} ${devices.length ? "is being" : "is to be"} recorded. May your microphone be, too? Nothing of it is until you agree.`,
  agreed: ({ name }) => `${name} is being recorded, and your microphone with it.`,
  declined: ({ name }, before) => `${name} is being recorded without your microphone.${before ? " What was recorded of it before stays until the recording is deleted." : ""}`,
  hears: ({ name, devices, asked }) => `${devices.length ? `${name} is being recorded: ${count(devices)} agreed` : `${name} is to be recorded: no device has agreed yet`}${asked.length ? `, ${count(asked)} not answered` : ""}. You send no sound; nothing of you is recorded.`,
  ended: ({ name, reason }) => `${name} is no longer recorded: ${reason}.`,
};
const ANSWERS = {
  asked: [["Agree to be recorded", true], ["Decline", false]],
  agreed: [["Stop recording my microphone", false]],
  declined: [["Agree to be recorded", true]],
  hears: [],
  ended: [["Close", null]],
};

/** The notice at the top of the page, and the button of who may steer the session. */
export class SessionRecording {
  /** @param {{changed: () => void, problem: (words: string) => void}} page `changed` when one begins or ends */
  constructor({ changed, problem }) {
    this.changed = changed;
    this.problem = problem;
    this.box = byId("recording");
    this.button = byId("record");
    this.words = byId("record-words");
    /** Client → the newest `recording` message it was sent. */
    this.told = new Map();
    /** Recordings that hold sound of this page's devices. */
    this.agreed = new Set();
    this.viewed = null;
    this.button.addEventListener("click", () => this.#toggle());
  }

  /** Follows a client until it leaves. @param {AncClient} client */
  watch(client) {
    client.addEventListener("recording", ({ detail }) => this.#take(client, detail));
    client.addEventListener("state", ({ detail: { state } }) => {
      // The service tells anew at joining, and asks anew: a device that was away is no longer recorded.
      if (state !== "joined") this.told.delete(client);
      this.#draw();
    });
  }

  /** As `watch`, and the button is for this client's session from now on. @param {AncClient} client */
  view(client) {
    this.viewed = client;
    this.watch(client);
  }

  #take(client, message) {
    const before = this.told.get(client);
    this.told.set(client, { ...message, name: message.name ? `The session “${message.name}”` : "This session" });
    if (standing(client, message) === "agreed") this.agreed.add(message.recording_id);
    this.#draw();
    if (before?.state !== message.state) this.changed();
  }

  async #toggle() {
    const { session } = this.viewed;
    const place = `/sessions/${encodeURIComponent(session)}/recording`;
    this.button.disabled = true;
    this.problem("");
    try {
      const token = sessionToken(session);
      if (this.#isOn()) {
        await request(location.origin, token, "DELETE", place);
      } else {
        const made = await (await request(location.origin, token, "POST", place, "{}")).json();
        ownRecording(made.recording_id, made.owner_token);
        this.changed();
      }
    } catch (error) {
      this.problem(`The recording was not changed: ${error.message}`);
    }
    this.#draw();
    this.button.focus();
  }

  #isOn() {
    return this.told.get(this.viewed)?.state === "on";
  }

  #draw() {
    const on = this.#isOn();
    this.button.disabled = this.viewed?.state !== "joined";
    this.button.textContent = on ? "Stop recording" : "Record";
    const { devices = [], asked = [] } = (on && this.told.get(this.viewed)) || {};
    this.words.textContent = on ? `${count(devices)} agreed, ${count(asked)} not answered.` : "Each device that sends sound is asked first.";
    // Two clients may be in one session: what counts is the one that sends sound.
    const notices = new Map();
    for (const client of this.told.keys())
      if (!notices.has(client.session) || sendsSound(client)) notices.set(client.session, client);
    for (const block of [...this.box.children]) if (!notices.has(block.dataset.session)) block.remove();
    for (const [session, client] of notices) this.#notice(session, client);
    this.box.className = this.box.children.length ? "recording" : "visually-hidden";
  }

  /** Draws one session's notice; nothing is touched, and read out, where it says that already. */
  #notice(session, client) {
    const message = this.told.get(client);
    const state = standing(client, message);
    const words = WORDS[state](message, this.agreed.has(message.recording_id));
    let block = [...this.box.children].find((one) => one.dataset.session === session);
    if (block?.dataset.state === state && block.firstChild.textContent === words) return;
    const focused = block?.contains(document.activeElement);
    if (!block) this.box.append((block = document.createElement("div")));
    Object.assign(block.dataset, { session, state });
    const text = Object.assign(document.createElement("p"), { textContent: words });
    block.replaceChildren(text, ...ANSWERS[state].map(([label, agree]) => this.#answer(session, label, agree)));
    if (focused) block.querySelector("button")?.focus();
  }

  #answer(session, label, agree) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.addEventListener("click", () => {
      const those = [...this.told].filter(([client]) => client.session === session);
      if (agree === null) {
        for (const [client] of those) this.told.delete(client);
        return this.#draw();
      }
      const [client, { recording_id: id }] = those.find(([one]) => sendsSound(one));
      try {
        client.consent(id, agree);
      } catch (error) {
        this.problem(`The answer did not get through: ${error.message}`);
      }
      return undefined;
    });
    return button;
  }
}
