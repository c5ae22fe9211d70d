/** The judge: whether a placement keeps every rule of its problem. It reads the problem, never a solver's arrays, so that no solver judges itself. @module */
import type { NodeSpec, Problem, ServiceSpec } from "../problem/problem.ts";
import { refusal } from "./node-fit.ts";
import { countPlacement, exactSum, type Placement } from "./placement.ts";
import type { Check } from "./plan.ts";
import { formatQuantity, percent } from "./quantity.ts";
import { type Reserve, reserved } from "./reserved.ts";
import { affinityBreak, antiAffinityBreak, type Break, spreadBreak } from "./rule-break.ts";

/** How a placement is judged. */
export interface CheckOptions {
  /** Share of each capacity that may be used, above 0 to 1. */
  readonly maxUtilisation: number;
  readonly reserve: Reserve | undefined;
  /** The most that may move, and bytes that moves may carry; null for no limit. */
  readonly budget: { readonly moves: number | null; readonly bytes: number | null } | null;
}

/** A sum may be above its limit by this share, which is rounding and not overload: 0.1 + 0.2 fits into 0.3. */
const tolerance = 1e-9;

function placed(problem: Problem, assignment: Readonly<Record<string, string>>, placement: Placement): Check {
  const broken: string[] = [];
  let checked = 0;
  const known = new Set<string>();
  for (const [at, { replicas }] of problem.services.entries()) {
    for (const [which, replica] of replicas.entries()) {
      checked++;
      known.add(replica);
      if (placement.nodesOf[at]![which]! >= 0) continue;
      const node = Object.hasOwn(assignment, replica) ? assignment[replica] : undefined;
      broken.push(node === undefined ? `${replica} is on no node` : `${replica} is on ${node}, which is not a node of the problem`);
    }
  }
  for (const replica of Object.keys(assignment)) if (!known.has(replica)) broken.push(`${replica} is not a replica of the problem`);
  return { name: "placed", checked, broken };
}

function capacity(problem: Problem, placement: Placement, maxUtilisation: number, reserve: Reserve): Check {
  const broken: string[] = [];
  const onNode: { readonly count: number; readonly service: number }[][] = problem.nodes.map(() => []);
  for (const [service, counts] of placement.counts.entries()) for (const [node, count] of counts) onNode[node]!.push({ count, service });
  for (const { name, unit } of problem.resources) {
    const each = problem.services.map((service) => reserved(service, name, reserve));
    for (const [at, node] of problem.nodes.entries()) {
      const sum = exactSum(onNode[at]!.map(({ count, service }) => count * each[service]!));
      const whole = node.capacity[name] ?? 0;
      const limit = whole * maxUtilisation;
      if (sum <= limit * (1 + tolerance)) continue;
      const of =
        maxUtilisation === 1
          ? formatQuantity(whole, unit)
          : `${formatQuantity(limit, unit)} (${percent(maxUtilisation)} of ${formatQuantity(whole, unit)})`;
      broken.push(`${node.name}: ${name}: ${formatQuantity(sum, unit)} reserved of ${of}, ${formatQuantity(sum - limit, unit)} too much`);
    }
  }
  return { name: "capacity", checked: problem.nodes.length * problem.resources.length, broken };
}

function allowedNodes(problem: Problem, placement: Placement): Check {
  const broken: string[] = [];
  let checked = 0;
  for (const [at, service] of problem.services.entries()) {
    checked += service.replicas.length;
    for (const node of placement.counts[at]!.keys()) {
      const why = refusal(service, problem.nodes[node]!);
      if (why === null) continue;
      const here = service.replicas.filter((_, which) => placement.nodesOf[at]![which] === node);
      for (const replica of here) broken.push(`${replica} is on ${problem.nodes[node]!.name}, which ${why}`);
    }
  }
  return { name: "nodes", checked, broken };
}

function pinned(problem: Problem, assignment: Readonly<Record<string, string>>): Check {
  const pins = problem.services.flatMap((service) => Object.entries(service.pinned));
  const broken = pins
    .filter(([replica, node]) => !Object.hasOwn(assignment, replica) || assignment[replica] !== node)
    .map(
      ([replica, node]) =>
        `${replica} is pinned to ${node} and is ${Object.hasOwn(assignment, replica) ? `on ${assignment[replica]}` : "nowhere"}`,
    );
  return { name: "pinned", checked: pins.length, broken };
}

/** A rule between replicas, its weight (1 to 100, null for a must), and what was found. */
interface JudgedRule extends Break {
  readonly name: "affinity" | "anti-affinity" | "spread";
  readonly weight: number | null;
}

/** Judges every rule between replicas, musts and wishes. */
export function judgeRules(
  problem: Problem,
  placement: Placement,
  { maxUtilisation, reserve = "requests" }: Pick<CheckOptions, "maxUtilisation" | "reserve">,
): readonly JudgedRule[] {
  const fits = (service: ServiceSpec, node: NodeSpec): boolean =>
    problem.resources.every(
      ({ name }) => reserved(service, name, reserve) <= (node.capacity[name] ?? 0) * maxUtilisation * (1 + tolerance),
    );
  return problem.services.flatMap((service): readonly JudgedRule[] => [
    ...service.affinity.map((rule) => ({
      name: "affinity" as const,
      weight: rule.weight,
      ...affinityBreak(problem, placement, service, rule),
    })),
    ...service.antiAffinity.map((rule) => ({
      name: "anti-affinity" as const,
      weight: rule.weight,
      ...antiAffinityBreak(problem, placement, service, rule),
    })),
    ...service.spread.map((rule) => ({
      name: "spread" as const,
      weight: rule.weight,
      ...spreadBreak(problem, placement, service, rule, fits),
    })),
  ]);
}

function budgetCheck(
  problem: Problem,
  assignment: Readonly<Record<string, string>>,
  { moves, bytes }: NonNullable<CheckOptions["budget"]>,
): Check {
  const moved = countMoves(problem, assignment);
  const broken: string[] = [];
  if (moves !== null && moved.moves > moves) broken.push(`${moved.moves} replicas move, and ${moves} may`);
  if (bytes !== null && moved.bytes > bytes * (1 + tolerance)) {
    broken.push(`moves carry ${formatQuantity(moved.bytes, "bytes")}, and may carry ${formatQuantity(bytes, "bytes")}`);
  }
  return { name: "budget", checked: Number(moves !== null) + Number(bytes !== null), broken };
}

/** Replicas that run elsewhere now, and the bytes that moving them carries; those that run nowhere now, or nowhere then, do not move. */
export function countMoves(
  problem: Problem,
  assignment: Readonly<Record<string, string>>,
): { readonly moves: number; readonly bytes: number } {
  let moves = 0;
  let bytes = 0;
  for (const { replicas, moveBytes } of problem.services) {
    for (const replica of replicas) {
      if (!Object.hasOwn(problem.assignment, replica) || !Object.hasOwn(assignment, replica)) continue;
      if (problem.assignment[replica] === assignment[replica]) continue;
      moves++;
      bytes += moveBytes;
    }
  }
  return { moves, bytes };
}

/** Whether every rule is kept: `wishes` may give way, all other checks may not. */
export function keepsRules(checks: readonly Check[]): boolean {
  return checks.every(({ name, broken }) => name === "wishes" || broken.length === 0);
}

/**
 * Judges a placement, one check a kind of rule: `placed`, `capacity`, `nodes`, `pinned`, `affinity`, `anti-affinity`, `spread`, `budget`, and `wishes`,
 * whose `broken` tells which wishes gave way and does not break the plan (see {@link keepsRules}).
 *
 * @example
 * ```ts
 * const checks = checkPlan(problem, plan.assignment, { maxUtilisation: 1, reserve: "requests", budget: null });
 * if (!keepsRules(checks)) throw new Error(checks.flatMap(({ broken }) => broken).join("\n"));
 * ```
 */
export function checkPlan(problem: Problem, assignment: Readonly<Record<string, string>>, options: CheckOptions): Check[] {
  const placement = countPlacement(problem, assignment);
  const breaks = judgeRules(problem, placement, options);
  const musts = (name: JudgedRule["name"]): Check => {
    const of = breaks.filter((one) => one.name === name && one.weight === null);
    return { name, checked: of.length, broken: of.flatMap(({ broken }) => broken) };
  };
  const wishes = breaks.filter(({ weight }) => weight !== null);
  return [
    placed(problem, assignment, placement),
    capacity(problem, placement, options.maxUtilisation, options.reserve ?? "requests"),
    allowedNodes(problem, placement),
    pinned(problem, assignment),
    musts("affinity"),
    musts("anti-affinity"),
    musts("spread"),
    ...(options.budget ? [budgetCheck(problem, assignment, options.budget)] : []),
    { name: "wishes", checked: wishes.length, broken: wishes.flatMap(({ broken }) => broken.slice(0, 1)) },
  ];
}
