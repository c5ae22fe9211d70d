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
import {
  figures,
  type MeasuredPoint,
  type Predicted,
  parseSamples,
  predictionError,
  runFileOf,
  toMeasured,
} from "./placement-response-points.ts";
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
const plans = [...new Set(measured.map(({ plan }) => plan))];
const placer = (...argv: string[]): string =>
  execFileSync(process.execPath, [join(import.meta.dirname, "../../packages/placer/src/main.ts"), ...argv], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });

/** Model and predictions: those of placements under sockhijack have a model of their own, as their messages cost something else. */
function predict(
  group: readonly string[],
  fit: readonly string[],
  name: string,
): { readonly report: unknown; readonly predictions: ReadonlyMap<string, readonly Predicted[]> } {
  const runs = fit.flatMap((plan) => [30, 60].map((share) => measured.find((point) => point.plan === plan && point.share === share)));
  const usable = runs.filter((point): point is MeasuredPoint => point !== undefined && point.response !== null);
  const files = usable.map((point) => {
    const file = join(work, `run-${point.plan}-${point.share}.json`);
    const { assignment } = JSON.parse(readFileSync(join(work, `${point.plan}.json`), "utf8"));
    writeFileSync(file, JSON.stringify(runFileOf(point, assignment)));
    return file;
  });
  const model = join(work, `${name}.json`);
  const problem = ["--problem", join(work, "problem.yaml")];
  const report = JSON.parse(
    placer(
      "calibrate",
      "--model",
      join(work, "start.json"),
      ...files.flatMap((file) => ["--run", file]),
      ...problem,
      "--output",
      model,
      "--json",
    ),
  );
  const rates = [...new Set(measured.map(({ rate }) => rate))];
  const files_ = group.map((plan) => join(work, `${plan}.json`));
  const told = JSON.parse(
    placer("simulate", ...files_, "--model", model, ...problem, "--rate", rates.join(","), "--extrapolate", "--json"),
  );
  return { report, predictions: new Map(group.map((plan, p) => [plan, told.predictions[p].rates as readonly Predicted[]])) };
}

const fit = values.fit.split(",");
const plain = plans.filter((plan) => !plan.endsWith("-redirect"));
const redirected = plans.filter((plan) => plan.endsWith("-redirect"));
const models = [predict(plain, fit, "model")];
if (redirected.length > 0) models.push(predict(redirected, [redirected[0]!], "model-redirect"));
const predictions = new Map(models.flatMap((one) => [...one.predictions]));
const errors = plans.map((plan) => predictionError(plan, measured, predictions.get(plan)!));
const targets = judgeResponse(measured, errors);
const series = plans.map((plan) => ({
  name: plan,
  points: predictions.get(plan)!.flatMap(({ rate, responseMs }) => {
    if (responseMs === null) return [];
    return [
      {
        rate,
        ...(Object.fromEntries(figures.map((figure) => [figure, responseMs[figure] / 1e3])) as Record<(typeof figures)[number], number>),
      },
    ];
  }),
  measured: measured
    .filter((point) => point.plan === plan && point.response !== null)
    .map(({ rate, response }) => ({ rate, ...response! })),
}));

const date = new Date().toISOString();
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}`;
mkdirSync(out, { recursive: true });
const file = join(out, `placement-response-${date.slice(0, 19).replaceAll(":", "").replace("T", "-")}.json`);
const picture = join(out, "placement-response.svg");
const calibration = models.map(({ report }) => report);
writeFileSync(
  file,
  `${JSON.stringify({ meta: { ...meta, date, machine, fit }, targets, errors, calibration, measured, predictions: Object.fromEntries(predictions), samples }, null, 1)}\n`,
);
writeFileSync(picture, drawResponse(series, { title: "Response time against request rate: lines predicted, marks measured" }));
process.stdout.write(renderResponse({ measured, predictions, errors, targets, fit }));
if (meta.quick === "yes") console.log("A quick run: one repetition of two seconds; figures are indicative only.");
if (Number(meta.failures) > 0) console.log(`FAILED measurements: ${meta.failures}`);
console.log(`${file}\n${picture}`);
if (values.strict && targets.some(({ state }) => state !== "met")) process.exitCode = 1;
