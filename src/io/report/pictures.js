"use strict";
/* Samples as pictures, one canvas pixel a feature. */

function drawPicture({rows, columns}, picture, captioned) {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const label = report.classes[picture.label], predicted = report.classes[picture.predicted];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Sample ${picture.sample}, ${label}, taken for ${predicted}`);
  canvas.title = `sample ${picture.sample}: ${label}`;
  const g = canvas.getContext("2d");
  const image = g.createImageData(columns, rows);
  const bytes = atob(picture.pixels);
  for (let i = 0; i < bytes.length; ++i) {
    image.data.fill(bytes.charCodeAt(i), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  g.putImageData(image, 0, 0);
  if (!captioned) return canvas;
  const figure = document.createElement("figure");
  figure.append(canvas);
  append(append(figure, "figcaption", `${label} → `), "b", predicted);
  return figure;
}

/* In place of the scatter plot of the inputs: two pixels of a picture say little. */
if (report.examples) {
  element("data-note").textContent =
    `Some of the ${sampleCount} training samples of ${report.classes.length} classes.`;
  const box = document.createElement("div");
  box.id = "examples";
  const columns = report.classes.length;
  const column = columns >= 6 && columns <= 12;  // one a class, unless they would be very large or small
  if (column) box.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
  for (const picture of report.examples.list) {
    const canvas = drawPicture(report.examples, picture, false);
    if (column) canvas.style.gridColumn = picture.label + 1;
    box.append(canvas);
  }
  element("data").replaceWith(box);
}

if (report.misclassified) {
  const {split, wrong, list} = report.misclassified;
  element("pictures-note").textContent = (list.length < wrong ? `${list.length} of the ${wrong} ` : `The ${wrong} `)
    + `misclassified ${split} samples: label → prediction.`;
  element("pictures").append(...list.map((picture) => drawPicture(report.misclassified, picture, true)));
} else {
  element("pictures-card").remove();
}
