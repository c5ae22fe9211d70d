/** A mixed integer program under construction: columns, rows, and for each row which constraint of the problem it speaks for. @module */

/** A linear expression: columns and their coefficients, in pairs. */
export type Term = readonly [column: number, coefficient: number];

/** The arrays that HiGHS takes: minimise cost · x with lower ≤ x ≤ upper and rowLower ≤ A x ≤ rowUpper, A by rows. */
export interface MipArrays {
  readonly cost: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** 1 where the column is an integer. */
  readonly integer: Int32Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  readonly starts: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float64Array;
  readonly offset: number;
}

/**
 * Collects columns and rows.
 *
 * @example
 * ```ts
 * const mip = new Mip();
 * const x = mip.column({ upper: 3, integer: true, cost: -1 });
 * mip.row([[x, 2]], { upper: 5 });
 * mip.arrays();
 * ```
 */
export class Mip {
  readonly #cost: number[] = [];
  readonly #lower: number[] = [];
  readonly #upper: number[] = [];
  readonly #integer: number[] = [];
  readonly #rowLower: number[] = [];
  readonly #rowUpper: number[] = [];
  readonly #starts: number[] = [];
  readonly #indices: number[] = [];
  readonly #values: number[] = [];
  /** Added to the objective. */
  offset = 0;

  get columns(): number {
    return this.#cost.length;
  }

  /** Adds a column, 0 to infinity and free of cost unless told, and returns its number. */
  column({
    lower = 0,
    upper = Number.POSITIVE_INFINITY,
    cost = 0,
    integer = false,
  }: {
    lower?: number;
    upper?: number;
    cost?: number;
    integer?: boolean;
  } = {}): number {
    this.#lower.push(lower);
    this.#upper.push(upper);
    this.#integer.push(integer ? 1 : 0);
    return this.#cost.push(cost) - 1;
  }

  /** Adds to what a column costs. */
  charge(column: number, cost: number): void {
    this.#cost[column]! += cost;
  }

  /** Adds a row; no column may come twice in it. */
  row(
    terms: readonly Term[],
    { lower = Number.NEGATIVE_INFINITY, upper = Number.POSITIVE_INFINITY }: { lower?: number; upper?: number },
  ): void {
    this.#starts.push(this.#indices.length);
    for (const [column, coefficient] of terms) {
      if (coefficient === 0) continue;
      this.#indices.push(column);
      this.#values.push(coefficient);
    }
    this.#rowLower.push(lower);
    this.#rowUpper.push(upper);
  }

  arrays(): MipArrays {
    return {
      cost: Float64Array.from(this.#cost),
      lower: Float64Array.from(this.#lower),
      upper: Float64Array.from(this.#upper),
      integer: Int32Array.from(this.#integer),
      rowLower: Float64Array.from(this.#rowLower),
      rowUpper: Float64Array.from(this.#rowUpper),
      starts: Int32Array.from([...this.#starts, this.#indices.length]),
      indices: Int32Array.from(this.#indices),
      values: Float64Array.from(this.#values),
      offset: this.offset,
    };
  }
}
