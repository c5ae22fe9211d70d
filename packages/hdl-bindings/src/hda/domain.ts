/** What a search needs to know of a problem: 64-bit states, moves with costs, a heuristic. @module */

/** Where {@link Domain.expand} writes: successor n has entry n of each. */
export interface Successors {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  /** Cost of the move, from 1. */
  readonly cost: Uint32Array;
  /** The move that leads here, 0 to 14. */
  readonly move: Uint8Array;
}

/** The move of a start state: there is none. */
export const noMove = 15;

/** A problem; states are two words of 32 bits. */
export interface Domain {
  readonly name: string;
  readonly startLow: number;
  readonly startHigh: number;
  isGoal(low: number, high: number): boolean;
  /** A lower bound on the cost to the goal, with h(s) ≤ cost + h(successor). */
  heuristic(low: number, high: number): number;
  /** Zobrist hash, 32 bits, not negative. */
  hash(low: number, high: number): number;
  /**
   * Writes the successors, but not the state that `move` came from.
   *
   * @returns how many.
   */
  expand(low: number, high: number, move: number, into: Successors): number;
}

/**
 * Room for the successors of one state.
 *
 * @param most Moves a state has.
 */
export function successors(most = 8): Successors {
  return { low: new Uint32Array(most), high: new Uint32Array(most), cost: new Uint32Array(most), move: new Uint8Array(most) };
}
