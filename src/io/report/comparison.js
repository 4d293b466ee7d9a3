"use strict";
const report = JSON.parse(document.getElementById("report-data").textContent);
const element = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const curveColour = (i) => style(`--class-${i % 8}`);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const short = (value) => value === null || value === undefined ? "–"
  : Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 || value === 0 ? String(+value.toPrecision(5))
  : value.toExponential(1);

function fillTable(id, head, rows) {
  const add = (tag, texts) => {
    const tr = document.createElement("tr");
    for (const text of texts) {
      const cell = document.createElement(tag);
      if (typeof text === "object" && text !== null) {
        cell.textContent = text.text;
        if (text.colour) cell.style.background = text.colour;
        if (text.title) cell.title = text.title;
        if (text.span) cell.colSpan = text.span;
      } else {
        cell.textContent = text;
      }
      tr.append(cell);
    }
    element(id).append(tr);
  };
  add("th", head);
  for (const row of rows) add("td", row);
}

function addFacts() {
  const facts = [["control", report.control]];
  if (report.interrupted) facts.push(["training", "interrupted, the rest is left out"]);
  if (report.reference) {
    const r = report.reference;
    facts.push(["reference", r.scheme], ["V, accuracy", `${r.objective.toPrecision(8)}, ${percent(r.accuracy)}`],
      [`apart from ${r.second_scheme}`,
        `${short(r.apart.state)} state, ${short(r.apart.cost)} V, ${short(r.apart.gradient)} gradient`]);
  }
  for (const [label, value] of facts) {
    const box = document.createElement("div");
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = label;
    dd.textContent = value;
    dd.style.fontSize = "15px";
    box.append(dt, dd);
    element("facts").append(box);
  }
}

function fillSchemes() {
  fillTable("schemes", ["scheme", "order", "spurious from", "V", "accuracy", "state", "V, relative", "gradient",
    "evals", "products", "solves", "ms"], report.schemes.map((s) => {
    const equilibria = (s.keeps_equilibria ? "" : "loses equilibria, ")
      + (s.spurious_from === null ? "never" : short(+s.spurious_from.toPrecision(3)));
    if (s.failure) return [s.scheme, s.order, equilibria, {text: `failed: ${s.failure}`, span: 9}];
    return [s.scheme, s.order, equilibria, short(s.objective), percent(s.accuracy), short(s.errors.state),
      short(s.errors.cost), short(s.errors.gradient), short(s.work.evaluations), short(s.work.products), short(s.work.linear_solves),
      short(1e3 * s.seconds_per_gradient)];
  }));
}

let charts = [];
function logarithmic(id, datasets, x, y) {
  const grid = style("--grid"), quiet = style("--quiet"), ink = style("--ink");
  const axis = (title) => ({
    type: "logarithmic", title: {display: true, text: title, color: quiet},
    grid: {color: grid, borderColor: style("--line")},
    ticks: {color: quiet, autoSkip: false, maxTicksLimit: 60,
      callback: (v) => Math.abs(Math.log10(v) % 1) < 1e-9 ? v.toExponential(0).replace("e+", "e") : ""}
  });
  charts.push(new Chart(element(id), {
    type: "line", data: {datasets},
    options: {
      animation: false, maintainAspectRatio: false, interaction: {mode: "nearest", intersect: false},
      scales: {x: axis(x), y: axis(y)},
      plugins: {
        legend: {position: "right", labels: {color: ink, usePointStyle: true, boxWidth: 18, font: {size: 11}, padding: 8}},
        tooltip: {callbacks: {title: () => "",
          label: (item) => `${item.raw.label || item.dataset.label}: ${short(item.parsed.x)}, ${short(item.parsed.y)}`}}
      }
    }
  }));
}

function curve(label, points, i, dashed) {
  return {label, data: points, borderColor: curveColour(i), backgroundColor: curveColour(i), borderWidth: 2,
    pointRadius: 2.5, pointStyle: ["circle", "rect", "triangle"][Math.floor(i / 8) % 3],
    borderDash: dashed ? [6, 3] : [], spanGaps: false};
}

const kinds = [["state", "error of the states"], ["cost", "relative error of V"],
  ["gradient", "relative error of the gradient"]];
let byTime = false;

function drawAll() {
  for (const chart of charts) chart.destroy();
  charts = [];
  Chart.defaults.font.family = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  if (report.work_precision) {
    for (const [kind, title] of kinds) {
      logarithmic(`precision-${kind}`, report.work_precision.map((ladder, i) => curve(
        ladder.scheme + (ladder.by === "tolerance" ? ", rtol" : ""),
        ladder.points.map((p) => ({
          x: byTime ? 1e3 * p.seconds_per_gradient : p.work.evaluations + p.work.products,
          y: Math.max(p.errors[kind], 1e-17), label: p.scheme})),
        i, ladder.by === "tolerance")),
      byTime ? "milliseconds a value and gradient" : "evaluations and Jacobian products a sample", title);
    }
  }
  if (report.sweep) {
    const names = report.sweep.values[0].schemes.map((s) => s.scheme);
    logarithmic("sweep", names.map((name, i) => curve(name, report.sweep.values.map((v) => ({
      x: v.value, y: v.schemes[i].failure || v.schemes[i].errors.state > 0.1 ? null : 1e3 * v.schemes[i].seconds_per_gradient})), i, false)),
    report.sweep.key, "milliseconds");
  }
}

function preparePrecision() {
  for (const [kind] of kinds) {
    const box = document.createElement("div");
    box.className = "plot";
    box.style.height = "460px";
    const canvas = document.createElement("canvas");
    canvas.id = `precision-${kind}`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Error of ${kind} over work`);
    box.append(canvas);
    element("precision-card").append(box);
  }
  for (const [text, time] of [["work counted", false], ["time", true]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-pressed", String(byTime === time));
    button.addEventListener("click", () => {
      byTime = time;
      for (const other of element("work-choice").children) other.setAttribute("aria-pressed", String(other === button));
      drawAll();
    });
    element("work-choice").append(button);
  }
  fillTable("orders", ["scheme", "order", "state", "V", "gradient"],
    report.work_precision.filter((ladder) => ladder.by === "steps").map((ladder) => [ladder.scheme, ladder.order,
      ...["state", "cost", "gradient"].map((kind) => {
        const observed = ladder.observed_order[kind];
        return observed === null ? "–" : observed.toFixed(2);
      })]));
}

function cellOf(cell) {
  if (cell.failure) return {text: "failed", title: cell.failure};
  return {text: `${percent(cell.accuracy)}  V ${short(cell.objective)}`, title: cell.scheme,
    colour: `color-mix(in srgb, ${style("--class-2")} ${Math.round(100 * Math.max(0, 2 * cell.accuracy - 1) ** 4 * 0.4)}%, transparent)`};
}

function fillExchange() {
  fillTable("exchange", ["trained with", ...report.trained[0].run_with.map((c) => c.scheme), "epochs", "seconds"],
    report.trained.map((t) => [{text: t.scheme, title: t.message}, ...t.run_with.map(cellOf),
      t.outcome === "failed" ? `failed after ${t.epochs}` : t.epochs, t.seconds.toFixed(1)]));
  fillTable("refinement", ["trained with", "its own steps", "2 ×, or tolerance / 10", "4 ×, / 100", "8 ×, / 1000",
    "converged"], report.trained.map((t) => [t.scheme, cellOf(t.run_with.find((c) => c.scheme === t.scheme)),
    ...t.refined.map(cellOf)]));
}

addFacts();
if (report.schemes) fillSchemes(); else element("schemes-card").remove();
if (report.work_precision) {
  preparePrecision();
} else {
  element("precision-card").remove();
  element("orders-card").remove();
}
if (report.trained) {
  fillExchange();
} else {
  element("exchange-card").remove();
  element("refinement-card").remove();
}
if (report.sweep) element("sweep-key").textContent = report.sweep.key; else element("sweep-card").remove();
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
