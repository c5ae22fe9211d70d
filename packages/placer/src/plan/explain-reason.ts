/** Why a replica is where it is, in a word or two. @module */
import type { Problem } from "../problem/problem.ts";
import { refusal } from "./node-fit.ts";
import { countPlacement, type Placement } from "./placement.ts";
import { type Reserve, reserved } from "./reserved.ts";

/**
 * `pinned`; `only node` (no other may run it); `beside <service>` (most of the cores that its messages save there are with that service); `rule` (it must
 * stand beside, apart from or spread with others); `kept` (it runs there now, and nothing draws it elsewhere); `balance`; `nowhere`.
 */
export type Reason = "pinned" | "only node" | `beside ${string}` | "rule" | "kept" | "balance" | "nowhere";

/** How a reservation is read, and how much of a node may be used. */
interface Reading {
  readonly maxUtilisation: number;
  readonly reserve: Reserve;
}

/** Nodes that names, labels, taints and size leave to a service, at most two of them: more are not asked for. */
function someNodes({ nodes, resources, services }: Problem, at: number, { maxUtilisation, reserve }: Reading): readonly number[] {
  const service = services[at]!;
  const takes = resources.map(({ name }) => [name, reserved(service, name, reserve)] as const);
  const found: number[] = [];
  for (const [index, node] of nodes.entries()) {
    if (refusal(service, node) !== null) continue;
    if (takes.some(([name, amount]) => amount > (node.capacity[name] ?? 0) * maxUtilisation * (1 + 1e-9))) continue;
    if (found.push(index) === 2) break;
  }
  return found;
}

/** The service that a replica's messages save most with on its node; undefined when none of its traffic stays there. */
function nearest(problem: Problem, { counts, serviceIndex }: Placement, at: number, node: number): string | undefined {
  const { name, replicas } = problem.services[at]!;
  const { local, remote } = problem.costs;
  const own = (counts[at]!.get(node) ?? 0) / replicas.length;
  const saved = new Map<string, number>();
  for (const { from, to, messagesPerSecond, bytesPerSecond } of problem.traffic) {
    if (from === to || (from !== name && to !== name)) continue;
    const partner = from === name ? to : from;
    const other = serviceIndex.get(partner)!;
    const kept = Math.min(own, (counts[other]!.get(node) ?? 0) / problem.services[other]!.replicas.length);
    const saving = messagesPerSecond * (remote.message - local.message) + bytesPerSecond * (remote.byte - local.byte);
    if (kept > 0 && saving > 0) saved.set(partner, (saved.get(partner) ?? 0) + kept * saving);
  }
  return [...saved].reduce<readonly [string, number] | undefined>((most, one) => (most && most[1] >= one[1] ? most : one), undefined)?.[0];
}

/** The reason of one replica, at a node's position (-1 for nowhere). */
export function reasonOf(problem: Problem, placement: Placement, at: number, replica: string, node: number, reading: Reading): Reason {
  const service = problem.services[at]!;
  if (node < 0) return "nowhere";
  if (Object.hasOwn(service.pinned, replica)) return "pinned";
  const possible = someNodes(problem, at, reading);
  if (possible.length === 1 && possible[0] === node) return "only node";
  const beside = nearest(problem, placement, at, node);
  if (beside !== undefined) return `beside ${beside}`;
  if ([...service.affinity, ...service.antiAffinity, ...service.spread].some(({ weight }) => weight === null)) return "rule";
  const present = Object.hasOwn(problem.assignment, replica) ? problem.assignment[replica] : undefined;
  return present === problem.nodes[node]!.name ? "kept" : "balance";
}

/** One replica, shortly. */
export interface ReplicaReason {
  readonly replica: string;
  readonly service: string;
  readonly node: string | null;
  readonly present: string | null;
  readonly reason: Reason;
}

/** Every replica of a plan with its reason, in the problem's order. Replicas of a service on one node share what is looked up. */
export function explainAll(problem: Problem, assignment: Readonly<Record<string, string>>, reading: Reading): readonly ReplicaReason[] {
  const placement = countPlacement(problem, assignment);
  return problem.services.flatMap((service, at) => {
    const known = new Map<string, Reason>();
    return service.replicas.map((replica, which) => {
      const node = placement.nodesOf[at]![which]!;
      const name = problem.nodes[node]?.name ?? null;
      const present = Object.hasOwn(problem.assignment, replica) ? problem.assignment[replica]! : null;
      const key = `${node} ${present === name} ${Object.hasOwn(service.pinned, replica)}`;
      const reason = known.get(key) ?? reasonOf(problem, placement, at, replica, node, reading);
      known.set(key, reason);
      return { replica, service: service.name, node: name, present, reason };
    });
  });
}
