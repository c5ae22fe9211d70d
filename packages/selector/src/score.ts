/** mitsu's costs in the form the kernel's connect hook reads: the same order from integers. @module */
import type { Candidate } from "./candidate.ts";
import { agedWait, type CostOptions, ownStands, ownStandsPerMs, serviceOf, toldService } from "./cost.ts";

/** What the connect hook compares of a replica: two u32 of an entry of sockhijack's map `scores`. [packages/sockhijack/bpf/sockhijack.h, `struct score`] */
export interface Score {
  /** What it costs without this node's connections there. */
  score: number;
  /** What each of them adds. */
  each: number;
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
  /** Units added to every score, so that the least is 0: the same for all changes no order. */
  readonly offset: number;
  readonly options: CostOptions;
}

const most = 0xffff_ffff;
/** The `score` of a replica that takes no connections while another can. */
export const takesNoneScore: number = most;
/** What a connection adds to the cost where that is the mean, as at weight 100 without scores: rounding is then 0.05 % of a connection. [selection.h, `cost()`] */
const meanEach = 1024;
/** The most backends that the connect hook compares. [sockhijack.h, `MAX_CHOICES`] */
const mostChoices = 16;

/** The scale for these replicas now. O(n), once for each batch of scores. */
export function scoreScale(candidates: readonly Candidate[], nowMs: number, clients: number, options: CostOptions): ScoreScale {
  let services = 0;
  let served = 0;
  let weights = 0;
  for (const one of candidates) {
    const told = toldService(one, nowMs - options.staleMs);
    services += told;
    if (told > 0) served++;
    weights += one.weight;
  }
  const meanServiceMs = served > 0 ? services / served : 1;
  let waits = 0;
  let fresh = 0;
  for (const one of candidates) {
    const each = serviceOf(toldService(one, nowMs - options.staleMs), meanServiceMs) / one.workers;
    const age = nowMs - one.reportedAtMs;
    if (age >= options.staleMs) continue;
    waits += one.reportedInFlight * each;
    fresh++;
  }
  const scale = {
    nowMs,
    clients,
    meanServiceMs,
    meanWaitMs: fresh > 0 ? waits / fresh : 0,
    meanWeight: weights / candidates.length,
    perMs: 1,
    offset: 0,
    options,
  };
  let slopes = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const one of candidates) {
    slopes += slopeMs(one, scale);
    least = Math.min(least, restMs(one, scale));
  }
  scale.perMs = meanEach / (slopes / candidates.length);
  if (Number.isFinite(least)) scale.offset = -least * scale.perMs;
  return scale;
}

/**
 * What to write for one replica: `kernelCost(scoreOf(one), one.inFlight)` is `costOf(one)` in units of 1 / `perMs`, but for rounding and what is added to all.
 * The kernel counts this node's connections itself, so that those of the time since the last report count at once.
 *
 * @param into Is filled and returned, so that a batch makes no garbage.
 * Layout: u32 both; `score` is never {@link takesNoneScore}, `each` never 0.
 */
export function scoreOf(candidate: Candidate, scale: ScoreScale, into: Score = { score: 0, each: 0 }): Score {
  into.each = whole(slopeMs(candidate, scale) * scale.perMs, 1, most);
  into.score = whole(restMs(candidate, scale) * scale.perMs + scale.offset, 0, most - 1);
  return into;
}

/** The kernel's cost of a replica, in integers as there: `active · each + score`; ∞ for one that takes none. */
export function kernelCost({ score, each }: Score, active: number): number {
  return score === takesNoneScore ? Number.POSITIVE_INFINITY : Math.max(0, active) * each + score;
}

/**
 * How many of `n` replicas the connect hook should compare, when all clients together send `need` requests until they know more. They know the same, so if
 * all compared all, all would go to the one that is best now, and it would not be for long. Who compares d of n at random meets the best with probability d / n:
 * with d = n / need it gets one of those requests, as it should. Two are always compared: the worse of them is spared even with old news; at a need of 1 or less there is no herd.
 *
 * Source: Mitzenmacher, "How useful is old information?", IEEE TPDS 11 (2000): the older the news, the smaller the best d.
 * @example
 * ```ts
 * choicesFor(20, 0.3); // 16, the most
 * choicesFor(20, 4); // 5
 * choicesFor(20, 100); // 2
 * ```
 */
export function choicesFor(n: number, need: number): number {
  const wanted = need <= 1 ? n : Math.round(n / need);
  return Math.min(mostChoices, Math.max(2, wanted || 2));
}

/** mitsu's cost of one replica, in milliseconds; see `selectors/mitsu.ts`, which computes the same for all at once. */
export function costOf(candidate: Candidate, scale: ScoreScale): number {
  const service = serviceOf(toldService(candidate, scale.nowMs - scale.options.staleMs), scale.meanServiceMs);
  const each = service / candidate.workers;
  const age = ageOf(candidate, scale);
  let wait = scale.meanWaitMs;
  if (age < scale.options.staleMs)
    wait = agedWait(candidate.reportedInFlight * each, wait, age, 1 - 1 / scale.clients) + candidate.sentSince * each;
  wait += ownStands(age, ownStandsPerMs(scale.clients)) * candidate.inFlight * each;
  return (service + wait / shareOf(candidate, scale)) * penaltyOf(candidate, scale) + (candidate.here ? 0 : scale.options.remoteCostMs);
}

/** The cost without this node's connections there. */
function restMs(candidate: Candidate, scale: ScoreScale): number {
  return costOf(candidate, scale) - slopeMs(candidate, scale) * candidate.inFlight;
}

/** What one more connection of this node adds to the cost: it counts as sent since the report, and stands for others of its like. */
function slopeMs(candidate: Candidate, scale: ScoreScale): number {
  const each = serviceOf(toldService(candidate, scale.nowMs - scale.options.staleMs), scale.meanServiceMs) / candidate.workers;
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

/** A whole number from `least` to `greatest`, whatever came in: NaN and ±∞ too. */
function whole(value: number, least: number, greatest: number): number {
  if (!(value > least)) return least;
  return value >= greatest ? greatest : Math.round(value);
}
