// Claims by their text, verdict and source: what does not fit is hidden.
"use strict";
const search = document.getElementById("search");
const filters = [...document.querySelectorAll("[data-filter]")];
const told = document.getElementById("shown");

function sift() {
  const word = search.value.trim().toLowerCase();
  const asked = word || filters.some((one) => one.value);
  let shown = 0;
  for (const row of document.querySelectorAll("[data-row]")) {
    const fits = filters.every((one) => !one.value || row.dataset[one.dataset.filter] === one.value);
    row.hidden = !fits || !row.textContent.toLowerCase().includes(word);
    shown += !row.hidden;
  }
  for (const group of document.querySelectorAll("details.lacking")) {
    const any = group.querySelector("[data-row]:not([hidden])");
    group.hidden = !any;
    if (asked) group.open = Boolean(any);
  }
  told.textContent = `${shown} claims shown`;
}
search.addEventListener("input", sift);
filters.forEach((one) => one.addEventListener("change", sift));
sift();
