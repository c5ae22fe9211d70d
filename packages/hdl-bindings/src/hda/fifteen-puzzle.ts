/** The 15-puzzle with the Manhattan distance. @module */
import { MitsuError } from "@mitsu/cli/error";
import { type Domain, noMove, type Successors } from "./domain.ts";
import { zobristTable } from "./zobrist.ts";

/** Moves of the blank: up, down, left, right; `move ^ 1` takes one back. */
const steps = [-4, 4, -1, 1] as const;

/** distance[tile × 16 + place]: rows and columns to the tile's place in the goal; the blank's is 0. */
const distance = Uint8Array.from({ length: 256 }, (_, at) => {
  const [tile, place] = [at >> 4, at & 15];
  return tile === 0 ? 0 : Math.abs((tile >> 2) - (place >> 2)) + Math.abs((tile & 3) - (place & 3));
});

const words = zobristTable(256, 15);

const tileAt = (low: number, high: number, place: number): number => ((place < 8 ? low : high) >>> ((place & 7) * 4)) & 15;

const mayGo = (blank: number, move: number): boolean =>
  move === 0 ? blank > 3 : move === 1 ? blank < 12 : move === 2 ? (blank & 3) !== 0 : (blank & 3) !== 3;

function packed(board: readonly number[]): readonly [number, number] {
  const half = (from: number): number => board.slice(from, from + 8).reduce((word, tile, nth) => (word | (tile << (nth * 4))) >>> 0, 0);
  return [half(0), half(8)];
}

/**
 * A puzzle whose goal is 0, 1, … 15, the blank (0) at the upper left, as in Korf's instances. A state has four bits a place, place 0 in the lowest of `low`.
 *
 * @throws {MitsuError} `ERR_PUZZLE_BOARD` when the board is no permutation of 0 to 15. Half of the boards have no solution; the search then never ends.
 * @example
 * ```ts
 * new FifteenPuzzle([1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]); // one move
 * ```
 */
export class FifteenPuzzle implements Domain {
  readonly name: string;
  readonly startLow: number;
  readonly startHigh: number;

  constructor(board: readonly number[], name = "15-puzzle") {
    if (board.length !== 16 || new Set(board).size !== 16 || board.some((tile) => !Number.isInteger(tile) || tile < 0 || tile > 15))
      throw new MitsuError(`cannot use ${board.join(" ")} as a board of the 15-puzzle`, {
        code: "ERR_PUZZLE_BOARD",
        hint: "give each of 0 to 15 once, row by row; 0 is the blank",
      });
    this.name = name;
    [this.startLow, this.startHigh] = packed(board);
  }

  isGoal(low: number, high: number): boolean {
    return low === 0x76543210 && high === 0xfedcba98;
  }

  heuristic(low: number, high: number): number {
    let sum = 0;
    for (let place = 0, rest = low; place < 8; place++, rest >>>= 4) sum += distance[((rest & 15) << 4) | place]!;
    for (let place = 8, rest = high; place < 16; place++, rest >>>= 4) sum += distance[((rest & 15) << 4) | place]!;
    return sum;
  }

  hash(low: number, high: number): number {
    let hash = 0;
    for (let place = 0, rest = low; place < 8; place++, rest >>>= 4) hash ^= words[((rest & 15) << 4) | place]!;
    for (let place = 8, rest = high; place < 16; place++, rest >>>= 4) hash ^= words[((rest & 15) << 4) | place]!;
    return hash >>> 0;
  }

  expand(low: number, high: number, move: number, into: Successors): number {
    let blank = 0;
    while (tileAt(low, high, blank) !== 0) blank++;
    const back = move === noMove ? noMove : move ^ 1;
    let count = 0;
    for (let next = 0; next < 4; next++) {
      if (next === back || !mayGo(blank, next)) continue;
      const from = blank + steps[next]!;
      const tile = tileAt(low, high, from);
      let [newLow, newHigh] = [low, high];
      // The tile goes to the blank's place, and its own becomes 0.
      if (from < 8) newLow ^= tile << (from * 4);
      else newHigh ^= tile << ((from & 7) * 4);
      if (blank < 8) newLow ^= tile << (blank * 4);
      else newHigh ^= tile << ((blank & 7) * 4);
      into.low[count] = newLow;
      into.high[count] = newHigh;
      into.cost[count] = 1;
      into.move[count] = next;
      count++;
    }
    return count;
  }
}

/**
 * The board after moves of the blank.
 *
 * @param moves Letters of `UDLR`: where the blank goes.
 */
export function afterMoves(board: readonly number[], moves: string): readonly number[] {
  const now = [...board];
  for (const letter of moves) {
    const blank = now.indexOf(0);
    const from = blank + steps["UDLR".indexOf(letter)]!;
    now[blank] = now[from]!;
    now[from] = 0;
  }
  return now;
}
