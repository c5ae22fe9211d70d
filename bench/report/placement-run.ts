#!/usr/bin/env node
/**
 * Turns the raw lines of placement.sh into text on stdout, a dated JSON file and a picture.
 *
 *     node bench/report/placement-run.ts raw.jsonl --out bench/out --meta quick=no [--json] [--strict]
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renderTargets } from "./mqtt-table.ts";
import { renderPlacementChart } from "./placement-chart.ts";
import { parsePlacement } from "./placement-samples.ts";
import { renderPlacementTable } from "./placement-table.ts";
import { judgePlacementRun } from "./placement-targets.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "bench/out" },
    meta: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
  },
});
const date = new Date().toISOString();
const meta: Readonly<Record<string, string>> = {
  date,
  kernel: release(),
  cpu: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
  loadAverage: String(loadavg()[0]),
  ...Object.fromEntries(values.meta.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)])),
};
const run = parsePlacement(readFileSync(positionals[0] ?? "raw.jsonl", "utf8"));
const targets = judgePlacementRun(run);
const file = join(values.out, `placement-${date.slice(0, 19).replaceAll(":", "").replace("T", "-")}.json`);
const picture = join(values.out, "placement.svg");
const body = `${JSON.stringify({ meta, targets, ...run }, null, 1)}\n`;
mkdirSync(values.out, { recursive: true });
writeFileSync(file, body);
const drawn = run.plans.some(({ phase }) => phase !== "small" && phase !== "real");
if (drawn) writeFileSync(picture, renderPlacementChart(run.plans, `${meta.cpu}, Linux ${meta.kernel}, ${date.slice(0, 10)}`));
const remarks = [
  "Everything but `exact's proof` is worked out again from problem and assignment (bench/lib/placement-judge.ts). s: the whole process.",
  ...(meta.quick === "yes" ? ["A quick run; figures are indicative only."] : []),
  [file, ...(drawn ? [picture] : [])].join("\n"),
];
if (values.json) {
  process.stdout.write(body);
  console.error(remarks.join("\n"));
} else {
  process.stdout.write(`${renderPlacementTable(run)}${renderTargets(targets, process.stdout.isTTY && !process.env.NO_COLOR)}`);
  console.log(remarks.join("\n"));
}
if (values.strict && targets.some((t) => t.state !== "met")) process.exitCode = 1;
