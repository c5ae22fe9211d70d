/** Why a replica is where it is, in a word or two. @module */
import type { Problem, TrafficEdge } from "../problem/problem.ts";
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
function nearest(
  { services, costs }: Problem,
  { counts, serviceIndex }: Placement,
  at: number,
  edges: readonly TrafficEdge[],
  node: number,
): string | undefined {
  const { name, replicas } = services[at]!;
  const { local, remote } = costs;
  const own = (counts[at]!.get(node) ?? 0) / replicas.length;
  const saved = new Map<string, number>();
  for (const { from, to, messagesPerSecond, bytesPerSecond } of edges) {
    const partner = from === name ? to : from;
    const other = serviceIndex.get(partner)!;
    const kept = Math.min(own, (counts[other]!.get(node) ?? 0) / services[other]!.replicas.length);
    const saving = messagesPerSecond * (remote.message - local.message) + bytesPerSecond * (remote.byte - local.byte);
    if (kept > 0 && saving > 0) saved.set(partner, (saved.get(partner) ?? 0) + kept * saving);
  }
  return [...saved].reduce<readonly [string, number] | undefined>((most, one) => (most && most[1] >= one[1] ? most : one), undefined)?.[0];
}

/** Tells the reason of replicas of one service, each at a node's position (-1 for nowhere). */
export function reasonsOf(
  problem: Problem,
  placement: Placement,
  at: number,
  reading: Reading,
  /** Of the service, without what it says to itself. */
  edges: readonly TrafficEdge[] = edgesOf(problem).get(problem.services[at]!.name) ?? [],
): (replica: string, node: number) => Reason {
  const service = problem.services[at]!;
  const possible = someNodes(problem, at, reading);
  const ruled = [...service.affinity, ...service.antiAffinity, ...service.spread].some(({ weight }) => weight === null);
  const besides = new Map<number, string | undefined>();
  return (replica, node) => {
    if (node < 0) return "nowhere";
    if (Object.hasOwn(service.pinned, replica)) return "pinned";
    if (possible.length === 1 && possible[0] === node) return "only node";
    if (!besides.has(node)) besides.set(node, nearest(problem, placement, at, edges, node));
    const beside = besides.get(node);
    if (beside !== undefined) return `beside ${beside}`;
    if (ruled) return "rule";
    const present = Object.hasOwn(problem.assignment, replica) ? problem.assignment[replica] : undefined;
    return present === problem.nodes[node]!.name ? "kept" : "balance";
  };
}

/** Each service's edges with others. */
function edgesOf({ traffic }: Problem): ReadonlyMap<string, readonly TrafficEdge[]> {
  const edges = new Map<string, TrafficEdge[]>();
  for (const edge of traffic) {
    if (edge.from === edge.to) continue;
    for (const end of [edge.from, edge.to]) {
      const known = edges.get(end);
      if (known) known.push(edge);
      else edges.set(end, [edge]);
    }
  }
  return edges;
}

/** One replica, shortly. */
export interface ReplicaReason {
  readonly replica: string;
  readonly service: string;
  readonly node: string | null;
  readonly present: string | null;
  readonly reason: Reason;
}

/** Every replica of a plan with its reason, in the problem's order. */
export function explainAll(problem: Problem, assignment: Readonly<Record<string, string>>, reading: Reading): readonly ReplicaReason[] {
  const placement = countPlacement(problem, assignment);
  const edges = edgesOf(problem);
  return problem.services.flatMap((service, at) => {
    const reason = reasonsOf(problem, placement, at, reading, edges.get(service.name) ?? []);
    return service.replicas.map((replica, which) => {
      const node = placement.nodesOf[at]![which]!;
      const present = Object.hasOwn(problem.assignment, replica) ? problem.assignment[replica]! : null;
      return { replica, service: service.name, node: problem.nodes[node]?.name ?? null, present, reason: reason(replica, node) };
    });
  });
}
