"use strict";
/* The report of a run. */

const P = report.points;  // frames a layer
const K = (report.times.length - 1) / P;
const sampleCount = report.train.confusion ? report.train.confusion.samples.reduce((a, b) => a + b, 0)
  : report.train.labels.length;
/* As finely as one of many samples counts. */
const accuracyText = (share) => percent(share, sampleCount < 10000 ? 1 : 2);

/* Scatter plots with equal axes, drawn by hand: a frame of the flow must cost little. */

/* A square that holds the samples of all frames but a few stray ones. */
function reachOf(frames) {
  const sizes = [];
  for (const [xs, ys] of frames) {
    for (let i = 0; i < xs.length; ++i) {
      if (xs[i] !== null && ys[i] !== null) sizes.push([xs[i], ys[i]]);
    }
  }
  const range = (axis) => {
    const values = sizes.map((point) => point[axis]).sort((a, b) => a - b);
    return [values[Math.floor(0.002 * (values.length - 1))], values[Math.ceil(0.998 * (values.length - 1))]];
  };
  const [x0, x1] = range(0);
  const [y0, y1] = range(1);
  const x = (x0 + x1) / 2, y = (y0 + y1) / 2, size = Math.max(Math.abs(x), Math.abs(y));
  const onePoint = x0 === x1 && y0 === y1;
  return {x, y, half: onePoint ? 0.1 * size || 1 : Math.max(0.55 * Math.max(x1 - x0, y1 - y0), 1e-5 * size)};
}

function join(a, b) {
  const low = (axis) => Math.min(a[axis] - a.half, b[axis] - b.half);
  const high = (axis) => Math.max(a[axis] + a.half, b[axis] + b.half);
  return {x: (low("x") + high("x")) / 2, y: (low("y") + high("y")) / 2,
    half: Math.max(high("x") - low("x"), high("y") - low("y")) / 2};
}

function ticks(low, high) {
  const raw = (high - low) / 8;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((m) => m * power >= raw) * power;
  const list = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) list.push(+v.toFixed(10));
  return list;
}

function openPlane(canvas, reach) {
  const ratio = window.devicePixelRatio || 1;
  const side = canvas.clientWidth;
  canvas.width = canvas.height = Math.round(side * ratio);
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, side, side);
  const left = 38, bottom = 26, top = 8, right = 8;
  const size = Math.min(side - left - right, side - top - bottom);
  const X = (v) => left + (v - reach.x + reach.half) / (2 * reach.half) * size;
  const Y = (v) => top + size - (v - reach.y + reach.half) / (2 * reach.half) * size;
  g.font = "12px system-ui, sans-serif";
  g.lineWidth = 1;
  g.strokeStyle = style("--grid");
  g.fillStyle = style("--quiet");
  g.textAlign = "center";
  g.textBaseline = "top";
  for (const v of ticks(reach.x - reach.half, reach.x + reach.half)) {
    g.beginPath(); g.moveTo(X(v), top); g.lineTo(X(v), top + size); g.stroke();
    g.fillText(String(v), X(v), top + size + 7);
  }
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const v of ticks(reach.y - reach.half, reach.y + reach.half)) {
    g.beginPath(); g.moveTo(left, Y(v)); g.lineTo(left + size, Y(v)); g.stroke();
    g.fillText(String(v), left - 7, Y(v));
  }
  g.beginPath();
  g.rect(left, top, size, size);
  g.save();
  g.clip();
  return {g, X, Y, size, left, top, close: () => g.restore()};
}

/* Lines lie below the samples, points above them. */
function drawMinimizers(plane, reach, lines) {
  const {g, X, Y} = plane;
  report.minimizers.forEach((m, c) => {
    if (m.line !== lines) return;
    g.strokeStyle = classColour(c);
    g.lineWidth = 1.5;
    g.beginPath();
    if (m.line) {
      const far = 4 * reach.half + Math.abs(reach.x) + Math.abs(reach.y);
      g.setLineDash([6, 4]);
      g.moveTo(X(m.x - far), Y(m.y - far));
      g.lineTo(X(m.x + far), Y(m.y + far));
    } else {
      g.moveTo(X(m.x) - 7, Y(m.y)); g.lineTo(X(m.x) + 7, Y(m.y));
      g.moveTo(X(m.x), Y(m.y) - 7); g.lineTo(X(m.x), Y(m.y) + 7);
    }
    if (!m.line) {
      g.strokeStyle = style("--card");
      g.lineWidth = 6;
      g.stroke();
      g.strokeStyle = style("--ink");
      g.lineWidth = 2;
    }
    g.stroke();
    g.setLineDash([]);
  });
}

function drawPoints(plane, split, xs, ys, ringWrong, outline) {
  const {g, X, Y} = plane;
  const radius = Math.max(2, Math.min(3.2, plane.size / 170));
  for (let i = 0; i < xs.length; ++i) {
    g.fillStyle = classColour(split.labels[i]);
    g.beginPath();
    g.arc(X(xs[i]), Y(ys[i]), radius, 0, 7);
    g.fill();
    if (outline) { g.strokeStyle = style("--card"); g.lineWidth = 0.8; g.stroke(); }
    if (ringWrong && split.predicted[i] !== split.labels[i]) {
      g.strokeStyle = style("--ink");
      g.lineWidth = 1.5;
      g.beginPath();
      g.arc(X(xs[i]), Y(ys[i]), radius + 4, 0, 7);
      g.stroke();
    }
  }
}

const splits = [report.train].concat(report.test ? [report.test] : []);
let flowSplit = report.train;
let flowAt = 0;
const flowReach = join(reachOf(report.train.x.map((xs, k) => [xs, report.train.y[k]])),
  join(reachOf([[report.train.x[0], report.train.y[0]]]), reachOf([[report.train.x[K * P], report.train.y[K * P]]])));

function drawFlow() {
  const plane = openPlane(element("flow"), flowReach);
  drawMinimizers(plane, flowReach, true);
  const k = Math.min(K * P, Math.floor(flowAt * P));
  const next = Math.min(K * P, k + 1);
  const s = flowAt * P - k;
  const between = (a, b) => a.map((v, i) => v + s * (b[i] - v));
  drawPoints(plane, flowSplit, between(flowSplit.x[k], flowSplit.x[next]),
    between(flowSplit.y[k], flowSplit.y[next]), false);
  drawMinimizers(plane, flowReach, false);
  plane.close();
  const near = Math.round(flowAt);
  element("layer").value = near;
  element("layer-text").textContent =
    `layer ${near} of ${K} · loss ${short(flowSplit.loss[near * P])} · accuracy ${accuracyText(flowSplit.accuracy[near * P])}`;
}

function prepareFlow() {
  const slider = element("layer");
  slider.max = K;
  let playing = 0;
  const stop = () => {
    cancelAnimationFrame(playing);
    playing = 0;
    element("play").textContent = "▶ Play";
    element("play").setAttribute("aria-label", "Play");
  };
  slider.addEventListener("input", () => { stop(); flowAt = +slider.value; drawFlow(); });
  element("play").addEventListener("click", () => {
    if (playing) { stop(); return; }
    if (flowAt >= K) flowAt = 0;
    element("play").textContent = "❚❚ Pause";
    element("play").setAttribute("aria-label", "Pause");
    let before = performance.now();
    const perLayer = Math.max(80, Math.min(450, 12000 / K));
    const frame = (now) => {
      flowAt = Math.min(K, flowAt + Math.max(0, now - before) / perLayer);
      before = now;
      drawFlow();
      if (flowAt >= K) { stop(); } else { playing = requestAnimationFrame(frame); }
    };
    playing = requestAnimationFrame(frame);
  });
  if (splits.length > 1) {
    addChoice(element("flow-split"), splits.map((split) => split.name), 0, (number) => {
      flowSplit = splits[number];
      drawFlow();
    });
  }
  report.classes.forEach((name, c) => {
    append(element("flow-legend"), "span", `class ${name}`)
      .style.setProperty("--dot", `var(--class-${c % classColours})`);
  });
  element("flow-note").textContent = report.minimizers.length
    ? `Each point is a sample; ${report.minimizers[0].line ? "dashed lines" : "crosses"} are the minimizers of its class, which the turnpike rests on.`
    : "Each point is a sample.";
  element("flow-coordinates").textContent = report.plane_note || `Drawn are ${report.x_name} and ${report.y_name}.`;
}

function drawStill() {
  const train = report.train;
  const dataReach = reachOf([[train.x[0], train.y[0]]]);
  let plane = null;
  if (!report.examples) {
    plane = openPlane(element("data"), dataReach);
    drawPoints(plane, train, train.x[0], train.y[0], false);
    plane.close();
  }

  const finalReach = reachOf([[train.x[K * P], train.y[K * P]]].concat(
    report.minimizers.length ? [[report.minimizers.map((m) => m.x), report.minimizers.map((m) => m.y)]] : []));
  plane = openPlane(element("final"), finalReach);
  drawMinimizers(plane, finalReach, true);
  drawPoints(plane, train, train.x[K * P], train.y[K * P], true);
  drawMinimizers(plane, finalReach, false);
  plane.close();

  if (report.regions) {
    const r = report.regions;
    const reach = {x: (r.x_min + r.x_max) / 2, y: (r.y_min + r.y_max) / 2, half: (r.x_max - r.x_min) / 2};
    plane = openPlane(element("regions"), reach);
    const dx = plane.size / r.columns, dy = plane.size / r.rows;
    plane.g.globalAlpha = 0.35;
    for (let i = 0; i < r.rows; ++i) {
      for (let j = 0; j < r.columns;) {
        const c = r.predicted[i * r.columns + j];
        let end = j + 1;
        while (end < r.columns && r.predicted[i * r.columns + end] === c) ++end;
        plane.g.fillStyle = classColour(c);
        const left = Math.round(plane.left + j * dx), top = Math.round(plane.top + (r.rows - 1 - i) * dy);
        plane.g.fillRect(left, top, Math.round(plane.left + end * dx) - left,
          Math.round(plane.top + (r.rows - i) * dy) - top);
        j = end;
      }
    }
    plane.g.globalAlpha = 1;
    drawPoints(plane, train, train.x[0], train.y[0], true, true);
    plane.close();
  }
}

/* Curves. */

let accuracyChart = null;
let markedDepth = K;

/* Marks the layers that are kept in the curves of the accuracy. */
function markDepth(depth) {
  markedDepth = depth;
  const mark = accuracyChart.data.datasets[accuracyChart.data.datasets.length - 1];
  for (const point of mark.data) point.x = depth;
  accuracyChart.update();
}

/* Curves over the layers, or over `x`, that ends at `last`. */
function addCurves(id, curves, title, log, x = "layer", last = K) {
  return addChart(id, curves, {x: {title: x, max: last}, y: {title, log}, together: true});
}

function curve(label, values, colour, more, perLayer = P) {
  return line(label, values.map((v, k) => ({x: k / perLayer, y: v})), colour, {pointHitRadius: 8, ...more});
}

function drawCurves() {
  const blue = style("--class-0"), orange = style("--class-1"), violet = style("--class-3");
  const dashed = {borderDash: [6, 3]};
  const losses = [curve("train", report.train.loss, blue)];
  if (report.test) losses.push(curve("test", report.test.loss, orange, dashed));
  addCurves("loss", losses, "loss", false);
  addCurves("loss-log", losses.map((set) => ({...set})), "loss", true);
  const accuracies = [curve("train", report.train.accuracy, blue)];
  if (report.test) accuracies.push(curve("test", report.test.accuracy, orange, dashed));
  accuracies.push(line("", [{x: markedDepth, y: 0}, {x: markedDepth, y: 1}], style("--quiet"),
    {borderWidth: 1, borderDash: [3, 3]}));
  accuracyChart = addCurves("accuracy", accuracies, "accuracy", false);
  if (report.distance) {
    const d = report.distance;
    addCurves("distance", [
      curve("mean", d.mean, blue),
      curve("largest", d.max, blue, {...dashed, borderWidth: 1.5}),
      curve("", d.low, "transparent"),
      curve("10 % to 90 %", d.high, "transparent", {backgroundColor: blue + "33", fill: "-1"}),
      line(`ε = ${d.epsilon}`, [{x: 0, y: d.epsilon}, {x: K, y: d.epsilon}], orange,
        {borderWidth: 1.5, borderDash: [5, 4]})
    ], "distance", true);
  }
  // The last value holds to the end of its interval.
  addCurves("control", [curve("‖u_k‖", report.control_norm.concat(report.control_norm.slice(-1)), violet,
    {stepped: "before", pointRadius: 2}, 1)], "norm", true);
  const t = report.training;
  if (t.epoch.length > 1) {
    const along = (label, values, colour, width) => line(label, values.map((v, i) => ({x: t.epoch[i], y: v})), colour,
      {borderWidth: width, pointHitRadius: 8});
    addCurves("training", [
      along("V", t.objective, style("--ink"), 2.5), along("running", t.running, blue, 1.5),
      along("control", t.control, violet, 1.5), along("terminal", t.terminal, orange, 1.5)
    ], "objective", true, "epoch", t.epoch[t.epoch.length - 1]);
  }
}

function fillLayers() {
  const columns = [["layer", (k) => k], ["t", (k) => short(report.times[k * P])],
    ["loss, train", (k) => short(report.train.loss[k * P])],
    ["accuracy, train", (k) => accuracyText(report.train.accuracy[k * P])]];
  if (report.test) {
    columns.push(["loss, test", (k) => short(report.test.loss[k * P])],
      ["accuracy, test", (k) => accuracyText(report.test.accuracy[k * P])]);
  }
  if (report.distance) {
    columns.push(["distance, mean", (k) => short(report.distance.mean[k * P])],
      ["distance, largest", (k) => short(report.distance.max[k * P])]);
  }
  columns.push(["‖u_k‖", (k) => k < K ? short(report.control_norm[k]) : ""]);
  fillTable(element("table"), columns.map(([name]) => name),
    report.times.filter((t, i) => i % P === 0).map((t, k) => columns.map(([, value]) => value(k))));
}

function fillCertificates() {
  const c = report.certificates;
  fillTable(element("certificates"), ["ε", "layers outside, measured", "sharp bound", "plain bound",
    "time outside, measured", "sharp bound", "plain bound"], c.epsilon.map((epsilon, i) => [epsilon].concat(
    [c.layers, c.time].flatMap((part) => [part.measured[i], part.sharp[i], part.plain[i]].map(short)))));
  element("certificates-note").textContent = c.text;
}

function drawAll() {
  drawFlow();
  drawStill();
  drawCurves();
}

addFacts(report.facts);
prepareFlow();
fillLayers();
element("data-note").textContent =
  `${report.train.labels.length === sampleCount ? "" : `${report.train.labels.length} of `}${sampleCount} training samples, ${report.classes.length} classes.`;
const wrong = report.train.labels.filter((y, i) => y !== report.train.predicted[i]).length;
element("final-note").textContent = report.minimizers.length
  ? `${report.minimizers[0].line ? "Dashed" : "Crosses"}: the minimizers of each class. ${wrong ? `Ringed: ${wrong} misclassified.` : "No drawn sample is misclassified."}`
  : (wrong ? `Ringed: ${wrong} misclassified.` : "No drawn sample is misclassified.");
element("entry-note").textContent = report.entry_layer === undefined
  ? "The mean loss does not stay below 0.05." : `From layer ${report.entry_layer} on it stays below 0.05.`;
if (report.regions) {
  for (const card of document.querySelectorAll(".square-card")) card.classList.add("third");
} else {
  element("regions-card").remove();
}
element("training-card").classList.toggle("wide", Boolean(report.distance));
if (!report.distance) element("distance-card").remove();
if (report.certificates) { fillCertificates(); } else { element("certificates-card").remove(); }
if (report.training.epoch.length < 2) element("training-card").remove();
drawInColours(drawAll);
let resized = 0;
window.addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => { drawFlow(); drawStill(); }, 120); });
