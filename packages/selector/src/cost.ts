/** What mitsu expects a request to take, in parts that the kernel's scores are made of too. @module */
import type { Candidate } from "./candidate.ts";
import type { OptionRange, OptionRanges, SelectorOptions } from "./selector.ts";
import { readOptions } from "./selector-error.ts";

/** Parameters of the cost. */
export interface CostOptions {
  /** What a request over the network takes longer than one by redirect. */
  readonly remoteCostMs: number;
  /** Age from which a report is none. */
  readonly staleMs: number;
  /** A replica all of whose requests fail costs 1 + this many times as much. */
  readonly failurePenalty: number;
}

/** Defaults and ranges of {@link CostOptions}. */
export const costRanges: Readonly<Record<keyof CostOptions, OptionRange>> = {
  remoteCostMs: { default: 0.1, least: 0, most: 10_000, about: "what a request over the network costs more than one by redirect" },
  staleMs: { default: 150, least: 1, most: 10_000, about: "age from which a report is none" },
  failurePenalty: { default: 10, least: 0, most: 1000, about: "a replica all of whose requests fail costs 1 + this many times as much" },
};

/** mitsu's options, as people write them. */
export const mitsuOptions: OptionRanges<"remote-cost-ms" | "stale-ms" | "failure-penalty"> = {
  "remote-cost-ms": costRanges.remoteCostMs,
  "stale-ms": costRanges.staleMs,
  "failure-penalty": costRanges.failurePenalty,
};

/**
 * The cost's parameters from mitsu's options.
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`
 * @example
 * ```ts
 * costOptions({ "stale-ms": 50 }); // { remoteCostMs: 0.1, staleMs: 50, failurePenalty: 10 }
 * ```
 */
export function costOptions(options: SelectorOptions = {}): CostOptions {
  const values = readOptions("mitsu", options, mitsuOptions);
  return { remoteCostMs: values["remote-cost-ms"], staleMs: values["stale-ms"], failurePenalty: values["failure-penalty"] };
}

/** Service times nearer to the mean than by this factor count as the mean: an average of few requests is no better than that. */
const deadZone = 1.5;
/** Milliseconds of wait by which a report comes nearer to the mean for each of its age: the busy get fewer requests and work on, the idle more. */
const busyDrains = 0.5;
const idleFills = 2;
/** How many requests one own request in flight stands for, at most, and the age from which it does. */
const ownStandsFor = 8;
const ownFullMs = 60;

/**
 * What one request takes there without waiting: as it said after `sinceMs`, else its latency, with its waits, as better than nothing; 0 when neither is known. What a
 * replica said long ago is worse than that: speeds change. (Of replicas that slow to a third every other second, p99 without a broker is half of what it was with
 * their last words, and for fixed speeds a quarter; bench/replica-simulation.sh.)
 */
export function toldService(candidate: Candidate, sinceMs: number): number {
  const told = candidate.reportedServiceMs;
  return told > 0 && candidate.reportedAtMs > sinceMs ? told : candidate.latencyMs;
}

/** The same as it counts: the mean where it is not known, or differs by too little. Math.max() would take a tenth of a decision's time. */
export function serviceOf(toldMs: number, meanMs: number): number {
  if (toldMs > meanMs) return toldMs < meanMs * deadZone ? meanMs : toldMs * (1 / deadZone);
  if (toldMs === 0) return meanMs;
  const most = toldMs * deadZone;
  if (most < meanMs) return most;
  return meanMs;
}

/** The reported wait, drawn to the mean wait by its age: the busy work on, the idle are found by the `others`, a share of all clients from 0 to 1. */
export function agedWait(waitMs: number, meanMs: number, ageMs: number, others: number): number {
  if (waitMs > meanMs) {
    const drained = waitMs - ageMs * busyDrains;
    if (drained > meanMs) return drained;
    return meanMs;
  }
  const filled = waitMs + ageMs * idleFills * others;
  if (filled < meanMs) return filled;
  return meanMs;
}

/** By how much {@link ownStands} grows with each millisecond of age: the fewer clients there are, the less. */
export function ownStandsPerMs(clients: number): number {
  return Math.min(clients, ownStandsFor) / ownFullMs;
}

/** How many requests each own request in flight stands for besides itself: none with a fresh report. */
export function ownStands(ageMs: number, perMs: number): number {
  return ageMs < ownFullMs ? ageMs * perMs : ownFullMs * perMs;
}
