/** Fits a model to CPU times: what each service used per request says its service times and what messages cost, without simulating. @module */
import type { CostModel, PathCost, Problem } from "../problem/problem.ts";
import { type Deployment, deploy } from "./deployment.ts";
import type { MeasuredRun } from "./measured-run.ts";
import type { Model } from "./model.ts";
import { offeredLoad } from "./offered-load.ts";

/** Factors on what a model has now. */
export interface CpuFit {
  /** By service; 1 where nothing was measured. */
  readonly scale: ReadonlyMap<string, number>;
  /** What messages cost. */
  readonly costs: CostModel;
  /** CPU time of waking an idle core, seconds. */
  readonly wake: number;
  /** Root mean square of the relative errors that are left. */
  readonly error: number;
}

/** Waking is fitted in this unit, so that it is about as large as the factors. */
const wakeUnit = 10e-6;

/** What a service used in a run, divided by what was measured, so that each row should come to 1; for factors of 1. */
interface Row {
  readonly service: number;
  readonly own: number;
  /** All messages at what one on a node costs, and what those between nodes cost more. */
  readonly message: number;
  readonly surplus: number;
  readonly wake: number;
}

/** How much weight it has that a factor stays 1, beside one figure that is measured: decides only what measurements leave open. */
const prior = 0.02;
/** The same for what messages between nodes cost more, which differs most from network to network, and for waking, of which most models to begin with say nothing. */
const surplusPrior = 0.003;
const wakePrior = 0.005;

/**
 * Least squares of relative errors over every service and run. CPU time per request is utilisation over throughput (the utilisation law, Denning and
 * Buzen, 1978), and linear in the factors: own work, messages, what those between nodes cost more, never less, and waking cores that are idle
 * when a message comes from elsewhere, which they are the less, the more requests come. Runs at different rates and with different placements tell these apart.
 *
 * @returns Null when no run says what services used.
 */
export function fitCpu(model: Model, problem: Problem, runs: readonly MeasuredRun[], idle: boolean): CpuFit | null {
  const costs = model.costs ?? problem.costs;
  const none = { message: 0, byte: 0 };
  const rows: Row[] = [];
  for (const run of runs) {
    const with_ = (local: typeof none, remote: typeof none): Float64Array =>
      offeredLoad(deploy({ ...model, costs: { local, remote } }, problem, run.assignment, idle)).serviceCpu;
    const own = with_(none, none);
    const near = with_(costs.local, costs.local);
    const far = with_(costs.local, costs.remote);
    const deployment = deploy(model, problem, run.assignment, idle);
    const { roused } = offeredLoad(deployment);
    const free = idleShares(deployment, run);
    for (const [service, { name }] of model.services.entries()) {
      const demand = (run.cpu[name] ?? 0) / run.throughput;
      if (demand <= 0 || far[service]! === 0) continue;
      rows.push({
        service,
        own: own[service]! / demand,
        message: (near[service]! - own[service]!) / demand,
        surplus: (far[service]! - near[service]!) / demand,
        wake: (wakeUnit * free.reduce((sum, share, node) => sum + share * roused[service * free.length + node]!, 0)) / demand,
      });
    }
  }
  if (rows.length === 0) return null;
  const services = model.services.length;
  const [l, r, w] = [services, services + 1, services + 2];
  const factors = new Float64Array(services + 3).fill(1);
  factors[w] = model.wake / wakeUnit;
  const expected = factors.slice();
  const coefficient = (row: Row, k: number): number => {
    if (k === w) return row.wake;
    if (k === l) return row.message;
    if (k === r) return row.surplus;
    return row.service === k ? row.own : 0;
  };
  const value = (row: Row): number =>
    row.own * factors[row.service]! + row.message * factors[l]! + row.surplus * factors[r]! + row.wake * factors[w]!;
  // One factor after the other, each to its best, none below a hundredth: the sum of squares is convex, so this arrives.
  for (let round = 0; round < 500; round++) {
    let moved = 0;
    for (let k = 0; k < factors.length; k++) {
      const hold = k === w ? wakePrior : k === r ? surplusPrior : prior;
      let up = hold * expected[k]!;
      let down = hold;
      for (const row of rows) {
        const c = coefficient(row, k);
        if (c === 0) continue;
        up += c * (1 - value(row) + c * factors[k]!);
        down += c * c;
      }
      const next = Math.max(k === w ? 0 : 0.01, up / down);
      moved = Math.max(moved, Math.abs(next - factors[k]!));
      factors[k] = next;
    }
    if (moved < 1e-7) break;
  }
  const error = Math.sqrt(rows.reduce((sum, row) => sum + (value(row) - 1) ** 2, 0) / rows.length);
  return {
    scale: new Map(model.services.map(({ name }, s) => [name, factors[s]!])),
    costs: { local: mixed(costs.local, costs.local, factors[l]!, 0), remote: mixed(costs.local, costs.remote, factors[l]!, factors[r]!) },
    wake: factors[w]! * wakeUnit,
    error,
  };
}

/** So much of one cost, and so much of what another is more. */
function mixed(one: PathCost, other: PathCost, ofOne: number, ofMore: number): PathCost {
  const of = (a: number, b: number): number => a * ofOne + (b - a) * ofMore;
  return { message: of(one.message, other.message), byte: of(one.byte, other.byte) };
}

/** The share of each node's cores that the run's services left idle. */
function idleShares({ nodes, replicasOn, serviceNames }: Deployment, run: MeasuredRun): number[] {
  const used = nodes.map(() => 0);
  for (const [s, name] of serviceNames.entries()) {
    const all = replicasOn[s]!.reduce((sum, on) => sum + on.length, 0);
    for (const [node, on] of replicasOn[s]!.entries()) used[node]! += ((run.cpu[name] ?? 0) * on.length) / all;
  }
  return nodes.map(({ cores }, node) => Math.max(0, 1 - used[node]! / cores));
}
