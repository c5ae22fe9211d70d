/** What a picture of a plan shows: the present placement and the plan, each with its nodes and what is on them. @module */
import { countPlacement, type Placement } from "../plan/placement.ts";
import type { NodeUse, Plan, PlanReport } from "../plan/plan.ts";
import { planReport } from "../plan/plan-report.ts";
import type { Reserve } from "../plan/reserved.ts";
import { reserved } from "../plan/reserved.ts";
import type { Problem } from "../problem/problem.ts";

/** Replicas of one service on one node. */
export interface Chip {
  /** Position of the service in the problem. */
  readonly service: number;
  readonly count: number;
  /** Replicas that come from another node with the plan, or go to one. */
  readonly moved: number;
  /** What they reserve together of the first resource, as a share of the node's. */
  readonly share: number;
}

/** A node of one panel. */
export interface SceneNode {
  readonly use: NodeUse;
  readonly chips: readonly Chip[];
  /** Share of the traffic at this node's replicas that stays on it; null when they have none. */
  readonly onNode: number | null;
}

/** One placement. */
export interface Panel {
  readonly kind: "now" | "plan";
  readonly placement: Placement;
  readonly report: PlanReport;
  /** In the problem's order. */
  readonly nodes: readonly SceneNode[];
  /** Replicas that are on no node. */
  readonly nowhere: number;
}

/** Two services that talk, in either direction. */
export interface Pair {
  readonly a: number;
  readonly b: number;
  /** Each second, in the scene's unit. */
  readonly amount: number;
  /** Share that stays on a node, a panel each. */
  readonly onNode: readonly number[];
}

/** All that a picture shows. */
export interface Scene {
  readonly problem: Problem;
  readonly plan: Plan;
  /** The present placement first, unless nothing runs now. */
  readonly panels: readonly Panel[];
  /** In what traffic is drawn: messages, or bytes where no messages are known. */
  readonly unit: "messages" | "bytes";
  /** The most first. */
  readonly pairs: readonly Pair[];
}

/** Puts together what a picture of a plan shows. */
export function sceneOf(problem: Problem, plan: Plan): Scene {
  const { maxUtilisation, weight } = plan.options;
  const reserve = plan.options.reserve as Reserve;
  const unit = problem.traffic.some(({ messagesPerSecond }) => messagesPerSecond > 0) ? "messages" : "bytes";
  const placements = { now: countPlacement(problem, problem.assignment), plan: countPlacement(problem, plan.assignment) };
  const pairs = pairsOf(problem, unit, placements.now);
  const panel = (kind: Panel["kind"]): Panel => {
    const placement = placements[kind];
    const assignment = kind === "now" ? problem.assignment : plan.assignment;
    const report = planReport(problem, assignment, { weight, maxUtilisation, reserve, budget: null, proof: null });
    const other = Object.keys(problem.assignment).length === 0 ? placement : placements[kind === "now" ? "plan" : "now"];
    const shares = nodeShares(pairs, problem, placement);
    const chips = chipsOf(problem, placement, other, reserve);
    return {
      kind,
      placement,
      report,
      nodes: report.nodes.map((use, at) => ({ use, chips: chips[at]!, onNode: shares[at]! })),
      nowhere: placement.nodesOf.reduce((sum, nodes) => sum + nodes.filter((node) => node < 0).length, 0),
    };
  };
  const panels = [...(Object.keys(problem.assignment).length > 0 ? [panel("now")] : []), panel("plan")];
  return {
    problem,
    plan,
    panels,
    unit,
    pairs: pairs.map((pair) => ({ ...pair, onNode: panels.map(({ placement }) => keptShare(pair, problem, placement)) })),
  };
}

function pairsOf(problem: Problem, unit: Scene["unit"], { serviceIndex }: Placement): readonly Omit<Pair, "onNode">[] {
  const pairs = new Map<string, { a: number; b: number; amount: number }>();
  for (const { from, to, messagesPerSecond, bytesPerSecond } of problem.traffic) {
    const [a, b] = [serviceIndex.get(from)!, serviceIndex.get(to)!].toSorted((one, other) => one - other) as [number, number];
    const amount = unit === "messages" ? messagesPerSecond : bytesPerSecond;
    if (a === b || amount === 0) continue;
    const known = pairs.get(`${a} ${b}`);
    if (known) known.amount += amount;
    else pairs.set(`${a} ${b}`, { a, b, amount });
  }
  return [...pairs.values()].toSorted((one, other) => other.amount - one.amount);
}

/** Share of a pair's traffic that stays on a node: Σ over nodes of min(x_a/n_a, x_b/n_b). */
function keptShare({ a, b }: Omit<Pair, "onNode">, { services }: Problem, { counts }: Placement): number {
  let kept = 0;
  for (const [node, count] of counts[a]!) {
    kept += Math.min(count / services[a]!.replicas.length, (counts[b]!.get(node) ?? 0) / services[b]!.replicas.length);
  }
  return kept;
}

function nodeShares(
  pairs: readonly Omit<Pair, "onNode">[],
  { nodes, services }: Problem,
  { counts }: Placement,
): readonly (number | null)[] {
  const all = new Float64Array(nodes.length);
  const kept = new Float64Array(nodes.length);
  for (const { a, b, amount } of pairs) {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const [node, count] of counts[one]!) {
        const share = count / services[one]!.replicas.length;
        all[node]! += amount * share;
        kept[node]! += amount * Math.min(share, (counts[other]!.get(node) ?? 0) / services[other]!.replicas.length);
      }
    }
  }
  return Array.from(all, (whole, node) => (whole === 0 ? null : kept[node]! / whole));
}

function chipsOf(problem: Problem, placement: Placement, other: Placement, reserve: Reserve): readonly (readonly Chip[])[] {
  const chips: Chip[][] = problem.nodes.map(() => []);
  const resource = problem.resources[0]?.name ?? "cpu";
  for (const [service, counts] of placement.counts.entries()) {
    const each = reserved(problem.services[service]!, resource, reserve);
    const moved = new Map<number, number>();
    for (const [at, node] of placement.nodesOf[service]!.entries()) {
      const there = other.nodesOf[service]![at]!;
      if (node >= 0 && there >= 0 && node !== there) moved.set(node, (moved.get(node) ?? 0) + 1);
    }
    for (const [node, count] of counts) {
      const capacity = problem.nodes[node]!.capacity[resource] ?? 0;
      chips[node]!.push({ service, count, moved: moved.get(node) ?? 0, share: capacity > 0 ? (count * each) / capacity : 0 });
    }
  }
  return chips;
}
