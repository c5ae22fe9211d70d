/** `simulate`: response times of plans against the request rate. @module */
import { basename } from "node:path";
import { type Context, type OutputStream, print, progress, table } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { drawResponse } from "../draw/response-svg.ts";
import { readInput } from "../files/input-file.ts";
import { checkOutput, writeOutput } from "../files/output-file.ts";
import { readPlan } from "../plan/read-plan.ts";
import { deploy } from "../simulate/deployment.ts";
import { simulate } from "../simulate/engine.ts";
import type { Model } from "../simulate/model.ts";
import type { Outcome } from "../simulate/outcome.ts";
import { parseModel } from "../simulate/parse-model.ts";
import { parseRates } from "../simulate/rates.ts";

/** What is given on the command line. */
export interface SimulateArgs {
  readonly plan: readonly string[];
  readonly model: string;
  readonly rate: string;
  readonly seconds: number;
  readonly warmUp: number;
  readonly seed: number;
  readonly extrapolate: boolean;
  readonly draw: string | undefined;
  readonly problem: string | undefined;
}

/** What is predicted of one plan. */
interface Prediction {
  readonly plan: string;
  readonly onNode: number;
  readonly rates: readonly Outcome[];
}

/** `placer simulate`. */
export async function run(args: SimulateArgs, context: Context): Promise<void> {
  const { env, log } = context;
  check(args);
  await checkOutput(args.draw, env);
  const rates = parseRates(args.rate);
  const most = rates.at(-1)! * args.seconds;
  if (most > mostRequests)
    throw wrong(`${most.toPrecision(3)} requests are too many for one rate; ${mostRequests} are the most`, "lower --rate or --seconds");
  const { text } = await readInput(args.model, env);
  const model = parseModel(text, args.model === "-" ? "stdin" : args.model);
  refuseBeyond(model, rates, args);
  if (model.calibrated === null)
    log.warn("the model is not calibrated: it was written by hand, and its figures are as good as it is", { model: args.model });
  const line = progress(env);
  const predictions: Prediction[] = [];
  for (const [p, path] of args.plan.entries()) {
    const { plan, problem } = await readPlan(path, args.problem, context);
    const deployment = deploy(model, problem, plan.assignment, args.extrapolate);
    const outcomes = rates.map((rate, r) => {
      const tell = (done: number): void =>
        line.update(`${path}: ${rate}/s, ${Math.round(((p * rates.length + r + done) / rates.length / args.plan.length) * 100)} %`);
      tell(0);
      return simulate(deployment, { rate, seconds: args.seconds, warmUp: args.warmUp, seed: args.seed, onProgress: tell });
    });
    predictions.push({ plan: path, onNode: outcomes[0]!.onNode, rates: outcomes });
  }
  line.done();
  if (args.draw !== undefined) await writeOutput(args.draw, drawResponse(predictions.map(seriesOf)), env);
  if (args.draw === "-") return;
  print(context, { model: args.model, calibrated: model.calibrated, predictions: predictions.map(inMs) }, () =>
    predictionText(predictions, env.stdout),
  );
}

function wrong(message: string, hint = "see placer simulate --help"): MitsuError {
  return new MitsuError(message, { code: "ERR_USAGE", hint, exit: exitStatus.usage });
}

function check({ seconds, warmUp, seed }: SimulateArgs): void {
  if (!(seconds > 0 && seconds <= 86_400)) throw wrong(`--seconds ${seconds}: give a number above 0, and at most 86400`);
  if (!(warmUp >= 0 && warmUp < seconds)) throw wrong(`--warm-up ${warmUp}: give a number from 0 and below --seconds, ${seconds}`);
  if (!Number.isSafeInteger(seed)) throw wrong(`--seed ${seed}: give a whole number`);
}

/** More requests than this take minutes and gigabytes. */
const mostRequests = 20_000_000;

/** A model knows the range that it was fitted to, and nothing of what happens beyond. */
function refuseBeyond(model: Model, rates: readonly number[], { extrapolate, model: file }: SimulateArgs): void {
  if (model.calibrated === null || extrapolate) return;
  const [least, most] = model.calibrated.rates;
  const beyond = rates.filter((rate) => rate < least || rate > most);
  if (beyond.length === 0) return;
  throw new MitsuError(
    `${file} was calibrated from ${least} to ${most} requests a second, not for ${beyond.slice(0, 6).join(", ")}${beyond.length > 6 ? ", …" : ""}`,
    {
      code: "ERR_SIMULATE_BEYOND",
      hint: "stay within, calibrate with runs at such rates, or say --extrapolate",
      exit: exitStatus.usage,
    },
  );
}

const ms = (seconds: number): number => Number((seconds * 1e3).toPrecision(4));

function inMs({ plan, onNode, rates }: Prediction): object {
  return {
    plan,
    onNode,
    rates: rates.map(({ rate, throughput, response, saturated, utilisation, services, inFlight, events }) => ({
      rate,
      throughput: Number.isNaN(throughput) ? null : throughput,
      responseMs: response && {
        mean: ms(response.mean),
        meanError: ms(response.meanError),
        p50: ms(response.p50),
        p95: ms(response.p95),
        p99: ms(response.p99),
      },
      saturated,
      utilisation: Object.fromEntries(utilisation.map(({ node, share }) => [node, share])),
      services: services.map(({ service, calls, wait, busy }) => ({ service, callsPerSecond: calls, waitMs: ms(wait), workersBusy: busy })),
      inFlight: Number.isNaN(throughput) ? null : inFlight,
      events,
    })),
  };
}

function predictionText(predictions: readonly Prediction[], out: OutputStream): string {
  const rows = predictions.flatMap(({ plan, rates }) => rates.map((outcome) => ({ plan, ...outcome })));
  const seconds = (value: number | undefined): string => (value === undefined ? "–" : (value * 1e3).toPrecision(3));
  const longest = (row: Outcome): string => {
    const most = row.services.reduce((one, other) => (other.wait > one.wait ? other : one), { service: "", wait: 0 });
    return most.wait < 1e-6 ? "" : `${most.service} ${(most.wait * 1e3).toPrecision(2)} ms`;
  };
  const fullest = (row: Outcome): string => {
    const most = row.utilisation.reduce((one, other) => (other.share > one.share ? other : one), { node: "–", share: 0 });
    return most.node === "–" ? "–" : `${most.node} ${Math.round(most.share * 100)} %`;
  };
  const text = table(
    rows,
    [
      { header: "plan", value: ({ plan }) => basename(plan) },
      { header: "rate [1/s]", value: ({ rate }) => rate },
      { header: "answered [1/s]", value: ({ throughput }) => (Number.isNaN(throughput) ? "–" : throughput.toFixed(1)), align: "right" },
      { header: "mean [ms]", value: ({ response }) => seconds(response?.mean), align: "right" },
      { header: "±", value: ({ response }) => seconds(response?.meanError), align: "right" },
      { header: "p50 [ms]", value: ({ response }) => seconds(response?.p50), align: "right" },
      { header: "p95 [ms]", value: ({ response }) => seconds(response?.p95), align: "right" },
      { header: "p99 [ms]", value: ({ response }) => seconds(response?.p99), align: "right" },
      { header: "fullest node", value: fullest },
      { header: "waits for a worker", value: (row) => (row.saturated === null ? longest(row) : `saturated: ${row.saturated}`) },
    ],
    out,
  );
  const kept = predictions.map(
    ({ plan, onNode }) => `${basename(plan)}: ${(onNode * 100).toFixed(1)} % of calls between services stay on their node`,
  );
  return `${text}\n${kept.join("\n")}\n`;
}

function seriesOf({ plan, rates }: Prediction): Parameters<typeof drawResponse>[0][number] {
  return {
    name: basename(plan),
    points: rates.flatMap(({ rate, response }) =>
      response === null ? [] : [{ rate, mean: response.mean, p50: response.p50, p95: response.p95, p99: response.p99 }],
    ),
  };
}
