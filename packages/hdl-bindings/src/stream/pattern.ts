/** When a source is idle and when a sink is not ready: seeded, so that a failure can be had again. @module */

/** 1 in each cycle that is left out; its length is a power of two, and it is used over and over. */
export type Pattern = Uint8Array;

/** No cycle is left out. */
export const always: Pattern = new Uint8Array(1);

/**
 * Leaves cycles out at random.
 *
 * @param share Of the cycles, 0 to 1; below 1 at least one cycle is not left out.
 * @param length Power of two.
 */
export function randomPattern(seed: number, share: number, length = 1024): Pattern {
  if ((length & (length - 1)) !== 0 || length < 1) throw new RangeError(`a pattern's length is a power of two, not ${length}`);
  let state = seed | 0;
  // mulberry32, public domain: enough for patterns, the same everywhere.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const pattern = Uint8Array.from({ length }, () => (next() < share ? 1 : 0));
  if (share < 1 && !pattern.includes(0)) pattern[length - 1] = 0;
  return pattern;
}

/** One cycle, then `pause` left out, and so on; the period `pause + 1` is a power of two. */
export function everyPattern(pause: number): Pattern {
  const pattern = new Uint8Array(pause + 1).fill(1);
  if ((pattern.length & pause) !== 0) throw new RangeError(`a pattern's period is a power of two, not ${pause + 1}`);
  pattern[0] = 0;
  return pattern;
}
