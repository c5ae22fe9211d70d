import test from "ava";
import { drawCurve } from "../../src/draw/curve-svg.ts";
import { drawFront } from "../../src/draw/front-svg.ts";
import { drawResponse } from "../../src/draw/response-svg.ts";
import { linearScale, logScale } from "../../src/draw/scale.ts";
import { all, type Element, parseXml } from "./xml.ts";

const texts = (svg: string): string[] => all(parseXml(svg)).flatMap(({ name, text }) => (name === "text" ? [text] : []));
const dots = (svg: string): readonly Element[] =>
  all(parseXml(svg)).filter(({ name, children }) => name === "circle" && children[0]?.text !== "");
const curve = [0, 100, 400, 1500, 3485].map((moves) => ({ moves, bytes: moves * 1e6, onNode: 0.1 + moves / 4000, objective: 0.5 }));
const front = [0, 0.05, 0.5, 1].map((weight) => ({
  weight,
  onNode: 0.9 - 0.6 * weight,
  imbalance: 0.2 - 0.15 * weight,
  objective: 0.3,
  assignment: {},
}));
const response = [100, 200, 300].map((rate) => ({ rate, mean: rate / 1e5, p50: rate / 2e5, p95: rate / 4e4, p99: rate / 1e4 }));

test("linearScale() ends at round ticks around what it shows, however large or small", (t) => {
  t.deepEqual(linearScale(0, 97, 0, 500, 5).ticks, [0, 20, 40, 60, 80, 100]);
  t.deepEqual(linearScale(0, 0.3, 0, 1, 3).ticks, [0, 0.1, 0.2, 0.3]);
  t.deepEqual(linearScale(-3, 3, 0, 1, 3).ticks, [-4, -2, 0, 2, 4]);
  t.deepEqual(linearScale(5, 5, 0, 1, 5).ticks, [5, 6, 7, 8, 9, 10]);
  t.is(linearScale(0, 100, 50, 150, 5).at(50), 100);
});

test("logScale() has ticks at 1, 2 and 5 of each decade, and at decades alone over many", (t) => {
  t.deepEqual(logScale(0.002, 0.1, 0, 1).ticks, [0.002, 0.005, 0.01, 0.02, 0.05, 0.1]);
  t.deepEqual(logScale(1e-6, 1, 0, 1).ticks, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]);
});

test("drawCurve() has a dot a point, moves and shares as axes with units, and the ends and the chosen point labelled", (t) => {
  const svg = drawCurve(curve, { name: "industrial", chosenMoves: 1500 });
  t.is(dots(svg).length, 5);
  for (const expected of [
    "industrial: what moves gain",
    "traffic kept on its node [%]",
    "48 %, 1500 moves",
    "10 %, 0 moves",
    "97 %, 3485 moves",
  ]) {
    t.true(texts(svg).includes(expected), `${expected} in ${texts(svg)}`);
  }
  t.is(dots(svg).filter(({ attributes }) => attributes.r === "7").length, 1);
});

test("drawFront() puts imbalance on x and traffic between nodes on y, and marks the chosen weight", (t) => {
  const svg = drawFront(front, 0.05, "shop");
  t.is(dots(svg).length, 4);
  const chosen = dots(svg).find(({ attributes }) => attributes.class === "dot remote");
  t.is(chosen?.children[0]?.text, "weight 0.05: 13 % of traffic between nodes, imbalance 19 %, objective 0.3");
  t.true(texts(svg).includes("this plan, weight 0.05"));
});

test("drawResponse() draws each figure of each series, measured points apart, and leaves out what is not finite", (t) => {
  const overloaded = { rate: 400, mean: Number.POSITIVE_INFINITY, p50: Number.NaN, p95: 0, p99: 1 };
  const svg = drawResponse([
    { name: "mitsu.json", points: [...response, overloaded], measured: [{ rate: 200, p99: 0.019 }] },
    { name: "other.json", points: response },
  ]);
  t.is(dots(svg).filter(({ attributes }) => attributes.class?.startsWith("dot")).length, 2 * 3 * 4 + 1);
  const measured = dots(svg).filter(({ attributes }) => attributes.class?.startsWith("hollow"));
  t.deepEqual(
    measured.map(({ children }) => children[0]?.text),
    ["measured: mitsu.json, p99 at 200 requests a second: 19.0 ms"],
  );
  for (const expected of ["mitsu.json", "other.json", "p99", "measured", "requests a second [1/s]", "10 ms"])
    t.true(texts(svg).includes(expected), expected);
  t.notRegex(svg, /NaN|Infinity/);
});

test("charts draw no points, one point, and names with markup", (t) => {
  for (const svg of [
    drawCurve([]),
    drawCurve(curve.slice(0, 1), { name: "<b>&" }),
    drawFront([], 0.05),
    drawFront(front.slice(0, 1), 0, "</svg>"),
    drawResponse([]),
    drawResponse([{ name: "<i>", points: response.slice(0, 1) }]),
  ]) {
    t.notThrows(() => parseXml(svg));
    t.notRegex(svg, /NaN|Infinity|undefined/);
  }
});
