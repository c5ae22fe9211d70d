/** Rules as rows of the table in RTL give the verdicts of the reference. @module */
import { softwareMatchAction } from "@mitsu/hal";
import { openMatchTableDevice } from "@mitsu/hdl-bindings/devices";
import test from "ava";
import { rtlTest } from "../../../hdl-bindings/test/rtl-test.ts";
import type { StagedRule } from "../../src/rules/back-end.ts";
import { RuleEvaluator } from "../../src/rules/evaluate.ts";
import { ipBytes, masked } from "../../src/rules/ip-prefix.ts";
import { allow, matchAll } from "../../src/rules/ir.ts";
import { ruleTable } from "../../src/rules/rtl/rule-table.ts";
import { tableJudge } from "../../src/rules/rtl/table-judge.ts";
import { random, randomRequest, randomRules } from "./random-rules.ts";

/** Rules by who asks, port and address. */
function tableRules(next: () => number, count: number): readonly StagedRule[] {
  let prefixes = 0;
  return randomRules(next, { rules: count, connectionsOnly: true }).rules.map((rule) => {
    if (next() > 0.4 || prefixes > 50) return { rule, pass: false };
    const length = next() < 0.4 ? 32 : 8 * Math.ceil(next() * 3);
    const bytes = masked(ipBytes(["10.0.0.1", "10.1.2.3", "192.168.7.9"][Math.floor(next() * 3)]!)!, length);
    // A row for each caller and port.
    const { match } = rule;
    if (length < 32) prefixes += Math.max(1, match.from.length) * Math.max(1, match.ports.length);
    return { rule: { ...rule, match: { ...match, sources: [{ bytes, length }] } }, pass: next() < 0.1 };
  });
}

function agrees(device: () => ReturnType<typeof softwareMatchAction>, seed: number, rounds: number): string | undefined {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const rules = tableRules(next, 1 + Math.floor(next() * 40));
    const judge = tableJudge(device(), ruleTable(rules));
    const reference = new RuleEvaluator({
      services: [],
      rules: [...rules.map(({ rule, pass }) => (pass ? { ...rule, acts: allow } : rule)), { name: "none", match: matchAll, acts: allow }],
    });
    for (let turn = 0; turn < 60; turn++) {
      const request = randomRequest(next);
      const expected = reference.judge(request, 0n);
      const got = judge(request);
      if (got.deny !== (expected.status !== null) || got.rule !== (expected.rule === "none" ? undefined : expected.rule))
        return JSON.stringify({ round, request, got, expected: expected.rule, rules: rules.map(({ rule }) => rule) });
    }
  }
  return undefined;
}

test("ruleTable() in a table in software judges as the reference does: 40 rule sets, 60 requests each", (t) => {
  t.is(
    agrees(() => softwareMatchAction(), 3, 40),
    undefined,
  );
});

rtlTest(
  "ruleTable() in the model of match_table judges as the reference does: 6 rule sets, 60 requests each",
  { needs: ["models"] },
  async (t) => {
    const opened: { close(): void }[] = [];
    t.teardown(() => opened.forEach(({ close }) => void close()));
    const tables = await Promise.all(
      Array.from({ length: 6 }, () => openMatchTableDevice({ seed: () => 0x1234_5678_9abc_def0_1357_9bdf_2468_ace0_1122n })),
    );
    opened.push(...tables);
    let at = 0;
    t.is(
      agrees(() => tables[at++]!.device, 4, 6),
      undefined,
    );
  },
);
