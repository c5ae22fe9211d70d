/**
 * mitsu, the default: fills the least busy replicas as far as everybody's requests reach until something new is heard. Past 300 lines, as its passes over the candidates
 * share their arrays.
 *
 * @module
 */
import type { Candidate } from "../candidate.ts";
import { agedWait, type CostOptions, costOptions, ownStands, ownStandsPerMs, serviceOf, toldService } from "../cost.ts";
import type { Costs, SelectionContext, Selector, SelectorFactory } from "../selector.ts";

/** The level rises at most by this many mean service times, so that the differences below it still count. */
const mostRise = 6;
/** Requests that are to come in any case, so that candidates of nearly the same cost share. */
const leastNeed = 0.5;
/** What a credit loses with each decision, as what was true then is not now; at most this part of the least share, so that the lightest reaches its turn too. */
const creditLost = 0.02;
const lostOfLeast = 0.5;
/** A survey of means is good for so many decisions, and so long. */
const surveyEach = 64;
const surveyMs = 25;
/** A cost or an area beyond these comes from figures that mean nothing. */
const mostCostMs = 1e12;
const mostArea = 1e12;
/** Greater than any credit: who is not under water ranks behind all who are. */
const dry = 1e300;
/** Newton's steps at most; three are usual. */
const mostRounds = 12;
/** Time constant of the rate of own requests. */
const rateMs = 1000;
/** Share of the capacity that is taken for used while the rate of own requests is not known. */
const usualLoad = 0.8;

/**
 * Of each candidate a cost is estimated in milliseconds, the response time to expect:
 *
 *     cost = (service + wait / (weight · ramp)) · (1 + failurePenalty · failures) + (here ? 0 : remoteCostMs)
 *
 * The wait is what was reported, drawn to the mean wait as the report gets older, and the own requests since. As all clients know much the same, the
 * cheapest must not get all: the requests of all clients that are on their way until the next report are poured over the costs like water, where a replica's area is what it
 * serves in a millisecond; a request goes to those under water in proportion to their depth. With a fresh report or a single client the pool is shallow: the
 * least cost wins. With an old one it is deep: every replica gets what it can serve, as in weighted round robin. Proportions are kept by credits (smooth
 * weighted round robin) rather than by chance, so equal replicas take turns. Without reports the own requests in flight are the wait.
 *
 * Options: `remote-cost-ms` (0.1), what a request over the network costs more than one by redirect; `stale-ms` (150), age from which a
 * report is none; `failure-penalty` (10).
 *
 * @throws {MitsuError} `ERR_SELECTOR_OPTION`
 * Source: the pouring is Dahlin, "Interpreting stale load information", IEEE TPDS 11 (2000), made one for ages that differ; the credits are nginx's.
 */
export const mitsu: SelectorFactory = (options = {}) => new Mitsu(costOptions(options));

class Mitsu implements Selector {
  readonly name = "mitsu" as const;
  readonly #o: CostOptions;
  #set: readonly Candidate[] = [];
  #cost = new Float64Array(0);
  /** Requests that add a millisecond to the cost. */
  #area = new Float64Array(0);
  #credit = new Float64Array(0);
  #level = 0;
  /** Of the candidates whose cost is below the level: capacity, and capacity times cost. */
  #under = 0;
  #moment = 0;
  #meanWeight = 1;
  #meanServiceMs = 1;
  /** Of the last decision, which this one uses: one pass is enough. */
  #meanWaitMs = 0;
  #serve = 0;
  /** Own requests in a millisecond; NaN when none was ever sent. */
  #rate = Number.NaN;
  /** All have the same share. */
  #even = true;
  #left = 0;
  #surveyAtMs = 0;
  /** By how much the unit of credits grows with each decision. */
  #growth = 1;
  /** What a credit of 1 is. */
  #unit = 1;
  #sends = 0;
  #sentAtMs = 0;
  #firstAtMs = Number.NaN;

  constructor(o: CostOptions) {
    this.#o = o;
  }

  select<C extends Candidate>(candidates: readonly C[], context: SelectionContext): C {
    if (candidates !== this.#set) this.#prepare(candidates, context);
    if (this.#left-- <= 0 || !(context.nowMs < this.#surveyAtMs)) this.#survey(candidates, context.nowMs);
    const need = this.#estimate(candidates, context);
    this.#fill(need);
    return candidates[this.#take(need)]!;
  }

  sent(_candidate: Candidate, nowMs: number): void {
    if (Number.isNaN(this.#firstAtMs)) this.#firstAtMs = this.#sentAtMs = nowMs;
    this.#sends = 1 + this.#sends * Math.exp(Math.min(0, this.#sentAtMs - nowMs) / rateMs);
    this.#sentAtMs = Math.max(nowMs, this.#sentAtMs);
  }

  /** The expected response times; the one chosen is cheap, but not always the cheapest, as requests of others go there too. */
  costs<C extends Candidate>(candidates: readonly C[], context: SelectionContext): Costs {
    const twin = new Mitsu(this.#o);
    twin.#prepare(candidates, context);
    twin.#survey(candidates, context.nowMs);
    twin.#meanWaitMs = this.#meanWaitMs;
    if (candidates !== this.#set) twin.#estimate(candidates, context); // learns the mean wait
    twin.#estimate(candidates, context);
    return { unit: "ms", of: [...twin.#cost] };
  }

  #rateOf(nowMs: number): number {
    const window = rateMs * (1 - Math.exp(Math.min(0, this.#firstAtMs - nowMs) / rateMs));
    return (this.#sends * Math.exp(Math.min(0, this.#sentAtMs - nowMs) / rateMs)) / Math.max(1, window);
  }

  #prepare(candidates: readonly Candidate[], context: SelectionContext): void {
    const n = candidates.length;
    this.#set = candidates;
    this.#cost = new Float64Array(n);
    this.#area = new Float64Array(n);
    this.#left = 0;
    this.#unit = 1;
    this.#credit = Float64Array.from({ length: n }, () => context.random()); // clients must not begin in step
  }

  /** What hardly changes: means, whether shares differ, own requests, and the requests that all can answer in a millisecond. */
  #survey(candidates: readonly Candidate[], nowMs: number): void {
    this.#left = surveyEach;
    this.#surveyAtMs = nowMs + surveyMs;
    const sinceMs = nowMs - this.#o.staleMs;
    let weights = 0;
    let services = 0;
    let silent = 0;
    let serve = 0;
    for (const one of candidates) {
      const told = toldService(one, sinceMs);
      weights += one.weight;
      services += told;
      if (told === 0) silent++;
    }
    this.#meanWeight = weights / candidates.length;
    let shares = 0;
    let even = true;
    let least = Number.POSITIVE_INFINITY;
    if (silent < candidates.length) this.#meanServiceMs = services / (candidates.length - silent);
    for (const one of candidates) {
      const share = (one.weight / this.#meanWeight) * one.ramp;
      shares += share;
      if (share < least) least = share;
      if (one.weight !== candidates[0]!.weight || one.ramp !== candidates[0]!.ramp) even = false;
      serve += (share * one.workers) / serviceOf(toldService(one, sinceMs), this.#meanServiceMs);
    }
    this.#serve = serve;
    this.#even = even;
    this.#rate = this.#rateOf(nowMs);
    let lost = creditLost;
    const most = (lostOfLeast * least) / shares;
    if (most > 0 && most < lost) lost = most; // NaN is neither
    this.#growth = 1 / (1 - lost);
  }

  /** Writes each candidate's cost and area; returns how many requests are to be poured. */
  #estimate(candidates: readonly Candidate[], context: SelectionContext): number {
    const { staleMs, failurePenalty, remoteCostMs } = this.#o;
    const { nowMs, clients } = context;
    const sinceMs = nowMs - staleMs;
    const others = 1 - 1 / clients;
    const cost = this.#cost;
    const areas = this.#area;
    const meanService = this.#meanServiceMs;
    const meanWait = this.#meanWaitMs;
    const perWeight = 1 / this.#meanWeight;
    const level = this.#level;
    const even = this.#even;
    const perMs = ownStandsPerMs(clients);
    // From here on, what differs from candidate to candidate is multiplied by 0 or 1: branches that nobody can foretell would take a fifth of the time.
    let under = 0;
    let moment = 0;
    let workers = 1;
    let perWorker = 1;
    let waits = 0;
    let stale = 0;
    let ages = 0;
    let oldest = 0;
    for (let i = 0; i < cost.length; i++) {
      const one = candidates[i]!;
      const told = toldService(one, sinceMs);
      const service = serviceOf(told, meanService);
      if (one.workers !== workers) {
        workers = one.workers;
        perWorker = 1 / workers; // divisions are what takes the time here
      }
      const each = service * perWorker;
      let age = nowMs - one.reportedAtMs;
      let wait = meanWait;
      let own = 0;
      if (age < staleMs) {
        if (age < 0) age = 0;
        ages += age;
        if (age > oldest) oldest = age;
        wait = one.reportedInFlight * each;
        waits += wait;
        wait = agedWait(wait, meanWait, age, others);
        own = one.sentSince;
      } else {
        age = staleMs;
        stale++;
      }
      wait += (own + ownStands(age, perMs) * one.inFlight) * each;
      const share = even ? 1 : one.weight * perWeight * one.ramp;
      let width = each;
      let all = service + wait;
      if (share !== 1) {
        width = each / share;
        all = service + wait / share;
      }
      if (one.failures > 0) {
        const penalty = 1 + failurePenalty * one.failures;
        all *= penalty;
        width *= penalty;
      }
      if (!one.here) all += remoteCostMs;
      let area = 1 / width;
      if (!(all < mostCostMs && area < mostArea)) {
        all = mostCostMs; // nonsense in its figures, NaN too, must not spoil the sums of all
        area = 0;
      }
      cost[i] = all;
      areas[i] = area;
      const wet = +(all < level) * area;
      under += wet;
      moment += wet * all;
    }
    this.#under = under;
    this.#moment = moment;
    const fresh = cost.length - stale;
    this.#meanWaitMs = fresh > 0 ? waits / fresh : 0;
    if (fresh === 0 || clients <= 1) return leastNeed;
    const serve = this.#serve;
    const rate = this.#rate * clients;
    const arrivals = rate < serve ? rate : serve * usualLoad; // more than all can serve, or not known
    const untilNext = Math.min(oldest, (2 * ages) / fresh); // one late report must not make all look old
    return leastNeed + Math.min(arrivals * untilNext * others, mostRise * meanService * serve);
  }

  /** Finds the level that `need` requests reach, by Newton's method from the last one: the sum is convex, so from the second step on the level only falls. */
  #fill(need: number): void {
    let level = this.#level;
    for (let round = 0; round < mostRounds; round++) {
      if (round > 0) this.#weigh(level);
      const under = this.#under;
      // Below the least cost there is nothing to stand on: once from above.
      const next = under === 0 ? Number.MAX_VALUE : (need + this.#moment) / under;
      const off = (level - next) * under;
      level = next;
      if (under > 0 && off < 0.25 * need && off > -0.25 * need) break;
    }
    this.#level = level;
  }

  #weigh(level: number): void {
    const cost = this.#cost;
    const areas = this.#area;
    let under = 0;
    let moment = 0;
    for (let i = 0; i < cost.length; i++) {
      const one = cost[i]!;
      if (one < level) {
        const area = areas[i]!;
        under += area;
        moment += area * one;
      }
    }
    this.#under = under;
    this.#moment = moment;
  }

  /** Who is under water with the most credit. */
  #take(need: number): number {
    const cost = this.#cost;
    const areas = this.#area;
    const credit = this.#credit;
    const level = this.#level;
    // Earlier credits are worth less as the unit grows: only who is under water has to be touched.
    const unit = this.#unit * this.#growth;
    const each = unit / need;
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < cost.length; i++) {
      const one = cost[i]!;
      const wet = +(one < level);
      const now = credit[i]! + wet * (level - one) * each * areas[i]!;
      credit[i] = now;
      const rank = now - (1 - wet) * dry;
      if (rank > most) {
        most = rank;
        best = i;
      }
    }
    credit[best]! -= unit;
    this.#unit = unit;
    if (unit > 1e9) this.#rescale();
    return best;
  }

  #rescale(): void {
    for (let i = 0; i < this.#credit.length; i++) this.#credit[i]! /= this.#unit;
    this.#unit = 1;
  }
}
