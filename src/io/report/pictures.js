"use strict";
/* Misclassified samples as pictures, one canvas pixel a feature. */

function drawPicture(picture) {
  const {rows, columns} = report.misclassified;
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const label = report.classes[picture.label], predicted = report.classes[picture.predicted];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Sample ${picture.sample}, ${label}, taken for ${predicted}`);
  const g = canvas.getContext("2d");
  const image = g.createImageData(columns, rows);
  const bytes = atob(picture.pixels);
  for (let i = 0; i < bytes.length; ++i) {
    image.data.fill(bytes.charCodeAt(i), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  g.putImageData(image, 0, 0);
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const wrong = document.createElement("b");
  wrong.textContent = predicted;
  caption.append(`${label} → `, wrong);
  figure.title = `sample ${picture.sample}`;
  figure.append(canvas, caption);
  element("pictures").append(figure);
}

if (report.misclassified) {
  const {split, wrong, list} = report.misclassified;
  element("pictures-note").textContent = (list.length < wrong ? `${list.length} of the ${wrong} ` : `The ${wrong} `)
    + `misclassified ${split} samples: label → prediction.`;
  list.forEach(drawPicture);
} else {
  element("pictures-card").remove();
}
