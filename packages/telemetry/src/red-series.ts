/** What is counted of one combination of labels, and how the counts of several processes become one. @module */
import type { Security } from "./exchange.ts";
import { type Exemplar, Histogram, type HistogramCounts } from "./histogram.ts";

/** One combination of labels; plain data, which structured cloning carries to another process whole. */
export interface RedSeries {
  /** `source` counts what a client sent, `destination` what a server got; unless the daemon calls itself otherwise. */
  readonly reporter: string;
  /** Services; empty outside the mesh. */
  readonly from: string;
  readonly to: string;
  readonly protocol: "http" | "grpc";
  /** HTTP's status; `0` when there was no answer, `unknown` when what it said was lost. */
  readonly code: string;
  /** Of gRPC, if there was one. */
  readonly grpcStatus: number | undefined;
  /** Envoy's response flags, empty for none. */
  readonly flags: string;
  readonly security: Security;
  readonly requests: number;
  /** A recent sampled request. */
  readonly exemplar: Exemplar | undefined;
  /** Milliseconds. */
  readonly duration: HistogramCounts;
  /** Bytes with heads. */
  readonly request: HistogramCounts;
  readonly response: HistogramCounts;
}

/**
 * Adds up what several processes counted, as a daemon's workers do.
 *
 * @example
 * ```ts
 * redText(mergedSeries([red.series, ...(await Promise.all(workers.map(askForSeries)))]), false);
 * ```
 */
export function mergedSeries(lists: readonly (readonly RedSeries[])[]): RedSeries[] {
  const merged = new Map<string, RedSeries>();
  for (const series of lists.flat()) {
    const { reporter, from, to, protocol, code, grpcStatus, flags, security } = series;
    const key = JSON.stringify([reporter, from, to, protocol, code, grpcStatus, flags, security]);
    const known = merged.get(key);
    merged.set(key, known === undefined ? series : sumOf(known, series));
  }
  return [...merged.values()];
}

function sumOf(a: RedSeries, b: RedSeries): RedSeries {
  return {
    ...a,
    requests: a.requests + b.requests,
    exemplar: newer(a.exemplar, b.exemplar),
    duration: histogramOf(a.duration, b.duration),
    request: histogramOf(a.request, b.request),
    response: histogramOf(a.response, b.response),
  };
}

function histogramOf(a: HistogramCounts, b: HistogramCounts): HistogramCounts {
  const sum = new Histogram();
  sum.sum = a.sum + b.sum;
  for (let bucket = 0; bucket < sum.counts.length; bucket++) {
    sum.counts[bucket] = (a.counts[bucket] ?? 0) + (b.counts[bucket] ?? 0);
    sum.exemplars[bucket] = newer(a.exemplars[bucket], b.exemplars[bucket]);
  }
  return sum;
}

function newer(a: Exemplar | undefined, b: Exemplar | undefined): Exemplar | undefined {
  return !a || (b && b.timeNs > a.timeNs) ? b : a;
}
