/* The live page: one session at a time, figures twice a second. */

import { apiKey, joinToken, sessionsHere, showPhoneCode, take, takeFromAddress } from "./access.js";
import { AncClient, listSessions } from "./anc-client.js";
import { SessionRecording } from "./consent.js";
import { drawHistory, drawSpectrum } from "./charts.js";
import { drawLatency, drawOctaves, drawScene, sceneWords } from "./drawings.js";
import { Listening } from "./listening.js";
import { OwnDevice } from "./own-device.js";
import { Recordings } from "./recordings.js";

const HISTORY_S = 120;
const SESSIONS_MS = 3000;
const ANNOUNCE_MS = 10000;
const NO_SESSION = "No session: start one with antiphase rig --serve, or use your microphone below.";
const byId = (id) => document.getElementById(id);
const decibels = (value) => (value === null || value === undefined ? "–" : value.toFixed(1));
const listening = new Listening();
const view = { client: null, session: null, figures: null, history: [], announced: -Infinity, scene: "", modes: new Map(), wishes: 0 };

// One line for the service, one for what was tried last: the first goes by itself, the second with the next try.
const problems = new Map();
function problem(message, kind = "try") {
  if (message) problems.set(kind, message);
  else problems.delete(kind);
  byId("problem").textContent = [...problems.values()].join(" ");
  byId("problem").hidden = problems.size === 0;
}

async function act(what) {
  problem("");
  try {
    await what();
  } catch (error) {
    problem(error.message);
  }
}

const isRefusal = ({ code }) => code === "401" || code === "403";

function serviceWords(error) {
  if (!isRefusal(error)) return error.message;
  return "The service wants a key that this page does not have: open it again by its QR code or by the address with #key= that the service has shown, or give a key or a session owner's token here.";
}

async function refreshSessions() {
  try {
    const { wishes } = view;
    const sessions = await sessionsHere(() => listSessions(location.origin, apiKey));
    const ids = sessions.map((session) => session.session_id ?? session.id ?? session);
    if (wishes === view.wishes) view.modes = new Map(sessions.map((session, k) => [ids[k], session.mode]));
    const select = byId("sessions");
    if ([...select.options].map((option) => option.value).join() !== ids.join()) {
      const options = sessions.map((session, k) => new Option(session.name || ids[k], ids[k], false, ids[k] === view.session));
      select.replaceChildren(...(options.length ? options : [new Option("none yet", "")]));
    }
    const wanted = location.hash.slice(1);
    if (!ids.includes(view.session) && ids.length) await enter(ids.includes(wanted) ? wanted : ids.at(-1));
    else showWish();
    if (!ids.length) leaveSession();
    problem("", "service");
    byId("access").hidden = true;
  } catch (error) {
    problem(serviceWords(error), "service");
    if (isRefusal(error)) byId("access").hidden = false;
  }
}

// The mode that was asked for, here or by somebody else.
function showWish() {
  byId("mode-wish").value = view.modes.get(view.session) ?? "auto";
}

function setState(state) {
  byId("state").dataset.state = state;
  byId("state").textContent = { joined: "live", lost: "reconnecting", closed: "ended", waiting: "no session" }[state] ?? state;
}

// Figures of a session that has ended are those of nobody.
function leaveSession() {
  setState("waiting");
  if (!view.client) return;
  leaveClient(null);
  view.client = null;
  show({ mode: "–", reason: NO_SESSION, control: false, devices: [] });
  Object.assign(view, { figures: null, history: [] });
  byId("attenuation-kind").textContent = "waiting for the first figures";
  byId("numbers").replaceChildren();
  byId("control").disabled = byId("mode-wish").disabled = byId("listen").disabled = true;
  drawCharts();
}

function leaveClient(session) {
  view.client?.leave();
  stopListening();
  Object.assign(view, { session, history: [], figures: null, scene: "" });
}

async function enter(session) {
  leaveClient(session);
  byId("sessions").value = session;
  const token = await joinToken(session, ["listener"]);
  if (view.session !== session) return; // another one was chosen meanwhile
  const client = new AncClient({ session, token });
  view.client = client;
  recording.view(client);
  const current = (take) => (event) => client === view.client && take(event.detail);
  client.addEventListener("state", current(({ state }) => setState(state)));
  client.addEventListener("figures", current(show));
  client.addEventListener("mode", current(showMode));
  client.addEventListener("control", current(({ on }) => showControl(on)));
  client.addEventListener("bye", current(({ reason }) => problem(`The session has ended: ${reason}`)));
  client.addEventListener("error", current(({ message }) => problem(message)));
  await client.join({ name: "page", roles: [{ role: "listener", track: "0" }] });
  byId("control").disabled = byId("mode-wish").disabled = byId("listen").disabled = false;
  showWish();
}

function showControl(on) {
  byId("control").setAttribute("aria-checked", String(on));
  byId("control-word").textContent = on ? "on" : "off";
}

function showMode({ mode, reason }) {
  byId("mode").textContent = mode ?? "–";
  byId("reason").textContent = reason ?? "";
}

function showNumbers(figures) {
  const { attenuation_db: attenuation, output, margin_ms: margin, deadline_misses: misses } = figures;
  const rows = [
    ["Bound", decibels(attenuation?.bound), "dB"],
    ["True", attenuation?.true === null ? null : decibels(attenuation?.true), "dB"],
    ["A-weighted", decibels(attenuation?.a_weighted), "dB"],
    ["Causality margin", decibels(margin), "ms"],
    ["Output", output?.rms ? decibels(20 * Math.log10(output.rms)) : null, "dBFS"],
    ["Distortion", output?.thd_percent === null ? null : decibels(output?.thd_percent), "%"],
    ["Late frames", misses ?? 0, ""],
  ];
  const cell = ([name, value, unit]) => {
    const group = document.createElement("div");
    const [term, data, small] = ["dt", "dd", "small"].map((tag) => document.createElement(tag));
    term.textContent = name;
    small.textContent = unit && ` ${unit}`;
    data.append(String(value), small);
    group.append(term, data);
    return group;
  };
  byId("numbers").replaceChildren(...rows.filter(([, value]) => value !== null && value !== undefined).map(cell));
}

function showDevices(devices = []) {
  const row = (device) => {
    const line = document.createElement("tr");
    const values = [
      device.roles?.join(", ") || "watches",
      device.drift_ppm === null ? "–" : `${device.drift_ppm.toFixed(1)} ppm`,
      device.loss === null ? "–" : `${(100 * device.loss).toFixed(2)} %`,
      device.jitter_ms === null ? "–" : `${device.jitter_ms.toFixed(1)} ms`,
    ];
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = device.name || device.device_id;
    line.append(head, ...values.map((value) => Object.assign(document.createElement("td"), { textContent: value })));
    return line;
  };
  byId("devices").tBodies[0].replaceChildren(...devices.map(row));
}

function marginWords(margin) {
  if (margin === null || margin === undefined) return "The causality margin is not known yet.";
  return margin >= 0
    ? `${margin.toFixed(1)} ms to spare: the anti-noise can be there in time.`
    : `${(-margin).toFixed(1)} ms too late: only what repeats, such as tones, can be cancelled.`;
}

// Screen readers get one sentence every ten seconds, not two a second.
function announce(figures) {
  const now = performance.now();
  if (now - view.announced < ANNOUNCE_MS || figures.attenuation_db?.estimated == null) return;
  view.announced = now;
  const { estimated, bound } = figures.attenuation_db;
  byId("announce").textContent = figures.control
    ? `${decibels(estimated)} decibels quieter, of ${decibels(bound)} possible; mode ${figures.mode}`
    : "Noise control is off";
}

function show(figures) {
  view.figures = figures;
  const attenuation = figures.attenuation_db ?? {};
  view.history.push({ time: figures.time_s, ...attenuation });
  while (view.history.length && view.history[0].time < figures.time_s - HISTORY_S) view.history.shift();
  const best = attenuation.true ?? attenuation.estimated;
  byId("attenuation").textContent = decibels(best);
  byId("attenuation-words").textContent = best < -0.5 ? "dB: louder" : "dB quieter";
  byId("attenuation-kind").textContent = attenuation.true === null || attenuation.true === undefined
    ? "estimated from what the error microphone hears"
    : `true, known to the rig; the service estimates ${decibels(attenuation.estimated)}`;
  showMode(figures);
  showControl(figures.control);
  showNumbers(figures);
  showDevices(figures.devices);
  byId("margin-words").textContent = marginWords(figures.margin_ms);
  byId("latency").replaceChildren(drawLatency(figures.latency_ms, figures.margin_ms));
  byId("octaves").replaceChildren(drawOctaves(attenuation.by_octave ?? []));
  showScene(figures.scene);
  if (!document.hidden) drawCharts();
  announce(figures);
}

function showScene(scene, force = false) {
  const key = JSON.stringify(scene);
  if (key === view.scene && !force) return;
  view.scene = key;
  byId("scene-words").textContent = sceneWords(scene);
  byId("scene").replaceChildren(drawScene(scene, innerWidth < 700));
}

function drawCharts() {
  drawSpectrum("spectrum", view.figures?.spectrum);
  drawHistory("history", view.history);
}

async function toggleListening() {
  if (listening.playing) return stopListening();
  if (own.playsIn(view.session)) throw new Error("This page is the loudspeaker of the session: its own microphone would hear what you listen to.");
  await listening.start(await view.client.listen(), byId("sound"));
  byId("listen").setAttribute("aria-pressed", "true");
  byId("listen").textContent = "Stop listening";
  return undefined;
}

function stopListening() {
  listening.stop();
  byId("listen").setAttribute("aria-pressed", "false");
  byId("listen").textContent = "Listen";
}

function setMuted(muted) {
  listening.setMuted(muted);
  own.setMuted(muted);
  byId("mute").setAttribute("aria-pressed", String(muted));
}

function setTheme(theme, keep) {
  document.documentElement.dataset.theme = theme;
  if (keep) localStorage.setItem("theme", theme);
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
  drawCharts();
}

const recordings = new Recordings();
const recording = new SessionRecording({ problem, changed: () => recordings.refresh() });
const own = new OwnDevice(byId("own-body"), { enter, problem, watch: (client) => recording.watch(client) });
const muteToggle = () => setMuted(byId("mute").getAttribute("aria-pressed") !== "true");
byId("mute").addEventListener("click", muteToggle);
byId("listen").addEventListener("click", () => act(toggleListening));
byId("volume").addEventListener("input", ({ target }) => listening.setVolume(Number(target.value)));
byId("sessions").addEventListener("change", ({ target }) => act(() => enter(target.value)));
byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", true));
byId("mode-wish").addEventListener("change", ({ target }) => act(() => {
  view.wishes += 1;
  view.modes.set(view.session, target.value);
  view.client.setMode(target.value);
}));
byId("control").addEventListener("click", () => act(() => {
  const on = byId("control").getAttribute("aria-checked") !== "true";
  view.client.setControl(on);
  showControl(on);
}));
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input[type='text'], textarea, select");
  if (event.key === "m" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) muteToggle();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
  if (!localStorage.getItem("theme")) setTheme(matches ? "dark" : "light", false);
});
matchMedia("(max-width: 700px)").addEventListener("change", () => showScene(view.figures?.scene ?? null, true));
// The page looks anew: at the session that the address names, which is the one of an owner's token.
function lookAnew() {
  view.session = null;
  refreshSessions();
}
byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const session = take(byId("access-word").value.trim());
  event.target.reset();
  if (session) history.replaceState(null, "", `#${session}`);
  lookAnew();
});
addEventListener("hashchange", () => takeFromAddress() && lookAnew());
addEventListener("pagehide", () => view.client?.leave());
setTheme(document.documentElement.dataset.theme, false);
showScene(null, true);
drawCharts();
showPhoneCode(byId("phone-code"), byId("phone")).catch((error) => isRefusal(error) || problem(error.message, "service"));
await refreshSessions();
setInterval(refreshSessions, SESSIONS_MS);
