"use strict";
/* What the network would do without its last layers: its loss and accuracy at the node where they begin. */

function prepareCropping() {
  const slider = element("crop");
  const best = report.cropping.depth;
  slider.max = K;
  const finer = (share) => `${share < 0 ? "−" : share > 0 ? "+" : "±"}${(100 * Math.abs(share)).toFixed(2)} %`;
  const show = (depth) => {
    slider.value = depth;
    element("crop-text").textContent = `${depth} of ${K} layers kept`;
    fillTable(element("crop-numbers"), ["", "loss", "accuracy", "change"], splits.map((split) => {
      const at = split.accuracy[depth * P];
      return [{tag: "th", text: split.name}, short(split.loss[depth * P]), accuracyText(at),
        finer(at - split.accuracy[K * P])];
    }));
    markDepth(depth);
  };
  slider.addEventListener("input", () => show(+slider.value));
  const jumps = [[`fewest that suffice: ${best}`, best]];
  if (report.entry_layer !== undefined) jumps.push([`enters the turnpike: ${report.entry_layer}`, report.entry_layer]);
  jumps.push([`all: ${K}`, K]);
  for (const [text, depth] of jumps) addButton(element("crop-jumps"), text, () => show(depth));
  element("crop-note").textContent = report.cropping.text;
  show(best);
}

if (report.cropping) prepareCropping(); else element("crop-card").remove();
