#!/usr/bin/env node
/**
 * Turns the raw lines of replica-selection.sh into medians, simulates the same settings, and prints both side by side.
 *
 *     node bench/report/replica-selection.ts raw.jsonl --plan plan.json --out bench/out --meta quick=no [--json] [--strict]
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judgedLoad } from "../lib/replica-selection-plan.ts";
import type { Sample } from "../lib/replica-selection-point.ts";
import type { Run } from "../lib/replica-selection-run.ts";
import { simulationArguments } from "../lib/replica-selection-setting.ts";
import { renderSelectionChart } from "./replica-chart.ts";
import { keyOf, orderOf, type Point, parseSamples, predictionErrors, type Simulated, seenIn, toPoints } from "./replica-points.ts";
import { renderSelection } from "./replica-table.ts";
import { judgeSelection } from "./replica-targets.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    plan: { type: "string", default: "plan.json" },
    out: { type: "string", default: "bench/out" },
    meta: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
  },
});
const meta = Object.fromEntries(values.meta.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
const { common } = JSON.parse(readFileSync(values.plan, "utf8")) as Run;
const samples = parseSamples(readFileSync(positionals[0]!, "utf8"));
const seen = seenIn(samples);
/** Seeds of the simulation: a run takes a fraction of a second, so there are more than repetitions. */
const runs = meta.quick === "yes" ? 5 : 9;

/** Simulates what was measured: one call for all that differs in policy and load only. */
function simulateAll(): ReadonlyMap<string, Simulated> {
  const told = new Map<string, Simulated>();
  const compared = samples.filter(({ scenario }) => scenario === "varying" || scenario === "equal" || scenario === "age");
  const groups = Map.groupBy(compared, ({ scenario, intervalMs, brokerLost, policy }) =>
    scenario === "age" ? `age ${policy} ${intervalMs} ${brokerLost}` : scenario,
  );
  for (const [name, group] of groups) {
    process.stderr.write(`simulating ${name}\n`);
    const policies = [...new Set(group.map(({ policy }) => policy))];
    const loads = [...new Set(group.map(({ load }) => load))];
    const argv = simulationArguments(group[0]!, common, seen, { policies, loads, runs });
    const program = join(import.meta.dirname, "../../packages/replicad/src/main.ts");
    const { results } = JSON.parse(
      execFileSync(process.execPath, [program, ...argv], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 28 }),
    ) as { readonly results: readonly Simulated[] };
    for (const one of results) {
      const of: Sample | undefined = group.find(({ policy, load }) => policy === one.policy && load === one.load);
      if (of) told.set(keyOf(of), one);
    }
  }
  return told;
}

const simulated = meta.simulation === "no" ? new Map<string, Simulated>() : simulateAll();
const points = toPoints(samples, simulated);
const judged = points.filter(({ first }) => first.scenario === "varying" && first.load === judgedLoad);
// Where everything was spoiled, order and errors are shown all the same, and judge nothing.
const all = points.every(({ spoiled }) => spoiled);
const shown = (some: readonly Point[]): readonly Point[] => (all ? some.map((point) => ({ ...point, spoiled: false })) : some);
const orders = (["p99", "mean"] as const).flatMap((figure) => orderOf(shown(judged), figure) ?? []);
const errors = predictionErrors(shown(points));
const targets = judgeSelection(points, orderOf(judged, "p99"));

const date = new Date().toISOString();
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`;
const report = {
  meta: { ...meta, date, machine },
  common,
  seen,
  targets,
  orders,
  errors,
  points: points.map(({ samples: _samples, first, ...rest }) => ({ ...rest, rate: first.rate })),
  samples,
};
const whole = `${JSON.stringify(report, null, 1)}\n`;
mkdirSync(values.out, { recursive: true });
const file = join(values.out, `replica-selection-${date.slice(0, 19).replaceAll(":", "").replace("T", "-")}.json`);
// Of nothing else there is a picture.
const picture = points.some(({ first }) => first.scenario === "varying") ? join(values.out, "replica-selection.svg") : null;
writeFileSync(file, whole);
if (picture !== null)
  writeFileSync(
    picture,
    renderSelectionChart(points, `${machine}, ${date.slice(0, 10)}, ${common.nodes} nodes, ${common.replicas} replicas`),
  );
if (values.json) process.stdout.write(whole);
else {
  process.stdout.write(renderSelection({ common, seen, points, errors, orders, targets }));
  if (meta.quick === "yes") console.log("A quick run: one repetition of a few seconds; figures are indicative only.");
  if (points.some(({ spoiled }) => spoiled))
    console.log("!: every repetition was spoiled by what else the machine did; these judge nothing.");
  if (Number(meta.failures) > 0) console.log(`FAILED measurements: ${meta.failures}`);
  console.log([file, ...(picture === null ? [] : [picture])].join("\n"));
}
if (values.strict && (Number(meta.failures) > 0 || targets.some(({ state }) => state !== "met"))) process.exitCode = 1;
