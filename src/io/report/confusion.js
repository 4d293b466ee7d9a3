"use strict";
/* The confusion matrix: labels in rows, predictions in columns. */

const confusionTable = element("confusion");

const tint = (colour, part) => `color-mix(in srgb, var(${colour}) ${Math.round(part)}%, var(--card))`;

function drawMatrix(confusion) {
  const names = report.classes, C = names.length;
  const shareOf = (label, predicted) => confusion.counts[label * C + predicted] / Math.max(1, confusion.samples[label]);
  let largest = 0;
  for (let i = 0; i < C; ++i) for (let j = 0; j < C; ++j) if (i !== j) largest = Math.max(largest, shareOf(i, j));
  const rows = names.map((name, label) => [{tag: "th", text: name, scope: "row"},
    ...names.map((other, predicted) => {
      const count = confusion.counts[label * C + predicted];
      const share = shareOf(label, predicted);
      return {
        text: count, name: count === 0 ? "none" : "",
        title: `${name} taken for ${other}: ${count} of ${confusion.samples[label]}`,
        background: count === 0 ? "" : label === predicted ? tint("--right", 8 + 22 * share)
          : tint("--wrong", 8 + 62 * Math.sqrt(share / largest))
      };
    }),
    {text: accuracyText(confusion.samples[label] ? confusion.right[label] / confusion.samples[label] : null), name: "share"}]);
  fillTable(confusionTable, [{text: "predicted →\nlabel ↓", name: "corner"}, ...names, "accuracy"], rows);
}

/* Of many classes: the largest mistakes, and beside each the accuracy of its label. */
function drawMistakes(confusion) {
  const shareOf = (part, label) => accuracyText(part / confusion.samples[label]);
  const rows = confusion.mistakes.map(([label, predicted, count]) => [{tag: "th", text: report.classes[label], scope: "row"},
    report.classes[predicted], count, shareOf(count, label), shareOf(confusion.right[label], label)]);
  fillTable(confusionTable, ["label", "predicted", "samples", "share of the label", "accuracy of the label"], rows);
}

function showConfusion(split) {
  element("confusion-note").textContent = split.confusion.summary;
  if (split.confusion.counts) drawMatrix(split.confusion); else drawMistakes(split.confusion);
}

const counted = splits.filter((split) => split.confusion);
if (counted.length) {
  const last = counted.length - 1;
  if (last > 0) {
    addChoice(element("confusion-split"), counted.map((split) => split.name), last,
      (number) => showConfusion(counted[number]));
  }
  showConfusion(counted[last]);
} else {
  element("confusion-card").remove();
}
