/** Grid maps with obstacles, made from a seed. @module */
import { type Domain, noMove, type Successors } from "./domain.ts";
import { zobristTable } from "./zobrist.ts";

/** Moves, each followed by its opposite: right, left, down, up, and the diagonals. */
const across = [1, -1, 0, 0, 1, -1, 1, -1] as const;
const down = [0, 0, 1, -1, 1, -1, -1, 1] as const;

/** What a map is made of. */
export interface GridOptions {
  readonly width: number;
  readonly height: number;
  /** Share of cells that are obstacles, 0 to 1. */
  readonly blocked: number;
  readonly seed: number;
}

/**
 * From the upper left to the lower right cell, both free; 5 for a step, 7 for a diagonal one, which may not cut the corner of an obstacle. With many obstacles there may
 * be no way. The heuristic is the octile distance. A state's `low` is row × width + column, `high` is 0.
 *
 * @example
 * ```ts
 * new GridMap({ width: 64, height: 64, blocked: 0.25, seed: 1 });
 * ```
 */
export class GridMap implements Domain {
  readonly name: string;
  readonly startLow = 0;
  readonly startHigh = 0;
  readonly #width: number;
  readonly #height: number;
  readonly #blocked: Uint8Array;
  readonly #words: Uint32Array;

  constructor({ width, height, blocked, seed }: GridOptions) {
    this.name = `grid ${width} × ${height}`;
    this.#width = width;
    this.#height = height;
    this.#blocked = Uint8Array.from(zobristTable(width * height, seed), (word) => (word / 2 ** 32 < blocked ? 1 : 0));
    this.#blocked[0] = 0;
    this.#blocked[width * height - 1] = 0;
    this.#words = zobristTable(width + height, seed + 1);
  }

  isGoal(low: number): boolean {
    return low === this.#width * this.#height - 1;
  }

  heuristic(low: number): number {
    const dx = this.#width - 1 - (low % this.#width);
    const dy = this.#height - 1 - Math.floor(low / this.#width);
    return 5 * Math.max(dx, dy) + 2 * Math.min(dx, dy);
  }

  hash(low: number): number {
    return (this.#words[low % this.#width]! ^ this.#words[this.#width + Math.floor(low / this.#width)]!) >>> 0;
  }

  expand(low: number, _high: number, move: number, into: Successors): number {
    const [x, y] = [low % this.#width, Math.floor(low / this.#width)];
    let count = 0;
    for (let next = 0; next < 8; next++) {
      if (move !== noMove && next === (move ^ 1)) continue;
      const [dx, dy] = [across[next]!, down[next]!];
      if (!this.#free(x + dx, y + dy)) continue;
      if (next > 3 && !(this.#free(x + dx, y) && this.#free(x, y + dy))) continue;
      into.low[count] = low + dx + dy * this.#width;
      into.high[count] = 0;
      into.cost[count] = next > 3 ? 7 : 5;
      into.move[count] = next;
      count++;
    }
    return count;
  }

  #free(x: number, y: number): boolean {
    return x >= 0 && y >= 0 && x < this.#width && y < this.#height && this.#blocked[y * this.#width + x] === 0;
  }
}
