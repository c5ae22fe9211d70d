/** `calibrate`: fits a model to measured runs. @module */
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Context, json, type OutputStream, progress, table } from "@mitsu/cli";
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import { readInput } from "../files/input-file.ts";
import { checkOutput, writeOutput } from "../files/output-file.ts";
import { readProblem } from "../problem/read-problem.ts";
import { type CalibratedModel, calibrate } from "../simulate/calibrate-model.ts";
import { parseRun } from "../simulate/measured-run.ts";
import { parseModel, writeModel } from "../simulate/parse-model.ts";

/** What is given on the command line. */
export interface CalibrateArgs {
  readonly model: string;
  readonly run: readonly string[];
  readonly problem: string;
  readonly seed: number;
  readonly output: string;
}

/** `placer calibrate`: the model to `--output`, how well it fits to the terminal (to stderr when the model goes to stdout). */
export async function run(args: CalibrateArgs, context: Context): Promise<void> {
  const { env, log } = context;
  if (!Number.isSafeInteger(args.seed))
    throw new MitsuError(`--seed ${args.seed}: give a whole number`, {
      code: "ERR_USAGE",
      hint: "leave it out for 1",
      exit: exitStatus.usage,
    });
  await checkOutput(args.output, env);
  const start = parseModel((await readInput(args.model, env)).text, args.model);
  const { problem } = await readProblem(args.problem, context);
  const runs = [];
  for (const file of args.run) runs.push(parseRun((await readInput(file, env)).text, file));
  const [first, ...others] = runs;
  if (first && others.length > 0 && others.every(({ assignment }) => isDeepStrictEqual(assignment, first.assignment)))
    log.warn("all runs are of one placement: what a message costs on a node and between nodes cannot be told apart; add a run of another");
  const line = progress(env);
  const calibrated = calibrate(start, problem, runs, { seed: args.seed, progress: (text) => line.update(text) });
  line.done();
  await writeOutput(args.output, writeModel(calibrated.model), env);
  const out = args.output === "-" ? env.stderr : env.stdout;
  if (!context.json) out.write(reportText(calibrated, out));
  else if (args.output !== "-") out.write(json(reportOf(calibrated)));
}

function reportOf({ error, fitted, cpu, model }: CalibratedModel): object {
  const { costs, services, network, wake, overhead, scheduler, calibrated } = model;
  return {
    error,
    cpuError: cpu?.error ?? null,
    rates: calibrated?.rates,
    costs,
    network,
    wake,
    overhead,
    scheduler,
    scale: Object.fromEntries(services.map(({ name, scale }) => [name, scale])),
    fitted,
  };
}

function reportText({ error, fitted, cpu, model }: CalibratedModel, out: OutputStream): string {
  const time = (seconds: number | null): string => (seconds === null ? "–" : (seconds * 1e3).toPrecision(3));
  const us = (seconds: number): string => `${(seconds * 1e6).toPrecision(3)} us`;
  const figures = table(
    fitted,
    [
      { header: "run", value: ({ run: file }) => basename(file) },
      { header: "rate [1/s]", value: ({ rate }) => rate },
      { header: "figure", value: ({ figure }) => figure },
      { header: "measured [ms]", value: ({ measured }) => time(measured), align: "right" },
      { header: "model [ms]", value: ({ model: value }) => time(value), align: "right" },
      {
        header: "off [%]",
        value: ({ measured, model: value }) => (value === null ? "–" : ((value / measured - 1) * 100).toFixed(1)),
        align: "right",
      },
    ],
    out,
  );
  const scales = table(
    model.services,
    [
      { header: "service", value: ({ name }) => name },
      { header: "factor on CPU time", value: ({ scale }) => scale.toPrecision(3), align: "right" },
    ],
    out,
  );
  const [least, most] = model.calibrated!.rates;
  return [
    figures,
    scales,
    `a message costs ${us(model.costs!.local.message)} of CPU on its node, ${us(model.costs!.remote.message)} between nodes, and ${us(model.wake)} more where it wakes a core; it is ${us(model.network.remote)} on its way; the client adds ${us(model.overhead)}; nodes give out cores by ${model.scheduler}`,
    `fitted from ${least} to ${most} requests a second; response times are off by ${(error * 100).toFixed(1)} % (root mean square)${cpu === null ? "; no run had CPU times, so all services have one factor" : `, CPU times by ${(cpu.error * 100).toFixed(1)} %`}`,
    "",
  ].join("\n");
}
