import { createLog, testEnv } from "@mitsu/cli";
import { MitsuError } from "@mitsu/cli/error";
import test from "ava";
import { exact, solveWith } from "../../src/exact/exact.ts";
import { Highs } from "../../src/exact/highs.ts";
import { compile } from "../../src/solve/compile.ts";
import { evaluate } from "../../src/solve/objective.ts";
import type { Budget, SolveOptions } from "../../src/solve/strategy.ts";
import { bruteForce, keepsAll } from "./brute-force.ts";
import { type Spice, tinyProblem } from "./tiny-problem.ts";

function options(weight: number, budget: Budget | null = null): SolveOptions {
  return { seed: 1, deadlineMs: 20_000, startedAtMs: Date.now(), weight, budget, workers: 1, log: createLog(testEnv()), progress() {} };
}

const runs = process.env.MITSU_TEST_ALL === "1" ? 400 : 40;
const kinds: Readonly<Record<string, readonly Spice[]>> = {
  "capacities alone": [],
  affinity: ["affinity"],
  "anti-affinity": ["antiAffinity"],
  spread: ["spread"],
  "allowed nodes and pins": ["nodes", "pinned"],
  "wishes of every kind": ["affinity", "antiAffinity", "spread", "wishes"],
  everything: ["affinity", "antiAffinity", "spread", "nodes", "pinned", "wishes"],
};

const highs = new Highs();
test.after.always(() => highs.close());

for (const [name, spices] of Object.entries(kinds)) {
  for (const weight of [0.05, 0.6]) {
    test.serial(`exact() answers as trying every placement does, with ${name}, weight ${weight}`, async (t) => {
      let feasible = 0;
      for (let seed = 0; seed < runs; seed++) {
        const instance = compile(tinyProblem(seed, spices, 1.3 + (seed % 5) / 4));
        const budget =
          seed % 4 === 1
            ? { moves: 2, bytes: Number.POSITIVE_INFINITY }
            : seed % 4 === 3
              ? { moves: Number.POSITIVE_INFINITY, bytes: 6 }
              : null;
        const best = bruteForce(instance, weight, budget);
        if (best === null) {
          const error = await t.throwsAsync(
            solveWith(highs, instance, options(weight, budget), null),
            { instanceOf: MitsuError },
            `seed ${seed}`,
          );
          t.is(error?.code, "ERR_PLACER_INFEASIBLE", `seed ${seed}`);
          continue;
        }
        feasible++;
        const { nodeOf, proof } = await solveWith(highs, instance, options(weight, budget), null);
        t.true(keepsAll(instance, nodeOf, budget), `seed ${seed}`);
        t.true(
          Math.abs(evaluate(instance, nodeOf, weight).objective - best) < 1e-6,
          `seed ${seed}: ${evaluate(instance, nodeOf, weight).objective}, best ${best}`,
        );
        t.is(proof?.status, "optimal", `seed ${seed}`);
        t.true(proof!.bound <= best + 1e-9);
      }
      t.true(feasible > runs / 4);
      t.log(`${feasible} of ${runs} feasible`);
    });
  }
}
