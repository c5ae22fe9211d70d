/** Twin of rtl/exact_match.sv. @module */
import { MitsuError } from "@mitsu/cli/error";

/** The sizes of a table: its parameters. */
export interface ExactMatchShape {
  /** A power of two. */
  readonly rows: number;
  readonly ways: number;
  readonly keyBits: number;
}

/** What a change was answered. */
export interface ExactMatchAnswer {
  /** It was refused, and nothing has changed. */
  readonly bad: boolean;
  /** Hits of this key's entry before it; 0 where it was not there. */
  readonly count: number;
}

/** What a lookup found. */
export interface ExactMatchResult {
  readonly way: number;
  readonly action: number;
}

/**
 * The table, one map a way.
 *
 * @example
 * ```ts
 * const table = new ExactMatchTwin({ rows: 4096, ways: 4, keyBits: 128 }, seed);
 * table.install(0, 5n, 7); // { bad: false, count: 0 }
 * table.lookup(5n); // { way: 0, action: 7 }
 * table.remove(0, 5n); // { bad: false, count: 1 }
 * ```
 */
export class ExactMatchTwin {
  readonly shape: ExactMatchShape;
  readonly #seed: bigint;
  readonly #ways: readonly Map<number, { readonly key: bigint; action: number; count: number }>[];

  /** @param seed `keyBits + ways × log2(rows) - 1` bits. */
  constructor(shape: ExactMatchShape, seed: bigint) {
    this.shape = shape;
    this.#seed = seed;
    this.#ways = Array.from({ length: shape.ways }, () => new Map());
  }

  /** The row of a key in each way: every bit a parity, as it is written there. */
  rowsOf(key: bigint): readonly number[] {
    const { rows, ways, keyBits } = this.shape;
    const bits = Math.log2(rows);
    return Array.from({ length: ways }, (_, way) => {
      let row = 0;
      for (let bit = 0; bit < bits; bit++) {
        const masked = key & BigInt.asUintN(keyBits, this.#seed >> BigInt(way * bits + bit));
        row += (masked.toString(2).replaceAll("0", "").length % 2) * 2 ** bit;
      }
      return row;
    });
  }

  /** Looks whether the key is in its row of this way. */
  look(way: number, key: bigint): ExactMatchAnswer {
    const entry = this.#entry(way, key);
    return entry?.key === key ? { bad: false, count: entry.count } : { bad: true, count: 0 };
  }

  /** Puts the key there, or gives it a new action; refused when its row has another one. */
  install(way: number, key: bigint, action: number): ExactMatchAnswer {
    const entry = this.#entry(way, key);
    if (entry === undefined) {
      this.#ways[way]!.set(this.rowsOf(key)[way]!, { key, action, count: 0 });
      return { bad: false, count: 0 };
    }
    if (entry.key !== key) return { bad: true, count: 0 };
    entry.action = action;
    return { bad: false, count: entry.count };
  }

  /** Takes the key out of its row of this way. */
  remove(way: number, key: bigint): ExactMatchAnswer {
    const answer = this.look(way, key);
    if (!answer.bad) this.#ways[way]!.delete(this.rowsOf(key)[way]!);
    return answer;
  }

  /** Takes all out. */
  clear(): void {
    for (const way of this.#ways) way.clear();
  }

  /** The entry of the lowest way that has the key; it is counted. */
  lookup(key: bigint): ExactMatchResult | undefined {
    for (const [way, row] of this.rowsOf(key).entries()) {
      const entry = this.#ways[way]!.get(row);
      if (entry?.key !== key) continue;
      entry.count++;
      return { way, action: entry.action };
    }
    return undefined;
  }

  #entry(way: number, key: bigint): { readonly key: bigint; action: number; count: number } | undefined {
    if (this.#ways[way] === undefined)
      throw new MitsuError(`there is no way ${way} in a table of ${this.shape.ways}`, {
        code: "ERR_RTL_WAY",
        hint: `use a way from 0 to ${this.shape.ways - 1}`,
      });
    return this.#ways[way].get(this.rowsOf(key)[way]!);
  }
}
