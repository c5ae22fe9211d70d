/** What a placement is worth, worked out from its problem alone: no solver's arrays are read, so the figures of a plan are not the solver's own. @module */
import type { Problem } from "../problem/problem.ts";
import type { Proof } from "../solve/strategy.ts";
import { type CheckOptions, checkPlan, countMoves, judgeRules } from "./check-plan.ts";
import { unwanted } from "./node-fit.ts";
import { countPlacement, exactSum, type Placement } from "./placement.ts";
import type { NodeUse, PlanReport } from "./plan.ts";
import { type Reserve, reserved } from "./reserved.ts";

/** How a placement is read: as {@link CheckOptions}, and what was minimised. */
export interface ReportOptions extends CheckOptions {
  /** Balance against traffic, 0 to 1. */
  readonly weight: number;
  readonly proof: Proof | null;
}

/**
 * Reports on a placement. Message cores are cores (seconds of CPU each second); shares are 0 to 1. Takes time by replicas, and by traffic edges times the
 * nodes that their services are on.
 *
 * @example
 * ```ts
 * planReport(problem, assignment, { weight: 0.05, maxUtilisation: 1, reserve: "requests", budget: null, proof: null }).onNode; // 0.86
 * ```
 */
export function planReport(problem: Problem, assignment: Readonly<Record<string, string>>, options: ReportOptions): PlanReport {
  const { weight, proof } = options;
  const placement = countPlacement(problem, assignment);
  const messages = messageCosts(problem, placement);
  const use = utilisation(problem, placement, options.reserve ?? "requests");
  const imbalance = imbalanceOf(problem, use, options.reserve ?? "requests");
  const wishes = brokenWishes(problem, placement, options);
  const objective = (1 - weight) * (1 - messages.onNode) + weight * imbalance + wishes;
  const { moves, bytes } = countMoves(problem, assignment);
  const { nodeCores, ...shares } = messages;
  return {
    ...shares,
    imbalance,
    objective,
    bound: proof?.bound ?? null,
    gap: proof === null ? null : objective <= Math.max(0, proof.bound) ? 0 : (objective - proof.bound) / objective,
    proof: proof?.status ?? "none",
    boundBy: proof?.by ?? "",
    nodes: use.map((node, at) => ({ ...node, messageCores: nodeCores[at]! })),
    checks: checkPlan(problem, assignment, options),
    moves,
    moveBytes: bytes,
  };
}

/** Replicas and utilisation of each node; a node that has nothing of a resource is 0 of it, and infinitely over when something is reserved. */
function utilisation(problem: Problem, placement: Placement, reserve: Reserve): readonly Omit<NodeUse, "messageCores">[] {
  const on: (readonly [service: number, count: number])[][] = problem.nodes.map(() => []);
  for (const [service, counts] of placement.counts.entries()) for (const [node, count] of counts) on[node]!.push([service, count]);
  const takes = problem.resources.map(({ name }) => problem.services.map((service) => reserved(service, name, reserve)));
  return problem.nodes.map(({ name: node, capacity }, at) => {
    const shares = problem.resources.map(({ name }, resource): [string, number] => {
      const sum = exactSum(on[at]!.map(([service, count]) => count * takes[resource]![service]!));
      return [name, sum === 0 ? 0 : sum / (capacity[name] ?? 0)];
    });
    return { node, replicas: on[at]!.reduce((sum, [, count]) => sum + count, 0), utilisation: Object.fromEntries(shares) };
  });
}

/**
 * Mean over resources of the nodes' mean absolute deviation from the cluster's utilisation, which is all that the problem's replicas reserve over all
 * capacity. Nodes that have nothing of a resource do not deviate.
 */
function imbalanceOf(problem: Problem, nodes: readonly Pick<NodeUse, "utilisation">[], reserve: Reserve): number {
  const deviations: number[] = [];
  for (const { name } of problem.resources) {
    const capacity = problem.nodes.map((node) => node.capacity[name] ?? 0);
    const all = exactSum(capacity);
    if (all === 0) continue;
    const mean = exactSum(problem.services.map((service) => service.replicas.length * reserved(service, name, reserve))) / all;
    deviations.push(
      exactSum(nodes.map(({ utilisation }, at) => (capacity[at] === 0 ? 0 : Math.abs(utilisation[name]! - mean)))) / nodes.length,
    );
  }
  return deviations.length === 0 ? 0 : exactSum(deviations) / deviations.length;
}

/** Broken wishes between replicas by weight, a mean over services, and how little replicas like their nodes, a mean over replicas. */
function brokenWishes(problem: Problem, placement: Placement, options: CheckOptions): number {
  const rules = judgeRules(problem, placement, options).map(({ weight, share }) => ((weight ?? 0) / 100) * share);
  let replicas = 0;
  const disliked: number[] = [];
  const picky = problem.nodes.some(({ taints }) => taints.some(({ effect }) => effect === "PreferNoSchedule"));
  for (const [at, service] of problem.services.entries()) {
    replicas += service.replicas.length;
    if (!picky && service.preferredNodes.length === 0) continue;
    for (const [node, count] of placement.counts[at]!) disliked.push(count * unwanted(service, problem.nodes[node]!));
  }
  return exactSum(rules) / Math.max(1, problem.services.length) + exactSum(disliked) / Math.max(1, replicas);
}

/**
 * What messages cost. Of an edge (a, b) the share Σ over nodes of min(x_a/n_a, x_b/n_b) stays on a node (gained affinity): callers prefer replicas on their
 * own node, each of which takes an even share. Half of each message's cost is charged at each end. A service's traffic with itself is left out.
 * [Chen et al., Resource Allocation with Service Affinity, ICDE 2024]
 */
function messageCosts(problem: Problem, placement: Placement) {
  const { local, remote } = problem.costs;
  const nodeCores = new Float64Array(problem.nodes.length);
  const sums = { saving: 0, saved: 0, messages: 0, messagesKept: 0, bytes: 0, bytesKept: 0, local: 0, remote: 0, cores: 0 };
  for (const { from, to, messagesPerSecond, bytesPerSecond } of problem.traffic) {
    const [a, b] = [placement.serviceIndex.get(from)!, placement.serviceIndex.get(to)!];
    if (a === b) continue;
    const near = messagesPerSecond * local.message + bytesPerSecond * local.byte;
    const far = messagesPerSecond * remote.message + bytesPerSecond * remote.byte;
    const [countsA, countsB] = [placement.counts[a]!, placement.counts[b]!];
    const nA = problem.services[a]!.replicas.length;
    const nB = problem.services[b]!.replicas.length;
    let kept = 0;
    for (const [node, count] of countsA) {
      const share = count / nA;
      const here = Math.min(share, (countsB.get(node) ?? 0) / nB);
      kept += here;
      nodeCores[node]! += (here * near + (share - here) * far) / 2;
    }
    for (const [node, count] of countsB) {
      const share = count / nB;
      const here = Math.min(share, (countsA.get(node) ?? 0) / nA);
      nodeCores[node]! += (here * near + (share - here) * far) / 2;
    }
    const saving = Math.max(0, far - near);
    sums.saving += saving;
    sums.saved += saving * kept;
    sums.messages += messagesPerSecond;
    sums.messagesKept += messagesPerSecond * kept;
    sums.bytes += bytesPerSecond;
    sums.bytesKept += bytesPerSecond * kept;
    sums.local += near;
    sums.remote += far;
    sums.cores += kept * near + (1 - kept) * far;
  }
  // Of what is nowhere known nothing crosses nodes, and the share of the other tells more than 1 would.
  const share = (part: number, whole: number, unknown = 1): number => (whole === 0 ? unknown : part / whole);
  const onNodeBytes = share(sums.bytesKept, sums.bytes, share(sums.messagesKept, sums.messages));
  return {
    messageCores: sums.cores,
    messageCoresRemote: sums.remote,
    messageCoresLocal: sums.local,
    onNode: share(sums.saved, sums.saving),
    onNodeMessages: share(sums.messagesKept, sums.messages, onNodeBytes),
    onNodeBytes,
    nodeCores,
  };
}
