/** A histogram that is cheap to add to, with a recent example of each bucket. @module */

/**
 * Upper bounds of Istio's buckets, which are Envoy's: in ms for durations, and the same numbers in bytes for sizes.
 * Source: envoyproxy.io, "Statistics", default histogram buckets.
 */
export const istioBuckets: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
];

/** A trace that shows what a number is made of. Source: OpenMetrics 1.0, "Exemplars". */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
}

/** One second. */
const exemplarAgeMs = 1000;

/** What a histogram counted, also after its way from another process. */
export interface HistogramCounts {
  /** Not cumulative; the last is for what is above all bounds. */
  readonly counts: ArrayLike<number>;
  /** By bucket. */
  readonly exemplars: readonly (Exemplar | undefined)[];
  readonly sum: number;
}

/** Counts values by bucket. */
export class Histogram implements HistogramCounts {
  /** Not cumulative; the last is for what is above all bounds. */
  readonly counts: Float64Array = new Float64Array(istioBuckets.length + 1);
  /** By bucket. */
  readonly exemplars: (Exemplar | undefined)[] = [];
  sum = 0;
  /** When each bucket's example was asked for. */
  readonly #exemplarMs: number[] = [];

  /** Adds a value. @returns Its bucket. */
  add(value: number): number {
    let bucket = 0;
    // Most values are small: from the front is as quick as halving.
    while (bucket < istioBuckets.length && value > istioBuckets[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
    return bucket;
  }

  /** Is it time for another example of this bucket? Who is told yes makes it. Reading a trace's ids costs more than counting, and a scrape needs one only. */
  wantsExemplar(bucket: number, timeMs: number): boolean {
    const last = this.#exemplarMs[bucket] ?? Number.NEGATIVE_INFINITY;
    if (timeMs - last < exemplarAgeMs) return false;
    this.#exemplarMs[bucket] = timeMs;
    return true;
  }
}
