/** The way from the present placement to a plan: steps, in waves. @module */

/**
 * One step. `move` starts the replica on `to`, then stops it on `from`; where that cannot be done at once it is a `start` and a `stop` of their own.
 * A replica that runs on both ends for a moment counts on both.
 */
export type MoveStep = {
  readonly replica: string;
  /** Musts that this step breaks for a moment, one sentence each; empty nearly always. */
  readonly breaks: readonly string[];
} & (
  | { readonly kind: "start"; readonly to: string }
  /** `pause`: it runs nowhere from here until its `start`. */
  | { readonly kind: "stop"; readonly from: string; readonly pause: boolean }
  /** `hop`: to a node where it stays for a moment only, to make room. */
  | { readonly kind: "move"; readonly from: string; readonly to: string; readonly hop: boolean }
);

/** All steps to a plan. */
export interface MoveOrder {
  /** Steps of one wave may run at the same time, in any order; a wave begins when the one before has ended. */
  readonly waves: readonly (readonly MoveStep[])[];
  /** Replicas that run elsewhere afterwards, and that ran nowhere before. */
  readonly moves: number;
  readonly starts: number;
  /** Moves to a node that is not the last one. */
  readonly hops: number;
  /** Replicas that are stopped before they can be started again. */
  readonly pauses: number;
  /** Replicas that run now and that the plan does not have: they stay as they are. */
  readonly leftAlone: readonly string[];
  /** Said to people. */
  readonly notes: readonly string[];
}
