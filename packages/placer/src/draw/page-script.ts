/** The script of the HTML picture, as it stands in the page: plain JavaScript for browsers, without libraries. Names only ever become text nodes. @module */

/** Its text; the page's policy allows this text and no other script, by its hash. */
export const pageScript = `
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const card = document.getElementById("card");
const found = document.getElementById("found");
const search = document.getElementById("search");
const hint = found.textContent;
const marks = [...document.querySelectorAll(".panel .service, .panel .tile, .panel .node, .panel .flow, .pair")];
const most = 12;

const element = (name, text) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
};
const rows = (of) => {
  const table = element("table");
  for (const cells of of.slice(0, most)) {
    const row = table.insertRow();
    for (const cell of cells) row.insertCell().textContent = cell;
  }
  if (of.length > most) table.insertRow().insertCell().textContent = "and " + (of.length - most) + " more";
  return table;
};
const panelOf = (mark) => Number(mark.closest(".panel")?.dataset.p ?? data.panels.length - 1);

function describe(mark) {
  const { s, n, a, b } = mark.dataset;
  if (s !== undefined) return service(Number(s), panelOf(mark));
  if (n !== undefined) return node(Number(n), panelOf(mark));
  const [one, other] = [data.services[a], data.services[b]];
  const pair = one.partners.find(({ name }) => name === other.name);
  return [element("h2", one.name + " and " + other.name), element("p", pair.amount + ", stays on a node: " + pair.kept)];
}
function service(at, panel) {
  const { name, facts, partners, nodes } = data.services[at];
  const where = nodes[panel].map(([node, count]) => data.nodes[node].name + (count > 1 ? " ×" + count : ""));
  const shown = where.slice(0, most).join(", ") + (where.length > most ? " and " + (where.length - most) + " more" : "");
  return [
    element("h2", name),
    element("p", facts),
    element("p", data.panels[panel] + ": " + (shown || "nowhere")),
    rows(partners.map((partner) => [partner.name, partner.amount, partner.kept + " stays"])),
  ];
}
function node(at, panel) {
  const on = data.services
    .flatMap(({ name, nodes }) => nodes[panel].filter(([where]) => where === at).map(([, count]) => [name, "×" + count]))
    .sort((one, other) => Number(other[1].slice(1)) - Number(one[1].slice(1)));
  return [element("h2", data.nodes[at].name + ", " + data.panels[panel]), element("p", data.nodes[at].facts[panel]), rows(on)];
}

/** What belongs to a mark: a service's rows, curves, pairs and tiles; a node's own boxes; a pair's services. */
function belongs(mark) {
  const { s, n, a, b } = mark.dataset;
  const services = s !== undefined ? [s] : a !== undefined ? [a, b] : [];
  return matching(new Set(services), new Set(n === undefined ? [] : [n]));
}
function partnersOf({ dataset: { s } }) {
  const names = new Set(s === undefined ? [] : data.services[s].partners.map(({ name }) => name));
  return new Set(data.services.flatMap(({ name }, at) => (names.has(name) ? [String(at)] : [])));
}
function matching(services, nodes) {
  return (mark) => {
    const { s, n, a, b } = mark.dataset;
    if (s !== undefined) return services.has(s);
    if (a !== undefined) return services.size > 1 ? services.has(a) && services.has(b) : services.has(a) || services.has(b);
    if (nodes.has(n)) return true;
    const panel = panelOf(mark);
    return [...services].some((one) => data.services[one].nodes[panel].some(([where]) => String(where) === n));
  };
}
function light(wanted, partners = new Set()) {
  const boxed = document.querySelector(".node") !== null;
  for (const mark of marks) {
    const lit = wanted !== undefined && wanted(mark);
    mark.classList.toggle("lit", lit);
    // Boxes hold the rows, which are what is looked for: they stay as they are, and so do partners.
    const stays = (boxed && mark.classList.contains("node")) || partners.has(mark.dataset.s);
    mark.classList.toggle("dimmed", wanted !== undefined && !lit && !stays);
  }
}

function find() {
  const word = search.value.trim().toLowerCase();
  if (word === "") {
    found.textContent = hint;
    return light();
  }
  const of = (all) => new Set(all.flatMap(({ name }, at) => (name.toLowerCase().includes(word) ? [String(at)] : [])));
  const [services, nodes] = [of(data.services), of(data.nodes)];
  const counted = ({ size }, noun) => size + " " + noun + (size === 1 ? "" : "s");
  found.textContent = counted(services, "service") + ", " + counted(nodes, "node");
  light((mark) => {
    const { a, b } = mark.dataset;
    return a === undefined ? matching(services, nodes)(mark) : services.has(a) || services.has(b);
  });
}

function show(mark, x, y) {
  card.replaceChildren(...describe(mark));
  card.hidden = false;
  const { width, height } = card.getBoundingClientRect();
  card.style.left = Math.max(8, Math.min(x + 16, innerWidth - width - 8)) + "px";
  card.style.top = Math.max(8, Math.min(y + 16, innerHeight - height - 8)) + "px";
  if (!mark.classList.contains("node")) light(belongs(mark), partnersOf(mark));
}
function hide() {
  card.hidden = true;
  find();
}
for (const mark of marks) {
  if (!mark.classList.contains("flow")) mark.setAttribute("tabindex", "0");
  mark.addEventListener("pointermove", (event) => show(mark, event.clientX, event.clientY));
  mark.addEventListener("pointerleave", hide);
  mark.addEventListener("focus", () => {
    const { right, top } = mark.getBoundingClientRect();
    show(mark, right, top);
  });
  mark.addEventListener("blur", hide);
}
search.addEventListener("input", find);
addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  search.value = "";
  hide();
});
`;
