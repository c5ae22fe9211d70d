import { existsSync } from "node:fs";
import test from "ava";
import { aStar } from "../../src/hda/a-star.ts";
import type { Domain } from "../../src/hda/domain.ts";
import { GridMap } from "../../src/hda/grid-map.ts";
import { korf } from "../../src/hda/korf.ts";
import { type MakeMesh, twinMesh } from "../../src/hda/mesh.ts";
import { openRtlMesh, rtlNodes } from "../../src/hda/rtl-mesh.ts";
import { type HdaOptions, simulateHda } from "../../src/hda/simulate.ts";
import { draws } from "../async-engine/draws.ts";
import { modelTest } from "../rtl-test.ts";

const built = ["async_mesh", "async_mesh_2", "async_mesh_8", "async_mesh_16"].every((name) =>
  existsSync(new URL(`../../models/${name}.wasm`, import.meta.url)),
);
const long = process.env.MITSU_TEST_ALL === "1";
const grid = (seed: number, side: number): Domain => new GridMap({ width: side, height: side, blocked: 0.3, seed });

/** A search with everything that came out of receive rings: cycle, receiver and message. */
function traced(domain: Domain, options: HdaOptions): { readonly outcome: unknown; readonly trace: readonly string[] } {
  const trace: string[] = [];
  const outcome = simulateHda(domain, {
    ...options,
    onDelivery: (cycle, { to, kind, low, high, move, value }) => trace.push(`${cycle}: ${to} ${kind} ${low} ${high} ${move} ${value}`),
  });
  return { outcome, trace };
}

async function mustAgree(domain: Domain, options: HdaOptions, mesh: MakeMesh, same: (one: unknown, other: unknown, what: string) => void) {
  const what = `${domain.name}, ${options.elements} elements, latency ${options.latency}, ${options.blocking ? "blocking" : "asynchronous"}`;
  const both = { ...options, nodes: rtlNodes(options.elements) };
  const [rtl, twin] = [traced(domain, { ...both, mesh }), traced(domain, { ...both, mesh: twinMesh })];
  same(rtl.trace.length, twin.trace.length, `${what}: deliveries`);
  const differs = rtl.trace.findIndex((one, nth) => one !== twin.trace[nth]);
  same(rtl.trace[differs], twin.trace[differs], `${what}: delivery ${differs}`);
  same(rtl.outcome, twin.outcome, what);
  return rtl.trace.length;
}

modelTest("simulateHda() in RTL: the same deliveries in the same cycles, the same outcome as the twin, P = 2 to 16", async (t) => {
  let deliveries = 0;
  for (const elements of long ? [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] : [2, 4, 7, 16]) {
    // One model for all searches: what one leaves in the RTL's memories, the next one's reset has to undo.
    const mesh = await openRtlMesh(elements);
    for (const [latency, blocking] of [
      [1, false],
      [10, false],
      [37, true],
    ] as const)
      deliveries += await mustAgree(korf(12, 24), { elements, latency, blocking }, mesh, (one, other, what) =>
        t.deepEqual(one, other, what),
      );
    deliveries += await mustAgree(grid(elements, 12), { elements, latency: 10 }, mesh, (one, other, what) => t.deepEqual(one, other, what));
  }
  t.true(deliveries > 3000, `${deliveries}`);
});

(built && long ? test : test.skip)(
  "simulateHda() in RTL: Korf's instance 12 by 16 elements, as the twin, at least 12 times as fast as one",
  async (t) => {
    const mesh = await openRtlMesh(16);
    await mustAgree(korf(12), { elements: 16, latency: 10 }, mesh, (one, other, what) => t.deepEqual(one, other, what));
    const many = simulateHda(korf(12), { elements: 16, latency: 10, mesh });
    const one = simulateHda(korf(12), { elements: 1, latency: 10 });
    t.is(many.cost, one.cost);
    t.true(one.cycles / many.cycles >= 12, `${one.cycles / many.cycles}`);
  },
);

modelTest(
  "simulateHda() in RTL finds A*'s cost for P = 1 to 16 on random grids and puzzles, ears withheld, and never ends early",
  async (t) => {
    const meshes = new Map<number, MakeMesh>();
    for (const nodes of [2, 4, 8, 16]) meshes.set(nodes, await openRtlMesh(nodes));
    for (let seed = 0; seed < (long ? 160 : 16); seed++) {
      const random = draws(1000 + seed);
      const elements = 1 + (seed % 16);
      const deaf = Array.from({ length: elements }, () => (random() < 0.3 ? 0.1 : random()));
      const domain = seed % 3 === 2 ? korf([1, 12, 55][elements % 3]!, 12 + elements) : grid(seed, long ? 14 : 10);
      // mustBeQuiet() within throws ERR_HDA_EARLY.
      const outcome = simulateHda(domain, {
        elements,
        latency: 1 + Math.floor(random() * (long ? 60 : 30)),
        blocking: seed % 4 === 3,
        listens: (element) => random() < deaf[element]!,
        mostCycles: 2_000_000,
        mesh: meshes.get(rtlNodes(elements))!,
      });
      t.is(outcome.cost, aStar(domain).cost, `seed ${seed}`);
    }
  },
);

modelTest("openRtlMesh() refuses what its models are not", async (t) => {
  await t.throwsAsync(openRtlMesh(17), { code: "ERR_RTL_PARAMETER" });
  await t.throwsAsync(openRtlMesh(0), { code: "ERR_RTL_PARAMETER" });
  const mesh = await openRtlMesh(4);
  const search = (options: Partial<HdaOptions>) => () => simulateHda(grid(1, 8), { elements: 4, latency: 10, mesh, ...options });
  t.throws(search({ elements: 5 }), { code: "ERR_RTL_PARAMETER", message: /5 nodes by a model of 4/ });
  t.throws(search({ depth: 32 }), { code: "ERR_RTL_PARAMETER" });
  t.throws(search({ latency: 256 }), { code: "ERR_RTL_PARAMETER" });
  t.throws(search({ latency: 0 }), { code: "ERR_RTL_PARAMETER" });
});
