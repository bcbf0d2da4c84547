// Tables of a page: sorted, searched, filtered, and with more columns on demand. Without it they are read as they stand.
"use strict";

function filters(table, api) {
  const bar = document.createElement("div");
  bar.className = "filters";
  api.columns().every(function () {
    const head = this.header();
    if (!("choice" in head.dataset)) return;
    const values = [...new Set(this.data().toArray().map((text) => text.trim()))].filter(Boolean).sort();
    const label = document.createElement("label");
    const select = document.createElement("select");
    label.append(head.textContent.trim(), select);
    select.append(new Option("all", ""), ...values.map((value) => new Option(plain(value), value)));
    select.addEventListener("change", () => {
      const wanted = plain(select.value);
      this.search(wanted ? (text) => text.trim() === wanted : "").draw();
    });
    bar.append(label);
  });
  if (bar.children.length) table.closest(".wide").before(bar);
}

// Cells are HTML: &amp; in them is & for people.
function plain(html) {
  const box = document.createElement("textarea");
  box.innerHTML = html;
  return box.value;
}

function choices(table, api) {
  const more = api.columns("th[data-more]").indexes().toArray();
  if (!more.length) return;
  const box = document.createElement("details");
  box.className = "columns";
  const told = document.createElement("summary");
  const list = document.createElement("div");
  const say = () => {
    const seen = api.columns(":visible").count();
    told.textContent = `Columns: ${seen} of ${api.columns().count()} are shown`;
  };
  api.columns().every(function () {
    const label = document.createElement("label");
    const tick = document.createElement("input");
    tick.type = "checkbox";
    tick.checked = this.visible();
    tick.addEventListener("change", () => {
      this.visible(tick.checked);
      say();
    });
    label.append(tick, this.header().textContent.trim());
    list.append(label);
  });
  say();
  box.append(told, list);
  table.closest(".wide").before(box);
}

function live(table) {
  if (table.dataset.live) return;
  table.dataset.live = "yes";
  const wide = table.closest(".wide");
  const hidden = [...table.tHead.rows[0].cells].flatMap((head, n) => ("more" in head.dataset ? [n] : []));
  const some = table.tBodies[0].rows.length > 25;
  const api = new DataTable(table, {
    autoWidth: false,
    order: [],
    pageLength: 25,
    paging: some,
    lengthMenu: [25, 100, { label: "all", value: -1 }],
    columnDefs: [{ visible: false, targets: hidden }],
    layout: {
      topStart: some ? "pageLength" : null,
      topEnd: table.tBodies[0].rows.length > 5 ? "search" : null,
      bottomStart: some ? "info" : null,
      bottomEnd: some ? "paging" : null,
    },
    language: { search: "Search", lengthMenu: "_MENU_ rows a page", info: "_START_ to _END_ of _TOTAL_" },
  });
  const whole = api.table().container();
  for (const pages of whole.querySelectorAll("nav")) {
    pages.setAttribute("aria-label", `pages of: ${wide.getAttribute("aria-label")}`);
  }
  wide.before(whole);
  whole.querySelector(".dt-layout-table").append(wide);
  wide.append(table);
  choices(table, api);
  filters(table, api);
}

for (const table of document.querySelectorAll("table.data")) {
  const closed = table.closest("details:not([open])");
  if (closed) closed.addEventListener("toggle", () => live(table), { once: true });
  else live(table);
}
