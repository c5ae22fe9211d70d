/** Services that together request more than the nodes that they may run on have: what can be told of large instances at once. @module */

import type { Instance } from "../solve/instance.ts";
import { refusal } from "../solve/node-match.ts";
import type { Constraint } from "./constraint.ts";

/** Services with the same allowed nodes. */
interface Class {
  readonly nodes: readonly number[];
  readonly services: number[];
  demand: number;
}

/**
 * Looks, for each resource, whether demand in any fractions fits the nodes: a flow from services to nodes. Where it does not, those that the
 * cut leaves on the side of the services clash with the nodes they reach. [Hall's theorem; max-flow min-cut]
 *
 * @returns Constraints that clash, of the resource where they are the fewest; null when all demand fits so.
 */
export function overload(instance: Instance): readonly Constraint[] | null {
  let fewest: readonly Constraint[] | null = null;
  const nodesOf = classesOf(instance);
  for (let r = 0; r < instance.resources; r++) {
    const found = overloadOf(instance, nodesOf, r);
    if (found && (fewest === null || found.length < fewest.length)) fewest = found;
  }
  return fewest;
}

function classesOf({ problem, services, nodes }: Instance): readonly { nodes: readonly number[]; services: readonly number[] }[] {
  const classes = new Map<string, { nodes: number[]; services: number[] }>();
  const tainted = problem.nodes.some(({ taints }) => taints.length > 0);
  for (let s = 0; s < services; s++) {
    const may: number[] = [];
    const plain = !tainted && problem.services[s]!.nodes === null && problem.services[s]!.nodeSelector.length === 0;
    for (let m = 0; m < nodes; m++) if (plain || refusal(problem.services[s]!, problem.nodes[m]!) === null) may.push(m);
    const key = may.join(" ");
    const known = classes.get(key);
    if (known) known.services.push(s);
    else classes.set(key, { nodes: may, services: [s] });
  }
  return [...classes.values()];
}

function overloadOf(instance: Instance, groups: ReturnType<typeof classesOf>, r: number): readonly Constraint[] | null {
  const { nodes, resources, capacity, demand, firstReplica } = instance;
  const need = (s: number): number => demand[s * resources + r]! * (firstReplica[s + 1]! - firstReplica[s]!);
  const classes: Class[] = groups.map((one) => {
    const services = one.services.filter((s) => need(s) > 0);
    return { nodes: one.nodes, services, demand: services.reduce((sum, s) => sum + need(s), 0) };
  });
  const free = Float64Array.from({ length: nodes }, (_, m) => capacity[m * resources + r]!);
  const flow = classes.map(() => new Float64Array(nodes));
  const all = classes.reduce((sum, one) => sum + one.demand, 0);
  for (const [c, one] of classes.entries()) {
    let left = one.demand;
    while (left > all * 1e-9) {
      // Paths that take from a node what another class has there, when that class can go elsewhere.
      const fromClass = new Int32Array(nodes).fill(-1);
      const fromNode = new Int32Array(classes.length).fill(-1);
      const queue = [c];
      const seen = new Set(queue);
      let end = -1;
      for (let at = 0; at < queue.length && end < 0; at++) {
        for (const m of classes[queue[at]!]!.nodes) {
          if (fromClass[m] !== -1) continue;
          fromClass[m] = queue[at]!;
          if (free[m]! > all * 1e-12) {
            end = m;
            break;
          }
          for (let other = 0; other < classes.length; other++) {
            if (seen.has(other) || flow[other]![m]! <= all * 1e-12) continue;
            seen.add(other);
            fromNode[other] = m;
            queue.push(other);
          }
        }
      }
      if (end < 0)
        return reduced(
          instance,
          [...seen].flatMap((at) => classes[at]!.services),
          r,
          need,
        );
      let amount = Math.min(left, free[end]!);
      for (let m = end, k = fromClass[m]!; k !== c; m = fromNode[k]!, k = fromClass[m]!) amount = Math.min(amount, flow[k]![fromNode[k]!]!);
      free[end]! -= amount;
      for (let m = end; ; ) {
        const k = fromClass[m]!;
        flow[k]![m]! += amount;
        if (k === c) break;
        m = fromNode[k]!;
        flow[k]![m]! -= amount;
      }
      left -= amount;
    }
  }
  return null;
}

/** Leaves out services, small ones first, without which the rest still does not fit the nodes that the rest may run on. */
function reduced(instance: Instance, services: readonly number[], r: number, need: (s: number) => number): readonly Constraint[] {
  const { problem, nodes, resources, capacity } = instance;
  const may = (s: number, m: number): boolean => refusal(problem.services[s]!, problem.nodes[m]!) === null;
  const reach = (some: readonly number[]): number[] =>
    Array.from({ length: nodes }, (_, m) => m).filter((m) => some.some((s) => may(s, m)));
  const has = (some: readonly number[]): number => some.reduce((sum, m) => sum + capacity[m * resources + r]!, 0);
  let kept = [...services].sort((one, other) => need(one) - need(other));
  // Where many services fill many nodes, which of them are too many is arbitrary: all of them are.
  if (kept.length <= 40) {
    for (const s of kept) {
      const rest = kept.filter((one) => one !== s);
      const sum = rest.reduce((total, one) => total + need(one), 0);
      if (sum > has(reach(rest)) * (1 + 1e-9)) kept = rest;
    }
  }
  kept.sort((one, other) => one - other);
  const choosy = kept.filter((s) => reach([s]).length < nodes);
  return [
    ...kept.map((service) => ({ kind: "placement", service }) as const),
    ...reach(kept).map((node) => ({ kind: "capacity", node, resource: r }) as const),
    ...choosy.map((service) => ({ kind: "nodes", service }) as const),
  ];
}
