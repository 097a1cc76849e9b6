"use strict";
const form = document.querySelector("form");
const cards = [...document.querySelectorAll("article")];
const chips = [...form.querySelectorAll("button")];
// For the search: no marks, no tatweel, one Alef, one Yeh, one Heh.
const plain = text => text.normalize("NFKD").replace(/[\p{Mn}\u0640]/gu, "").replace(/\u0649/g, "\u064a")
  .replace(/\u0629/g, "\u0647").toLowerCase();
const texts = new Map();
const holds = (card, words) => {
  if (!texts.has(card)) texts.set(card, plain(card.textContent));
  return words.every(word => texts.get(card).includes(word));
};
function show() {
  const reason = chips.find(chip => chip.ariaPressed === "true").dataset.reason;
  const wanted = {reason, table: form.table.value, source: form.source.value, dialect: form.dialect.value};
  const words = plain(form.words.value).split(/\s+/).filter(Boolean);
  let count = 0;
  for (const card of cards) {
    const fits = Object.entries(wanted).every(([name, value]) => !value || card.dataset[name] === value) && holds(card, words);
    card.hidden = !fits;
    count += fits;
  }
  form.shown.value = `${count} / ${cards.length}`;
  document.body.classList.toggle("plain", !form.changes.checked);
}
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("input", show);
form.addEventListener("click", event => {
  const chip = event.target.closest("button");
  if (!chip) return;
  for (const one of chips) one.ariaPressed = String(one === chip);
  show();
});
show();
