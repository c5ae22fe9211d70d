#!/usr/bin/env node
/**
 * Turns a run's raw lines into the table on stdout, a dated JSON file and a picture, named after the benchmark.
 *
 *     node bench/report.ts raw.jsonl --bench same-node --out bench/out --meta reps=3 [--strict]
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renderChart } from "./report/chart.ts";
import { exportRemarks } from "./report/exported.ts";
import { renderFilterChart } from "./report/filters-chart.ts";
import { renderFilterChecks } from "./report/filters-checks.ts";
import { filterLayout } from "./report/filters-names.ts";
import { judgeFilters } from "./report/filters-targets.ts";
import type { Target } from "./report/judge.ts";
import { renderNicChart } from "./report/nic-chart.ts";
import { renderChecks } from "./report/nic-checks.ts";
import { judgeNic, redirectRemarks } from "./report/nic-targets.ts";
import { type Point, spread, toPoints } from "./report/points.ts";
import { renderResponseChart } from "./report/response-chart.ts";
import { type Measurements, parseMeasurements } from "./report/samples.ts";
import { type Layout, nicLayout, renderTable, sameNodeLayout, tracingLayout } from "./report/table.ts";
import { judgeTargets } from "./report/targets.ts";
import { judgeTracing } from "./report/tracing-targets.ts";

/** What is made of one script's measurements. */
interface Bench {
  readonly judge: (measurements: Measurements, points: readonly Point[]) => readonly Target[];
  readonly draw: (points: readonly Point[], caption: string) => string;
  readonly layout: Layout;
  /** The mode that ratios are over; plain unless told. */
  readonly base?: string;
  /** What must be known to read the table. */
  readonly remarks: (points: readonly Point[]) => readonly string[];
}

const benches: Readonly<Record<string, Bench>> = {
  "same-node": { judge: judgeTargets, draw: renderChart, layout: sameNodeLayout, remarks: () => [] },
  "nic-path": { judge: judgeNic, draw: renderNicChart, layout: nicLayout, base: "envoy", remarks: redirectRemarks },
  filters: { judge: judgeFilters, draw: renderFilterChart, layout: filterLayout, base: "nicd-none", remarks: () => [] },
  tracing: { judge: judgeTracing, draw: renderResponseChart, layout: tracingLayout, remarks: exportRemarks },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bench: { type: "string", default: "same-node" },
    out: { type: "string", default: "bench/out" },
    meta: { type: "string", multiple: true, default: [] },
    strict: { type: "boolean", default: false },
  },
});
const bench = benches[values.bench];
if (!bench) throw new RangeError(`--bench ${values.bench}: expected one of ${Object.keys(benches).join(", ")}`);
const measurements = parseMeasurements(readFileSync(positionals[0] ?? "raw.jsonl", "utf8"));
const points = toPoints(measurements.samples, bench.base);
const targets = bench.judge(measurements, points);
const date = new Date().toISOString();
const noise = measurements.samples.length > 0 ? spread(measurements.samples.map((s) => s.foreignCpu)) : undefined;
const meta = {
  date,
  kernel: release(),
  cpu: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
  loadAverage: loadavg()[0],
  foreignCpu: noise,
  ...Object.fromEntries(values.meta.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)])),
} as Readonly<Record<string, unknown>>;

const file = join(values.out, `${values.bench}-${date.slice(0, 19).replaceAll(":", "").replace("T", "-")}.json`);
const picture = points.length > 0 ? join(values.out, `${values.bench}.svg`) : null;
mkdirSync(values.out, { recursive: true });
writeFileSync(file, `${JSON.stringify({ meta, targets, points, ...measurements }, null, 1)}\n`);
if (picture !== null) writeFileSync(picture, bench.draw(points, `${meta.cpu}, Linux ${meta.kernel}, ${date.slice(0, 10)}`));

process.stdout.write(renderChecks(measurements.checks));
process.stdout.write(renderFilterChecks(measurements.checks));
process.stdout.write(renderTable(points, targets, process.stdout.isTTY && !process.env.NO_COLOR, bench.layout));
if (meta.quick === "yes") console.log("A quick run: one repetition of one second; figures are indicative only.");
for (const remark of bench.remarks(points)) console.log(remark);
if (meta.otlp === "no")
  console.log("This sockhijack has no --otlp: its traced modes made spans and exported none, which costs less than exporting.");
if (meta.absent) console.log(`NOT AVAILABLE and not measured: ${meta.absent}`);
if (measurements.failed.length > 0 || Number(meta.failures) > 0)
  console.log(`FAILED measurements: ${meta.failures}; ${measurements.failed.join(", ")}`);
if (noise)
  console.log(
    `Other programs and the hypervisor took ${(noise.median * 100).toFixed(0)} % of one CPU (up to ${(noise.max * 100).toFixed(0)} %).`,
  );
console.log([file, ...(picture === null ? [] : [picture])].join("\n"));
if (values.strict && targets.some((t) => t.state !== "met")) process.exitCode = 1;
