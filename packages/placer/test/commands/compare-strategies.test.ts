/** What each strategy makes of the social network, beside each other: as `compare` judges it, not as the strategies say. */
import test from "ava";
import { socialNetwork } from "../../src/generate/social-network.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { type StrategyName, strategyNames } from "../../src/solve/strategy.ts";
import { planFolder } from "./plan-files.ts";

/** What `compare --json` says of one plan, as far as it is looked at here. */
interface Row {
  readonly plan: string;
  readonly strategy: StrategyName;
  readonly onNode: number;
  readonly onNodeMessages: number;
  readonly objective: number;
  readonly imbalance: number;
  readonly broken: Readonly<Record<string, readonly string[]>>;
}

test("placer compare of every strategy: rules are kept, exact is the best, mitsu as good, and baselines leave several times the traffic between nodes", async (t) => {
  t.timeout(60_000, "exact takes some 2 s on an idle machine");
  const { placer, read } = planFolder(t, socialNetwork(), {});
  for (const strategy of strategyNames) {
    const { status, err } = await placer("plan", "problem.yaml", "-s", strategy, "--deadline", "30", "-o", `${strategy}.json`);
    t.is(status, 0, err);
  }
  const { out } = await placer("compare", "--json", ...strategyNames.map((name) => `${name}.json`));
  const rows = (JSON.parse(out) as { plans: readonly Row[] }).plans;
  t.deepEqual(
    rows.map(({ plan, strategy }) => [plan, strategy]),
    strategyNames.map((name) => [`${name}.json`, name]),
  );
  for (const { broken, plan } of rows) t.deepEqual(broken, {}, plan);
  const of = (name: StrategyName): Row => rows.find(({ strategy }) => strategy === name)!;
  // What a plan says of itself is what the comparison finds, where both are read with the same weight.
  for (const name of ["mitsu", "exact", "kubernetes"] as const) {
    const { report } = JSON.parse(read(`${name}.json`)) as Plan;
    t.deepEqual([of(name).onNode, of(name).objective], [report.onNode, report.objective], name);
  }
  for (const { objective, plan } of rows) t.true(of("exact").objective <= objective + 1e-9, plan);
  t.true(of("mitsu").objective - of("exact").objective < 1e-6);
  for (const { onNode, plan } of rows) t.true(of("traffic").onNode >= onNode - 1e-9, plan);
  for (const { imbalance, plan } of rows) t.true(of("balance").imbalance <= imbalance + 1e-9, plan);
  for (const name of ["kubernetes", "round-robin"] as const)
    t.true(1 - of(name).onNodeMessages > 4 * (1 - of("mitsu").onNodeMessages), `${name} ${of(name).onNodeMessages}`);
});
