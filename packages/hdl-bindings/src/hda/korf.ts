/** Instances of the 15-puzzle from Korf's hundred. [R. E. Korf, Depth-First Iterative-Deepening, Artificial Intelligence 27, 1985, table 1] @module */
import { MitsuError } from "@mitsu/cli/error";
import { afterMoves, FifteenPuzzle } from "./fifteen-puzzle.ts";

interface Instance {
  readonly board: readonly number[];
  /** One cheapest way, found by an IDA* of ours; its length is the one in the paper. */
  readonly moves: string;
}

const instances: Readonly<Record<number, Instance>> = {
  1: {
    board: [14, 13, 15, 7, 11, 12, 9, 5, 6, 0, 2, 1, 4, 8, 10, 3],
    moves: "ULDDRUUULDDDRUURRDLDLUURULLDRDRUURDDDLUUURDDDLULUURRDLLLU",
  },
  12: {
    board: [14, 1, 9, 6, 4, 8, 12, 5, 7, 2, 3, 0, 10, 11, 13, 15],
    moves: "LLLURRDLULDRDLUUURRDRDLLULDRUURRDDLLDRULURULL",
  },
  55: {
    board: [13, 8, 14, 3, 9, 1, 0, 7, 15, 5, 4, 10, 12, 2, 6, 11],
    moves: "DLDRULLUURDRULDRDDLUULURRDDDLUURDRDLLULUU",
  },
};

/**
 * An instance, from a state on its cheapest way to the goal: a part of a cheapest way is one too, so that its cost is known.
 *
 * @param instance 1, 12 or 55.
 * @param cost What is left of the way; the whole of it unless told.
 * @throws {MitsuError} `ERR_KORF_INSTANCE` for others.
 * @example
 * ```ts
 * korf(1, 40); // Korf's first instance, 17 moves on
 * ```
 */
export function korf(instance: number, cost?: number): FifteenPuzzle {
  const found = instances[instance];
  const whole = found?.moves.length ?? 0;
  const left = cost ?? whole;
  if (!found || !Number.isInteger(left) || left < 0 || left > whole)
    throw new MitsuError(`cannot make Korf's instance ${instance} with a cost of ${left}`, {
      code: "ERR_KORF_INSTANCE",
      hint: "the instances are 1 (57 moves), 12 (45) and 55 (41); the cost is at most theirs",
    });
  const name = left === whole ? `Korf ${instance}` : `Korf ${instance}, last ${left} moves`;
  return new FifteenPuzzle(afterMoves(found.board, found.moves.slice(0, whole - left)), name);
}
