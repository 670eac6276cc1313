/* Pictures in SVG: the scene, the latency waterfall, octave bars. Text is set as text, never as markup. */

const SVG = "http://www.w3.org/2000/svg";
const SOUND_M_PER_MS = 0.3432;

function make(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function drawing(width, height, label, ...children) {
  return make("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...children);
}

const text = (x, y, value, attributes = {}) => make("text", { x, y, ...attributes }, value);
const distance = (a, b) => Math.hypot(...a.map((value, k) => value - (b[k] ?? 0)));
const PLACES = {
  source: ["Noise", 11],
  reference: ["Reference microphone", 6],
  talker: ["Talker", 9],
  loudspeaker: ["Loudspeaker", 8],
  error: ["Error microphone", 6],
};

/** One sentence of the scene. @returns {string} */
export function sceneWords(scene) {
  if (!scene) return "The devices have sent no geometry.";
  const parts = [scene.about ?? scene.name, scene.noise && `noise: ${scene.noise}`];
  if (scene.source && scene.error) parts.push(`${distance(scene.source, scene.error).toFixed(1)} m from the noise to the error microphone`);
  if (scene.lead_m !== undefined) parts.push(`the reference hears the noise ${(scene.lead_m / SOUND_M_PER_MS).toFixed(1)} ms earlier`);
  return `${parts.filter(Boolean).join("; ")}.`;
}

/** The places from the side or above, to scale along the line from source to listener. @returns {SVGElement} */
export function drawScene(scene, narrow = false) {
  const places = Object.keys(PLACES).filter((name) => Array.isArray(scene?.[name]));
  const [width, height, ground] = narrow ? [420, 230, 170] : [1180, 220, 160];
  if (places.length === 0) return drawing(width, 60, "No geometry", text(width / 2, 34, "no geometry given", { class: "soft", "text-anchor": "middle" }));
  const [left, right] = narrow ? [44, width - 54] : [90, width - 130];
  const along = places.map((name) => scene[name][0]);
  const [low, high] = [Math.min(...along), Math.max(...along)];
  const spot = {};
  places
    .map((name) => ({ name, x: left + ((scene[name][0] - low) / Math.max(high - low, 0.1)) * (right - left) }))
    .sort((a, b) => a.x - b.x)
    .forEach(({ name, x }, k, all) => {
      // Neighbours closer than their symbols are drawn apart; the distances in figures are the true ones.
      const before = k > 0 ? spot[all[k - 1].name].x : -Infinity;
      const room = (all.length - 1 - k) * (narrow ? 30 : 62);
      const placed = Math.min(Math.max(x, before + (narrow ? 30 : 62)), right + 40 - room);
      spot[name] = { x: placed, y: ground - 10 - Math.min(scene[name][2] ?? 1, 3) * 26 };
    });
  const parts = [make("rect", { class: "ground", x: 0, y: ground, width, height: 5, rx: 2 })];
  if (spot.source) {
    for (const r of narrow ? [26, 42] : [28, 46, 64, 82]) {
      parts.push(make("path", { class: "sound", opacity: 1.2 - r / 90, d: arc(spot.source, r, -0.6, 0.6) }));
    }
  }
  if (spot.loudspeaker) {
    const turn = spot.error && spot.error.x < spot.loudspeaker.x ? Math.PI : 0;
    for (const r of [18, 27, 36]) parts.push(make("path", { class: "anti", opacity: 1.3 - r / 40, d: arc(spot.loudspeaker, r, turn - 0.6, turn + 0.6) }));
  }
  places.forEach((name, k) => {
    const { x, y } = spot[name];
    const [label, size] = PLACES[name];
    parts.push(make("line", { class: "line", x1: x, y1: y, x2: x, y2: ground }));
    parts.push(name === "loudspeaker"
      ? make("rect", { class: name, x: x - size, y: y - size - 2, width: 2 * size, height: 2 * size + 4, rx: 3 })
      : make("circle", { class: name === "talker" ? "reference" : name, cx: x, cy: y, r: size }));
    if (!narrow) parts.push(text(x, 24 + 18 * (k % 3), label, { "text-anchor": "middle" }), make("line", { class: "axis", x1: x, y1: 28 + 18 * (k % 3), x2: x, y2: y - size - 4 }));
    else parts.push(text(x, 16 + 16 * (k % 4), label.split(" ")[0], { "text-anchor": "middle" }));
  });
  const from = spot.source ?? spot.talker;
  if (from && spot.error && from !== spot.error) {
    const metres = distance(scene.source ?? scene.talker, scene.error);
    const y = ground + 28;
    parts.push(make("path", { class: "line", d: `M${from.x} ${y - 7}v14M${from.x} ${y}H${spot.error.x}M${spot.error.x} ${y - 7}v14` }));
    const lead = scene.lead_m === undefined ? "" : ` · lead ${(scene.lead_m / SOUND_M_PER_MS).toFixed(1)} ms`;
    parts.push(text((from.x + spot.error.x) / 2, y + 20, `${metres.toFixed(1)} m${lead}`, { "text-anchor": "middle" }));
  }
  return drawing(width, height, sceneWords(scene), ...parts);
}

function arc({ x, y }, r, a, b) {
  const at = (angle) => `${x + r * Math.cos(angle)} ${y + r * Math.sin(angle)}`;
  return `M${at(a)}A${r} ${r} 0 0 1 ${at(b)}`;
}

const OCTAVES = [16, 31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000];
const SPENT = [
  ["capture", "capture"],
  ["network_up", "network up"],
  ["server", "server"],
  ["network_down", "network down"],
  ["buffer", "buffer"],
  ["converters", "converters"],
];

/** The acoustic lead, what spends it, and what is left. @returns {SVGElement} */
export function drawLatency(latency = {}, margin = null) {
  const rows = [["acoustic lead", latency?.acoustic_lead ?? null, "bar-b"]];
  let left = latency?.acoustic_lead ?? 0;
  const spans = [[0, left]];
  for (const [key, name] of SPENT) {
    const cost = latency?.[key] ?? null;
    rows.push([name, cost, "bar-a"]);
    spans.push([left - (cost ?? 0), left]);
    left -= cost ?? 0;
  }
  rows.push(["margin", margin, margin !== null && margin < 0 ? "bar-c" : "bar-b"]);
  spans.push(margin === null ? [0, 0] : [Math.min(0, margin), Math.max(0, margin)]);
  const low = Math.min(0, ...spans.map(([a]) => a));
  const high = Math.max(1, ...spans.map(([, b]) => b));
  const [start, width] = [112, 560 - 112 - 84];
  const x = (ms) => start + ((ms - low) / (high - low)) * width;
  const parts = [make("line", { class: "axis", x1: x(0), x2: x(0), y1: 4, y2: rows.length * 32 })];
  rows.forEach(([name, value, kind], k) => {
    const y = 8 + 32 * k;
    const [a, b] = spans[k];
    parts.push(text(start - 12, y + 15, name, { "text-anchor": "end", class: value === null ? "soft" : "" }));
    if (value !== null) parts.push(make("rect", { class: kind, x: x(a), y, width: Math.max(2, x(b) - x(a)), height: 21, rx: 3 }));
    parts.push(text(x(b) + 8, y + 15, value === null ? "not known" : `${value.toFixed(1)} ms`, { class: "soft" }));
  });
  const words = rows.map(([name, value]) => `${name} ${value === null ? "not known" : `${value.toFixed(1)} ms`}`).join(", ");
  return drawing(560, rows.length * 32 + 6, `Latency: ${words}`, ...parts);
}

/** Bars of attenuation with the bound above each. @returns {SVGElement} */
export function drawOctaves(octaves = []) {
  const [width, height, floor] = [560, 262, 216];
  const known = octaves.filter((band) => band.db !== null);
  const high = Math.max(10, ...octaves.flatMap((band) => [band.db ?? 0, band.bound_db ?? 0])) * 1.1;
  const low = Math.min(0, ...known.map((band) => band.db));
  const y = (db) => floor - ((db - low) / (high - low)) * (floor - 22);
  const step = (width - 60) / Math.max(octaves.length, 1);
  const parts = [make("line", { class: "axis", x1: 40, x2: width, y1: y(0), y2: y(0) })];
  octaves.forEach(({ hz, db, bound_db: bound }, k) => {
    const x = 48 + step * k;
    if (db !== null) {
      parts.push(make("rect", { class: db < 0 ? "bar-c" : "bar-a", x, y: Math.min(y(db), y(0)), width: step * 0.64, height: Math.max(1, Math.abs(y(db) - y(0))), rx: 3 }));
      const inside = y(0) - y(db) > 30;
      const top = Math.min(y(db), y(0), y(bound ?? db));
      parts.push(text(x + step * 0.32, inside ? y(db) + 20 : top - 6, db.toFixed(1), { "text-anchor": "middle", class: inside ? "inside" : "" }));
    }
    if (bound !== null && bound !== undefined) parts.push(make("line", { class: "bound", x1: x - 3, x2: x + step * 0.64 + 3, y1: y(bound), y2: y(bound) }));
    const nominal = OCTAVES.reduce((a, b) => (Math.abs(b - hz) < Math.abs(a - hz) ? b : a));
    parts.push(text(x + step * 0.32, height - 20, nominal >= 1000 ? `${nominal / 1000}k` : `${nominal}`, { "text-anchor": "middle", class: "soft" }));
  });
  parts.push(text(width - 4, height - 2, "Hz", { "text-anchor": "end", class: "soft" }));
  if (octaves.length === 0) parts.push(text(width / 2, 120, "no figures yet", { "text-anchor": "middle", class: "soft" }));
  const words = octaves.map(({ hz, db, bound_db: bound }) => `${hz} Hz ${db ?? "not known"} of ${bound ?? "not known"}`).join(", ");
  return drawing(width, height, `Attenuation by octave in dB, with the bound: ${words}`, ...parts);
}
