/** One piece of a search: a placement to improve, by so many steps. The same in a thread and without one. @module */

import { Random } from "@mitsu/simulation";
import type { Figures, NodeOf } from "../instance.ts";
import type { Budget } from "../strategy.ts";
import { anneal, type MovePrice } from "./anneal.ts";
import { giveBack } from "./give-back.ts";
import { polish } from "./polish.ts";
import { findStart } from "./start.ts";
import { PlacementState } from "./state.ts";

/** What is to be done. */
export interface SearchJob {
  /** Null: find one that keeps the rules first. */
  readonly start: NodeOf | null;
  readonly weight: number;
  readonly budget: Budget | null;
  readonly price: MovePrice;
  readonly seed: number;
  readonly steps: number;
  readonly hot: number;
  readonly cold: number;
  /** An answer that costs more is not worth polishing; any is unless told. */
  readonly polishBelow?: number;
  /** Milliseconds since 1970 by which it should be done; it hurries, and ends, when it sees that it will not. */
  readonly untilMs: number;
}

/** What came of it. */
export interface SearchAnswer {
  /** Null when no placement that keeps the rules was found. */
  readonly nodeOf: NodeOf | null;
  readonly cost: number;
  /** Moves that it takes, and what they carry. */
  readonly moves: number;
  readonly bytes: number;
  readonly steps: number;
  /** It ran out of time: the same job may answer otherwise. */
  readonly cut: boolean;
}

/** Steps of looking for a start, for each replica. */
const startStepsOfReplica = 200;
const leastStartSteps = 100_000;
/** Before so much of the time is gone nothing is said of its speed. */
const opinionAfter = 0.3;

/** Does a job. The same figures and job give the same answer, unless it is cut. */
export function search(figures: Figures, job: SearchJob): SearchAnswer {
  const { weight, budget, price, hot, cold, steps, untilMs } = job;
  const random = new Random(job.seed);
  const clock = new Pace(untilMs);
  const startSteps = Math.max(leastStartSteps, startStepsOfReplica * figures.replicas);
  const start = job.start ?? findStart(figures, random, startSteps, (done) => clock.end(done));
  if (start === null) return { nodeOf: null, cost: Number.POSITIVE_INFINITY, moves: 0, bytes: 0, steps: 0, cut: clock.cut };
  const state = new PlacementState(figures, start.slice(), weight);
  const before = { nodeOf: start, cost: state.cost, moves: state.moved, bytes: state.movedBytes };
  const done = anneal(state, random, { steps, hot, cold, budget, price, pace: (share) => clock.hurry(share) });
  if (price.kind === "sought") giveBack(state, budget);
  if (price.kind !== "fixed" && state.cost < (job.polishBelow ?? Number.POSITIVE_INFINITY)) polish(state, budget);
  const after = { nodeOf: state.nodeOf, cost: state.cost, moves: state.moved, bytes: state.movedBytes };
  // What was found may be worse than the start, but a fixed price asks for another trade.
  const best = price.kind === "fixed" || !within(before, budget) || after.cost < before.cost ? after : before;
  return { ...best, steps: done, cut: clock.cut };
}

/** Whether so many moves may be made. */
export function within({ moves, bytes }: { readonly moves: number; readonly bytes: number }, budget: Budget | null): boolean {
  return budget === null || (moves <= budget.moves && bytes <= budget.bytes);
}

/** Steps against the clock: by steps as long as they will be done in time, else by time. */
class Pace {
  cut = false;
  readonly #beganMs = Date.now();
  readonly #untilMs: number;
  /** Shares of time and of work when it saw that time is short. */
  #passedThen = 0;
  #doneThen = 0;

  constructor(untilMs: number) {
    this.#untilMs = untilMs;
  }

  /** The share of the work that counts as done, for one who has done `done` of it. */
  hurry(done: number): number {
    const passed = this.#passed();
    if (!this.cut && passed > opinionAfter && done < passed * 0.95) {
      this.cut = true;
      this.#passedThen = passed;
      this.#doneThen = done;
    }
    if (!this.cut) return done;
    const sinceThen = this.#passedThen >= 1 ? 1 : (passed - this.#passedThen) / (1 - this.#passedThen);
    return this.#doneThen + sinceThen * (1 - this.#doneThen);
  }

  /** The same for work that cannot hurry: 1 when time is up. */
  end(done: number): number {
    if (this.#passed() >= 1) this.cut = true;
    return this.cut ? 1 : done;
  }

  #passed(): number {
    return (Date.now() - this.#beganMs) / Math.max(1, this.#untilMs - this.#beganMs);
  }
}
