/** The problem as it is now: its traffic is what sockhijacks counted. @module */
import type { CostModel, Problem, TrafficEdge } from "../problem/problem.ts";
import type { Rate } from "./decayed-matrix.ts";

/** What all sources together tell. */
export interface Estimate {
  /** Between services of the problem, the busiest by bytes first. */
  readonly edges: readonly Rate[];
  /** Services that the problem does not have, the busiest first. */
  readonly unknown: readonly string[];
}

/** Adds the sources up: each counts the connections that begin on its node. Programs outside the mesh have no name, and are left out. */
export function addUp(problem: Pick<Problem, "services">, sources: readonly (readonly Rate[])[]): Estimate {
  const known = new Set(problem.services.map(({ name }) => name));
  const edges = new Map<string, Rate>();
  const unknown = new Map<string, number>();
  for (const rate of sources.flat()) {
    const { from, to } = rate;
    const missing = [from, to].filter((name) => name !== "" && !known.has(name));
    for (const name of missing) unknown.set(name, (unknown.get(name) ?? 0) + rate.bytesPerSecond);
    if (!known.has(from) || !known.has(to)) continue;
    const before = edges.get(`${from}\n${to}`);
    const sum = { messagesPerSecond: rate.messagesPerSecond, bytesPerSecond: rate.bytesPerSecond };
    if (before) {
      sum.messagesPerSecond += before.messagesPerSecond;
      sum.bytesPerSecond += before.bytesPerSecond;
    }
    edges.set(`${from}\n${to}`, { from, to, ...sum });
  }
  return {
    edges: [...edges.values()].toSorted(
      (a, b) => b.bytesPerSecond - a.bytesPerSecond || a.from.localeCompare(b.from) || a.to.localeCompare(b.to),
    ),
    unknown: [...unknown].toSorted(([, a], [, b]) => b - a).map(([name]) => name),
  };
}

/** The problem with that traffic in the place of its own. */
export function withTraffic(problem: Problem, { edges }: Estimate): Problem {
  return { ...problem, traffic: edges.map((edge): TrafficEdge => ({ ...edge, sources: ["sockhijack"] })) };
}

/**
 * How different two estimates are, 0 to 1: what would have to be added and taken away, in cores that it costs to cross nodes, of all there is in
 * the larger; 0 for two empty ones.
 */
export function difference(one: readonly Rate[], other: readonly Rate[], costs: CostModel): number {
  const cores = ({ messagesPerSecond, bytesPerSecond }: Rate): number =>
    messagesPerSecond * Math.max(0, costs.remote.message - costs.local.message) +
    bytesPerSecond * Math.max(0, costs.remote.byte - costs.local.byte);
  const table = (rates: readonly Rate[]): Map<string, number> => new Map(rates.map((rate) => [`${rate.from}\n${rate.to}`, cores(rate)]));
  const [a, b] = [table(one), table(other)];
  const sum = (map: ReadonlyMap<string, number>): number => [...map.values()].reduce((all, value) => all + value, 0);
  let apart = 0;
  for (const pair of new Set([...a.keys(), ...b.keys()])) apart += Math.abs((a.get(pair) ?? 0) - (b.get(pair) ?? 0));
  const most = Math.max(sum(a), sum(b));
  return most === 0 ? 0 : Math.min(1, apart / most);
}
