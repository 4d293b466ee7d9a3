"use strict";
/* What a ladder of trainings, or one training over its epochs, does to the turnpike. */

const gaps = report.study === "optimality";
const time = report.varies === "T";
const rms = time ? "theta_rms" : "outside_rms";
const sample = time ? "theta_sample" : "outside_sample";
const certified = (row) => isMissing(row.outside_certified) ? null
  : row.outside_certified * (time ? row.horizon / row.intervals : 1);

const failed = report.rows.filter((row) => row.failure).length;
addFacts([["study", report.study], ["ε", short(report.epsilon)],
  ["trainings", `${report.rows.length} of ${report.values.length * report.seeds}${failed ? `, ${failed} failed` : ""}`],
  ["start", report.warm ? "warm, from the value before" : "cold"]]);

const unit = time ? "time" : "layers";
const rows = (gaps ? report.summary : report.rows).map((row) => row.failure
  ? [short(row.value), row.seed, `failed: ${row.failure}`]
  : [short(row.value), row.seed, short(row.objective), gaps ? short(row.gap) : percent(row.accuracy_train, 2),
    percent(row.accuracy_test, 2), short(row[rms]), short(row[sample]), short(certified(row)),
    short(row.entry_layer_distance), short(row.leaving_layer_distance), short(row.decay_rate)]);
fillTable(element("rows"), [gaps ? "epoch" : report.varies, "seed", "V", gaps ? "V − best" : "train", "test",
  `${unit} outside, rms`, "mean sample", "certified", "entry", "leaving", "rate ρ"], rows);

function drawOutside() {
  const entries = report.summary.filter((s) => gaps ? !s.failure && s.gap > 0 : s.seeds > 0)
    .map((s) => gaps ? {x: s.gap, row: s} : {x: s.value, row: s.best});
  const curve = (label, i, f) => line(label, entries.map((e) => ({x: e.x, y: f(e.row)})), classColour(i),
    {pointRadius: 3, showLine: !gaps});
  const sets = [curve("root mean square distance", 0, (r) => r[rms]), curve("mean over samples", 1, (r) => r[sample]),
    curve("certified, mean over samples", 2, certified)];
  if (!gaps) {
    sets.push(line("every seed, root mean square distance",
      report.rows.filter((r) => !r.failure).map((r) => ({x: r.value, y: r[rms]})), classColour(7),
      {pointRadius: 3, showLine: false}));
  }
  addChart("outside", sets, {x: {title: gaps ? "V − best V" : report.varies, log: gaps}, y: {title: unit, log: gaps}});
}

/* `values` of each trajectory, those of its nodes or its intervals, over the time where each begins. */
function drawTrajectories(id, title, values) {
  const best = report.rows.filter((row) => row.trajectory);
  addChart(id, best.map((row, i) => line(gaps ? `seed ${row.seed}` : `${report.varies} = ${short(row.value)}`,
    values(row.trajectory).map((value, k) => ({x: row.trajectory.t[k], y: Math.max(value, 1e-12)})), classColour(i))),
  {x: {title: "t"}, y: {title, log: true}});
}

const drawAll = () => redrawCharts(() => {
  drawOutside();
  drawTrajectories("distance", "root mean square distance", (path) => path.distance_rms);
  drawTrajectories("costate", "Σ_d ‖λ_d‖", (path) => path.costate_norm);
  drawTrajectories("hamiltonian", "|H|",
    (path) => path.hamiltonian_begin.map((h, k) => Math.abs(h + path.hamiltonian_end[k]) / 2));
});

element("outside-title").textContent = `${time ? "Time" : "Layers"} farther than ε = ${short(report.epsilon)} from the minimizers`;
element("outside-note").textContent = gaps
  ? "Every snapshot of the training: how far V is above the best V seen, against what is outside. The certified bound holds at every one."
  : "Of the seed with the lowest V at each value, and of every seed. If the turnpike holds, these do not grow with the horizon.";
element("rows-note").textContent = "Entry and leaving: the layers from which on, and up to which, the root mean square distance stays at most ε. "
  + "Rate ρ: least squares of the logarithm of that distance over the nodes from the start to the first within twice the smallest.";
drawInColours(drawAll);
