/** A traffic graph like those of real clusters: a few large components around hubs, many small ones, and weights of which few make most. @module */
import type { Random } from "./random.ts";

/** A pair of services that talk. */
export interface Pair {
  readonly a: number;
  readonly b: number;
  /** Share of all traffic, 0 to 1. */
  readonly weight: number;
}

/** Sizes of components that sum to `members`: the first takes about 40 %, then ever smaller ones, at last pairs. */
function componentSizes(members: number, random: Random): number[] {
  const sizes: number[] = [];
  let left = members;
  while (left >= 2) {
    const wanted = sizes.length === 0 ? Math.round(members * (0.3 + 0.2 * random.next())) : Math.round(random.pareto(1.1, 2));
    const size = Math.max(2, Math.min(wanted, left, Math.ceil(members / 5) + (sizes.length === 0 ? members : 0)));
    sizes.push(left - size === 1 ? left : size);
    left -= sizes.at(-1)!;
  }
  return sizes;
}

/** Of what kind a graph is. */
export interface GraphShape {
  /** Weights fall with their rank as rank^-skew: 1 is flat for a power law, 1.6 gives the first pair almost half of everything. */
  readonly skew: number;
  /** 0 to 1: how often a service joins one for its many neighbours, instead of any. */
  readonly hubs: number;
  /** 0 to 1: how often heavy pairs are of a service with many replicas and one with few, which cannot all stand together. */
  readonly uneven: number;
}

/**
 * Draws `edges` pairs among `services`, about as many services as edges having none.
 * Within a component a service joins, `hubs` of the time, one that already has many neighbours more often than one with few (Barabási and
 * Albert); the further pairs close cycles. Weights fall with their rank as rank^-skew, times log-normal noise.
 *
 * Services with many replicas have the heavy pairs more often than others, as they have them because they are asked much.
 *
 * @param replicas - of each service
 */
export function trafficGraph(replicas: readonly number[], edges: number, { skew, hubs, uneven }: GraphShape, random: Random): Pair[] {
  const services = replicas.length;
  // Ordered by something between chance and replicas, so that who talks at all, and above all to many, is more often a service with many.
  const members = replicas
    .map((count, service) => ({ service, key: Math.sqrt(count) * random.logNormal(0.8) }))
    .sort((one, other) => other.key - one.key)
    .slice(0, Math.max(2, Math.round(edges * 0.85)))
    .map(({ service }) => service);
  const pairs: [number, number][] = [];
  const seen = new Set<number>();
  const join = (a: number, b: number): void => {
    const key = Math.min(a, b) * services + Math.max(a, b);
    if (a === b || seen.has(key)) return;
    seen.add(key);
    pairs.push([a, b]);
  };
  const components: number[][] = [];
  let from = 0;
  const hubsFirst = random.shuffle(members.slice(members.length >> 3));
  hubsFirst.unshift(...random.shuffle(members.slice(0, members.length >> 3)));
  for (const size of componentSizes(members.length, random)) {
    const component = hubsFirst.slice(from, from + size);
    from += size;
    components.push(component);
    const ends: number[] = [component[0]!];
    for (let i = 1; i < component.length; i++) {
      // An end of an earlier edge, drawn at random, is a service by its degree.
      const to = random.next() < hubs ? random.pick(ends) : component[random.below(i)]!;
      join(component[i]!, to);
      ends.push(component[i]!, to);
    }
  }
  const large = components.filter((component) => component.length > 3);
  for (let tries = 0; pairs.length < edges && large.length > 0 && tries < edges * 20; tries++) {
    const component = large[Math.min(random.below(large.length), random.below(large.length))]!;
    join(random.pick(component), random.pick(component));
  }
  const size = ([a, b]: readonly [number, number]): number => {
    const [few, many] = [Math.min(replicas[a]!, replicas[b]!), Math.max(replicas[a]!, replicas[b]!)];
    return Math.sqrt(few ** (1 - uneven) * many ** (1 + uneven));
  };
  const drawn = random
    .shuffle(pairs)
    .slice(0, edges)
    .map((pair) => ({ pair, key: size(pair) * random.logNormal(1) }))
    .sort((one, other) => other.key - one.key)
    .map(({ pair }) => pair);
  const raw = drawn.map((_, rank) => (rank + 1) ** -skew * random.logNormal(0.5));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return drawn.map(([a, b], i) => ({ a, b, weight: raw[i]! / total }));
}
