#!/usr/bin/env node
/**
 * Turns the raw lines of placement-response.sh into runs, calibrates placer's model on some of them, predicts all, and prints both side by side.
 *
 *     node bench/report/placement-response.ts raw.jsonl --work DIR --fit kubernetes,worst --out bench/out --meta reps=3 [--strict]
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { drawResponse } from "../../packages/placer/src/draw/response-svg.ts";
import { figures, type Predicted, parseSamples, predictionError, runFileOf, toMeasured } from "./placement-response-points.ts";
import { judgeResponse, renderResponse } from "./placement-response-table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: "string", default: "." },
    fit: { type: "string", default: "kubernetes,worst" },
    out: { type: "string", default: "bench/out" },
    meta: { type: "string", multiple: true, default: [] },
    strict: { type: "boolean", default: false },
  },
});
const { work, out } = values;
const meta = Object.fromEntries(values.meta.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
const samples = parseSamples(readFileSync(positionals[0]!, "utf8"));
const measured = toMeasured(samples, Number(meta.seconds));
const modes = [...new Set(measured.map(({ plan }) => plan))];
const placer = (...argv: string[]): string =>
  execFileSync(process.execPath, [join(import.meta.dirname, "../../packages/placer/src/main.ts"), ...argv], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });

/** A file of the run's private directory. */
const at = (name: string): string => join(work, name);
const problem = ["--problem", at("problem.yaml")];
const plans = JSON.parse(readFileSync(at("plans.json"), "utf8"));
const fit = [...values.fit.split(","), "kubernetes-redirect"];

/** Fits a model to some modes, at 30 and 60 %, beginning with another, and predicts them and others by it; null when too little was measured. */
function predict(name: string, start: string, these: readonly string[]) {
  const runs = measured.filter(
    ({ plan, share, response, spoiled }) =>
      !spoiled && these.includes(plan) && fit.includes(plan) && (share === 30 || share === 60) && response !== null,
  );
  if (new Set(runs.map(({ share }) => share)).size < 2) return null;
  const files = runs.map((point) => {
    const file = at(`run-${point.plan}-${point.share}.json`);
    const { assignment } = JSON.parse(readFileSync(at(`${point.plan}.json`), "utf8"));
    writeFileSync(file, JSON.stringify(runFileOf(point, assignment)));
    return ["--run", file];
  });
  const model = at(`${name}.json`);
  const calibration = JSON.parse(placer("calibrate", "--model", at(start), ...files.flat(), ...problem, "--output", model, "--json"));
  const rates = [...new Set(measured.map(({ rate }) => rate))].join(",");
  const of = these.map((mode) => at(`${mode}.json`));
  const told = JSON.parse(placer("simulate", ...of, "--model", model, ...problem, "--rate", rates, "--extrapolate", "--json"));
  return { calibration, told: these.map((mode, m) => [mode, told.predictions[m].rates as readonly Predicted[]] as const) };
}

const isRedirected = (mode: string): boolean => mode.endsWith("-redirect");
const plain = predict(
  "model",
  "start.json",
  modes.filter((mode) => !isRedirected(mode)),
);
// A message on a node costs less when it is redirected, so that has a model of its own; all else it has from the one without.
const redirect = predict("model-redirect", plain === null ? "start.json" : "model.json", modes.filter(isRedirected));
const models = { plain, redirect };
const predictions = new Map(Object.values(models).flatMap((model) => model?.told ?? []));
const errors = [...predictions.keys()].map((mode) => predictionError(mode, measured, predictions.get(mode)!));
const targets = judgeResponse(measured, errors);
const series = modes.map((mode) => ({
  name: mode,
  points: (predictions.get(mode) ?? []).flatMap(({ rate, responseMs }) => {
    if (responseMs === null) return [];
    return [
      {
        rate,
        ...(Object.fromEntries(figures.map((figure) => [figure, responseMs[figure] / 1e3])) as Record<(typeof figures)[number], number>),
      },
    ];
  }),
  measured: measured
    .filter((point) => point.plan === mode && point.response !== null)
    .map(({ rate, response }) => ({ rate, ...response! })),
}));

const date = new Date().toISOString();
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`;
mkdirSync(out, { recursive: true });
const file = join(out, `placement-response-${date.slice(0, 19).replaceAll(":", "").replace("T", "-")}.json`);
const picture = join(out, "placement-response.svg");
const calibrations = Object.fromEntries(Object.entries(models).map(([name, model]) => [name, model?.calibration ?? null]));
writeFileSync(
  file,
  `${JSON.stringify({ meta: { ...meta, date, machine, fit }, plans, targets, errors, calibrations, measured, predictions: Object.fromEntries(predictions), samples }, null, 1)}\n`,
);
writeFileSync(picture, drawResponse(series, { title: "Response time against request rate: lines predicted, marks measured" }));
process.stdout.write(renderResponse({ plans, measured, predictions, errors, targets, fit }));
if (meta.quick === "yes") console.log("A quick run: one repetition; figures are indicative only.");
if (modes.some(isRedirected)) console.log(`Messages redirected: ${meta.redirected}`);
if (measured.some(({ spoiled }) => spoiled))
  console.log(
    "!: every repetition was spoiled by what else the machine did; these judge nothing, and no model is calibrated on them. Make it quiet, or say --realtime.",
  );
if (Number(meta.failures) > 0) console.log(`FAILED measurements: ${meta.failures}`);
console.log(`${file}\n${picture}`);
if (values.strict && targets.some(({ state }) => state !== "met")) process.exitCode = 1;
