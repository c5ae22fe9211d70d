/** Latencies in buckets of under 1 %, so that a long run needs no more memory than a short one. @module */

/** Buckets to an octave. */
const steps = 128;
const octaves = 46;

/** Counts of latencies; nanoseconds, 0 to 2⁵² (52 days). */
export class LatencyHistogram {
  readonly #counts = new Float64Array(steps * octaves);
  #count = 0;
  #maxNs = 0;
  #sumNs = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The longest, exact. */
  get maxNs(): number {
    return this.#maxNs;
  }

  get meanNs(): number {
    return this.#count === 0 ? 0 : this.#sumNs / this.#count;
  }

  add(ns: number): void {
    this.#count++;
    this.#sumNs += ns;
    if (ns > this.#maxNs) this.#maxNs = ns;
    this.#counts[bucketOf(ns)]!++;
  }

  /**
   * The latency that a share of all does not exceed, to 1 % above.
   *
   * @param share - 0 to 1.
   */
  quantileNs(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.#count));
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(upperEnd(bucket), this.#maxNs);
    }
    return 0;
  }
}

/** Below 128 ns a bucket for each; above, the octave and the seven bits behind its first. */
function bucketOf(ns: number): number {
  if (ns < steps) return Math.max(0, Math.floor(ns));
  let octave = Math.floor(Math.log2(ns)) - 7;
  if (ns / 2 ** octave >= 2 * steps) octave++; // the logarithm was off by its last bit
  return Math.min((octave + 1) * steps + Math.floor(ns / 2 ** octave) - steps, steps * octaves - 1);
}

function upperEnd(bucket: number): number {
  if (bucket < steps) return bucket;
  return ((bucket % steps) + steps + 1) * 2 ** (Math.floor(bucket / steps) - 1);
}
