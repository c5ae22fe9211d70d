#!/usr/bin/env node
/**
 * Turns the raw lines of mqtt.sh, mqtt-capacity.sh and mqtt-soak.sh into text on stdout, a dated JSON file and pictures.
 *
 *     node bench/report/mqtt-run.ts raw.jsonl --kind mqtt --out bench/out --meta reps=3 [--json] [--strict]
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Target } from "./judge.ts";
import { judgeCapacity, parseCapacity, renderCapacity } from "./mqtt-capacity.ts";
import { renderMqttChart } from "./mqtt-chart.ts";
import { renderFeedbackChart } from "./mqtt-feedback-chart.ts";
import { pointTitle } from "./mqtt-names.ts";
import { toMqttPoints } from "./mqtt-points.ts";
import { parseMqtt } from "./mqtt-samples.ts";
import { renderMqttTable, renderTargets } from "./mqtt-table.ts";
import { judgeMqtt, mqttRemarks } from "./mqtt-targets.ts";
import { spread } from "./points.ts";

/** What is made of one script's lines. */
interface Report {
  /** Goes into the JSON file beside `meta` and `targets`. */
  readonly data: object;
  readonly targets: readonly Target[];
  readonly text: string;
  readonly remarks: readonly string[];
  /** By file name. */
  readonly pictures: Readonly<Record<string, string>>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kind: { type: "string", default: "mqtt" },
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
const caption = `${meta.cpu}, Linux ${meta.kernel}, mosquitto ${meta.mosquitto ?? ""}, ${date.slice(0, 10)}`;

function loads(text: string): Report {
  const { samples, failed } = parseMqtt(text);
  const points = toMqttPoints(samples);
  const skipped = (meta.skipped ?? "").split(" ").filter(Boolean);
  const noise = samples.length > 0 ? spread(samples.map((s) => s.foreignCpu)) : undefined;
  return {
    data: { foreignCpu: noise, points, samples, failed },
    targets: judgeMqtt(samples, skipped),
    text: renderMqttTable(points),
    remarks: [
      "Ratios are over mosquitto on TCP of the same repetition. `load`: how busy the generator was; with ! it was at its limit.",
      ...mqttRemarks(points),
      ...skipped.map((point) => `Left out, more than ${meta.mostStates} states a second: ${pointTitle(point)}`),
      ...(failed.length > 0 ? [`FAILED measurements: ${failed.join(", ")}`] : []),
      ...(noise
        ? [
            `Other programs and the hypervisor took ${(noise.median * 100).toFixed(0)} % of one CPU (up to ${(noise.max * 100).toFixed(0)} %).`,
          ]
        : []),
    ],
    pictures: {
      "mqtt.svg": renderMqttChart(points, caption),
      "mqtt-feedback.svg": renderFeedbackChart(points, samples, caption),
    },
  };
}

function capacity(text: string): Report {
  const lines = parseCapacity(text);
  return { data: { lines }, targets: judgeCapacity(lines, values.kind), text: renderCapacity(lines), remarks: [], pictures: {} };
}

const text = readFileSync(positionals[0] ?? "raw.jsonl", "utf8");
const report = values.kind === "mqtt" ? loads(text) : capacity(text);
const file = join(values.out, `${values.kind}-${date.slice(0, 19).replaceAll(":", "").replace("T", "-")}.json`);
const body = `${JSON.stringify({ meta, targets: report.targets, ...report.data }, null, 1)}\n`;
mkdirSync(values.out, { recursive: true });
writeFileSync(file, body);
for (const [name, picture] of Object.entries(report.pictures)) writeFileSync(join(values.out, name), picture);
const remarks = [
  ...report.remarks,
  ...(meta.dataPlane ? [`mqttnic's data plane: ${meta.dataPlane}.`] : []),
  ...(meta.quick === "yes" ? ["A quick run; figures are indicative only."] : []),
  ...(meta.absent ? [`NOT AVAILABLE and not measured: ${meta.absent}`] : []),
  ...(Number(meta.failures) > 0 ? [`${meta.failures} measurements FAILED.`] : []),
  [file, ...Object.keys(report.pictures).map((name) => join(values.out, name))].join("\n"),
];
if (values.json) {
  process.stdout.write(body);
  console.error(remarks.join("\n"));
} else {
  process.stdout.write(`${report.text}${renderTargets(report.targets, process.stdout.isTTY && !process.env.NO_COLOR)}`);
  console.log(remarks.join("\n"));
}
if (values.strict && report.targets.some((t) => t.state !== "met")) process.exitCode = 1;
