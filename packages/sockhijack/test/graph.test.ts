/** The service graph: rates between two readings, and how it is drawn. @module */
import type { Paint } from "@mitsu/cli";
import type { MatrixCell } from "@mitsu/ipc";
import test from "ava";
import { graphDot } from "../src/graph/dot.ts";
import { type Edge, edgesOf } from "../src/graph/edges.ts";
import { palette } from "../src/graph/palette.ts";
import { graphSvg } from "../src/graph/svg.ts";
import { graphText } from "../src/graph/text.ts";

const cell = (from: string, to: string, more: Partial<MatrixCell> = {}): MatrixCell => ({
  from,
  to,
  connections: 1,
  bytesOut: 0,
  bytesIn: 0,
  messages: 0,
  redirectedBytes: 0,
  denied: 0,
  ...more,
});
const edge = (from: string, to: string, more: Partial<Edge> = {}): Edge => ({
  from,
  to,
  connections: 1,
  bytesPerSecond: 0,
  messagesPerSecond: 0,
  redirectedShare: 0,
  denied: 0,
  ...more,
});

test("edgesOf() gives rates between the readings, and the share of what passed then", (t) => {
  const before = [cell("a", "b", { bytesOut: 1000, bytesIn: 9000, messages: 10, redirectedBytes: 0 })];
  const after = [cell("a", "b", { bytesOut: 2000, bytesIn: 12_000, messages: 30, redirectedBytes: 3000, connections: 4 })];
  t.deepEqual(edgesOf(before, after, 2), [
    edge("a", "b", { connections: 4, bytesPerSecond: 2000, messagesPerSecond: 10, redirectedShare: 0.75 }),
  ]);
});

test("edgesOf() takes the share of all there has been when nothing passed, and an edge that is new from zero", (t) => {
  const quiet = cell("a", "b", { bytesOut: 100, redirectedBytes: 25 });
  const [fresh, still] = edgesOf([quiet], [quiet, cell("c", "d", { bytesIn: 50 })], 1);
  t.like(fresh, { from: "c", bytesPerSecond: 50 });
  t.like(still, { from: "a", bytesPerSecond: 0, redirectedShare: 0.25 });
});

test("edgesOf() shows no negative rate when a service was detached and its counts began anew", (t) => {
  t.like(edgesOf([cell("a", "b", { bytesOut: 500 })], [cell("a", "b", { bytesOut: 20 })], 1)[0], { bytesPerSecond: 0 });
});

test("edgesOf() sorts by rate, then connections, then name", (t) => {
  const after = [cell("d", "x"), cell("a", "x"), cell("b", "x", { bytesOut: 9 }), cell("c", "x", { connections: 7 })];
  t.deepEqual(
    edgesOf([], after, 1).map(({ from }) => from),
    ["b", "c", "a", "d"],
  );
});

const plain: Paint = (_style, text) => text;
const marked: Paint = (style, text) => `<${style}>${text}</>`;
const pipe = { isTTY: false, columns: 80 };

test("graphText() draws a tree from each service that nobody calls, and names again what stands above", (t) => {
  const edges = [
    edge("client", "web", { bytesPerSecond: 2048, redirectedShare: 0.998 }),
    edge("web", "cart", { bytesPerSecond: 100, redirectedShare: 0.001 }),
    edge("web", "db"),
    edge("cart", "db", { connections: 0, denied: 3 }),
    edge("db", "log"),
    edge("", "web"),
  ];
  t.is(
    graphText(edges, pipe, plain),
    `client
└─ web  2.00 KiB/s, 99 % redirected
   ├─ cart  100 B/s, <1 % redirected
   │  └─ db  never connected, 3 denied
   │     └─ log  quiet
   └─ db  quiet  (above)
(outside)
└─ web  quiet  (above)
`,
  );
});

test("graphText() draws a ring once, and a service that calls itself", (t) => {
  const ring = [edge("a", "b"), edge("b", "a"), edge("a", "a")];
  t.is(graphText(ring, pipe, plain), "a\n├─ b  quiet\n│  └─ a  quiet  (above)\n└─ a  quiet  (above)\n");
  t.is(graphText([], pipe, plain), "no traffic between services yet\n");
});

test("graphText() colours by how an edge is carried, and cuts lines only on a terminal", (t) => {
  const edges = [
    edge("a", "b", { bytesPerSecond: 2048, redirectedShare: 1 }),
    edge("a", "c", { connections: 0, denied: 1 }),
    edge("a", "d"),
  ];
  t.is(
    graphText(edges, { isTTY: true, columns: 20 }, marked),
    "a\n├─ b  <green>2.00 KiB/s, 1…</>\n├─ c  <red>never connect…</>\n└─ d  <dim>quiet</>\n",
  );
  for (let columns = 1; columns < 50; columns++) {
    for (const line of graphText(edges, { isTTY: true, columns }, plain).split("\n")) t.true(line.length <= columns, `${columns}: ${line}`);
  }
});

test("graphDot() quotes names, and colours by how the edge is carried", (t) => {
  const dot = graphDot([
    edge('we"b\\', "db", { redirectedShare: 0.005, bytesPerSecond: 1e6 }),
    edge("", "db", { connections: 0, denied: 2 }),
  ]);
  t.regex(dot, /^digraph mesh \{\n/);
  t.regex(dot, /"we\\"b\\\\" -> "db" \[label=<<table .*>977 KiB\/s<br\/>&lt;1 % redirected<.*>, color="#667080"/);
  t.regex(dot, /"\(outside\)" -> "db" \[label=<<table .*>never connected<br\/>2 denied<.*>, color="#b3261e".*style=dashed\]/);
  t.true(dot.includes('"(outside)" [style="rounded,dashed"]'));
});

/** Element names of a document that is well-formed as far as tags and their nesting go; else it fails. */
function elementsOf(xml: string): string[] {
  const open: string[] = [];
  const seen: string[] = [];
  const rest = xml.replace(/<\?xml[^?]*\?>|<!DOCTYPE[^>]*>|<!--(?:(?!--)[\s\S])*-->/g, "");
  const markup = /<(\/?)([\w:]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g;
  const text = rest.replace(markup, (_, end: string, name: string, _attributes: string, empty: string) => {
    if (end && open.pop() !== name) throw new Error(`</${name}> ends nothing`);
    if (!end) seen.push(name);
    if (!end && !empty) open.push(name);
    return "";
  });
  if (open.length > 0) throw new Error(`<${open.join("><")}> has no end`);
  if (/[<>]|&(?!#?\w+;)/.test(text)) throw new Error(`stray markup: ${/.{0,20}(?:[<>]|&(?!#?\w+;)).{0,20}/.exec(text)}`);
  return seen;
}

test("graphSvg() is well-formed and has every service and edge, whatever is in a name", async (t) => {
  const svg = await graphSvg([
    edge("client", "we<b>&", { redirectedShare: 1, bytesPerSecond: 5e6 }),
    edge("we<b>&", 'd"b', { redirectedShare: 0.001 }),
    edge("", "client", { connections: 0, denied: 1 }),
  ]);
  const elements = elementsOf(svg);
  t.deepEqual([elements[0], elements[1], elements.filter((name) => name === "svg").length], ["svg", "style", 1]);
  for (const text of [
    ">client<",
    ">we&lt;b&gt;&amp;<",
    ">d&quot;b<",
    ">100 % redirected<",
    ">&lt;1 % redirected<",
    ">(outside)<",
    ">1 denied<",
  ]) {
    t.true(svg.includes(text), text);
  }
  t.is(svg.match(/class="edge"/g)?.length, 3);
  t.notThrows(() => elementsOf(svg));
});

test("graphSvg() without traffic is a picture that says so", async (t) => {
  const svg = await graphSvg([]);
  t.is(elementsOf(svg)[0], "svg");
  t.true(svg.includes("no traffic between services yet"));
});

test("graphSvg() has a dark colour for every colour it draws with", async (t) => {
  const svg = await graphSvg([edge("a", "b", { redirectedShare: 1 }), edge("b", "c"), edge("", "c", { connections: 0, denied: 1 })]);
  const drawn = new Set([...svg.matchAll(/ (?:fill|stroke)="([^"]+)"/g)].map(([, colour]) => colour!));
  for (const colour of drawn) t.true(colour === "none" || svg.includes(`[fill="${colour}"]{fill:#`), colour);
  t.false(/<text(?![^>]* fill=)/.test(svg), "text without a colour would stay black");
});

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

test("palette's texts have a contrast of at least 4.5 on light and dark", (t) => {
  for (const name of ["text", "redirected", "tcp", "denied"] as const) {
    for (const ground of name === "text" ? (["ground", "box"] as const) : (["ground"] as const)) {
      for (const mode of ["light", "dark"] as const) {
        const [dim, bright] = [luminance(palette[name][mode]), luminance(palette[ground][mode])].toSorted((a, b) => a - b);
        t.true((bright! + 0.05) / (dim! + 0.05) >= 4.5, `${name} on ${ground}, ${mode}`);
      }
    }
  }
  const lights = Object.values(palette).map(({ light }) => light);
  t.is(new Set(lights).size, lights.length);
});
