/** A server's own answer to "how long would a request take now": the median of latencies seen near a number in flight. [Prequal, NSDI '24, §4] @module */

const buckets = 64;
const kept = 8;

/** The last latencies for each number in flight at arrival; 63 stands for all above. */
export class LatencyNear {
  readonly #values = new Float64Array(buckets * kept);
  readonly #counts = new Int32Array(buckets);
  readonly #sorted = new Float64Array(kept);

  /** @param inFlight When the request came. */
  add(inFlight: number, latencyMs: number): void {
    const bucket = Math.min(inFlight, buckets - 1);
    const count = this.#counts[bucket]!;
    this.#values[bucket * kept + (count % kept)] = latencyMs;
    this.#counts[bucket] = count + 1;
  }

  /** Median at the number in flight, or at the nearest one that was seen; 0 before any. */
  median(inFlight: number): number {
    const wanted = Math.min(inFlight, buckets - 1);
    for (let away = 0; away < buckets; away++) {
      const below = wanted - away;
      if (below >= 0 && this.#counts[below]! > 0) return this.#medianOf(below);
      const above = wanted + away;
      if (above < buckets && this.#counts[above]! > 0) return this.#medianOf(above);
    }
    return 0;
  }

  #medianOf(bucket: number): number {
    const count = Math.min(this.#counts[bucket]!, kept);
    const sorted = this.#sorted;
    for (let i = 0; i < count; i++) {
      const value = this.#values[bucket * kept + i]!;
      let at = i;
      while (at > 0 && sorted[at - 1]! > value) {
        sorted[at] = sorted[at - 1]!;
        at--;
      }
      sorted[at] = value;
    }
    return sorted[count >> 1]!;
  }
}
