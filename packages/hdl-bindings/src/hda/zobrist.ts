/** Zobrist hashing: one random word for each (place, content), their exclusive or is a state's hash. [Zobrist 1970; for HDA*: Kishimoto, Fukunaga, Botea 2009] @module */

/** 32 random bits for a number: two rounds of multiply and shift. */
function scatter(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * A table of random words.
 *
 * @param words How many.
 * @param seed Equal seeds give equal tables.
 * @example
 * ```ts
 * const table = zobristTable(16 * 16, 1);
 * const hash = table[0 * 16 + 5] ^ table[1 * 16 + 3];
 * ```
 */
export function zobristTable(words: number, seed: number): Uint32Array {
  return Uint32Array.from({ length: words }, (_, at) => scatter(scatter(seed + 0x9e3779b9) + at * 0x9e3779b9));
}

/**
 * The processing element that owns a state, evenly for any number of them.
 *
 * @param hash 32 bits, not negative.
 */
export const ownerOf = (hash: number, elements: number): number => Math.floor((hash / 2 ** 32) * elements);
