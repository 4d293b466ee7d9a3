"use strict";
/* What the network would do without its last layers: its loss and accuracy at the node where they begin. */

function prepareCropping() {
  const slider = element("crop");
  const best = report.cropping.depth;
  slider.max = K;
  const finer = (share) => `${share < 0 ? "−" : share > 0 ? "+" : "±"}${(100 * Math.abs(share)).toFixed(2)} %`;
  const fill = (tag, texts) => {
    const row = document.createElement("tr");
    texts.forEach((text, i) => {
      const cell = document.createElement(i === 0 ? "th" : tag);
      cell.textContent = text;
      row.append(cell);
    });
    element("crop-numbers").append(row);
  };
  const show = (depth) => {
    slider.value = depth;
    element("crop-text").textContent = `${depth} of ${K} layers kept`;
    element("crop-numbers").replaceChildren();
    fill("th", ["", "loss", "accuracy", "change"]);
    for (const split of splits) {
      const at = split.accuracy[depth * P];
      fill("td", [split.name, short(split.loss[depth * P]), percent(at), finer(at - split.accuracy[K * P])]);
    }
    markDepth(depth);
  };
  slider.addEventListener("input", () => show(+slider.value));
  const jumps = [[`fewest that suffice: ${best}`, best]];
  if (report.entry_layer !== undefined) jumps.push([`enters the turnpike: ${report.entry_layer}`, report.entry_layer]);
  jumps.push([`all: ${K}`, K]);
  for (const [text, depth] of jumps) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => show(depth));
    element("crop-jumps").append(button);
  }
  element("crop-note").textContent = report.cropping.text;
  show(best);
}

if (report.cropping) prepareCropping(); else element("crop-card").remove();
