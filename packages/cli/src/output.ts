/** What commands print on stdout: tables for people, JSON for programs, and the redraw loop of `--watch`. @module */
import { displayWidth, fitted } from "./display-width.ts";
import type { Env, OutputStream } from "./env.ts";

/** One column: how its header reads (unit included, `p99 [ms]`) and which side it aligns to. */
export interface Column<Row> {
  readonly header: string;
  readonly value: (row: Row) => string | number | bigint;
  /** Numbers align right unless told. */
  readonly align?: "left" | "right";
}

/**
 * Lays rows out as an aligned table; only a terminal truncates lines, a pipe gets every byte.
 *
 * @example
 * ```ts
 * env.stdout.write(table(flows, [{ header: "client", value: (flow) => flow.client }, { header: "sent [B]", value: (flow) => flow.sent }], env.stdout));
 * ```
 */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], out: OutputStream): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  // Control characters from names in the kernel or on the network must not drive the terminal.
  const texts = cells.map((row) => row.map((cell) => String(cell).replace(/\p{Cc}/gu, "�")));
  const right = columns.map(({ align }, at) =>
    align ? align === "right" : cells.length > 0 && cells.every((row) => typeof row[at] !== "string"),
  );
  const widths = columns.map(({ header }, at) => texts.reduce((most, row) => Math.max(most, displayWidth(row[at]!)), displayWidth(header)));
  const pad = (cell: string, at: number): string => " ".repeat(widths[at]! - displayWidth(cell));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => (right[at] ? pad(cell, at) + cell : cell + pad(cell, at)))
      .join("  ")
      .trimEnd();
  const lines = [columns.map(({ header }) => header), ...texts].map(line);
  return `${lines.map((text) => (out.isTTY ? fitted(text, out.columns) : text)).join("\n")}\n`;
}

/**
 * JSON with keys in the order they were made, two spaces and a final newline; a BigInt is a number when it fits one exactly, else a string of digits.
 */
export function json(value: unknown): string {
  const exact = (_key: string, inner: unknown) =>
    typeof inner !== "bigint" ? inner : inner >= -9007199254740991n && inner <= 9007199254740991n ? Number(inner) : inner.toString();
  return `${JSON.stringify(value, exact, 2)}\n`;
}

/** Prints `value` as JSON with `--json`, else as `text` says. */
export function print<T>(
  context: { readonly env: Env; readonly json: boolean },
  value: T,
  text: (value: T, out: OutputStream) => string,
): void {
  context.env.stdout.write(context.json ? json(value) : text(value, context.env.stdout));
}
