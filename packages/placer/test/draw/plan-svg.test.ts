import test from "ava";
import { placeBoxes } from "../../src/draw/box-layout.ts";
import { overlaps } from "../../src/draw/chart.ts";
import { flowsOf } from "../../src/draw/flows.ts";
import { drawPlan } from "../../src/draw/plan-svg.ts";
import { sceneOf } from "../../src/draw/scene.ts";
import { placeTiles, tilesWidth } from "../../src/draw/tile-layout.ts";
import { edge, node, problem, randomCase, service, shop, shopPlan } from "../plan/fixture.ts";
import { large, planOf } from "./plan-of.ts";
import { all, parseXml } from "./xml.ts";

/** Replicas that a picture's boxes show, a panel each. */
function replicasShown(svg: string): number[] {
  const panels = all(parseXml(svg)).filter(({ attributes }) => attributes.class === "panel");
  return panels.map((panel) =>
    all(panel)
      .flatMap(({ name, text }) => (name === "text" ? (/^×(\d+)$/.exec(text)?.[1] ?? []) : []))
      .reduce((sum, count) => sum + Number(count), 0),
  );
}

test("drawPlan() shows before beside after, every replica in each, and the figures in the title", (t) => {
  const svg = drawPlan(shop, planOf(shop, shopPlan));
  const root = parseXml(svg);
  t.deepEqual(replicasShown(svg), [6, 6]);
  const [title] = root.children.filter(({ name }) => name === "title");
  t.is(title?.text, "shop: 55 % of traffic stays on its node, 32 % now");
  t.deepEqual([root.attributes.width, root.attributes.height, root.attributes.viewBox], ["1032", "563", "0 0 1032 563"]);
  const words = all(root).flatMap(({ name, text }) => (name === "text" ? [text] : []));
  for (const expected of ["Now: 32 % stays", "Plan: 55 % stays", "widest: 900 msg/s", "+1", "−1", "88 %"])
    t.true(words.includes(expected), expected);
});

test("drawPlan() has one panel when nothing runs now", (t) => {
  const svg = drawPlan({ ...shop, assignment: {} }, planOf({ ...shop, assignment: {} }, shopPlan));
  t.deepEqual(replicasShown(svg), [6]);
});

test("drawPlan() tells local traffic from what crosses nodes, as wide as there is of it", (t) => {
  const svg = drawPlan(shop, planOf(shop, shopPlan));
  const plan = all(parseXml(svg)).find(({ attributes }) => attributes["data-p"] === "1")!;
  const curves = all(plan).filter(({ attributes }) => attributes.class?.startsWith("flow "));
  t.deepEqual(
    curves.map(({ attributes, children }) => [attributes.class, attributes["stroke-width"], children[0]?.text]),
    [
      ["flow remote", "11", "web on n2 and cart on n1: 900 msg/s between nodes"],
      ["flow local", "8.6", "cart and db: 700 msg/s stays on n1"],
      ["flow local", "4.9", "web and catalogue: 400 msg/s stays on n2"],
      ["flow local", "0.8", "db and mail: 20.0 msg/s stays on n1"],
    ].map(([name, width, text]) => [name, width, text?.replace("20.0", "20")]),
  );
});

test("drawPlan() leaves weak flows of a crowd out and says how many", (t) => {
  const services = Array.from({ length: 30 }, (_, at) => service(`s${at}`, 4, { requests: { cpu: 0.01 } }));
  const nodes = Array.from({ length: 4 }, (_, at) => node(`n${at}`));
  const traffic = services.slice(1).map(({ name }, at) => edge("s0", name, at + 1));
  const of = problem({ nodes, services, traffic });
  const assignment = Object.fromEntries(
    services.flatMap(({ replicas }, s) => replicas.map((name, at) => [name, `n${s % 2 === 0 ? at : 0}`])),
  );
  const svg = drawPlan(of, planOf(of, assignment));
  t.regex(svg, /Of plan: the \d+ weakest flows \([\d.]+ % of the traffic\) of \d+ are not drawn\./);
  t.is(all(parseXml(svg)).filter(({ attributes, children }) => attributes.class?.startsWith("flow ") && children.length > 0).length, 80);
});

test("drawPlan() draws many nodes as tiles, all of them, and says that no curves are drawn", (t) => {
  const { problem: of, plan } = large(96, 550);
  const svg = drawPlan(of, plan);
  const tiles = all(parseXml(svg)).filter(({ attributes }) => attributes.class === "tile");
  t.is(tiles.length, 2 * 96);
  t.regex(svg, /No curves are drawn for so many nodes/);
  const counted = tiles.map(({ children }) => Number(/: (\d+) replicas? of/.exec(children[0]!.text)?.[1]));
  t.is(
    counted.reduce((sum, count) => sum + count, 0),
    2 * Object.keys(plan.assignment).length,
  );
  t.true(svg.length < 400_000, `${svg.length} characters`);
});

test("drawPlan() draws a node without traffic, a problem without edges, and one whose replicas are nowhere", (t) => {
  const of = problem({ nodes: [node("n1"), node("n2")], services: [service("a", 2)], assignment: { "a-0": "n1" } });
  const svg = drawPlan(of, planOf(of, { "a-0": "n1" }));
  t.deepEqual(replicasShown(svg), [1, 1]);
  t.regex(svg, /1 replica nowhere/);
  t.regex(svg, /nothing runs here/);
  t.notRegex(svg, /NaN|Infinity|undefined/);
});

test("drawPlan() escapes names, and cuts long ones with the whole in the title", (t) => {
  const evil = `<script>alert("1")</script>&'${"x".repeat(80)}\u0000\u001b\u202e\ud800`;
  const of = problem({ name: evil, nodes: [node(evil)], services: [service(evil, 1), service("b", 1)], traffic: [edge(evil, "b", 1)] });
  const svg = drawPlan(of, planOf(of, { [`${evil}-0`]: evil, "b-0": evil }));
  const elements = all(parseXml(svg));
  t.false(elements.some(({ name }) => name === "script"));
  const shown = evil.replace(/\p{Cc}|\u202e|\ud800$/gu, "\uFFFD").toWellFormed();
  t.true(elements.some(({ name, text }) => name === "title" && text.startsWith(`${shown}: 1 of 1 here`)));
  t.true(elements.filter(({ name, text }) => name === "text" && text.endsWith("…")).length >= 2);
});

test("drawPlan() is well-formed and without a figure that is none, over 60 problems at random", (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const { problem: of, assignment } = randomCase(seed);
    const svg = drawPlan(of, planOf(of, assignment));
    t.notThrows(() => parseXml(svg), `seed ${seed}`);
    t.notRegex(svg.replace(/<style>[^<]*<\/style>/, ""), /NaN|Infinity|undefined/, `seed ${seed}`);
  }
});

test("placeBoxes() keeps boxes apart, rows apart within their box, and every replica in a row, over 100 problems at random", (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    const { problem: of, assignment } = randomCase(seed);
    const scene = sceneOf(of, planOf(of, assignment));
    for (const [at, { nodes, height }] of placeBoxes(scene).entries()) {
      const shown = nodes.flatMap(({ chips }) => chips).reduce((sum, { count }) => sum + count, 0);
      const placed = scene.panels[at]!.placement.nodesOf.reduce((sum, each) => sum + each.filter((node) => node >= 0).length, 0);
      t.is(shown, placed, `seed ${seed}`);
      for (const [index, { box, chips }] of nodes.entries()) {
        t.true(box.y + box.height <= height + 1e-9);
        for (const { box: other } of nodes.slice(index + 1)) t.false(overlaps(box, other), `seed ${seed}`);
        for (const [row, { box: chip }] of chips.entries()) {
          t.true(
            chip.x >= box.x && chip.x + chip.width <= box.x + box.width && chip.y >= box.y && chip.y + chip.height <= box.y + box.height,
          );
          for (const { box: other } of chips.slice(row + 1)) t.false(overlaps(chip, other), `seed ${seed}`);
        }
      }
    }
  }
});

test("placeTiles() keeps tiles of any number of nodes apart and within the panel", (t) => {
  for (const count of [1, 48, 49, 96, 160, 161, 700, 701, 2000, 5000]) {
    const { tiles, height } = placeTiles(count);
    t.is(tiles.length, count);
    for (const [at, tile] of tiles.entries()) {
      t.true(tile.x + tile.width <= tilesWidth && tile.y + tile.height <= height);
      // Neighbours are enough: rows and columns are regular.
      for (const other of tiles.slice(at + 1, at + 120)) if (overlaps(tile, other)) t.fail(`${count} tiles: ${at} overlaps`);
    }
  }
});

test("flowsOf() shares all of a pair's traffic out, and keeps on nodes what planReport() says, over 100 problems at random", (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    if (seed % 4 === 0) continue; // replicas that are nowhere say nothing
    const { problem: of, assignment } = randomCase(seed);
    const scene = sceneOf(of, planOf(of, assignment));
    const panel = scene.panels.at(-1)!;
    const flows = flowsOf(scene, panel);
    const sum = (amounts: readonly number[]): number => amounts.reduce((all, amount) => all + amount, 0);
    const whole = sum(scene.pairs.map(({ amount }) => amount));
    t.true(Math.abs(sum(flows.map(({ amount }) => amount)) - whole) < 1e-6 * Math.max(1, whole), `seed ${seed}`);
    if (scene.unit !== "messages" || whole === 0) continue;
    const local = sum(flows.filter(({ nodeA, nodeB }) => nodeA === nodeB).map(({ amount }) => amount));
    t.true(Math.abs(local / whole - panel.report.onNodeMessages) < 1e-9, `seed ${seed}`);
  }
});
