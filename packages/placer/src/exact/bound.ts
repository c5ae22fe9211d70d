/** A lower bound of the objective that is cheap at any size: what no placement can keep on a node, each pair and each star of services looked at alone. @module */
import type { Instance } from "../solve/instance.ts";
import type { Proof } from "../solve/strategy.ts";
import { pairBound } from "./pair-bound.ts";
import { roomOf } from "./room.ts";
import { starBound } from "./star-bound.ts";

/**
 * Bounds the objective from below. Of each pair, and of each service with some of its neighbours, it takes the most traffic that could stay if they had the
 * cluster to themselves, in whole replicas, within capacities, allowed nodes and rules; no pair counts in two stars. Imbalance and wishes between
 * services count as nothing. Under a second at 550 services on 96 nodes; what the deadline leaves out only makes it weaker.
 *
 * @example
 * ```ts
 * lowerBound(instance, 0.05, { deadlineMs: 1000 }); // { bound: 0.083, status: "bound", by: "pairs" }
 * ```
 */
export function lowerBound(instance: Instance, weight: number, { deadlineMs }: { deadlineMs: number }): Proof {
  const until = performance.now() + deadlineMs;
  const { edges, services } = instance;
  const room = roomOf(instance);
  const count = edges.saving.length;
  const all = edges.saving.reduce((sum, one) => sum + one, 0);
  const keeps = new Float64Array(count).fill(1);
  for (let e = 0; e < count && performance.now() < until; e++) keeps[e] = pairBound(room, edges.a[e]!, edges.b[e]!);
  // Stars, the one that loses most beyond its pairs first; the pairs of one that is taken are not in others.
  const free: number[][] = Array.from({ length: services }, () => []);
  for (let e = 0; e < count; e++) {
    free[edges.a[e]!]!.push(e);
    free[edges.b[e]!]!.push(e);
  }
  const lossOf = (hub: number): number => {
    const pairs = free[hub]!.map((e) => ({
      other: edges.a[e] === hub ? edges.b[e]! : edges.a[e]!,
      saving: edges.saving[e]!,
      keeps: keeps[e]!,
    }));
    if (pairs.length < 2) return 0;
    return pairs.reduce((sum, one) => sum + one.saving * one.keeps, 0) - starBound(room, hub, pairs);
  };
  const losses = new Float64Array(services);
  for (let s = 0; s < services && performance.now() < until; s++) losses[s] = lossOf(s);
  let lost = 0;
  for (let e = 0; e < count; e++) lost += edges.saving[e]! * (1 - keeps[e]!);
  for (;;) {
    let hub = 0;
    for (let s = 1; s < services; s++) if (losses[s]! > losses[hub]!) hub = s;
    if (services === 0 || losses[hub]! <= all * 1e-9) break;
    lost += losses[hub]!;
    losses[hub] = 0;
    const taken = new Set(free[hub]);
    free[hub] = [];
    const touched = new Set([...taken].flatMap((e) => [edges.a[e]!, edges.b[e]!]));
    for (const s of touched) {
      free[s] = free[s]!.filter((e) => !taken.has(e));
      if (s !== hub) losses[s] = performance.now() < until ? lossOf(s) : 0;
    }
  }
  const bound = (all === 0 ? 0 : ((1 - weight) * lost) / all) + leastUnwanted(instance);
  // Sums of many terms, less their rounding.
  return { bound: Math.max(0, bound - 1e-9), status: "bound", by: "pairs" };
}

/** Every replica on the node that it likes best. */
function leastUnwanted({ unwanted, services, nodes, allowed, firstReplica, replicas }: Instance): number {
  if (unwanted === null || replicas === 0) return 0;
  let sum = 0;
  for (let s = 0; s < services; s++) {
    let least = 1;
    for (let m = 0; m < nodes; m++) if (allowed[s * nodes + m] === 1) least = Math.min(least, unwanted[s * nodes + m]!);
    sum += least * (firstReplica[s + 1]! - firstReplica[s]!);
  }
  return sum / replicas;
}
