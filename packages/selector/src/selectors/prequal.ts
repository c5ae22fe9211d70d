/** Prequal: probes beside requests, and the hot-cold rule over what they say. @module */
import type { Candidate, Report } from "../candidate.ts";
import type { Costs, OptionRanges, SelectionContext, Selector, SelectorFactory } from "../selector.ts";
import { readOptions } from "../selector-error.ts";
import { ProbePool } from "./probe-pool.ts";

type OptionName = "pool" | "age-ms" | "probes" | "remove" | "delta" | "quantile";

/** Its options. */
export const prequalOptions: OptionRanges<OptionName> = {
  pool: { default: 16, least: 2, most: 1024, whole: true, about: "answers to probes that are kept" },
  "age-ms": { default: 1000, least: 1, most: 60_000, about: "age from which an answer is thrown away" },
  probes: { default: 3, least: 0, most: 64, about: "probes beside each request" },
  remove: { default: 1, least: 0, most: 64, about: "answers thrown away for each request" },
  delta: { default: 1, least: 0, most: 1000, about: "by how much answers are used more often than they come in" },
  quantile: { default: 2 ** -0.25, least: 0, most: 1, about: "of requests in flight, above which a replica is hot" },
};

/**
 * Prequal as published: a pool of 16 answers to probes, none older than 1 s; 3 probes beside each request, to replicas at random without replacement; 1 answer removed
 * for each request, in turn the oldest and the worst; the cold replica with the lowest latency, or the one with the fewest requests in flight where all are hot;
 * random while the pool holds less than two.
 *
 * Options: `pool`, `age-ms`, `probes`, `remove`, `delta`, `quantile` (of requests in flight, above which a replica is hot; 0.6 to 0.9 advised).
 * An answer is used b = max{1, (1 + delta) / ((1 − pool/replicas) · probes − remove)} times, rounded up or down at random; where the denominator is not above 0,
 * as with few replicas, that is once.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`
 * Source: Wydrowski, Kleinberg, Rumble, Archer, "Load is not what you should balance: Introducing Prequal", NSDI '24, §4.
 */
export const prequal: SelectorFactory = (options = {}) => new Prequal(readOptions("prequal", options, prequalOptions));

class Prequal implements Selector {
  readonly name = "prequal" as const;
  readonly #o: Record<OptionName, number>;
  readonly #pool: ProbePool;
  readonly #chosen: Candidate[] = [];
  #order = new Uint32Array(0);
  #replicas = 1;
  #random: () => number = Math.random;
  #candidates: readonly Candidate[] = [];
  #member = new Map<string, Candidate>();
  #removing = 0;

  constructor(o: Record<OptionName, number>) {
    this.#o = o;
    this.#pool = new ProbePool(o.pool);
  }

  select<C extends Candidate>(candidates: readonly C[], context: SelectionContext): C {
    this.#learnSet(candidates, context);
    const pool = this.#pool;
    pool.expire(context.nowMs - this.#o["age-ms"]);
    const limit = pool.limit(this.#o.quantile);
    for (this.#removing += this.#o.remove; this.#removing >= 1; this.#removing--) pool.removeOne(limit);
    while (pool.probes.length >= 2) {
      const index = pool.best(limit);
      const found = this.#member.get(pool.probes[index]!.candidate.key);
      pool.use(index);
      if (found !== undefined) return found as C;
    }
    return candidates[Math.floor(context.random() * candidates.length)]!;
  }

  probes<C extends Candidate>(candidates: readonly C[], context: SelectionContext): readonly C[] {
    this.#learnSet(candidates, context);
    const wanted = Math.min(roundAtRandom(this.#o.probes, context.random), candidates.length);
    const order = this.#order;
    this.#chosen.length = 0;
    for (let i = 0; i < wanted; i++) {
      const other = i + Math.floor(context.random() * (order.length - i)); // the first steps of a Fisher-Yates shuffle: without replacement
      const place = order[other]!;
      order[other] = order[i]!;
      order[i] = place;
      this.#chosen.push(candidates[place]!);
    }
    return this.#chosen as unknown as readonly C[];
  }

  probed(candidate: Candidate, nowMs: number, report: Report): void {
    if (!this.#member.has(candidate.key) && this.#candidates.length > 0) return; // left while the probe was under way
    const o = this.#o;
    const spare = (1 - o.pool / this.#replicas) * o.probes - o.remove;
    const uses = spare > 0 ? Math.max(1, (1 + o.delta) / spare) : 1;
    this.#pool.add(candidate, nowMs, report, roundAtRandom(uses, this.#random));
  }

  /** The latency that the pool has of each, ∞ for those that are hot while another is cold, and for those it has nothing of; where all are hot, by requests in flight. */
  costs<C extends Candidate>(candidates: readonly C[], { nowMs }: SelectionContext): Costs {
    const limit = this.#pool.limit(this.#o.quantile);
    const young = this.#pool.probes.filter(({ atMs }) => atMs >= nowMs - this.#o["age-ms"]);
    const allHot = young.length > 0 && young.every(({ inFlight }) => inFlight > limit);
    const said = new Map(young.map((probe) => [probe.candidate.key, probe]));
    const costOf = (one: C): number => {
      const probe = said.get(one.key);
      if (probe === undefined) return Number.POSITIVE_INFINITY;
      if (allHot) return probe.inFlight;
      return probe.inFlight > limit ? Number.POSITIVE_INFINITY : probe.latencyMs;
    };
    return { unit: allHot ? "requests in flight" : "ms", of: candidates.map(costOf) };
  }

  #learnSet(candidates: readonly Candidate[], context: SelectionContext): void {
    this.#random = context.random;
    if (candidates === this.#candidates) return;
    this.#candidates = candidates;
    this.#replicas = candidates.length;
    this.#order = Uint32Array.from(candidates, (_, i) => i);
    this.#member = new Map(candidates.map((one) => [one.key, one]));
  }
}

function roundAtRandom(value: number, random: () => number): number {
  const whole = Math.floor(value);
  return value > whole && random() < value - whole ? whole + 1 : whole;
}
