/** What every strategy is: a function from an instance to a node for each replica. @module */
import type { Instance, NodeOf } from "./instance.ts";

/** Names of the strategies. */
export const strategyNames = ["mitsu", "traffic", "balance", "exact", "kubernetes", "netmarks", "round-robin"] as const;

/** One of {@link strategyNames}. */
export type StrategyName = (typeof strategyNames)[number];

/** How much may move, seen from where replicas run now; replicas that run nowhere are free. */
export interface Budget {
  readonly moves: number;
  readonly bytes: number;
}

/** What a strategy is told besides the instance. */
export interface SolveOptions {
  /** 32 bits; the same seed, options and instance give the same answer. */
  readonly seed: number;
  /** Wall clock from `startedAtMs`; a strategy that runs into it says so in `Solution.cut`. */
  readonly deadlineMs: number;
  /** Milliseconds since 1970 when the command began. */
  readonly startedAtMs: number;
  /** Balance against traffic, 0 (traffic alone) to 1 (balance alone). */
  readonly weight: number;
  readonly budget: Budget | null;
  /** Threads. */
  readonly workers: number;
  readonly progress: (text: string) => void;
}

/** How good an answer is known to be. */
export interface Proof {
  /** No placement that keeps the rules has a lower objective (see `objective.ts`). */
  readonly bound: number;
  /** `optimal`: the bound is met to 10⁻⁶; `bound`: it is not, or not yet. */
  readonly status: "optimal" | "bound";
  /** How it is known: `highs`, `pairs` (each pair of services alone), … */
  readonly by: string;
}

/** What a strategy answers. */
export interface Solution {
  readonly nodeOf: NodeOf;
  readonly proof: Proof | null;
  /** The deadline cut it short, so another run may answer otherwise. */
  readonly cut: boolean;
  /** Steps of whatever it does, for people who compare. */
  readonly steps: number;
  /** Under a budget, when the search knows it: what all of the budget is worth where it ends, in units of the objective. */
  readonly price?: number | null;
  /** Said to people: what it left out, what it could not place. */
  readonly notes: readonly string[];
}

/** A strategy. @throws {MitsuError} `ERR_PLACER_INFEASIBLE` when no placement keeps the rules, with the rules that clash. */
export type Strategy = (instance: Instance, options: SolveOptions) => Promise<Solution>;
