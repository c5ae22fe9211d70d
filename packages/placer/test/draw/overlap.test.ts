import test from "ava";
import { overlaps } from "../../src/draw/chart.ts";
import { drawCurve } from "../../src/draw/curve-svg.ts";
import { drawFront } from "../../src/draw/front-svg.ts";
import { drawPlan } from "../../src/draw/plan-svg.ts";
import { drawResponse } from "../../src/draw/response-svg.ts";
import { node, problem, random, service, shop, shopPlan } from "../plan/fixture.ts";
import { large, planOf } from "./plan-of.ts";
import { textBoxes } from "./text-boxes.ts";
import { parseXml } from "./xml.ts";

/** What runs into something else in a picture, or off its page: nothing, one hopes. */
function collisions(svg: string): string[] {
  const root = parseXml(svg);
  const texts = textBoxes(root).toSorted((a, b) => a.y - b.y);
  const [width, height] = [Number(root.attributes.width), Number(root.attributes.height)];
  const off = texts
    .filter(({ x, y, width: w, height: h }) => x < 0 || y < 0 || x + w > width || y + h > height)
    .map(({ text }) => `off the page: ${text}`);
  const hit = texts.flatMap((one, at) => {
    const found: string[] = [];
    for (let next = at + 1; next < texts.length && texts[next]!.y < one.y + one.height; next++) {
      if (overlaps(one, texts[next]!)) found.push(`${one.text} | ${texts[next]!.text}`);
    }
    return found;
  });
  return [...off, ...hit];
}

test("collisions() sees texts that touch, and one that leaves the page", (t) => {
  const svg = (second: string): string =>
    `<svg width="100" height="40"><text x="0" y="20">first</text><g transform="translate(10 0)">${second}</g></svg>`;
  t.deepEqual(collisions(svg('<text x="5" y="22">second</text>')), ["first | second"]);
  t.deepEqual(collisions(svg('<text x="80" y="20">second</text>')), ["off the page: second"]);
  t.deepEqual(collisions(svg('<text x="85" y="20" text-anchor="end">second</text>')), []);
});

test("drawPlan() has no text over another or off the page: two nodes, eight with long names, 60, 96, 500 and 2000", (t) => {
  t.deepEqual(collisions(drawPlan(shop, planOf(shop, shopPlan))), []);
  const bare = { ...shop, assignment: {} };
  t.deepEqual(collisions(drawPlan(bare, planOf(bare, shopPlan))), []);
  for (const [nodes, services] of [
    [8, 30],
    [60, 100],
    [96, 550],
    [500, 800],
    [2000, 500],
  ] as const) {
    const { problem: of, plan } = large(nodes, services);
    t.deepEqual(collisions(drawPlan(of, plan)), [], `${nodes} nodes`);
  }
});

test("drawPlan() has no text over another with names, resources and counts as long as they get", (t) => {
  const long = "a-name-that-is-as-long-as-a-host-may-be-".repeat(6);
  const resources = ["cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "further"].map((name) => ({ name, unit: "count" as const }));
  const capacity = Object.fromEntries(resources.map(({ name }) => [name, 3]));
  const requests = Object.fromEntries(resources.map(({ name }) => [name, 1]));
  const of = problem({
    name: long,
    resources,
    nodes: [node(`${long}1`, { capacity }), node(`${long}2`, { capacity: {} })],
    services: [service(`${long}a`, 4000, { requests }), service("b", 1, { requests })],
  });
  const all = (name: string): Record<string, string> =>
    Object.fromEntries(of.services.flatMap(({ replicas }) => replicas.map((one) => [one, name])));
  const moved = { ...of, assignment: all(`${long}1`) };
  t.deepEqual(collisions(drawPlan(moved, planOf(moved, all(`${long}2`)))), []);
});

test("charts have no text over another or off the page, wherever the points are", (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = random(seed);
    const scale = 10 ** Math.floor(next() * 7 - 2);
    const count = 1 + Math.floor(next() * 40);
    const points = Array.from({ length: count }, () => ({
      moves: Math.round(next() * scale * 100),
      bytes: 1e6,
      onNode: next(),
      objective: 0.5,
    }));
    t.deepEqual(collisions(drawCurve(points, { name: "a-name-".repeat(seed), chosenMoves: points[0]!.moves })), [], `curve, seed ${seed}`);
    const front = points.map(({ onNode }) => ({
      weight: next(),
      onNode,
      imbalance: (next() * scale) / 1e4,
      objective: 0.5,
      assignment: {},
    }));
    t.deepEqual(collisions(drawFront(front, front[0]!.weight, "a-name")), [], `front, seed ${seed}`);
    const times = points.map(({ moves, onNode }) => ({
      rate: moves,
      mean: onNode * scale,
      p50: onNode,
      p95: scale,
      p99: onNode * scale * 10,
    }));
    const names = [`plans/${"mitsu-".repeat(seed)}of-monday.json`, "kubernetes.json", "exact.json", "netmarks.json"].slice(
      0,
      1 + (seed % 4),
    );
    t.deepEqual(
      collisions(drawResponse(names.map((name) => ({ name, points: times, measured: times.slice(0, 2) })))),
      [],
      `response, seed ${seed}`,
    );
  }
});
