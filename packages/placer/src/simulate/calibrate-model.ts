/** Fits a model to measured runs: CPU times first, which need no simulation, then response times. @module */
import { exitStatus, MitsuError } from "@mitsu/cli/error";
import type { CostModel, PathCost, Problem } from "../problem/problem.ts";
import { deploy } from "./deployment.ts";
import { simulate } from "./engine.ts";
import { type CpuFit, fitCpu } from "./fit-cpu.ts";
import type { MeasuredRun } from "./measured-run.ts";
import type { Model } from "./model.ts";
import { nelderMead } from "./nelder-mead.ts";
import { offeredLoad } from "./offered-load.ts";

/** The figures that are fitted. */
export const figures = ["mean", "p50", "p95", "p99"] as const;

/** One figure of one run, measured and as the fitted model has it; seconds. */
export interface FittedFigure {
  readonly run: string;
  readonly rate: number;
  readonly figure: (typeof figures)[number];
  readonly measured: number;
  /** Null when the model is saturated there. */
  readonly model: number | null;
}

/** What a calibration gives. */
export interface CalibratedModel {
  readonly model: Model;
  /** Root mean square of relative errors over {@link figures} of all runs. */
  readonly error: number;
  readonly fitted: readonly FittedFigure[];
  /** Of CPU times; null when the runs have none. */
  readonly cpu: CpuFit | null;
}

/** How it is done. */
export interface CalibrateOptions {
  readonly seed: number;
  /** Requests simulated for each run and try; 3000 unless told. */
  readonly requests?: number;
  /** Tries of response times for each scheduler; 90 unless told. */
  readonly tries?: number;
  /** Services that the model does not know are idle. */
  readonly idle?: boolean;
  readonly progress?: (text: string) => void;
}

/** A factor of two counts as much as a figure that is wrong by so much: small where CPU times already say it. */
const priors = { known: 0.02, unknown: 0.003 };

/**
 * Fits a model.
 *
 * With CPU times: a scale for each service and what messages cost are fitted to them; then one factor on all CPU time, one on waking (part of it passes when the answer is already sent), the overhead and the time that
 * messages take to response times. Without: one scale for all services, and factors on the costs, to response times. Both schedulers are tried, as
 * programs whose work is short beside the kernel's time slices run to their end. Every try meets the same requests.
 *
 * @throws {MitsuError} `ERR_CALIBRATE_RUNS` with fewer than two runs, or none that the model can bear.
 */
export function calibrate(start: Model, problem: Problem, runs: readonly MeasuredRun[], options: CalibrateOptions): CalibratedModel {
  const { idle = false, tries = 90, progress = () => {} } = options;
  const rates = runs.map(({ rate }) => rate);
  if (runs.length < 2 || Math.max(...rates) < 1.2 * Math.min(...rates)) {
    throw new MitsuError("two runs at different rates are needed, so that queueing can be told from work", {
      code: "ERR_CALIBRATE_RUNS",
      hint: "measure at about 30 % and 60 % of what the system bears, and give --run twice",
      exit: exitStatus.usage,
    });
  }
  const cpu = fitCpu(start, problem, runs, idle);
  const based =
    cpu === null
      ? start
      : {
          ...scaled({ ...start, costs: cpu.costs }, problem, { scale: 1, local: 1, remote: 1, services: cpu.scale }),
          wake: cpu.wake,
        };
  const shortest = Math.min(...runs.map(({ response }) => response.p50));
  const prior = cpu === null ? priors.unknown : priors.known;
  const calls = offeredLoad(deploy(based, problem, runs[0]!.assignment, idle)).calls;
  // Parameters are near 0 when nothing changes: logarithms of factors, then parts of the shortest median.
  const modelAt = (at: readonly number[]): Model => {
    const [scale = 0, overhead = 0, network = 0, wake = 0, local = 0, remote = 0] = at;
    const way = (Math.abs(network) * shortest) / calls;
    const fitted = scaled(based, problem, {
      scale: Math.exp(scale),
      local: Math.exp(local),
      remote: Math.exp(remote),
      services: new Map(),
    });
    return {
      ...fitted,
      wake: fitted.wake * Math.exp(wake),
      overhead: start.overhead + Math.abs(overhead) * shortest,
      network: { local: start.network.local + way, remote: start.network.remote + way },
    };
  };
  let done = 0;
  const cost = (at: readonly number[], scheduler: Model["scheduler"]): number => {
    progress(`try ${++done}`);
    const { squares, count } = compare({ ...modelAt(at), scheduler }, problem, runs, options);
    return squares / count + prior * at.reduce((sum, x, i) => sum + (i === 1 || i === 2 ? 0.1 : 1) * x * x, 0);
  };
  const first = [0, 0.02, 0.02, 0, ...(cpu === null ? [0, 0] : [])];
  const steps = [cpu === null ? 0.3 : 0.08, 0.1, 0.1, -0.5, ...(cpu === null ? [0.3, 0.3] : [])];
  const found = (["sharing", "fifo"] as const).map((scheduler) => ({
    scheduler,
    least: nelderMead((at) => cost(at, scheduler), first, steps, tries),
  }));
  const best = found.reduce((one, other) => (other.least.value < one.least.value ? other : one));
  const model = { ...modelAt(best.least.at), scheduler: best.scheduler };
  const { fitted, squares, count } = compare(model, problem, runs, { ...options, requests: 4 * (options.requests ?? 3000) });
  if (fitted.some(({ model: figure }) => figure === null)) {
    throw new MitsuError("no model was found that bears the rates of the runs", {
      code: "ERR_CALIBRATE_RUNS",
      hint: "look at workers, steps and cores of the model: it has to bear what was measured",
      exit: exitStatus.data,
    });
  }
  const error = Math.sqrt(squares / count);
  const calibrated = { rates: [Math.min(...rates), Math.max(...rates)] as const, error, runs: runs.map(({ file }) => file) };
  return { model: { ...model, calibrated }, error, fitted, cpu };
}

/** Factors on a model. */
interface Factors {
  /** On all CPU time of services. */
  readonly scale: number;
  readonly services: ReadonlyMap<string, number>;
  /** On the costs of messages, beside {@link scale}. */
  readonly local: number;
  readonly remote: number;
}

function scaled(model: Model, problem: Problem, { scale, services, local, remote }: Factors): Model {
  const costs = model.costs ?? problem.costs;
  const times = (path: PathCost, factor: number): PathCost => ({ message: path.message * factor, byte: path.byte * factor });
  const fitted: CostModel = { local: times(costs.local, scale * local), remote: times(costs.remote, scale * remote) };
  return {
    ...model,
    costs: fitted,
    wake: model.wake * scale,
    services: model.services.map((service) => ({ ...service, scale: service.scale * scale * (services.get(service.name) ?? 1) })),
  };
}

/** Relative errors are squared as logarithms of ratios, so that twice and half are as wrong; the sum, and each figure. */
function compare(
  model: Model,
  problem: Problem,
  runs: readonly MeasuredRun[],
  { seed, requests = 3000, idle = false }: CalibrateOptions,
): { readonly squares: number; readonly count: number; readonly fitted: readonly FittedFigure[] } {
  let squares = 0;
  const fitted: FittedFigure[] = [];
  for (const { file, rate, response, assignment } of runs) {
    const deployment = deploy(model, problem, assignment, idle);
    const warmUp = (0.2 * requests) / rate;
    const outcome = simulate(deployment, { rate, seconds: warmUp + requests / rate, warmUp, seed });
    const load = offeredLoad(deployment);
    const fullest = Math.max(...load.nodeCpu.map((cpu, n) => (rate * cpu) / deployment.nodes[n]!.cores));
    for (const figure of figures) {
      const value = outcome.response?.[figure] ?? null;
      // A model that is saturated where the system was not: the worse, the more.
      squares += value === null ? 4 + fullest : Math.log(value / response[figure]) ** 2;
      fitted.push({ run: file, rate, figure, measured: response[figure], model: value });
    }
  }
  return { squares, count: fitted.length, fitted };
}
