"use strict";
const {sheet, axes, choices} = document.body.dataset;
const said = choices.split(" ");
const UNSURE = "?";
const fields = [...document.querySelectorAll("fieldset")];
const rows = [...document.querySelectorAll("article")];
const rater = document.querySelector("[name=rater]");
const state = document.querySelector("[name=state]");
const bar = document.querySelector("progress");
const chosen = field => field.querySelector("input:checked");
const comment = row => row.querySelector(".comment input");
const key = "human sheet " + sheet;
let saves = true;

// What is filled in, as it is kept in the browser: {rater, values: {name of the radios: value}, comments: {row: text}}.
function save() {
  const values = {}, comments = {};
  for (const field of fields) if (chosen(field)) values[chosen(field).name] = chosen(field).value;
  for (const row of rows) if (comment(row).value) comments[row.dataset.row] = comment(row).value;
  try {
    localStorage.setItem(key, JSON.stringify({rater: rater.value, values, comments}));
  } catch {
    saves = false;  // private windows may refuse
  }
}
function restore() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(key));
  } catch {
    saves = false;
  }
  if (!kept) return;
  rater.value = kept.rater;
  for (const input of document.querySelectorAll("input[type=radio]")) input.checked = kept.values[input.name] === input.value;
  for (const row of rows) comment(row).value = kept.comments[row.dataset.row] ?? "";
}
function show(message) {
  const done = fields.filter(chosen).length;
  bar.value = done;
  for (const row of rows) row.classList.toggle("full", [...row.querySelectorAll("fieldset")].every(chosen));
  const warning = saves ? "" : " لا يُحفظ شيء في هذا المتصفّح: نزّل الملف قبل أن تغلقه.";
  state.value = (message ?? `مُلئ ${done} من ${fields.length}`) + warning;
}
function go(field) {
  if (!field) return;
  (chosen(field) ?? field.querySelector("input")).focus({preventScroll: true});
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const whole = field === field.closest("article").querySelector("fieldset") ? field.closest("article") : field;
  whole.scrollIntoView({block: whole === field ? "nearest" : "start", behavior: calm ? "auto" : "smooth"});
}
const here = () => document.activeElement.closest("fieldset");
function missing(after) {
  const start = after ? fields.indexOf(after) + 1 : 0;
  return [...fields.slice(start), ...fields.slice(0, start)].find(field => !chosen(field));
}
function choose(digit) {
  const value = digit === 0 ? UNSURE : said[digit - 1];
  const field = here() ?? missing();
  if (!value || !field) return;
  field.querySelector(`input[value="${value}"]`).checked = true;
  save();
  show();
  go(missing(field) ?? field);
}
// A spreadsheet takes a cell that begins with one of these for a formula.
const cell = text => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
function download() {
  const names = axes.split(" ");
  const lines = rows.map(row => [sheet, row.dataset.row, rater.value.trim(),
    ...names.map(name => chosen(row.querySelector(`[data-axis=${name}]`))?.value ?? ""), comment(row).value]);
  const text = [["sheet", "row", "rater", ...names, "comment"], ...lines].map(line => line.map(cell).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff" + text + "\r\n"], {type: "text/csv"}));
  link.download = `${sheet}-${rater.value.trim().replace(/[^\p{L}\p{N}_-]+/gu, "_")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
document.addEventListener("input", () => { save(); show(); });
document.addEventListener("keydown", event => {
  const typing = event.target.matches("input:not([type=radio])");
  if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit && !event.shiftKey) {
    event.preventDefault();
    choose(Number(digit[1]));
  } else if (event.key === "Enter" && !event.target.closest("button, a, summary")) {
    event.preventDefault();
    go(missing(here()));
  }
});
document.querySelector("[name=next]").addEventListener("click", () => go(missing(here())));
document.querySelector("[name=export]").addEventListener("click", () => {
  if (!rater.value.trim()) {
    show("اكتب اسمك أو رمزك أولًا.");
    rater.focus();
    return;
  }
  download();
  const left = fields.filter(field => !chosen(field)).length;
  show(left ? `نُزّل، وبقي منه ما لم يُملأ: ${left}` : "نُزّل الملف كاملًا. شكرًا لك!");
});
restore();
show();
