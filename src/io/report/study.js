"use strict";
/* What a ladder of trainings, or one training over its epochs, does to the turnpike: on a page of its own or in the report
   of a run. */

function showStudy(study) {
  const gaps = study.study === "optimality";
  const time = study.varies === "T";
  const unit = time ? "time" : "layers";
  const rms = time ? "theta_rms" : "outside_rms";
  const sample = time ? "theta_sample" : "outside_sample";
  const certified = (row) => isMissing(row.outside_certified) ? null
    : row.outside_certified * (time ? row.horizon / row.intervals : 1);
  const measured = study.rows.filter((row) => !row.failure);
  /* Seeds so far off the best ones that they would flatten every curve. */
  const beyond = gaps ? [] : measured.filter((row) => row[rms] > study.outside_limit);

  function describe() {
    const failed = study.rows.length - measured.length;
    element("study-facts").textContent =
      `${study.title}: ${study.rows.length} of ${study.values.length * study.seeds} trainings${failed ? `, ${failed} failed` : ""}, `
      + `ε = ${short(study.epsilon)}, ${study.warm ? "each value started from the one before" : "cold starts"}.`;
    element("study-outside-title").textContent =
      `Study: ${unit} farther than ε = ${short(study.epsilon)} from the minimizers`;
    element("study-outside-note").textContent = gaps
      ? "Every snapshot of the training: how far V is above the best V seen, against what is outside. The certified bound holds at every one."
      : "Of the seed with the lowest V at each value, and of every seed. If the turnpike holds, these do not grow with the horizon."
        + (beyond.length ? ` Triangles at the edge are seeds beyond the axis: ${beyond.map((row) =>
          `${study.varies} = ${short(row.value)}, seed ${row.seed}: ${short(row[rms])} (V = ${short(row.objective)})`).join("; ")}.` : "");
    element("study-rows-note").textContent = "Entry and leaving: the layers from which on, and up to which, the root mean square distance stays at most ε. "
      + "Rate ρ: least squares of the logarithm of that distance over the nodes from the start to the first within twice the smallest.";
  }

  function fillRows() {
    const start = (row) => `${row.start ?? "–"}${row.active_intervals ? `, exact tail after ${row.active_intervals}` : ""}`;
    const columns = [gaps ? "epoch" : study.varies, "seed", "V", gaps ? "V − best" : "train", "test",
      `${unit} outside, rms`, "mean sample", "certified", "entry", "leaving", "rate ρ", "start", "seconds"];
    fillTable(element("study-rows"), columns, (gaps ? study.summary : study.rows).map((row) => row.failure
      ? [short(row.value), row.seed, {text: `failed: ${row.failure}`, span: columns.length - 2}]
      : [short(row.value), row.seed, short(row.objective), gaps ? short(row.gap) : percent(row.accuracy_train, 2),
        percent(row.accuracy_test, 2), short(row[rms]), short(row[sample]), short(certified(row)),
        short(row.entry_layer_distance), short(row.leaving_layer_distance), short(row.decay_rate), start(row),
        short(row.seconds)]));
  }

  function drawOutside() {
    const entries = study.summary.filter((s) => gaps ? !s.failure && s.gap > 0 : s.seeds > 0)
      .map((s) => gaps ? {x: s.gap, row: s} : {x: s.value, row: s.best});
    const curve = (label, i, f) => line(label, entries.map((e) => ({x: e.x, y: f(e.row)})), classColour(i),
      {pointRadius: 3, showLine: !gaps});
    const points = (label, rows, more) => line(label, rows, classColour(7), {pointRadius: 3, showLine: false, ...more});
    const sets = [curve("root mean square distance", 0, (r) => r[rms]), curve("mean over samples", 1, (r) => r[sample]),
      curve("certified, mean over samples", 2, certified)];
    if (!gaps) {
      sets.push(points("every seed, root mean square distance",
        measured.filter((r) => !beyond.includes(r)).map((r) => ({x: r.value, y: r[rms]}))));
    }
    const y = {title: unit, log: gaps};
    if (beyond.length) {
      sets.push(points(`beyond the axis, up to ${short(Math.max(...beyond.map((r) => r[rms])))}`,
        beyond.map((r) => ({x: r.value, y: study.outside_limit})), {pointStyle: "triangle", pointRadius: 7, clip: false}));
      y.max = study.outside_limit;
    }
    addChart("study-outside", sets, {x: {title: gaps ? "V − best V" : study.varies, log: gaps || study.logarithmic_axis}, y});
  }

  /* `values` of each trajectory, those of its nodes or its intervals, over the time where each begins. */
  function drawTrajectories(id, title, values) {
    const best = study.rows.filter((row) => row.trajectory);
    addChart(id, best.map((row, i) => line(gaps ? `seed ${row.seed}` : `${study.varies} = ${short(row.value)}`,
      values(row.trajectory).map((value, k) => ({x: row.trajectory.t[k], y: Math.max(value, 1e-12)})), classColour(i))),
    {x: {title: "t"}, y: {title, log: true}});
  }

  describe();
  fillRows();
  drawInColours(() => {
    drawOutside();
    drawTrajectories("study-distance", "root mean square distance", (path) => path.distance_rms);
    drawTrajectories("study-costate", "Σ_d ‖λ_d‖", (path) => path.costate_norm);
    drawTrajectories("study-hamiltonian", "|H|",
      (path) => path.hamiltonian_begin.map((h, k) => Math.abs(h + path.hamiltonian_end[k]) / 2));
  });
}

if (report.study) {
  showStudy(report.study);
} else {
  for (const card of document.querySelectorAll(".study")) card.remove();
}
