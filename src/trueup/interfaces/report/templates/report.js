"use strict";
// Everything is in the page without this script; it adds a filter, details in place, and copying.
for (const section of document.querySelectorAll("section.matrix")) {
  const table = section.querySelector("table");
  const tools = section.querySelector(".tools");
  const search = tools.querySelector("input[type=search]");
  const odd = tools.querySelector("input[name=files]");
  const narrow = tools.querySelector("input[name=fields]");
  const output = tools.querySelector("output");
  const fields = [...table.tHead.rows[0].cells].slice(2).map((cell) => cell.dataset.field);
  const rows = [...table.tBodies[0].rows].map((row) => {
    const cells = [...row.cells];
    const letters = cells.slice(2).map((cell, at) => `${fields[at]}:${cell.textContent.trim()}`);
    const words = [cells[0].textContent, cells[1].textContent].join(" ").toLowerCase();
    const unusual = row.querySelector("[data-odd], .unread") !== null;
    return { row, words, unusual, letters: new Set(letters.map((text) => text.toLowerCase())) };
  });
  let opened = null;

  const close = (focus) => {
    if (opened === null) return;
    opened.more.remove();
    opened.link.setAttribute("aria-expanded", "false");
    if (focus) opened.link.focus();
    opened = null;
  };
  const open = (link) => {
    const again = opened !== null && opened.link === link;
    close(false);
    if (again) return;
    const row = link.closest("tr");
    const at = [...row.cells].indexOf(link.parentElement);
    const more = document.createElement("tr");
    more.className = "peek";
    const cell = more.insertCell();
    cell.colSpan = row.cells.length;
    const box = document.createElement("div");
    const title = document.createElement("h4");
    title.textContent = table.tHead.rows[0].cells[at].firstChild.textContent;
    const variant = document.getElementById(link.hash.slice(1));
    box.append(title, ...[...variant.childNodes].map((node) => node.cloneNode(true)));
    cell.append(box);
    row.after(more);
    link.setAttribute("aria-expanded", "true");
    opened = { link, more };
  };
  for (const link of table.querySelectorAll("a.cell")) {
    link.setAttribute("role", "button");
    link.setAttribute("aria-expanded", "false");
  }
  table.addEventListener("click", (event) => {
    const link = event.target.closest("a.cell");
    if (link === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link);
  });
  table.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.matches("a.cell")) {
      event.preventDefault();
      open(event.target);
    }
    if (event.key === "Escape") close(true);
  });

  const filter = () => {
    close(false);
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, words, unusual, letters } of rows) {
      const found = wanted.every((word) => letters.has(word) || words.includes(word));
      row.hidden = !found || (odd.checked && !unusual);
      shown += row.hidden ? 0 : 1;
    }
    output.value = shown < rows.length ? `${shown} of ${rows.length} files` : `${shown} files`;
  };
  search.addEventListener("input", filter);
  odd.addEventListener("change", filter);
  narrow.addEventListener("change", () => table.classList.toggle("narrow", narrow.checked));
  filter();
  tools.hidden = false;

  const legend = section.nextElementSibling;
  for (const item of legend.querySelectorAll("li[data-key]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.only = item.dataset.key;
    button.textContent = "show only these";
    item.querySelector(".who").append(" ", button);
  }
  const only = (event) => {
    if (!event.target.matches("button[data-only]")) return;
    search.value = event.target.dataset.only;
    filter();
    section.scrollIntoView();
    search.focus({ preventScroll: true });
  };
  legend.addEventListener("click", only);
  table.addEventListener("click", only);
}

for (const block of document.querySelectorAll("pre")) {
  const frame = document.createElement("div");
  frame.className = "paste";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent + "\n");
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block);
      button.textContent = "Selected";
    }
  });
  block.replaceWith(frame);
  frame.append(block, button);
}

// A link into a release that is folded away opens it.
const reveal = () => {
  const target = document.getElementById(location.hash.slice(1));
  for (let node = target; node !== null; node = node.parentElement) {
    if (node.tagName === "DETAILS") node.open = true;
  }
};
addEventListener("hashchange", reveal);
reveal();
