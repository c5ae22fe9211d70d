/**
 * The rounds of a search: what is tried one after another and beside each other, for how many steps, and the best of it. Steps are counted, not timed, so that a seed
 * repeats the answer; only when time runs short does the clock decide.
 * @module
 */
import type { Instance } from "../instance.ts";
import type { Budget, SolveOptions } from "../strategy.ts";
import { type SearchAnswer, type SearchJob, within } from "./search-job.ts";
import type { SearchPool } from "./search-pool.ts";

/** Somewhat fewer steps than a thread of a common machine makes in a second, so that what is planned by steps is done in time nearly everywhere. */
const stepsPerSecond = 1_500_000;
/** More steps than this for each replica gain nothing that is worth the wait. */
const stepsOfReplica = 5_000;
/** A small problem is begun anew until the best was found so many times, or so many times in all; with so many steps each, from hotter to less cold, as polishing follows. */
const hitsOfSmall = 16;
const runsOfSmall = 60;
const stepsOfSmall = 8_000;
const heatOfSmall = 3;
const coldOfSmall = 1e-4;
/** What is so much worse than the best cannot be polished to be better, unless a budget stands in the way of all but the polish. */
const polishWithin = 0.02;
/** Shares of the steps: one full annealing, then reheats of the best so far. */
const plainRounds = [0.4, 0.2, 0.2, 0.2] as const;
/** The same under a budget: looks at two prices of moves, full annealings at prices ever nearer to what the budget is worth, reheats within it. */
const pricedRounds = { probe: 0.1, full: [0.25, 0.35], reheat: [0.1, 0.1, 0.1] } as const;
/** Of the heat of a full annealing. */
const reheat = 1 / 30;
/** What all of a budget is worth, where it ends, is mostly within these, of all traffic. */
const firstPrices = [0.12, 0.36] as const;

/** How hot a search begins, and how cold it ends: by the largest and the smallest differences that a move makes. */
function temperatures(instance: Instance, weight: number): { readonly hot: number; readonly cold: number } {
  const { saving } = instance.edges;
  const largest =
    saving.reduce((most, one) => Math.max(most, one), 0) /
    Math.max(
      Number.MIN_VALUE,
      saving.reduce((sum, one) => sum + one, 0),
    );
  const hot = Math.max(1e-4, 0.3 * largest * (1 - weight), (0.3 * weight) / instance.nodes);
  return { hot, cold: Math.min(1e-6, 3.5e-3 / instance.replicas) };
}

/** An answer at a fixed price. */
interface Priced {
  readonly price: number;
  /** Of the budget, which is 1. */
  readonly spent: number;
  readonly answer: SearchAnswer;
}

/** The rounds of one search, and the best of what they found. */
export class Rounds {
  /** Within the budget. */
  best: SearchAnswer | null = null;
  /** Whether or not. */
  found: SearchAnswer | null = null;
  cut = false;
  steps = 0;
  readonly #pool: SearchPool;
  readonly #options: SolveOptions;
  readonly #heat: { readonly hot: number; readonly cold: number };
  readonly #allSteps: number;
  readonly #untilMs: number;
  #round = 0;
  /** Shares of the steps that are still to come. */
  #left = 1;

  /** `share` is of the steps that a whole search has; `untilMs` since 1970. */
  constructor(instance: Instance, pool: SearchPool, options: SolveOptions, share: number, untilMs: number) {
    this.#pool = pool;
    this.#options = options;
    this.#heat = temperatures(instance, options.weight);
    this.#allSteps = Math.min((options.deadlineMs / 1000) * stepsPerSecond, stepsOfReplica * instance.replicas) * share;
    this.#untilMs = untilMs;
  }

  /** Many short runs from the beginning find the best of a small problem more surely than few long ones. */
  async manySmall(): Promise<void> {
    let hits = 0;
    for (let run = 0; run < runsOfSmall && hits < hitsOfSmall; run++) {
      const before = this.best?.cost ?? Number.POSITIVE_INFINITY;
      const answers = await this.#try(
        [{ cold: coldOfSmall, ...(this.#options.budget === null && { polishBelow: before + polishWithin }) }],
        {
          part: 1 / runsOfSmall,
          heat: heatOfSmall,
          steps: stepsOfSmall,
        },
      );
      if (!answers || this.best === null || this.best.cost < 1e-12) return;
      if (this.best.cost < before - 1e-9) hits = 1;
      else if (answers[0]!.cost < this.best.cost + 1e-9) hits++;
    }
  }

  /** One full annealing on each thread, and reheats of the best. */
  async annealAndReheat(): Promise<void> {
    for (const [round, part] of plainRounds.entries()) {
      if (round > 0 && (this.best === null || this.best.cost < 1e-12)) return;
      const heat = round === 0 ? 1 : reheat;
      if (!(await this.#try(this.#everyThread({ start: this.best?.nodeOf ?? null }), { part, heat }))) return;
    }
  }

  /**
   * Annealing at a price of moves finds better trades than under a fence around their number, behind which moves that gain nothing are stuck; so the price is
   * sought at which the moves made are the budget, and only the last rounds keep to it. Returns the price.
   */
  async byPrice(budget: Budget): Promise<number> {
    const known = await this.atPrices(budget, firstPrices, pricedRounds.probe);
    const full: Priced[] = [];
    for (const part of pricedRounds.full) {
      if (known.length === 0) break;
      const answers = await this.atPrices(budget, around(priceFor(known), this.#pool.threads), part);
      full.push(...answers);
      known.push(...answers);
    }
    const price = known.length > 0 ? priceFor(known) : firstPrices[0];
    // What is beyond the budget will be given back, at about the price.
    const worth = ({ answer, spent }: Priced): number => answer.cost + price * Math.max(0, spent - 1);
    let start = (full.length > 0 ? full : known).toSorted((one, other) => worth(one) - worth(other))[0]?.answer ?? null;
    for (const part of pricedRounds.reheat) {
      if (start === null) break;
      const answers = await this.#try(this.#everyThread({ start: start.nodeOf, price: { kind: "sought", price } }), { part, heat: reheat });
      if (!answers) break;
      start = this.best ?? answers[0]!;
    }
    // Nothing within the budget yet: from where replicas run now, never passing it.
    if (this.best === null) await this.#try(this.#everyThread({}), { part: Math.max(0.1, this.#left) });
    return price;
  }

  /** Full annealings at fixed prices, whatever they spend; those that found nothing are left out. */
  async atPrices(budget: Budget, prices: readonly number[], part: number): Promise<Priced[]> {
    const jobs = prices.map((price) => ({ price: { kind: "fixed", price } }) as const);
    const answers = (await this.#try(jobs, { part })) || [];
    return answers.flatMap((answer, at) => {
      const spent = answer.moves / budget.moves + answer.bytes / budget.bytes;
      return answer.nodeOf === null ? [] : [{ price: prices[at]!, spent: Math.max(1e-3, spent), answer }];
    });
  }

  #everyThread(job: Partial<SearchJob>): Partial<SearchJob>[] {
    return Array.from({ length: this.#pool.threads }, () => job);
  }

  /** Does jobs beside each other, and keeps the best; false when time is up. */
  async #try(
    jobs: readonly Partial<SearchJob>[],
    { part, heat = 1, steps }: { readonly part: number; readonly heat?: number; readonly steps?: number },
  ): Promise<SearchAnswer[] | false> {
    const { weight, budget, seed, progress } = this.#options;
    const leftMs = this.#untilMs - Date.now();
    if (this.#round > 0 && leftMs <= 0) {
      this.cut = true;
      return false;
    }
    const nowMs = Date.now();
    const waves = Math.ceil(jobs.length / this.#pool.threads);
    const waveMs = (Math.max(leftMs, 0) * part) / Math.max(part, this.#left) / waves;
    const common = {
      start: null,
      weight,
      budget,
      price: { kind: "tiny" },
      steps: steps ?? Math.ceil((this.#allSteps * part * this.#pool.threads) / Math.max(jobs.length, this.#pool.threads)),
      hot: this.#heat.hot * heat,
      cold: this.#heat.cold,
    } as const;
    this.#left -= part;
    const answers = await this.#pool.run(
      jobs.map((job, at) => ({
        ...common,
        seed: seed + 1000 * this.#round + at,
        untilMs: nowMs + waveMs * (1 + Math.floor(at / this.#pool.threads)),
        ...job,
      })),
    );
    for (const answer of answers) {
      this.steps += answer.steps;
      this.cut ||= answer.cut;
      if (answer.nodeOf === null) continue;
      if (within(answer, budget) && (this.best === null || isBetter(answer, this.best))) this.best = answer;
      if (this.found === null || answer.moves < this.found.moves) this.found = answer;
    }
    this.#round++;
    if (this.best) progress(`search: round ${this.#round}, objective ${this.best.cost.toFixed(4)}`);
    return answers;
  }
}

/** Less cost, or as much with fewer moves. */
function isBetter(one: SearchAnswer, other: SearchAnswer): boolean {
  return one.cost < other.cost - 1e-12 || (one.cost < other.cost + 1e-12 && one.moves < other.moves);
}

/** The price at which what is spent would be 1: on the line through the two nearest known points, in logarithms. */
function priceFor(known: readonly { readonly price: number; readonly spent: number }[]): number {
  const nearest = known.toSorted((one, other) => Math.abs(Math.log(one.spent)) - Math.abs(Math.log(other.spent)));
  const [one, other] = [nearest[0]!, nearest.find(({ price }) => Math.abs(Math.log(price / nearest[0]!.price)) > 0.1)];
  const slope = other ? Math.log(other.spent / one.spent) / Math.log(other.price / one.price) : -1;
  // More costs less: a slope that says otherwise is noise.
  const step = -Math.log(one.spent) / Math.min(-0.25, slope);
  return one.price * Math.exp(Math.max(-1.5, Math.min(1.5, step)));
}

/** Prices a little below and above one, for as many threads. */
function around(price: number, threads: number): number[] {
  if (threads === 1) return [price];
  return Array.from({ length: threads }, (_, at) => price * 1.08 ** ((2 * at) / (threads - 1) - 1));
}
