"use strict";
/* Schemes beside a converged reference: errors, work, trainings. */

function factsOfReference() {
  const facts = [["control", report.control]];
  if (report.interrupted) facts.push(["training", "interrupted, the rest is left out"]);
  if (report.reference) {
    const r = report.reference;
    facts.push(["reference", r.scheme], ["V, accuracy", `${r.objective.toPrecision(8)}, ${percent(r.accuracy)}`],
      [`apart from ${r.second_scheme}`,
        `${short(r.apart.state)} state, ${short(r.apart.cost)} V, ${short(r.apart.gradient)} gradient`]);
  }
  return facts;
}

function fillSchemes() {
  fillTable(element("schemes"), ["scheme", "order", "spurious from", "V", "accuracy", "state", "V, relative", "gradient",
    "evals", "products", "solves", "ms"], report.schemes.map((s) => {
    const equilibria = (s.keeps_equilibria ? "" : "loses equilibria, ")
      + (s.spurious_from === null ? "never" : short(+s.spurious_from.toPrecision(3)));
    if (s.failure) return [s.scheme, s.order, equilibria, {text: `failed: ${s.failure}`, span: 9}];
    return [s.scheme, s.order, equilibria, short(s.objective), percent(s.accuracy), short(s.errors.state),
      short(s.errors.cost), short(s.errors.gradient), short(s.work.evaluations), short(s.work.products), short(s.work.linear_solves),
      short(1e3 * s.seconds_per_gradient)];
  }));
}

function curve(label, points, i, dashed) {
  return line(label, points, classColour(i), {pointRadius: 2.5, borderDash: dashed ? [6, 3] : [],
    pointStyle: ["circle", "rect", "triangle"][Math.floor(i / classColours) % 3]});
}

function addLogarithmicChart(id, curves, x, y) {
  addChart(id, curves, {x: {title: x, log: true}, y: {title: y, log: true}, legend: "right"});
}

const kinds = [["state", "error of the states"], ["cost", "relative error of V"],
  ["gradient", "relative error of the gradient"]];
let byTime = false;

function drawAll() {
  if (report.work_precision) {
    for (const [kind, title] of kinds) {
      addLogarithmicChart(`precision-${kind}`, report.work_precision.map((ladder, i) => curve(
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
    addLogarithmicChart("sweep", names.map((name, i) => curve(name, report.sweep.values.map((v) => ({
      x: v.value, y: v.schemes[i].failure || v.schemes[i].errors.state > 0.1 ? null : 1e3 * v.schemes[i].seconds_per_gradient})), i, false)),
    report.sweep.key, "milliseconds");
  }
}

function preparePrecision() {
  for (const [kind] of kinds) {
    const box = append(element("precision-card"), "div");
    box.className = "plot tall";
    const canvas = append(box, "canvas");
    canvas.id = `precision-${kind}`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Error of ${kind} over work`);
  }
  addChoice(element("work-choice"), ["work counted", "time"], 0, (number) => {
    byTime = number === 1;
    drawAll();
  });
  fillTable(element("orders"), ["scheme", "order", "state", "V", "gradient"],
    report.work_precision.filter((ladder) => ladder.by === "steps").map((ladder) => [ladder.scheme, ladder.order,
      ...["state", "cost", "gradient"].map((kind) => {
        const observed = ladder.observed_order[kind];
        return observed === null ? "–" : observed.toFixed(2);
      })]));
}

function cellOf(cell) {
  if (cell.failure) return {text: "failed", title: cell.failure};
  return {text: `${percent(cell.accuracy)}  V ${short(cell.objective)}`, title: cell.scheme,
    background: `color-mix(in srgb, ${style("--class-2")} ${Math.round(100 * Math.max(0, 2 * cell.accuracy - 1) ** 4 * 0.4)}%, transparent)`};
}

function fillExchange() {
  fillTable(element("exchange"), ["trained with", ...report.trained[0].run_with.map((c) => c.scheme), "epochs", "seconds"],
    report.trained.map((t) => [{text: t.scheme, title: t.message}, ...t.run_with.map(cellOf),
      t.outcome === "failed" ? `failed after ${t.epochs}` : t.epochs, t.seconds.toFixed(1)]));
  fillTable(element("refinement"), ["trained with", "its own steps", "2 ×, or tolerance / 10", "4 ×, / 100", "8 ×, / 1000",
    "converged"], report.trained.map((t) => [t.scheme, cellOf(t.run_with.find((c) => c.scheme === t.scheme)),
    ...t.refined.map(cellOf)]));
}

addFacts(factsOfReference());
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
drawInColours(drawAll);
