/** Bytes that a seed repeats. @module */

/** `Uint8Array[length]` from a multiplicative generator (Lehmer, 2³¹ − 1). */
export function seededBytes(seed: number, length: number): Uint8Array {
  const next = seededNumbers(seed);
  return Uint8Array.from({ length }, () => next() >> 8);
}

/** Numbers below 2³¹, one a call. */
export function seededNumbers(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state;
  };
}
