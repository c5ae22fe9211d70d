/** Why a replica is where it is: what it says to whom there, and what every other node would change or forbid. It is long because it weighs every term of the objective and every rule once. @module */
import type { NodeSpec, Problem, ServiceSpec } from "../problem/problem.ts";
import { type Reason, reasonsOf } from "./explain-reason.ts";
import { refusal, unwanted } from "./node-fit.ts";
import { countPlacement, exactSum, type Placement } from "./placement.ts";
import { formatQuantity } from "./quantity.ts";
import { type Reserve, reserved } from "./reserved.ts";
import { affinityBreak, antiAffinityBreak, type Break, spreadBreak } from "./rule-break.ts";

/** How a plan was made, as far as it decides what a move changes. */
export interface ExplainOptions {
  readonly weight: number;
  readonly maxUtilisation: number;
  readonly reserve: Reserve;
}

/** What a replica says to another service: its even share of what the services say. */
export interface ReplicaTraffic {
  readonly service: string;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of this replica's traffic, 0 to 1. */
  readonly onNode: number;
}

/** What a move to a node would change; positive is more than now in the plan. */
export interface NodeChange {
  readonly objective: number;
  /** Of the share of traffic on its node, 0 to 1. */
  readonly onNode: number;
  readonly imbalance: number;
  /** Cores for messages. */
  readonly messageCores: number;
}

/** One node against the one the replica is on. */
export interface NodeOption {
  readonly node: string;
  /** `here`, what the objective says of a move, or `forbidden`. */
  readonly verdict: "here" | "better" | "equal" | "worse" | "forbidden";
  /** What forbids it, with figures; empty when nothing does. */
  readonly why: string;
  /** Null where it is forbidden. */
  readonly change: NodeChange | null;
}

/** Everything that is said of a replica. */
export interface Explanation {
  readonly replica: string;
  readonly service: string;
  /** Null when the plan does not place it. */
  readonly node: string | null;
  /** Where it runs now; null for nowhere. */
  readonly present: string | null;
  readonly reason: Reason;
  /** What it takes, with units. */
  readonly reserves: Readonly<Record<string, string>>;
  readonly traffic: readonly ReplicaTraffic[];
  /** The one it is on first, then by the objective, then those that are forbidden. */
  readonly nodes: readonly NodeOption[];
}

/** A move is neither better nor worse below this: sums are not exact. */
const noise = 1e-10;

/**
 * Explains one replica of a plan.
 *
 * @param replica A name that the problem has.
 * @example
 * ```ts
 * explainReplica(problem, plan.assignment, "web-0", { weight: 0.05, maxUtilisation: 1, reserve: "requests" }).reason; // "beside cart"
 * ```
 */
export function explainReplica(
  problem: Problem,
  assignment: Readonly<Record<string, string>>,
  replica: string,
  options: ExplainOptions,
): Explanation {
  const placement = countPlacement(problem, assignment);
  const at = problem.services.findIndex(({ replicas }) => replicas.includes(replica));
  const service = problem.services[at]!;
  const from = placement.nodesOf[at]![service.replicas.indexOf(replica)]!;
  const scale = scaleOf(problem, placement, at, options);
  const rules = rulesAbout(problem, service, options);
  const verdicts = problem.nodes.map((node, to): NodeOption => {
    if (to === from)
      return { node: node.name, verdict: "here", why: "", change: { objective: 0, onNode: 0, imbalance: 0, messageCores: 0 } };
    const moved = move(placement, at, from, to);
    const why = forbidden(problem, service, replica, node, to, scale, rules, placement, moved, options);
    if (why !== "") return { node: node.name, verdict: "forbidden", why, change: null };
    const change = changeOf(problem, at, from, to, scale, rules, placement, moved, options.weight);
    const verdict = Math.abs(change.objective) <= noise ? "equal" : change.objective < 0 ? "better" : "worse";
    return { node: node.name, verdict, why: "", change };
  });
  const rank = ({ verdict, change }: NodeOption): number =>
    verdict === "here" ? Number.NEGATIVE_INFINITY : (change?.objective ?? Number.POSITIVE_INFINITY);
  const present = Object.hasOwn(problem.assignment, replica) ? problem.assignment[replica]! : null;
  return {
    replica,
    service: service.name,
    node: problem.nodes[from]?.name ?? null,
    present,
    reason: reasonsOf(problem, placement, at, options)(replica, from),
    reserves: Object.fromEntries(
      problem.resources.map(({ name, unit }) => [name, formatQuantity(reserved(service, name, options.reserve), unit)]),
    ),
    traffic: trafficOf(problem, placement, at, from),
    nodes: verdicts.toSorted((one, other) => compare(rank(one), rank(other))),
  };
}

const compare = (one: number, other: number): number => (one === other ? 0 : one < other ? -1 : 1);

/** The placement with one replica of a service elsewhere. */
function move(placement: Placement, service: number, from: number, to: number): Placement {
  const counts = new Map(placement.counts[service]);
  const left = (counts.get(from) ?? 0) - 1;
  if (left > 0) counts.set(from, left);
  else counts.delete(from);
  counts.set(to, (counts.get(to) ?? 0) + 1);
  return { ...placement, counts: placement.counts.with(service, counts) };
}

/** What does not depend on where a replica would go. */
interface Scale {
  /** Σ saving of all edges, cores. */
  readonly saving: number;
  /** Edges of the service with others. */
  readonly edges: readonly { readonly other: number; readonly near: number; readonly far: number }[];
  /** By resource: what one replica takes, what is taken on each node, whole capacities, and the cluster's utilisation. */
  readonly resources: readonly {
    readonly takes: number;
    readonly used: Float64Array;
    readonly whole: Float64Array;
    readonly mean: number;
  }[];
  readonly replicas: number;
}

function scaleOf(problem: Problem, placement: Placement, at: number, { reserve }: ExplainOptions): Scale {
  const { local, remote } = problem.costs;
  let saving = 0;
  const edges: { other: number; near: number; far: number }[] = [];
  for (const { from, to, messagesPerSecond, bytesPerSecond } of problem.traffic) {
    if (from === to) continue;
    const near = messagesPerSecond * local.message + bytesPerSecond * local.byte;
    const far = messagesPerSecond * remote.message + bytesPerSecond * remote.byte;
    saving += Math.max(0, far - near);
    const [a, b] = [placement.serviceIndex.get(from)!, placement.serviceIndex.get(to)!];
    if (a === at || b === at) edges.push({ other: a === at ? b : a, near, far });
  }
  const resources = problem.resources.map(({ name }) => {
    const used = new Float64Array(problem.nodes.length);
    const each = problem.services.map((service) => reserved(service, name, reserve));
    for (const [service, counts] of placement.counts.entries()) for (const [node, count] of counts) used[node]! += count * each[service]!;
    const whole = Float64Array.from(problem.nodes, ({ capacity }) => capacity[name] ?? 0);
    const all = exactSum(whole);
    const mean = all === 0 ? 0 : exactSum(problem.services.map(({ replicas }, of) => replicas.length * each[of]!)) / all;
    return { takes: each[at]!, used, whole, mean };
  });
  return { saving, edges, resources, replicas: problem.services.reduce((sum, { replicas }) => sum + replicas.length, 0) };
}

/** A rule that a move of the service's replicas can break or mend. */
interface RuleAbout {
  /** 1 to 100, null for a must. */
  readonly weight: number | null;
  readonly judge: (placement: Placement) => Break;
}

function rulesAbout(problem: Problem, service: ServiceSpec, { maxUtilisation, reserve }: ExplainOptions): readonly RuleAbout[] {
  const fits = (of: ServiceSpec, node: NodeSpec): boolean =>
    problem.resources.every(({ name }) => reserved(of, name, reserve) <= (node.capacity[name] ?? 0) * maxUtilisation * (1 + 1e-9));
  return problem.services.flatMap((of): RuleAbout[] => {
    const about = <T extends { readonly service: string }>(rule: T): boolean => of === service || rule.service === service.name;
    return [
      ...of.affinity
        .filter(about)
        .map((rule) => ({ weight: rule.weight, judge: (now: Placement) => affinityBreak(problem, now, of, rule) })),
      ...of.antiAffinity
        .filter(about)
        .map((rule) => ({ weight: rule.weight, judge: (now: Placement) => antiAffinityBreak(problem, now, of, rule) })),
      ...(of === service
        ? of.spread.map((rule) => ({ weight: rule.weight, judge: (now: Placement) => spreadBreak(problem, now, of, rule, fits) }))
        : []),
    ];
  });
}

/** What forbids a move, as a sentence; empty when nothing does. */
function forbidden(
  problem: Problem,
  service: ServiceSpec,
  replica: string,
  node: NodeSpec,
  to: number,
  { resources }: Scale,
  rules: readonly RuleAbout[],
  before: Placement,
  after: Placement,
  { maxUtilisation }: ExplainOptions,
): string {
  const pin = Object.hasOwn(service.pinned, replica) ? service.pinned[replica] : undefined;
  if (pin !== undefined && pin !== node.name) return `${replica} is pinned to ${pin}`;
  const why = refusal(service, node);
  if (why !== null) return why;
  for (const [at, { takes, used, whole }] of resources.entries()) {
    const limit = whole[to]! * maxUtilisation;
    if (used[to]! + takes <= limit * (1 + 1e-9)) continue;
    const { name, unit } = problem.resources[at]!;
    const free = Math.max(0, limit - used[to]!);
    return `no room: ${name}: ${formatQuantity(takes, unit)} wanted, ${formatQuantity(free, unit)} free of ${formatQuantity(limit, unit)}`;
  }
  for (const { weight, judge } of rules) {
    if (weight !== null) continue;
    const then = judge(after);
    // What was broken before is not the move's fault unless it gets worse.
    if (then.share > judge(before).share + noise) return `breaks a rule: ${then.broken[0] ?? "an affinity"}`;
  }
  return "";
}

function changeOf(
  problem: Problem,
  at: number,
  from: number,
  to: number,
  { saving, edges, resources, replicas }: Scale,
  rules: readonly RuleAbout[],
  before: Placement,
  after: Placement,
  weight: number,
): NodeChange {
  let saved = 0;
  let cores = 0;
  for (const { other, near, far } of edges) {
    const more = kept(problem, after, at, other) - kept(problem, before, at, other);
    saved += more * Math.max(0, far - near);
    cores += more * (near - far);
  }
  const present = resources.filter(({ whole }) => whole.some((one) => one > 0));
  let imbalance = 0;
  for (const { takes, used, whole, mean } of present) {
    const deviation = (node: number, more: number): number =>
      node < 0 || whole[node] === 0
        ? 0
        : Math.abs((used[node]! + more) / whole[node]! - mean) - Math.abs(used[node]! / whole[node]! - mean);
    imbalance += (deviation(to, takes) + deviation(from, -takes)) / problem.nodes.length / present.length;
  }
  const wishes = rules.reduce(
    (sum, rule) => (rule.weight === null ? sum : sum + (rule.weight / 100) * (rule.judge(after).share - rule.judge(before).share)),
    0,
  );
  const dislike = (node: number): number => (node < 0 ? 0 : unwanted(problem.services[at]!, problem.nodes[node]!));
  const broken = wishes / problem.services.length + (dislike(to) - dislike(from)) / replicas;
  const onNode = saving === 0 ? 0 : saved / saving;
  return { objective: -(1 - weight) * onNode + weight * imbalance + broken, onNode, imbalance, messageCores: cores };
}

/** Share of a pair's traffic that stays on a node. */
function kept({ services }: Problem, { counts }: Placement, a: number, b: number): number {
  let share = 0;
  for (const [node, count] of counts[a]!) {
    share += Math.min(count / services[a]!.replicas.length, (counts[b]!.get(node) ?? 0) / services[b]!.replicas.length);
  }
  return share;
}

function trafficOf(problem: Problem, { counts, serviceIndex }: Placement, at: number, node: number): readonly ReplicaTraffic[] {
  const { name, replicas } = problem.services[at]!;
  const partners = new Map<string, { messagesPerSecond: number; bytesPerSecond: number; onNode: number }>();
  for (const { from, to, messagesPerSecond, bytesPerSecond } of problem.traffic) {
    if (from === to || (from !== name && to !== name)) continue;
    const other = serviceIndex.get(from === name ? to : from)!;
    const partner = problem.services[other]!;
    const own = (counts[at]!.get(node) ?? 0) / replicas.length;
    const there = (counts[other]!.get(node) ?? 0) / partner.replicas.length;
    const known = partners.get(partner.name) ?? {
      messagesPerSecond: 0,
      bytesPerSecond: 0,
      onNode: own === 0 ? 0 : Math.min(1, there / own),
    };
    known.messagesPerSecond += messagesPerSecond / replicas.length;
    known.bytesPerSecond += bytesPerSecond / replicas.length;
    partners.set(partner.name, known);
  }
  return [...partners]
    .map(([service, figures]) => ({ service, ...figures }))
    .toSorted((one, other) => other.messagesPerSecond - one.messagesPerSecond || other.bytesPerSecond - one.bytesPerSecond);
}
