import test from "ava";
import { aStar } from "../../src/hda/a-star.ts";
import type { Domain } from "../../src/hda/domain.ts";
import { GridMap } from "../../src/hda/grid-map.ts";
import { korf } from "../../src/hda/korf.ts";
import { twinMesh } from "../../src/hda/mesh.ts";
import { simulateHda } from "../../src/hda/simulate.ts";
import { heapCycles, SimulatedElement, scaledCycles, usualCycles } from "../../src/hda/simulated-element.ts";
import { draws } from "../async-engine/draws.ts";

const grid = (seed: number, side = 20): Domain => new GridMap({ width: side, height: side, blocked: 0.3, seed });
const long = process.env.MITSU_TEST_ALL === "1";

test("simulateHda() finds A*'s cost for P = 1 to 16 on small grids and puzzles, without a way too", (t) => {
  for (let elements = 1; elements <= 16; elements++)
    for (let nth = 0; nth < (long ? 20 : 3); nth++) {
      const domain = nth % 3 === 2 ? korf([1, 12, 55][elements % 3]!, 14 + elements) : grid(elements * 31 + nth);
      const outcome = simulateHda(domain, { elements, latency: 1 + ((elements * 7 + nth * 5) % 30) });
      t.is(outcome.cost, aStar(domain).cost, `${domain.name}, ${elements} elements, ${nth}`);
    }
});

test("simulateHda() never ends early when elements withhold their ears: adversarial seeds", (t) => {
  for (let seed = 0; seed < (long ? 300 : 30); seed++) {
    const random = draws(seed);
    const elements = 2 + (seed % 15);
    const deaf = Array.from({ length: elements }, () => (random() < 0.3 ? 0.02 : random()));
    const domain = grid(seed, 14);
    // mustBeQuiet() within throws ERR_HDA_EARLY.
    const outcome = simulateHda(domain, {
      elements,
      latency: 1 + Math.floor(random() * 60),
      blocking: seed % 4 === 3,
      depth: [16, 32, 64][seed % 3]!,
      listens: (element) => random() < deaf[element]!,
      mostCycles: 2_000_000,
    });
    t.is(outcome.cost, aStar(domain).cost, `seed ${seed}`);
  }
});

test("simulateHda() blocking finds the same cost, later, and is mostly stalled", (t) => {
  const domain = korf(12, 37);
  const [free, blocking] = [false, true].map((is) => simulateHda(domain, { elements: 8, latency: 10, blocking: is }));
  t.is(blocking!.cost, 37);
  t.is(free!.cost, 37);
  t.true(blocking!.cycles > 1.5 * free!.cycles);
  t.true(blocking!.stalled > 0.3 && free!.stalled < 0.05);
});

test("simulateHda(): 16 elements at latency 10 are at least 12 times as fast as one on Korf's instance 12", (t) => {
  const domain = korf(12);
  const one = simulateHda(domain, { elements: 1, latency: 10 });
  const many = simulateHda(domain, { elements: 16, latency: 10 });
  t.is(many.cost, one.cost);
  t.true(one.cycles / many.cycles >= 12, `${one.cycles / many.cycles}`);
  t.true(Math.abs(many.busy + many.stalled + many.idle - 1) < 1e-9);
});

test("simulateHda() of one element, without a mesh, takes the cycles that one takes on a mesh", (t) => {
  const domain = korf(12, 33);
  const mesh = twinMesh(2, 64, 10);
  const one = new SimulatedElement(domain, 0, 1, usualCycles, false);
  for (; !one.element.ended; mesh.step()) one.clock(mesh.nodes[0]!, true);
  const { cycles, busy } = simulateHda(domain, { elements: 1, latency: 10 });
  t.is(cycles, mesh.cycle);
  t.is(busy, 1);
});

test("scaledCycles() scales all costs up to whole cycles; work of half the cost takes one element half the time", (t) => {
  t.deepEqual(scaledCycles(1), usualCycles);
  t.deepEqual(scaledCycles(2, heapCycles), { pop: 0, popLevel: 4, generate: 8, lookUp: 8, push: 0, pushLevel: 2, control: 4 });
  t.is(scaledCycles(0.5, heapCycles).pushLevel, 1);
  const [whole, half] = [1, 0.5].map((factor) => simulateHda(korf(12, 33), { elements: 1, latency: 10, cycles: scaledCycles(factor) }));
  t.true(Math.abs(whole!.cycles / half!.cycles - 2) < 0.01);
});

test("simulateHda() gives up past mostCycles, and refuses what is no number of elements", (t) => {
  t.throws(() => simulateHda(korf(12), { elements: 1, latency: 10, mostCycles: 1000 }), { code: "ERR_HDA_CYCLES" });
  for (const elements of [0, -1, 1.5, Number.NaN])
    t.throws(() => simulateHda(korf(12), { elements, latency: 10 }), { code: "ERR_HDA_ELEMENTS" });
  t.throws(() => simulateHda(korf(12), { elements: 32, latency: 10 }), { code: "ERR_RTL_PARAMETER" });
  t.throws(() => simulateHda(korf(12), { elements: 4, latency: 10, mostCycles: 1000 }), { code: "ERR_HDA_CYCLES" });
});
