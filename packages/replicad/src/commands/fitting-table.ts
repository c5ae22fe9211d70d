/** A table that leaves out columns where a terminal is too narrow for all of them. @module */
import { type Column, type OutputStream, table } from "@mitsu/cli";

/** A column, and when it goes: the highest rank first; without one it stays. */
export interface FittingColumn<Row> extends Column<Row> {
  readonly expendable?: number;
}

/**
 * As `table`; only on a terminal anything is left out, so that a pipe gets every column.
 *
 * @example
 * ```ts
 * fittingTable(replicas, [{ header: "REPLICA", value: (one) => one.replica }, { header: "NODE", value: nodeText, expendable: 1 }], out);
 * ```
 */
export function fittingTable<Row>(rows: readonly Row[], columns: readonly FittingColumn<Row>[], out: OutputStream): string {
  const rank = Math.max(...columns.map(({ expendable = 0 }) => expendable));
  if (out.isTTY && rank > 0) {
    const whole = table(rows, columns, { ...out, isTTY: true, columns: Number.POSITIVE_INFINITY });
    if (table(rows, columns, { ...out, isTTY: true, columns: out.columns }) !== whole)
      return fittingTable(
        rows,
        columns.filter(({ expendable = 0 }) => expendable < rank),
        out,
      );
  }
  return table(rows, columns, out);
}
