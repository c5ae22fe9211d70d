/** Rules as a module give the verdicts of the reference. @module */
import test from "ava";
import { RuleEvaluator } from "../../src/rules/evaluate.ts";
import { rulesModule } from "../../src/rules/wasm/rules-module.ts";
import { random, randomRequest, randomRules } from "./random-rules.ts";
import { WasmRunner } from "./wasm-runner.ts";

const sorted = (headers: readonly (readonly [string, string])[]): string[] => headers.map((pair) => pair.join("=")).sort();

test("rulesModule() judges as the reference does: 25 rule sets, 200 requests each, with limits, samples and counters", async (t) => {
  const next = random(9);
  const seen = new Set<string>();
  for (let round = 0; round < 25; round++) {
    const set = randomRules(next, { rules: 1 + Math.floor(next() * 40) });
    const reference = new RuleEvaluator(set);
    const module = await WasmRunner.of(rulesModule(set.rules).bytes);
    for (let turn = 0; turn < 200; turn++) {
      const request = randomRequest(next);
      module.nowNs += BigInt(Math.floor(next() * 1_000_000));
      const expected = reference.judge(request, module.nowNs);
      const got = module.judge(request);
      seen.add(String(expected.status));
      if (expected.status !== got.status || sorted(expected.headers).join("\n") !== sorted(got.headers).join("\n")) {
        t.deepEqual(
          { ...got, headers: sorted(got.headers) },
          { status: expected.status, headers: sorted(expected.headers) },
          JSON.stringify({ round, turn, request, rule: expected.rule }),
        );
        return;
      }
    }
    for (const [name, count] of reference.counts) t.is(module.counts.get(`rules.${name}`), count);
    t.deepEqual(module.traps, []);
  }
  t.deepEqual([...seen].sort(), ["403", "429", "451", "null"]);
});
