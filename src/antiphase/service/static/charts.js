/* Charts by Plotly (global `Plotly`, from its Python package). */

const OCTAVES = [16, 31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000];

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function layout(x, y) {
  const axis = { gridcolor: color("--grid"), linecolor: color("--line"), zeroline: false, automargin: true, fixedrange: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: color("--ink"), family: "system-ui, sans-serif", size: 12 },
    margin: { l: 48, r: 10, t: 8, b: 40 },
    hovermode: "x unified",
    hoverlabel: { bgcolor: color("--card"), bordercolor: color("--line"), font: { color: color("--ink") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: { ...axis, ...x },
    yaxis: { ...axis, ...y },
  };
}

const line = (x, y, name, paint, extra = {}) => ({
  x, y, name, mode: "lines", line: { color: color(paint), width: 2, ...extra }, hovertemplate: "%{y:.1f} dB",
});

function draw(id, data, shape) {
  if (globalThis.Plotly) Plotly.react(id, data, shape, { responsive: true, displayModeBar: false });
}

/** Level over frequency. */
export function drawSpectrum(id, spectrum) {
  const { hz = [], off_db: off = [], on_db: on = [], bound_db: bound = [] } = spectrum ?? {};
  const data = [line(hz, off, "off", "--off"), line(hz, on, "on", "--on"), line(hz, bound, "bound", "--bound", { dash: "dot" })];
  draw(id, data, layout({ title: { text: "Hz", standoff: 4 }, type: "log", ...(hz.length ? {} : { range: [1.2, 3.95] }), tickvals: OCTAVES, ticktext: OCTAVES.map((hz) => (hz >= 1000 ? `${hz / 1000}k` : String(hz))) }, { title: { text: "dB", standoff: 4 } }));
}

/** Attenuation over time; `rows` of {time, estimated, true, bound}. */
export function drawHistory(id, rows) {
  const time = rows.map((row) => row.time);
  const pick = (key) => rows.map((row) => row[key] ?? null);
  const data = [line(time, pick("bound"), "bound", "--bound", { dash: "dot" }), line(time, pick("estimated"), "estimated", "--on")];
  if (rows.some((row) => row.true !== null && row.true !== undefined)) data.push(line(time, pick("true"), "true", "--true"));
  draw(id, data, layout({ title: { text: "s", standoff: 4 } }, { title: { text: "dB", standoff: 4 }, rangemode: "tozero" }));
}
