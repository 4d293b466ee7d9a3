"use strict";
/* The paper's figures and tables, one under the other. */

for (const section of report.sections) {
  const card = append(element("sections"), "section");
  card.className = "card wide";
  append(card, "h2", section.title);
  append(card, "p", section.text).className = "note";
  if (section.figure) {
    const image = append(card, "img");
    image.src = section.figure;
    image.alt = section.title;
  }
  if (section.table.length) {
    const scroll = append(card, "div");
    scroll.className = "scroll";
    const [head, ...rows] = section.table;
    fillTable(append(scroll, "table"), head, rows);
  }
}
