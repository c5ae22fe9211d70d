#!/usr/bin/env node
/**
 * Runs the measurements of replica-selection.sh, one after the other, and appends a line of JSON for each.
 *
 *     node bench/lib/replica-selection-run.ts PLAN.json
 *
 * PLAN.json is a {@link Run}. SIGTERM or SIGINT: what runs is ended, then this.
 *
 * @module
 */
import { appendFileSync, readFileSync } from "node:fs";
import type { Paths } from "./replica-selection-cluster.ts";
import { removeGroups } from "./replica-selection-groups.ts";
import { type PlanOptions, planPoints } from "./replica-selection-plan.ts";
import { measure } from "./replica-selection-point.ts";
import { stopAll } from "./replica-selection-process.ts";
import type { Common, Point } from "./replica-selection-setting.ts";

/** All that this is told. */
export interface Run {
  readonly common: Common;
  readonly paths: Paths;
  readonly plan: PlanOptions;
  readonly raw: string;
  readonly withReplicad: boolean;
}

const run = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Run;
const points = planPoints(run.plan, run.common);
let interrupted = false;
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.on(signal, () => {
    interrupted = true;
    void stopAll().then(() => {
      removeGroups(run.paths.unique);
      process.exit(130);
    });
  });

const told = ({ scenario, rep, policy, load, intervalMs, brokerLost, how }: Point): string =>
  `${scenario} ${policy} at ${load}, repetition ${rep}${scenario === "age" ? (brokerLost ? ", broker lost" : `, every ${intervalMs} ms`) : ""}${how ? `, ${how}` : ""}`;

const seconds = points.reduce((sum, point) => sum + point.seconds + 7, 0);
process.stderr.write(`replica-selection: ${points.length} measurements, about ${Math.ceil(seconds / 60)} minutes\n`);
let failures = 0;
// Measurements that the machine spoiled are made again, a quarter as many times in all as there are.
let patience = points.length >> 2;
for (const [at, point] of points.entries()) {
  process.stderr.write(`[${at + 1}/${points.length}] ${told(point)}\n`);
  for (;;) {
    try {
      const sample = await measure(point, run.common, run.paths, run.withReplicad);
      const again = sample.spoiled.length > 0 && patience-- > 0;
      if (!again) appendFileSync(run.raw, `${JSON.stringify(sample)}\n`);
      const { latency, failed } = sample.seen;
      const figures = latency === null ? "nothing answered" : `mean ${latency.mean.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms`;
      process.stderr.write(`  ${figures}${Object.keys(failed).length > 0 ? `, failed ${JSON.stringify(failed)}` : ""}\n`);
      if (sample.spoiled.length > 0) process.stderr.write(`  spoiled: ${sample.spoiled.join("; ")}${again ? "; again" : ""}\n`);
      if (!again) break;
    } catch (error) {
      await stopAll();
      if (interrupted) break;
      removeGroups(run.paths.unique);
      failures++;
      process.stderr.write(`  !!! failed: ${(error as Error).stack ?? error}\n`);
      break;
    }
  }
  if (interrupted) break;
}
if (!interrupted) process.stdout.write(`${failures}\n`);
