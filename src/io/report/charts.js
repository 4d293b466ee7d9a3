"use strict";
/* Charts of lines, in the colours of the page. */

const charts = new Map();  // by the id of their canvas
Chart.defaults.font.family = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/* Calls `draw` now and whenever the page turns dark or light. */
function drawInColours(draw) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function line(label, data, colour, more) {
  return {label, data, borderColor: colour, backgroundColor: colour, borderWidth: 2, pointRadius: 0, ...more};
}

/* Powers of ten; where there are few of them, twice and five times them, too. */
function logarithmicTick(value, index, all) {
  const mantissa = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
  const few = all[all.length - 1].value < 100 * all[0].value;
  return mantissa === 1 || few && (mantissa === 2 || mantissa === 5) ? value.toExponential(0).replace("e+", "e") : "";
}

function axisOf({title, log, ...more}) {
  const quiet = style("--quiet");
  const ticks = log ? {color: quiet, callback: logarithmicTick, maxTicksLimit: 60, autoSkip: false}
    : {color: quiet, maxTicksLimit: 8};
  return {type: log ? "logarithmic" : "linear", title: {display: true, text: title, color: quiet},
    grid: {color: style("--grid"), borderColor: style("--line")}, ticks, ...more};
}

/* A chart of `datasets` in the canvas `id`, in place of the one that it holds. An axis is its title, `log`, and more of Chart.js. Curves that are
   `together` have their values at the same x and are pointed at as one; of others the nearest point is. */
function addChart(id, datasets, {x, y, together = false, legend = "top"}) {
  const tooltip = together
    ? {title: (items) => items.length ? `${x.title} ${items[0].parsed.x}` : "",
      label: (item) => `${item.dataset.label}: ${short(item.parsed.y)}`}
    : {title: () => "",
      label: (item) => `${item.raw.label || item.dataset.label}: ${short(item.parsed.x)}, ${short(item.parsed.y)}`};
  charts.get(id)?.destroy();
  const chart = new Chart(element(id), {
    type: "line",
    data: {datasets},
    options: {
      animation: false, maintainAspectRatio: false,
      interaction: {mode: together ? "index" : "nearest", intersect: false},
      scales: {x: axisOf(x), y: axisOf({beginAtZero: !y.log, ...y})},
      plugins: {
        legend: {display: !together || datasets.length > 1, position: innerWidth > 760 ? legend : "top", labels: {color: style("--ink"), boxWidth: 18, boxHeight: 2,
          filter: (item) => item.text !== ""}},
        tooltip: {filter: (item) => item.dataset.label !== "", callbacks: tooltip}
      }
    }
  });
  charts.set(id, chart);
  return chart;
}
