/* Recordings: upload with consent, progress, result, files of recorded sessions, deletion. */

import { apiKey, recordingToken, recordingsHere } from "./access.js";
import { request } from "./anc-client.js";

const LOOK_MS = 1000;
const LIVE_MS = 3000;
const SLOW_MS = 10000;
const BUSY = new Set(["waiting", "processing"]);
const STATES = { waiting: "waiting", processing: "processing", done: "done", failed: "failed", interrupted: "goes on when the service restarts", recording: "is being recorded", kept: "kept" };
const byId = (id) => document.getElementById(id);
const path = (id, name = "") => `/recordings/${encodeURIComponent(id)}${name && `/${name}`}`;
const ask = (method, id, name) => request(location.origin, recordingToken(id), method, path(id, name));
const listAll = async () => (await request(location.origin, apiKey, "GET", "/recordings")).json();

function make(kind, text, properties = {}) {
  return Object.assign(document.createElement(kind), { textContent: text, ...properties });
}

/* XMLHttpRequest, since fetch tells nothing of how much has been sent. */
function send(form, progress) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", "/recordings");
    if (apiKey) call.setRequestHeader("authorization", `Bearer ${apiKey}`);
    call.responseType = "json";
    call.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    call.onload = () => (call.status === 202 ? resolve(call.response) : reject(new Error(call.response?.detail ?? call.statusText)));
    call.onerror = () => reject(new Error("the connection was lost"));
    call.send(form);
  });
}

/** The card of recordings on the page. */
export class Recordings {
  constructor() {
    this.form = byId("upload");
    this.words = byId("upload-words");
    this.bar = byId("upload-bar");
    this.rows = byId("recordings-rows");
    this.shown = "";
    /** Those whose list of files is open. */
    this.open = new Set();
    this.timer = null;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#upload();
    });
    this.refresh();
  }

  async #upload() {
    const button = this.form.querySelector("button");
    const data = new FormData(this.form);
    data.set("consent", byId("upload-consent").checked ? "yes" : "no");
    const { name } = byId("upload-primary").files[0];
    data.set("name", name.slice(0, 100));
    button.disabled = true;
    this.bar.hidden = false;
    try {
      await send(data, (share) => {
        this.bar.value = share;
        this.words.textContent = `Uploading ${name}: ${Math.round(100 * share)} %`;
      });
      this.words.textContent = `${name} is on the server.`;
      this.form.reset();
    } catch (error) {
      this.words.textContent = `Not kept: ${error.message}`;
    } finally {
      button.disabled = false;
      this.bar.hidden = true;
    }
    await this.refresh();
  }

  async refresh() {
    clearTimeout(this.timer);
    let rows = [];
    try {
      rows = await recordingsHere(listAll);
      this.#show(rows);
    } catch (error) {
      this.words.textContent = `The list is not to be had: ${error.message}`;
    }
    const busy = rows.some(({ state }) => BUSY.has(state));
    const live = rows.some(({ state }) => state === "recording");
    clearTimeout(this.timer); // another one may have come through meanwhile
    this.timer = setTimeout(() => this.refresh(), busy ? LOOK_MS : live ? LIVE_MS : SLOW_MS);
  }

  #show(rows) {
    const now = JSON.stringify(rows);
    if (now === this.shown) return;
    this.shown = now;
    byId("recordings-table").hidden = !rows.length;
    const focused = this.rows.contains(document.activeElement) && document.activeElement.ariaLabel;
    this.rows.replaceChildren(...rows.map((row) => this.#row(row)));
    if (focused) [...this.rows.querySelectorAll("[aria-label]")].find(({ ariaLabel }) => ariaLabel === focused)?.focus();
  }

  #row(row) {
    const line = document.createElement("tr");
    const state = make("td", STATES[row.state]);
    if (row.state === "processing") {
      const bar = make("progress", "", { value: row.progress, max: 1 });
      bar.setAttribute("aria-label", `Progress of ${row.name}`);
      state.append(" ", bar);
    }
    const why = row.error ?? row.ended;
    if (why) state.append(`: ${why}`);
    const figure = (value, unit) => make("td", value === null ? "–" : `${value.toFixed(1)} ${unit}`);
    const actions = document.createElement("td");
    if (row.files?.length) actions.append(this.#files(row));
    if (row.state === "done") {
      actions.append(this.#button(`Listen to ${row.name}, cleaned`, "Listen", () => this.#play(row, "clean.wav")));
      actions.append(this.#button(`Listen to ${row.name} as it was`, "Before", () => this.#play(row, "primary")));
    }
    actions.append(this.#button(`Delete ${row.name}`, "Delete", () => this.#delete(row)));
    const name = make("th", row.name, { scope: "row" });
    const when = new Date(1000 * row.created_at).toLocaleString();
    const kind = make("td", row.kind === "live" ? "live session" : "upload");
    line.append(name, kind, make("td", when), figure(row.seconds, "s"), state, figure(row.pause_reduction_db, "dB"), figure(row.delay_ms, "ms"), actions);
    return line;
  }

  #button(label, text, act) {
    const button = make("button", text, { type: "button" });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => act().catch((error) => (this.words.textContent = error.message)));
    return button;
  }

  #files(row) {
    const details = make("details", "", { open: this.open.has(row.recording_id) });
    details.addEventListener("toggle", () => this.open[details.open ? "add" : "delete"](row.recording_id));
    const summary = make("summary", `Files (${row.files.length})`, { ariaLabel: `Files of ${row.name} (${row.files.length})` });
    const list = document.createElement("ul");
    for (const file of row.files) {
      const link = make("a", file, { href: path(row.recording_id, file), download: file, ariaLabel: `Download ${file} of ${row.name}` });
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.#save(row, file).catch((error) => (this.words.textContent = error.message));
      });
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
    details.append(summary, list);
    return details;
  }

  /* As a blob: a link sends no key. */
  async #save(row, file) {
    const blob = await (await ask("GET", row.recording_id, file)).blob();
    const link = make("a", "", { href: URL.createObjectURL(blob), download: file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), SLOW_MS);
  }

  /* As a blob: an audio element sends no key. */
  async #play(row, file) {
    const player = byId("recordings-player");
    const blob = await (await ask("GET", row.recording_id, file)).blob();
    URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(blob);
    player.hidden = false;
    player.volume = 0.3;
    await player.play();
  }

  async #delete(row) {
    await ask("DELETE", row.recording_id);
    this.words.textContent = `${row.name} and all that was made of it are deleted.`;
    await this.refresh();
  }
}
