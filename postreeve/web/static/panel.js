/* What pages do better with JavaScript; all of them work without it. */
"use strict";

(() => {
  const marksOf = (table) => [...table.querySelectorAll("input[name=mark]")];

  function count(table) {
    const marks = marksOf(table);
    const marked = marks.filter((mark) => mark.checked).length;
    const all = table.querySelector("input[data-marks-all]");
    if (all) {
      all.checked = marked > 0 && marked === marks.length;
      all.indeterminate = marked > 0 && marked < marks.length;
    }
    const said = table.closest("form")?.querySelector("[data-marked]");
    if (said) said.textContent = marked ? String(marked) : "";
  }

  document.addEventListener("change", (event) => {
    const table = event.target.closest("table");
    if (!table) return;
    if (event.target.matches("input[data-marks-all]")) {
      for (const mark of marksOf(table)) mark.checked = event.target.checked;
    }
    count(table);
  });

  function ready(root) {
    for (const all of root.querySelectorAll("input[data-marks-all]")) all.hidden = false;
  }

  document.addEventListener("DOMContentLoaded", () => ready(document));

  // What a live search is refused for stands where its results would. What has no such place is a page of its own.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    detail.isError = false;
    detail.shouldSwap = detail.serverResponse.includes(`id="${detail.target.id}"`);
    if (!detail.shouldSwap) location.assign(detail.pathInfo.finalRequestPath);
  });
  document.addEventListener("htmx:afterSwap", () => ready(document));
})();
