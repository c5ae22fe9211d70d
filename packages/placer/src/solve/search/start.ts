/** A first placement that keeps all rules: where replicas run now, the rest where there is room, and repairs until nothing is broken. @module */

import type { Random } from "@mitsu/simulation";
import type { Figures, NodeOf } from "../instance.ts";
import { PlacementState } from "./state.ts";

/** Steps of repair between two looks at what is left to repair. */
const stepsBetweenChecks = 512;

/**
 * Finds a placement without overload or broken musts; null when `pace` ended it first, which proves nothing.
 *
 * `pace` is asked with the share of steps done, as in `anneal`.
 */
export function findStart(figures: Figures, random: Random, steps: number, pace: (done: number) => number): NodeOf | null {
  const { pinned, serviceOf, allowed, nodes } = figures;
  if (pinned.some((node, replica) => node >= 0 && allowed[serviceOf[replica]! * nodes + node] === 0)) return null;
  for (let s = 0; s < figures.services; s++) if (!allowed.subarray(s * nodes, (s + 1) * nodes).includes(1)) return null;
  for (let attempt = 0; ; attempt++) {
    // Where replicas run now is the best beginning, unless it led nowhere: every other attempt begins with an empty cluster.
    const state = new PlacementState(figures, filled(figures, random, attempt % 2 === 0), 0);
    if (state.violation() === 0) return state.nodeOf;
    const share = Math.min(0.25, 0.05 * 2 ** attempt);
    for (let step = 0; step < steps * share; step += stepsBetweenChecks) {
      if (pace(step / steps) >= 1) return null;
      repair(state, random, stepsBetweenChecks);
      state.settle();
      if (state.violation() === 0) return state.nodeOf;
    }
    if (attempt > 8) return null;
  }
}

/** Every replica somewhere: pinned ones where they must, others where they run (`keep`), the rest, large ones first, on the emptiest node that has room. */
function filled(figures: Figures, random: Random, keep: boolean): NodeOf {
  const { nodes, replicas, resources, capacity, demand, serviceOf, allowed, pinned, present } = figures;
  const nodeOf = new Int32Array(replicas).fill(-1);
  const load = new Float64Array(nodes * resources);
  const put = (replica: number, m: number): void => {
    nodeOf[replica] = m;
    for (let r = 0; r < resources; r++) load[m * resources + r]! += demand[serviceOf[replica]! * resources + r]!;
  };
  const fullness = (service: number, m: number): number => {
    let most = 0;
    for (let r = 0; r < resources; r++) {
      const need = demand[service * resources + r]!;
      if (need > 0) most = Math.max(most, (load[m * resources + r]! + need) / capacity[m * resources + r]!);
    }
    return most;
  };
  const waiting: number[] = [];
  for (let replica = 0; replica < replicas; replica++) {
    const now = present[replica]!;
    if (pinned[replica]! >= 0) put(replica, pinned[replica]!);
    else if (keep && now >= 0 && allowed[serviceOf[replica]! * nodes + now] === 1) put(replica, now);
    else waiting.push(replica);
  }
  const size = Float64Array.from({ length: figures.services }, (_, service) => {
    let most = 0;
    for (let m = 0; m < Math.min(nodes, 64); m++)
      for (let r = 0; r < resources; r++)
        if (capacity[m * resources + r]! > 0) most = Math.max(most, demand[service * resources + r]! / capacity[m * resources + r]!);
    return most;
  });
  waiting.sort((one, other) => size[serviceOf[other]!]! - size[serviceOf[one]!]! || one - other);
  for (const replica of waiting) {
    const service = serviceOf[replica]!;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    const offset = random.below(nodes);
    for (let k = 0; k < nodes; k++) {
      const m = (offset + k) % nodes;
      if (allowed[service * nodes + m] === 0) continue;
      const full = fullness(service, m);
      if (full >= least) continue;
      least = full;
      best = m;
    }
    put(replica, best);
  }
  return nodeOf;
}

/** Min-conflicts: a replica that is in the way goes, or changes places, to where least is broken, sometimes to a worse place. */
function repair(state: PlacementState, random: Random, steps: number): void {
  const { instance, nodeOf } = state;
  const { nodes, serviceOf, allowed, pinned } = instance;
  for (let step = 0; step < steps; step++) {
    const replica = troubled(state, random);
    if (replica < 0) return;
    if (pinned[replica] !== -1) continue;
    const service = serviceOf[replica]!;
    const from = nodeOf[replica]!;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let k = Math.min(nodes, 12); k > 0; k--) {
      const to = random.below(nodes);
      if (to === from || allowed[service * nodes + to] === 0) continue;
      const change = state.violationDelta(service, from, to);
      if (change < least) {
        least = change;
        best = to;
      }
    }
    if (best === -1) continue;
    if (least <= 0 || random.below(50) === 0) state.shift(replica, best);
    else swap(state, random, replica, best);
  }
}

/** A replica on an overloaded node, or of a service whose must is broken; -1 when all is well. */
function troubled(state: PlacementState, random: Random): number {
  const { instance, onNode, musts } = state;
  const { nodes, firstReplica } = instance;
  const offset = random.below(nodes);
  const rulesFirst = state.brokenMusts > 0 && random.below(2) === 0;
  for (let k = 0; !rulesFirst && k < nodes; k++) {
    const m = (offset + k) % nodes;
    const list = onNode[m]!;
    if (state.overloaded(m) && list.length > 0) return list.items[random.below(list.length)]!;
  }
  if (state.brokenMusts === 0) return -1;
  const broken = musts.filter(({ broken }) => broken > 0);
  const { rule } = broken[random.below(broken.length)]!;
  const service = rule.kind !== "spread" && random.below(3) === 0 ? rule.other : rule.service;
  return firstReplica[service]! + random.below(firstReplica[service + 1]! - firstReplica[service]!);
}

/** Two replicas change places if that breaks less. */
function swap(state: PlacementState, random: Random, replica: number, to: number): void {
  const { instance, nodeOf, onNode } = state;
  const { nodes, serviceOf, allowed, pinned } = instance;
  const from = nodeOf[replica]!;
  const list = onNode[to]!;
  const before = state.violation();
  for (let k = Math.min(6, list.length); k > 0; k--) {
    const other = list.items[random.below(list.length)]!;
    if (pinned[other] !== -1 || allowed[serviceOf[other]! * nodes + from] === 0 || serviceOf[other] === serviceOf[replica]) continue;
    state.shift(replica, to);
    state.shift(other, from);
    if (state.violation() <= before) return;
    state.shift(other, to);
    state.shift(replica, from);
  }
}
