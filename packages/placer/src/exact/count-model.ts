/** The model of a placement for HiGHS: how many replicas of each service stand on each node, with the rules, and what that is worth. @module */

import { barred } from "../solve/alike-nodes.ts";
import type { Instance } from "../solve/instance.ts";
import { refusal } from "../solve/node-match.ts";
import { clusterUtilisation } from "../solve/objective.ts";
import type { Budget } from "../solve/strategy.ts";
import { capacityRow } from "./capacity-row.ts";
import type { Constraint } from "./constraint.ts";
import { Mip, type Term } from "./mip.ts";
import { must, wish } from "./rule-rows.ts";

/** What of an instance goes into the model. */
export interface CountModelOptions {
  /** Balance against traffic; null for a model that only asks whether there is a placement. */
  readonly weight: number | null;
  readonly budget?: Budget | null;
  /** Minimises what moves instead: replicas, or the bytes that they carry. */
  readonly least?: "moves" | "bytes";
  /** Leaves constraints out; all hold unless given. */
  readonly holds?: (constraint: Constraint) => boolean;
  /** Services that the model is about, in order; all unless given. */
  readonly services?: readonly number[];
  /** Looks at one order only of nodes that are alike; not with a budget, to which they are not. */
  readonly ordered?: boolean;
  /** Share of each capacity to leave free besides, where its row is not exact; 0 unless told. */
  readonly margin?: number;
}

/** A model, and where in it the counts are. */
export interface CountModel {
  readonly mip: Mip;
  /** `Int32Array[services × nodes]`: column of the count, or -1 where no replica may be. */
  readonly columns: Int32Array;
}

/** What rows of rules need of a model under construction. */
export interface CountRows {
  readonly instance: Instance;
  readonly mip: Mip;
  readonly replicas: (service: number) => number;
  /** Counts of a service on the nodes that `where` chooses, as a sum, and the most that sum can be. */
  readonly count: (service: number, where: (node: number) => boolean) => { terms: Term[]; most: number };
}

/** Builds the model. Columns x[s, m] are the counts; everything else follows from them at the optimum, binaries of some rules aside. */
export function countModel(
  instance: Instance,
  { weight, budget = null, least, holds, services: asked, ordered = false, margin = 0 }: CountModelOptions,
): CountModel {
  const { services, nodes, resources, firstReplica, demand, capacity, rules } = instance;
  const mip = new Mip();
  const replicas = (s: number): number => firstReplica[s + 1]! - firstReplica[s]!;
  const pins = pinnedCounts(instance);
  const columns = new Int32Array(services * nodes).fill(-1);
  const upper = new Int32Array(services * nodes);
  const about = asked ?? Array.from({ length: services }, (_, s) => s);
  const full = holds === undefined;
  const keeps = holds ?? (() => true);
  for (const s of about) {
    const named = keeps({ kind: "nodes", service: s });
    const pinned = keeps({ kind: "pinned", service: s });
    for (let m = 0; m < nodes; m++) {
      const at = s * nodes + m;
      // Without some constraints, what `allowed` says is more than what is left of them: its sizes are those of the capacities.
      const may = full ? instance.allowed[at] === 1 : !named || refusal(instance.problem.services[s]!, instance.problem.nodes[m]!) === null;
      const least = pinned ? pins[at]! : 0;
      if (!may && least === 0) continue;
      let most = may ? replicas(s) : 0;
      if (full) for (let r = 0; r < resources; r++) most = Math.min(most, fits(capacity[m * resources + r]!, demand[s * resources + r]!));
      upper[at] = most;
      columns[at] = mip.column({ upper: most, integer: true });
      if (least > 0) mip.row([[columns[at]!, 1]], { lower: least });
    }
  }
  if (ordered) {
    for (const { service, node } of barred(instance)) {
      const column = columns[service * nodes + node]!;
      if (column >= 0) mip.row([[column, 1]], { upper: 0 });
    }
  }
  const rows: CountRows = {
    instance,
    mip,
    replicas,
    count(service, where) {
      const terms: Term[] = [];
      let most = 0;
      for (let m = 0; m < nodes; m++) {
        const column = columns[service * nodes + m]!;
        if (column < 0 || !where(m)) continue;
        terms.push([column, 1]);
        most += upper[service * nodes + m]!;
      }
      return { terms, most: Math.min(most, replicas(service)) };
    },
  };
  for (const s of about) {
    const { terms } = rows.count(s, () => true);
    const n = replicas(s);
    mip.row(terms, { upper: n, ...(keeps({ kind: "placement", service: s }) ? { lower: n } : {}) });
  }
  for (let m = 0; m < nodes; m++)
    for (let r = 0; r < resources; r++) {
      if (!keeps({ kind: "capacity", node: m, resource: r })) continue;
      const terms: Term[] = [];
      for (const s of about) {
        const column = columns[s * nodes + m]!;
        if (column >= 0) terms.push([column, demand[s * resources + r]!]);
      }
      capacityRow(mip, terms, capacity[m * resources + r]!, margin);
    }
  for (const [at, rule] of rules.entries()) if (rule.weight === null && keeps({ kind: "rule", rule: at })) must(rows, rule);
  if (budget || least)
    budgetRows(rows, columns, pins, budget ?? { moves: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }, least);
  if (weight !== null) {
    traffic(rows, columns, 1 - weight);
    if (weight > 0) imbalance(rows, columns, weight);
    for (const rule of rules) if (rule.weight !== null) wish(rows, rule, rule.weight / Math.max(1, services));
    if (instance.unwanted)
      for (let at = 0; at < columns.length; at++)
        if (columns[at]! >= 0) mip.charge(columns[at]!, instance.unwanted[at]! / Math.max(1, instance.replicas));
  }
  return { mip, columns };
}

/** Pinned replicas by service and node: `Int32Array[services × nodes]`. */
function pinnedCounts({ services, nodes, replicas, pinned, serviceOf }: Instance): Int32Array {
  const counts = new Int32Array(services * nodes);
  for (let i = 0; i < replicas; i++) if (pinned[i]! >= 0) counts[serviceOf[i]! * nodes + pinned[i]!]!++;
  return counts;
}

function fits(capacity: number, demand: number): number {
  if (demand === 0) return Number.POSITIVE_INFINITY;
  const whole = Math.floor(capacity / demand);
  return (whole + 1) * demand <= capacity ? whole + 1 : whole;
}

/** What moves are those of replicas that run now: free ones leave where fewer stay than run there, and pinned ones where they run elsewhere. */
function budgetRows(
  { instance, mip }: CountRows,
  columns: Int32Array,
  pins: Int32Array,
  budget: Budget,
  least: CountModelOptions["least"],
): void {
  const { services, nodes, replicas, present, pinned, serviceOf, moveBytes } = instance;
  const running = new Int32Array(services * nodes);
  let moves = 0;
  let bytes = 0;
  for (let i = 0; i < replicas; i++) {
    if (present[i]! < 0) continue;
    if (pinned[i]! < 0) running[serviceOf[i]! * nodes + present[i]!]!++;
    else if (pinned[i] !== present[i]) {
      moves++;
      bytes += moveBytes[serviceOf[i]!]!;
    }
  }
  if (least) mip.offset += least === "moves" ? moves : bytes;
  const left: Term[] = [];
  const carried: Term[] = [];
  for (let at = 0; at < running.length; at++) {
    if (running[at] === 0) continue;
    const each = least === "moves" ? 1 : least === "bytes" ? moveBytes[Math.floor(at / nodes)]! : 0;
    const gone = mip.column({ upper: running[at]!, cost: each });
    const terms: Term[] = columns[at]! >= 0 ? [[columns[at]!, 1]] : [];
    mip.row([[gone, 1], ...terms], { lower: running[at]! + (columns[at]! >= 0 ? pins[at]! : 0) });
    left.push([gone, 1]);
    carried.push([gone, moveBytes[Math.floor(at / nodes)]!]);
  }
  if (Number.isFinite(budget.moves)) mip.row(left, { upper: budget.moves - moves });
  if (Number.isFinite(budget.bytes)) capacityRow(mip, carried, budget.bytes - bytes, 0);
}

/** What stays on a node, by pair and node: at most either side's share there. */
function traffic({ instance, mip, replicas }: CountRows, columns: Int32Array, share: number): void {
  const { nodes, edges } = instance;
  const all = edges.saving.reduce((sum, one) => sum + one, 0);
  if (all === 0) return;
  mip.offset += share;
  for (let e = 0; e < edges.saving.length; e++) {
    const a = edges.a[e]!;
    const b = edges.b[e]!;
    for (let m = 0; m < nodes; m++) {
      const xa = columns[a * nodes + m]!;
      const xb = columns[b * nodes + m]!;
      if (xa < 0 || xb < 0) continue;
      const kept = mip.column({ upper: 1, cost: (-share * edges.saving[e]!) / all });
      for (const [x, s] of [
        [xa, a],
        [xb, b],
      ] as const)
        mip.row(
          [
            [kept, replicas(s)],
            [x, -1],
          ],
          { upper: 0 },
        );
    }
  }
}

/** The mean is the cluster's, whatever the placement; deviations of nodes from it, up and down, differ by twice what is down. */
function imbalance({ instance, mip }: CountRows, columns: Int32Array, weight: number): void {
  const { services, nodes, resources, demand, wholeCapacity } = instance;
  const mean = clusterUtilisation(instance);
  const counted = Array.from({ length: resources }, (_, r) => r).filter((r) =>
    wholeCapacity.some((whole, at) => at % resources === r && whole > 0),
  );
  for (const r of counted)
    for (let m = 0; m < nodes; m++) {
      const whole = wholeCapacity[m * resources + r]!;
      if (whole === 0) continue;
      const deviation = mip.column({ cost: weight / nodes / counted.length });
      const load: Term[] = [];
      for (let s = 0; s < services; s++) {
        const column = columns[s * nodes + m]!;
        if (column >= 0) load.push([column, demand[s * resources + r]! / whole]);
      }
      mip.row([...load, [deviation, -1]], { upper: mean[r]! });
      mip.row([...load, [deviation, 1]], { lower: mean[r]! });
    }
}
