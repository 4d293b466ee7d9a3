"use strict";
const paper = JSON.parse(document.getElementById("report-data").textContent);

function part(tag, text, parent) {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

for (const section of paper.sections) {
  const card = part("section", "", document.getElementById("sections"));
  card.className = "card wide";
  part("h2", section.title, card);
  part("p", section.text, card).className = "note";
  if (section.figure) {
    const image = part("img", "", card);
    image.src = section.figure;
    image.alt = section.title;
  }
  if (section.table.length) {
    const scroll = part("div", "", card);
    scroll.className = "scroll";
    const table = part("table", "", scroll);
    section.table.forEach((row, i) => {
      const tr = part("tr", "", table);
      for (const text of row) part(i ? "td" : "th", text, tr);
    });
  }
}
