/** mitsu's costs in the form the kernel's connect hook reads: the same order from integers. @module */
import type { Candidate } from "./candidate.ts";
import { agedWait, type CostOptions, ownStands, ownStandsPerMs, serviceOf, toldService } from "./cost.ts";

/** An entry of sockhijack's map `scores`: two u32. [packages/sockhijack/bpf/sockhijack.h, `struct score`] */
export interface Score {
  weight: number;
  score: number;
}

/** What all replicas of a service are scored by: means over them, at one time. */
export interface ScoreScale {
  readonly nowMs: number;
  readonly clients: number;
  readonly meanServiceMs: number;
  readonly meanWaitMs: number;
  readonly meanWeight: number;
  /** Units of the kernel's cost in one millisecond. */
  readonly perMs: number;
  readonly options: CostOptions;
}

const most = 0xffff_ffff;
/** Added to every score, so that none falls below 0: the same for all changes no order. */
const offset = 2 ** 30;
/** The weight of a replica that takes the mean service time: great enough that rounding it changes a cost by at most 0.05 % of what connections add. */
const meanScoreWeight = 1000;
/** What one connection adds to the cost at weight 1. [packages/sockhijack/bpf/selection.h, `cost()`] */
const kernelUnit = 1024 * 100;

/** The scale for these replicas now. O(n), once for each batch of scores. */
export function scoreScale(candidates: readonly Candidate[], nowMs: number, clients: number, options: CostOptions): ScoreScale {
  let services = 0;
  let served = 0;
  let weights = 0;
  for (const one of candidates) {
    const told = toldService(one);
    services += told;
    if (told > 0) served++;
    weights += one.weight;
  }
  const meanServiceMs = served > 0 ? services / served : 1;
  let waits = 0;
  let fresh = 0;
  let slopes = 0;
  for (const one of candidates) {
    const each = serviceOf(toldService(one), meanServiceMs) / one.workers;
    const age = nowMs - one.reportedAtMs;
    slopes += each;
    if (age >= options.staleMs) continue;
    waits += one.reportedInFlight * each;
    fresh++;
  }
  return {
    nowMs,
    clients,
    meanServiceMs,
    meanWaitMs: fresh > 0 ? waits / fresh : 0,
    meanWeight: weights / candidates.length,
    perMs: kernelUnit / meanScoreWeight / (slopes / candidates.length),
    options,
  };
}

/**
 * What to write for one replica. The kernel adds 102 400 / weight for each of this node's connections that are open there, so `weight` is how
 * little one of them costs, and `score` is mitsu's cost without them; `kernelCost(scoreOf(one), one.inFlight)` is then `costOf(one)` in units of 1 / `perMs`, but for rounding.
 *
 * @param into Is filled and returned, so that a batch makes no garbage.
 * Layout: u32 both; a weight is 1 or more, as the kernel takes 0 for 100.
 */
export function scoreOf(candidate: Candidate, scale: ScoreScale, into: Score = { weight: 0, score: 0 }): Score {
  const slope = slopeMs(candidate, scale);
  const rest = costOf(candidate, scale) - slope * candidate.inFlight;
  into.weight = whole(kernelUnit / (scale.perMs * slope), 1);
  into.score = whole(offset + rest * scale.perMs, 0);
  return into;
}

/** The kernel's cost of a replica, in integers as there: `active · 1024 · 100 / weight + score`. Below 2⁵³ for up to 2³² connections. */
export function kernelCost(score: Score, active: number): number {
  return Math.floor((Math.max(0, active) * kernelUnit) / (score.weight || 100)) + score.score;
}

/** mitsu's cost of one replica, in milliseconds; see `selectors/mitsu.ts`, which computes the same for all at once. */
export function costOf(candidate: Candidate, scale: ScoreScale): number {
  const service = serviceOf(toldService(candidate), scale.meanServiceMs);
  const each = service / candidate.workers;
  const age = ageOf(candidate, scale);
  let wait = scale.meanWaitMs;
  if (age < scale.options.staleMs)
    wait = agedWait(candidate.reportedInFlight * each, wait, age, 1 - 1 / scale.clients) + candidate.sentSince * each;
  wait += ownStands(age, ownStandsPerMs(scale.clients)) * candidate.inFlight * each;
  return (service + wait / shareOf(candidate, scale)) * penaltyOf(candidate, scale) + (candidate.here ? 0 : scale.options.remoteCostMs);
}

/** What one more connection of this node adds to the cost: it counts as sent since the report, and stands for others of its like. */
function slopeMs(candidate: Candidate, scale: ScoreScale): number {
  const each = serviceOf(toldService(candidate), scale.meanServiceMs) / candidate.workers;
  const age = ageOf(candidate, scale);
  const stands = (age < scale.options.staleMs ? 1 : 0) + ownStands(age, ownStandsPerMs(scale.clients));
  return ((each * stands) / shareOf(candidate, scale)) * penaltyOf(candidate, scale);
}

function ageOf(candidate: Candidate, scale: ScoreScale): number {
  return Math.min(scale.options.staleMs, Math.max(0, scale.nowMs - candidate.reportedAtMs));
}

function shareOf(candidate: Candidate, scale: ScoreScale): number {
  return (candidate.weight / scale.meanWeight) * candidate.ramp;
}

function penaltyOf(candidate: Candidate, scale: ScoreScale): number {
  return 1 + scale.options.failurePenalty * candidate.failures;
}

/** Within u32, whatever came in: NaN and ±∞ too. */
function whole(value: number, least: number): number {
  if (!(value > least)) return least;
  return value >= most ? most : Math.round(value);
}
