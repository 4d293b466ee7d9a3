"use strict";
/* What every page shares: its data, its colours, its numbers and its elements. */

const report = JSON.parse(document.getElementById("report-data").textContent);
const element = (id) => document.getElementById(id);
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const classColours = 12;
const classColour = (c) => style(`--class-${c % classColours}`);
const isMissing = (value) => value === null || value === undefined;

/* A number with at most five significant digits; a dash where there is none. */
function short(value) {
  if (isMissing(value)) return "–";
  const plain = value === 0 || Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5;
  return plain ? String(+value.toPrecision(5)) : value.toExponential(2);
}

const percent = (share, decimals = 1) => isMissing(share) ? "–" : `${(100 * share).toFixed(decimals)} %`;

/* A new element with `text` at the end of `parent`. */
function append(parent, tag, text = "") {
  const child = document.createElement(tag);
  child.textContent = text;
  parent.append(child);
  return child;
}

/* The pairs of a label and a value under the title. */
function addFacts(facts) {
  for (const [label, value] of facts) {
    const box = append(element("facts"), "div");
    append(box, "dt", label);
    append(box, "dd", value);
  }
}

/* A row at the end of `table`. A cell is its text, or an object of `text` and any of tag, title, name (its class),
   background, scope and span (of columns). */
function addRow(table, tag, cells) {
  const row = append(table, "tr");
  for (const entry of cells) {
    const cell = typeof entry === "object" && entry !== null ? entry : {text: entry};
    const td = append(row, cell.tag || tag, cell.text);
    if (cell.title) td.title = cell.title;
    if (cell.name) td.className = cell.name;
    if (cell.background) td.style.background = cell.background;
    if (cell.scope) td.scope = cell.scope;
    if (cell.span) td.colSpan = cell.span;
  }
}

/* Fills `table` with a row of headings and those of the numbers, in place of what it held. */
function fillTable(table, head, rows) {
  table.replaceChildren();
  addRow(table, "th", head);
  for (const row of rows) addRow(table, "td", row);
}

function addButton(parent, text, press) {
  const button = append(parent, "button", text);
  button.type = "button";
  button.addEventListener("click", press);
  return button;
}

/* Buttons in `parent` of which one is pressed, number `start` at first; `choose` gets the number of a press. */
function addChoice(parent, texts, start, choose) {
  const buttons = texts.map((text, number) => addButton(parent, text, () => { press(number); choose(number); }));
  const press = (number) => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === number)));
  press(start);
}
