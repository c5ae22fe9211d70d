/** The columns of a table of loads. @module */

/** In their order. */
export const loadColumns = [
  "inFlight",
  "begun",
  "ended",
  "failed",
  "refused",
  "latencyMs",
  "busyMs",
  "busySinceMs",
  "connections",
  "here",
] as const;

/** Columns by name. */
export type LoadColumns = Readonly<Record<(typeof loadColumns)[number], Float64Array<ArrayBuffer>>>;

/** Names a table's columns. */
export function namedColumns(columns: readonly Float64Array<ArrayBuffer>[]): LoadColumns {
  return Object.fromEntries(loadColumns.map((name, index) => [name, columns[index]!])) as LoadColumns;
}
