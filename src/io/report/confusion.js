"use strict";
/* The confusion matrix: labels in rows, predictions in columns. */

const confusionTable = element("confusion");

function addRow(cells) {
  const row = document.createElement("tr");
  for (const {tag = "td", text, title, name, background, scope} of cells) {
    const cell = document.createElement(tag);
    cell.textContent = text;
    if (title) cell.title = title;
    if (name) cell.className = name;
    if (background) cell.style.background = background;
    if (scope) cell.scope = scope;
    row.append(cell);
  }
  confusionTable.append(row);
}

const tint = (colour, part) => `color-mix(in srgb, var(${colour}) ${Math.round(part)}%, var(--card))`;
const head = (text) => ({tag: "th", text});

function drawMatrix(confusion) {
  const names = report.classes, C = names.length;
  const shareOf = (label, predicted) => confusion.counts[label * C + predicted] / Math.max(1, confusion.samples[label]);
  let largest = 0;
  for (let i = 0; i < C; ++i) for (let j = 0; j < C; ++j) if (i !== j) largest = Math.max(largest, shareOf(i, j));
  addRow([{tag: "th", text: "predicted →\nlabel ↓", name: "corner"}, ...names.map(head), head("accuracy")]);
  names.forEach((name, label) => {
    addRow([{tag: "th", text: name, scope: "row"}, ...names.map((other, predicted) => {
      const count = confusion.counts[label * C + predicted];
      const share = shareOf(label, predicted);
      return {
        text: count, name: count === 0 ? "none" : "",
        title: `${name} taken for ${other}: ${count} of ${confusion.samples[label]}`,
        background: count === 0 ? "" : label === predicted ? tint("--right", 8 + 22 * share)
          : tint("--wrong", 8 + 62 * Math.sqrt(share / largest))
      };
    }), {text: confusion.samples[label] ? percent(confusion.right[label] / confusion.samples[label]) : "–", name: "share"}]);
  });
}

/* Of many classes: the largest mistakes, and beside each the accuracy of its label. */
function drawMistakes(confusion) {
  const shareOf = (part, label) => percent(part / confusion.samples[label]);
  addRow(["label", "predicted", "samples", "share of the label", "accuracy of the label"].map(head));
  for (const [label, predicted, count] of confusion.mistakes) {
    addRow([{tag: "th", text: report.classes[label], scope: "row"}, {text: report.classes[predicted]}, {text: count},
      {text: shareOf(count, label)}, {text: shareOf(confusion.right[label], label)}]);
  }
}

function showConfusion(split) {
  confusionTable.replaceChildren();
  element("confusion-note").textContent = split.confusion.summary;
  if (split.confusion.counts) drawMatrix(split.confusion); else drawMistakes(split.confusion);
  for (const button of element("confusion-split").children) {
    button.setAttribute("aria-pressed", String(button.textContent === split.name));
  }
}

const counted = splits.filter((split) => split.confusion);
if (counted.length) {
  if (counted.length > 1) {
    for (const split of counted) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = split.name;
      button.addEventListener("click", () => showConfusion(split));
      element("confusion-split").append(button);
    }
  }
  showConfusion(counted[counted.length - 1]);
} else {
  element("confusion-card").remove();
}
