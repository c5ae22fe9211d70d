/** Counts of requests that ended alike, as one row each. @module */
import type { NicdSeries } from "@mitsu/ipc";

/** What tells rows apart. */
export function rowKey({ from, to, code, flags }: Pick<NicdSeries, "from" | "to" | "code" | "flags">): string {
  return [from, to, code, flags].join("\0");
}

/** Adds up those with the same key, in the order of the first of each; those of several processes, and those that differ in what a row does not tell. */
export function mergedRows(series: readonly NicdSeries[]): NicdSeries[] {
  return [...Map.groupBy(series, rowKey).values()].map((same) => ({
    ...same[0]!,
    requests: sum(same, ({ requests }) => requests),
    durations: same[0]!.durations.map((_, bucket) => sum(same, ({ durations }) => durations[bucket] ?? 0)),
    sumMs: sum(same, ({ sumMs }) => sumMs),
  }));
}

function sum(series: readonly NicdSeries[], of: (one: NicdSeries) => number): number {
  return series.reduce((total, one) => total + of(one), 0);
}
