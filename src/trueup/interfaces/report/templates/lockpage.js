"use strict";
// Graph and table are in the page without this script; it searches, greys out, and follows arrows.
const svg = document.querySelector("svg.graph");
const pan = document.querySelector(".pan");
const tools = document.querySelector(".tools");
const search = tools.querySelector("input[type=search]");
const target = tools.querySelector("select");
const fit = tools.querySelector("input[name=fit]");
const output = tools.querySelector("output");
const places = (item) => new Set(item.dataset.in.split(" "));
const rows = new Map();
for (const row of document.querySelectorAll("tr[data-node]")) rows.set(`n${row.dataset.node}`, row);
const nodes = [...svg.querySelectorAll(".node")].map((item) => {
  const row = rows.get(item.id);
  const files = [...row.querySelectorAll("li")].map((file) => file.textContent);
  const words = [row.cells[0], row.cells[1]].map((cell) => cell.textContent);
  const box = item.querySelector("rect");
  return {
    item, row, title: item.querySelector("title").textContent.split("\n")[0], places: places(item),
    words: words.join(" ").toLowerCase(), files: files.join(" ").toLowerCase(),
    layer: Number(item.dataset.layer), y: Number(box.getAttribute("y")), up: [], down: [],
  };
});
const edges = [...svg.querySelectorAll(".edge")].map((item) => ({
  item, from: nodes[item.dataset.from], to: nodes[item.dataset.to], places: places(item),
}));
for (const edge of edges) {
  edge.from.down.push(edge);
  edge.to.up.push(edge);
}
const byId = new Map(nodes.map((node) => [node.item.id, node]));
let picked = null;

const there = (thing) => target === null || target.value === "" || thing.places.has(target.value);
const reach = (start, side, end) => {
  const found = new Set([start]);
  const used = new Set();
  const pending = [start];
  while (pending.length > 0) {
    for (const edge of pending.pop()[side]) {
      if (!there(edge)) continue;
      used.add(edge);
      if (!found.has(edge[end])) {
        found.add(edge[end]);
        pending.push(edge[end]);
      }
    }
  }
  found.delete(start);
  return { found, used };
};

const show = () => {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const up = picked && there(picked) ? reach(picked, "up", "from") : { found: new Set(), used: new Set() };
  const down = picked && there(picked) ? reach(picked, "down", "to") : { found: new Set(), used: new Set() };
  let shown = 0;
  let installed = 0;
  for (const node of nodes) {
    // Nearly every file is `any`: only what looks like a part of a file name is sought in them.
    const has = (word) => node.words.includes(word) || (/[-_.]/.test(word) && node.files.includes(word));
    const matches = wanted.every(has);
    const near = node === picked || up.found.has(node) || down.found.has(node);
    for (const element of [node.item, node.row]) {
      element.classList.toggle("absent", !there(node));
      element.classList.toggle("picked", node === picked);
      element.classList.toggle("up", up.found.has(node));
      element.classList.toggle("down", down.found.has(node));
    }
    node.item.classList.toggle("faint", (picked !== null && !near) || !matches);
    node.item.setAttribute("aria-pressed", String(node === picked));
    node.item.setAttribute("aria-label", there(node) ? node.title : `${node.title}, not in this target`);
    node.row.hidden = !matches;
    shown += matches ? 1 : 0;
    installed += there(node) ? 1 : 0;
  }
  for (const edge of edges) {
    const on = up.used.has(edge) || down.used.has(edge);
    edge.item.classList.toggle("absent", !there(edge));
    edge.item.classList.toggle("up", up.used.has(edge));
    edge.item.classList.toggle("down", down.used.has(edge));
    edge.item.classList.toggle("faint", (picked !== null || wanted.length > 0) && !on);
  }
  for (const key of document.querySelectorAll(".key.up, .key.down")) key.hidden = picked === null;
  const parts = [];
  if (picked !== null && !there(picked)) parts.push(`${picked.title}: not in this target`);
  else if (picked !== null) parts.push(`${picked.title}: ${up.found.size} lead to it, it brings ${down.found.size}`);
  if (wanted.length > 0) parts.push(`${shown} of ${nodes.length} found`);
  if (target !== null && target.value !== "") parts.push(`${installed} of ${nodes.length} installed`);
  output.value = parts.join(" · ") || `${nodes.length} packages`;
};

const stop = (node) => {
  for (const other of nodes) other.item.setAttribute("tabindex", other === node ? "0" : "-1");
};
const bring = (node) => {
  // Only the graph's own frame moves: the reader of the table stays where they are.
  const frame = pan.getBoundingClientRect();
  const box = node.item.getBoundingClientRect();
  if (box.left < frame.left || box.right > frame.right) pan.scrollLeft += box.left - frame.left - 80;
  if (box.top < frame.top || box.bottom > frame.bottom) pan.scrollTop += box.top - frame.top - frame.height / 2;
};
const focus = (node) => {
  stop(node);
  node.item.focus({ preventScroll: true });
  bring(node);
};
const pick = (node) => {
  picked = node;
  show();
};
const nearest = (node, step) => {
  if (step === "ArrowLeft" || step === "ArrowRight") {
    const [side, end] = step === "ArrowLeft" ? ["up", "from"] : ["down", "to"];
    const others = node[side].filter((edge) => there(edge) && edge[end] !== node).map((edge) => edge[end]);
    return others.sort((one, other) => Math.abs(one.y - node.y) - Math.abs(other.y - node.y))[0];
  }
  const column = nodes.filter((other) => other.layer === node.layer).sort((one, other) => one.y - other.y);
  return column[column.indexOf(node) + (step === "ArrowDown" ? 1 : -1)];
};

for (const node of nodes) node.item.setAttribute("role", "button");
svg.addEventListener("click", (event) => {
  const item = event.target.closest(".node");
  const node = item === null ? null : byId.get(item.id);
  if (node !== null) stop(node);
  pick(node === picked ? null : node);
});
svg.addEventListener("keydown", (event) => {
  const item = event.target.closest(".node");
  if (item === null) return;
  const node = byId.get(item.id);
  if (event.key === "Enter" || event.key === " ") pick(node === picked ? null : node);
  else if (event.key.startsWith("Arrow")) {
    const next = nearest(node, event.key);
    if (next !== undefined) focus(next);
  } else return;
  event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target !== search) pick(null);
});
document.querySelector("table").addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#n']");
  if (link === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const node = byId.get(link.hash.slice(1));
  pick(node);
  pan.scrollIntoView({ block: "center" });
  focus(node);
});
search.addEventListener("input", () => {
  show();
  const found = nodes.filter((node) => !node.row.hidden);
  if (found.length > 0 && found.length < nodes.length) bring(found[0]);
});
if (target !== null) target.addEventListener("change", show);
fit.addEventListener("change", () => pan.classList.toggle("fit", fit.checked));
tools.querySelector("button[name=clear]").addEventListener("click", () => {
  search.value = "";
  if (target !== null) target.value = "";
  pick(null);
});
document.querySelector(".how").hidden = false;
show();
tools.hidden = false;
if (nodes.length > 0) {
  // Tab enters, and the frame begins, at the root that asks for most.
  const roots = nodes.filter((node) => node.item.classList.contains("root"));
  const first = [...(roots.length > 0 ? roots : nodes)].sort((one, other) => other.down.length - one.down.length)[0];
  stop(first);
  pan.scrollTop = first.y - pan.clientHeight / 2;
}
