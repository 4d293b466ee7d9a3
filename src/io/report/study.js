"use strict";
/* A study, on a page of its own or in the report of a run. */
function showStudy(study) {
const element = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const curveColour = (i) => style(`--class-${i % 12}`);
const gaps = study.study === "optimality";
const time = study.varies === "T";
const short = (value) => value === null || value === undefined ? "–"
  : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 || value === 0 ? String(+value.toPrecision(5)) : value.toExponential(1);
const percent = (share) => share === null || share === undefined ? "–" : `${(100 * share).toFixed(2)} %`;
const rms = time ? "theta_rms" : "outside_rms";
const sample = time ? "theta_sample" : "outside_sample";
const certified = (row) => row.outside_certified === null || row.outside_certified === undefined ? null
  : row.outside_certified * (time ? row.horizon / row.intervals : 1);

function facts() {
  const failed = study.rows.filter((row) => row.failure).length;
  return `${study.title}: ${study.rows.length} of ${study.values.length * study.seeds} trainings${failed ? `, ${failed} failed` : ""}, `
    + `ε = ${short(study.epsilon)}, ${study.warm ? "each value started from the one before" : "cold starts"}.`;
}

const start = (row) => `${row.start ?? "–"}${row.active_intervals ? `, exact tail after ${row.active_intervals}` : ""}`;

function fillRows() {
  const unit = time ? "time" : "layers";
  const columns = [gaps ? "epoch" : study.varies, "seed", "V", gaps ? "V − best" : "train", "test", `${unit} outside, rms`,
    "mean sample", "certified", "entry", "leaving", "rate ρ", "start", "seconds"];
  const add = (tag, texts) => {
    const tr = document.createElement("tr");
    for (const text of texts) {
      const cell = document.createElement(tag);
      cell.textContent = text;
      tr.append(cell);
    }
    tr.lastChild.colSpan = columns.length - texts.length + 1;
    element("study-rows").append(tr);
  };
  add("th", columns);
  for (const row of gaps ? study.summary : study.rows) {
    if (row.failure) {
      add("td", [short(row.value), row.seed, `failed: ${row.failure}`]);
      continue;
    }
    add("td", [short(row.value), row.seed, short(row.objective), gaps ? short(row.gap) : percent(row.accuracy_train),
      percent(row.accuracy_test), short(row[rms]), short(row[sample]), short(certified(row)),
      short(row.entry_layer_distance), short(row.leaving_layer_distance), short(row.decay_rate), start(row),
      short(row.seconds)]);
  }
}

const measured = study.rows.filter((row) => !row.failure);
/* Seeds so far off the best ones that they would flatten every curve. */
const beyond = gaps ? [] : measured.filter((row) => row[rms] > study.outside_limit);

let charts = [];
function draw(id, datasets, x, y, logX, logY, limit) {
  const grid = style("--grid"), quiet = style("--quiet");
  const axis = (title, log) => ({type: log ? "logarithmic" : "linear", title: {display: true, text: title, color: quiet},
    grid: {color: grid}, ticks: {color: quiet, callback: log ? (v) => Math.abs(Math.log10(v) % 1) < 1e-9 ? v.toExponential(0) : "" : undefined}});
  const yAxis = axis(y, logY);
  if (!logY) yAxis.min = 0;
  if (limit) yAxis.max = limit;
  for (const a of [yAxis]) if (a.ticks.callback === undefined) delete a.ticks.callback;
  const xAxis = axis(x, logX);
  if (xAxis.ticks.callback === undefined) delete xAxis.ticks.callback;
  charts.push(new Chart(element(id), {type: "line", data: {datasets}, options: {animation: false, maintainAspectRatio: false,
    interaction: {mode: "nearest", intersect: false}, scales: {x: xAxis, y: yAxis},
    plugins: {legend: {labels: {color: style("--ink"), boxWidth: 14}}}}}));
}

function curve(label, data, i, points, line) {
  return {label, data, borderColor: curveColour(i), backgroundColor: curveColour(i), borderWidth: 2,
    pointRadius: points ? 3 : 0, showLine: line, spanGaps: false};
}

function drawAll() {
  for (const chart of charts) chart.destroy();
  charts = [];
  Chart.defaults.font.family = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  const entries = study.summary.filter((s) => gaps ? !s.failure && s.gap > 0 : s.seeds > 0)
    .map((s) => gaps ? {x: s.gap, row: s} : {x: s.value, row: s.best});
  const over = (f) => entries.map((e) => ({x: e.x, y: f(e.row)}));
  const sets = [curve("root mean square distance", over((r) => r[rms]), 0, true, !gaps),
    curve("mean over samples", over((r) => r[sample]), 1, true, !gaps), curve("certified, mean over samples", over(certified), 2, true, !gaps)];
  if (!gaps) {
    sets.push(curve("every seed, root mean square distance", measured.filter((r) => !beyond.includes(r))
      .map((r) => ({x: r.value, y: r[rms]})), 7, true, false));
  }
  if (beyond.length) {
    sets.push({...curve(`beyond the axis, up to ${short(Math.max(...beyond.map((r) => r[rms])))}`,
      beyond.map((r) => ({x: r.value, y: study.outside_limit})), 7, true, false), pointStyle: "triangle", pointRadius: 7, clip: false});
  }
  draw("study-outside", sets, gaps ? "V − best V" : study.varies, time ? "time" : "layers", gaps, gaps, beyond.length ? study.outside_limit : 0);
  const best = study.rows.filter((row) => row.trajectory);
  const paths = (f) => best.map((row, i) => curve(gaps ? `seed ${row.seed}` : `${study.varies} = ${short(row.value)}`,
    f(row.trajectory), i, false, true));
  const at = (key) => (p) => p.t.map((t, k) => ({x: t, y: Math.max(p[key][k], 1e-12)}));
  draw("study-distance", paths(at("distance_rms")), "t", "root mean square distance", false, true);
  draw("study-costate", paths(at("costate_norm")), "t", "Σ_d ‖λ_d‖", false, true);
  draw("study-hamiltonian", paths((p) => p.hamiltonian_begin.map((h, k) => ({x: p.t[k],
    y: Math.max(Math.abs(h + p.hamiltonian_end[k]) / 2, 1e-12)}))), "t", "|H|", false, true);
}

element("study-outside-title").textContent = `Study: ${time ? "time" : "layers"} farther than ε = ${short(study.epsilon)} from the minimizers`;
element("study-outside-note").textContent = gaps
  ? "Every snapshot of the training: how far V is above the best V seen, against what is outside. The certified bound holds at every one."
  : "Of the seed with the lowest V at each value, and of every seed. If the turnpike holds, these do not grow with the horizon."
    + (beyond.length ? ` Triangles at the edge are seeds beyond the axis: ${beyond.map((row) =>
      `${study.varies} = ${short(row.value)}, seed ${row.seed}: ${short(row[rms])} (V = ${short(row.objective)})`).join("; ")}.` : "");
element("study-rows-note").textContent = "Entry and leaving: the layers from which on, and up to which, the root mean square distance stays at most ε. "
  + "Rate ρ: least squares of the logarithm of that distance over the nodes from the start to the first within twice the smallest.";
element("study-facts").textContent = facts();
fillRows();
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}

const shownStudy = JSON.parse(document.getElementById("report-data").textContent).study;
if (shownStudy) {
  showStudy(shownStudy);
} else {
  for (const card of document.querySelectorAll(".study")) card.remove();
}
