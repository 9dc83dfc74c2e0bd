"use strict";
// Maps and tables are in the page without this script; it zooms, colours, sorts and filters.
const CHARACTER = 7.3;
const LINE = 16;
const MARGIN = 5;
const text = (size) => {
  let value = size;
  for (const unit of ["bytes", "kB", "MB", "GB"]) {
    if (value < 999.5) return `${unit === "bytes" || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
};
const fit = (full, width) => {
  const room = Math.floor((width - 2 * MARGIN) / CHARACTER);
  if (room < Math.min(full.length, 4)) return "";
  // Where little fits, the three letters that nearly all have in common say least.
  const name = room < 9 && full.length > room ? full.replace(/^lib(?=\w)/, "") : full;
  return name.length <= room ? name : `${name.slice(0, room - 1)}…`;
};
const cross = (one, other) => one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

const pictures = [...document.querySelectorAll(".map")].map((map) => {
  const svg = map.querySelector("svg");
  const read = (item) => ({
    item, rect: item.querySelector(":scope > rect"), label: item.querySelector(":scope > text"),
    name: item.dataset.n, up: Number(item.dataset.up), bytes: item.dataset.b.split(" ").map(Number),
    edges: item.dataset.g.split(" ").map(Number),
  });
  const groups = [...svg.querySelectorAll(".group")].map((item) => ({ ...read(item), id: Number(item.dataset.id), group: true }));
  const byId = new Map(groups.map((group) => [group.id, group]));
  const tiles = [...svg.querySelectorAll(".tile")].map((item) => ({
    ...read(item), title: item.querySelector("title").textContent,
    parts: [...item.querySelectorAll(".part")].map(read),
  }));
  const marks = document.createElementNS(svg.namespaceURI, "g");
  marks.setAttribute("class", "marks");
  svg.append(marks);
  const byItem = new Map([...groups, ...tiles].map((node) => [node.item, node]));
  return { map, svg, groups, byId, tiles, byItem, marks, crumbs: map.querySelector(".crumbs"), readout: map.querySelector(".readout"), root: 0, stop: null };
});

const wide = (picture) => picture.map.clientWidth >= 620;
const edges = (picture, node) => {
  // Four numbers for each layout: on disk wide and tall, packed wide and tall.
  const at = (picture.map.dataset.area === "packed" ? 8 : 0) + (wide(picture) ? 0 : 4);
  return node.edges.slice(at, at + 4);
};
const chain = (picture, node) => {
  const found = [];
  for (let at = node; at !== undefined; at = picture.byId.get(at.up)) found.unshift(at);
  return found;
};
// What stands directly below the root: that is what the keyboard walks along.
const below = (picture, node) => chain(picture, node).find((one) => one.up === picture.root);
const stops = (picture) => [...picture.groups, ...picture.tiles].filter((node) => node.up === picture.root && node.shown);
const title = (picture, node) => node.group
  ? `${node.name}: ${Number(node.item.dataset.files).toLocaleString("en")} files, ${node.bytes[0].toLocaleString("en")} bytes on disk${node.bytes.length > 1 ? `, ${node.bytes[1].toLocaleString("en")} packed` : ""}`
  : node.title.split("\n").join(" · ");

const draw = (picture) => {
  const { map, svg, root } = picture;
  picture.marks.replaceChildren();
  const width = map.clientWidth;
  if (width === 0) return;
  const height = Math.round(width * (wide(picture) ? 680 / 1200 : 860 / 600));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const frame = root === 0 ? (wide(picture) ? [0, 0, 120000, 68000] : [0, 0, 60000, 86000]) : edges(picture, picture.byId.get(root));
  const scale = [width / (frame[2] - frame[0]), height / (frame[3] - frame[1])];
  const place = (node, found) => {
    const [x, y] = [(found[0] - frame[0]) * scale[0], (found[1] - frame[1]) * scale[1]];
    Object.assign(node, { x, y, w: (found[2] - found[0]) * scale[0], h: (found[3] - found[1]) * scale[1] });
    node.rect.setAttribute("x", x.toFixed(2));
    node.rect.setAttribute("y", y.toFixed(2));
    node.rect.setAttribute("width", node.w.toFixed(2));
    node.rect.setAttribute("height", node.h.toFixed(2));
  };
  const write = (node, x, y, words, more = "") => {
    node.label.textContent = words;
    node.label.setAttribute("x", x.toFixed(1));
    node.label.setAttribute("y", y.toFixed(1));
    if (words !== "" && more !== "") {
      const line = document.createElementNS(svg.namespaceURI, "tspan");
      line.setAttribute("x", x.toFixed(1));
      line.setAttribute("dy", LINE);
      line.textContent = more;
      node.label.append(line);
    }
  };
  const packed = map.dataset.area === "packed";
  const inside = (node) => root === 0 || (node.up !== 0 && (node.up === root || inside(picture.byId.get(node.up))));
  const corners = [];
  for (const group of picture.groups) {
    group.shown = inside(group);
    group.item.style.display = group.shown ? "" : "none";
    if (!group.shown) continue;
    place(group, edges(picture, group));
    const words = group.up === root && group.h > LINE + MARGIN ? fit(group.name, group.w) : "";
    write(group, group.x + MARGIN + 1, group.y + LINE, words);
    if (words !== "") corners.push({ x: group.x, y: group.y, w: words.length * CHARACTER + 2 * MARGIN, h: LINE + MARGIN });
  }
  const of = { gpu: "of-gpu", idle: "of-idle" }[map.dataset.colour];
  for (const tile of picture.tiles) {
    const found = edges(picture, tile);
    tile.shown = inside(tile) && found[2] > found[0] && found[3] > found[1];
    tile.item.style.display = tile.shown ? "" : "none";
    if (!tile.shown) continue;
    place(tile, found);
    let divided = false;
    for (const part of tile.parts) {
      const at = wide(picture) ? 0 : 4;
      place(part, part.edges.slice(at, at + 4));
      if (part.item.classList.contains(of) && !packed) divided = true;
      const long = `${part.name} ${text(part.bytes[0])}`;
      const words = part.h > 2 * LINE && part.w > 30 ? fit(fit(long, part.w) === long ? long : part.name, part.w) : "";
      write(part, part.x + MARGIN, part.y + part.h - MARGIN, words);
    }
    tile.item.classList.toggle("divided", divided);
    const lines = corners.some((corner) => cross(corner, tile)) ? 1 : 0;
    const room = Math.floor((tile.h - MARGIN) / LINE) - lines;
    const words = room > 0 ? fit(tile.name, tile.w) : "";
    const size = text(tile.bytes[packed ? 1 : 0]);
    write(tile, tile.x + MARGIN, tile.y + (lines + 1) * LINE, words, room > 1 && fit(size, tile.w) === size ? size : "");
  }
  picture.svg.setAttribute("role", "group");
  const all = stops(picture);
  if (!all.includes(picture.stop)) picture.stop = [...all].sort((one, other) => other.bytes[0] - one.bytes[0])[0] ?? null;
  for (const node of picture.byItem.values()) {
    for (const name of ["role", "aria-label", "tabindex"]) node.item.removeAttribute(name);
  }
  for (const node of all) {
    node.item.setAttribute("role", "button");
    node.item.setAttribute("aria-label", title(picture, node));
    node.item.setAttribute("tabindex", node === picture.stop ? "0" : "-1");
  }
};

const crumbs = (picture) => {
  const here = picture.root === 0 ? [] : chain(picture, picture.byId.get(picture.root));
  const steps = [{ id: 0, name: picture.map.querySelector("summary").firstChild.textContent.trim() }, ...here];
  picture.crumbs.replaceChildren();
  steps.forEach((step, number) => {
    if (number > 0) picture.crumbs.append("›");
    const last = number === steps.length - 1;
    const item = document.createElement(last ? "span" : "button");
    item.textContent = step.name;
    if (last) item.className = "here";
    else {
      item.type = "button";
      item.addEventListener("click", () => zoom(picture, step.id));
    }
    picture.crumbs.append(item);
  });
  const at = here.at(-1);
  const total = document.createElement("span");
  total.className = "meta";
  total.textContent = at === undefined ? picture.map.querySelector("summary .meta").textContent : title(picture, at).slice(at.name.length + 2);
  picture.crumbs.append(total);
  picture.crumbs.hidden = false;
};
const zoom = (picture, id, focus = true) => {
  const before = picture.byId.get(picture.root);
  picture.root = id;
  picture.stop = before !== undefined ? below(picture, before) ?? null : null;
  picture.readout.textContent = "";
  picture.map.classList.toggle("zoomed", id !== 0);
  draw(picture);
  crumbs(picture);
  if (focus && picture.stop !== null) picture.stop.item.focus({ preventScroll: true });
};
const open = (picture, node) => {
  if (node.group) zoom(picture, node.id);
  else if (node.item.dataset.row !== undefined) show(document.getElementById(`f${node.item.dataset.row}`));
};
const look = (picture, node) => {
  picture.readout.textContent = node === undefined ? "" : title(picture, node);
  // What is looked at and its copies are outlined above all else, or neighbours would hide a side.
  const like = node === undefined || node.item.dataset.like === undefined ? [] : picture.tiles.filter((tile) => tile.item.dataset.like === node.item.dataset.like);
  for (const tile of picture.tiles) tile.item.classList.toggle("like", like.includes(tile));
  picture.marks.replaceChildren(...new Set(node === undefined ? [] : [...like, node].filter((one) => one.shown).map((one) => {
    const mark = one.rect.cloneNode();
    for (const [name, by] of [["x", 1.5], ["y", 1.5], ["width", -3], ["height", -3]]) mark.setAttribute(name, Math.max(Number(mark.getAttribute(name)) + by, 0));
    mark.classList.toggle("focus", one.item.matches(":focus-visible"));
    return mark;
  })));
};
const step = (picture, key) => {
  const from = picture.stop;
  const middle = (node) => [node.x + node.w / 2, node.y + node.h / 2];
  const [x, y] = middle(from);
  const ahead = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let best = null;
  let least = Infinity;
  for (const node of stops(picture)) {
    const [dx, dy] = [middle(node)[0] - x, middle(node)[1] - y];
    const along = dx * ahead[0] + dy * ahead[1];
    const aside = Math.abs(dx * ahead[1]) + Math.abs(dy * ahead[0]);
    if (node !== from && along > 0 && along + 2 * aside < least) [best, least] = [node, along + 2 * aside];
  }
  if (best === null) return;
  from.item.setAttribute("tabindex", "-1");
  best.item.setAttribute("tabindex", "0");
  picture.stop = best;
  best.item.focus({ preventScroll: true });
};

for (const picture of pictures) {
  const { svg } = picture;
  const node = (event) => picture.byItem.get(event.target.closest(".tile, .group"));
  svg.addEventListener("click", (event) => {
    const found = node(event);
    if (found !== undefined) open(picture, below(picture, found) ?? found);
  });
  svg.addEventListener("mouseover", (event) => look(picture, node(event)));
  svg.addEventListener("mouseleave", () => look(picture, undefined));
  svg.addEventListener("focusin", (event) => look(picture, node(event)));
  svg.addEventListener("focusout", () => look(picture, undefined));
  svg.addEventListener("keydown", (event) => {
    const found = node(event);
    if (found === undefined) return;
    if (event.key === "Enter" || event.key === " ") open(picture, found);
    else if (event.key.startsWith("Arrow")) step(picture, event.key);
    else return;
    event.preventDefault();
  });
  picture.map.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || picture.root === 0) return;
    event.preventDefault();
    zoom(picture, picture.byId.get(picture.root).up);
  });
  picture.map.addEventListener("toggle", () => draw(picture));
}

const choices = document.querySelector("#map .tools");
if (choices !== null) {
  const [which, colour, area] = ["map", "colour", "area"].map((name) => choices.querySelector(`select[name=${name}]`));
  const apply = () => {
    for (const picture of pictures) {
      picture.map.dataset.colour = colour.value;
      picture.map.dataset.area = area !== null && picture.tiles.every((tile) => tile.bytes.length > 1) ? area.value : "disk";
      picture.map.hidden = which !== null && picture.map.id !== which.value;
      picture.map.classList.add("alone");
      picture.map.open = true;
      zoom(picture, picture.root, false);
    }
    document.querySelector("#map .unknown").hidden = !(["gpu", "idle"].includes(colour.value) && area !== null && area.value === "packed");
  };
  choices.addEventListener("change", apply);
  apply();
  choices.hidden = false;
  for (const item of document.querySelectorAll(".how")) item.hidden = false;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    for (const picture of pictures) draw(picture);
  });
}

const words = (search) => search.value.toLowerCase().split(/\s+/).filter(Boolean);
const filter = (section, items, unit) => {
  const tools = section.querySelector(".tools");
  const search = tools.querySelector("input[type=search]");
  const several = tools.querySelector("input[name=several]");
  const output = tools.querySelector("output");
  // Nearly everything asks for what the system has: there only the names are sought in.
  const part = (item) => (item.dataset.outside === undefined ? [item] : [...item.querySelectorAll("summary b, tbody th")]);
  const told = items.map((item) => [item, part(item).map((one) => one.textContent).join(" ").toLowerCase()]);
  const names = new Map(several === null ? [] : items.map((item) => [item, item.querySelector("summary b").textContent.toLowerCase()]));
  const none = section.querySelector(":scope > .none");
  const apply = () => {
    const wanted = words(search);
    let shown = 0;
    for (const [item, all] of told) {
      item.hidden = !wanted.every((word) => all.includes(word)) || (several !== null && several.checked && item.dataset.odd === undefined);
      shown += item.hidden ? 0 : 1;
    }
    output.value = shown < items.length ? `${shown} of ${items.length} ${unit}` : `${shown} ${unit}`;
    if (none !== null) none.hidden = shown > 0;
    // What is called by its name is opened, unless that is too much to read.
    const called = wanted.length === 0 ? [] : [...names].filter(([, name]) => wanted.every((word) => name.includes(word.replace(/^lib/, ""))));
    if (called.length <= 3) for (const [item] of called) item.open = true;
  };
  search.addEventListener("input", apply);
  if (several !== null) several.addEventListener("change", apply);
  apply();
  tools.hidden = false;
  return () => {
    search.value = "";
    apply();
  };
};
const loads = document.getElementById("loads");
if (loads !== null) filter(loads, [...loads.querySelectorAll(":scope > .library")], "libraries");
const files = document.getElementById("files");
const clear = files === null ? null : filter(files, [...files.querySelectorAll("tbody tr")], "files");
const show = (row) => {
  clear();
  for (const other of files.querySelectorAll("tr.found")) other.classList.remove("found");
  row.classList.add("found");
  row.scrollIntoView({ block: "center" });
  row.setAttribute("tabindex", "-1");
  row.focus({ preventScroll: true });
};

const devices = document.querySelector("select[name=gpu]");
if (devices !== null) {
  const tools = devices.closest(".tools");
  const choose = () => {
    const used = new Set();
    tools.querySelector("output").value = "";
    for (const row of document.querySelectorAll("tr[data-gpu]")) {
      const chosen = row.dataset.gpu === devices.value;
      row.hidden = devices.value !== "" && !chosen;
      if (!chosen) continue;
      tools.querySelector("output").value = row.dataset.says;
      for (const code of row.querySelectorAll("[data-code]")) used.add(code.dataset.code);
    }
    for (const row of document.querySelectorAll("table.codes tbody tr")) {
      row.classList.toggle("found", used.has(`${row.cells[0].textContent} ${row.cells[1].textContent}`));
    }
  };
  devices.addEventListener("change", choose);
  choose();
  tools.hidden = false;
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const value = (row) => row.cells[at].textContent.trim();
    const number = (row) => (value(row) === "–" ? -1 : Number.parseFloat(value(row).replaceAll(",", "")));
    button.addEventListener("click", () => {
      const rows = [...body.rows];
      const numbers = rows.some((row) => row.cells[at].classList.contains("number"));
      const down = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numbers;
      const order = numbers ? (one, other) => number(one) - number(other) : (one, other) => value(one).localeCompare(value(other), "en", { numeric: true });
      rows.sort((one, other) => (down ? order(other, one) : order(one, other)));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows);
    });
  });
}
