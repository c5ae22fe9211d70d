/** A match as rows of exact conditions: each row says of some parts of a request what they have to be; one row that holds is enough. @module */
import { MitsuError } from "@mitsu/cli/error";
import type { Match } from "./ir.ts";
import { lastLabelsCount, stepsOf } from "./request.ts";

/** Parts of a request. `argument`: labels, steps or bits of it; of a header its name. */
export type PartKind =
  | "host"
  | "host-labels"
  | "path"
  | "path-steps"
  | "method"
  | "service"
  | "spiffe"
  | "source4"
  | "source6"
  | "port"
  | "header"
  | "header-value";

/** One condition: the part is this text, a character a byte. */
export interface Condition {
  readonly kind: PartKind;
  readonly argument: number | string;
  readonly text: string;
}

/** Rows of one rule; more are a slip, or another kind of table. */
export const mostRowsOfRule = 4096;

/** They are asked for by each device, and again to be laid out. */
const known = new WeakMap<Match, readonly (readonly Condition[])[]>();

/** How many rows a match becomes: the product of its lists. */
export function rowCount({ hosts, paths, methods, from, sources, ports }: Match): number {
  return [hosts, paths, methods, from, sources, ports].reduce((product, { length }) => product * Math.max(1, length), 1);
}

/**
 * The rows; without conditions for a match of everything.
 *
 * @example
 * ```ts
 * ruleRows({ ...matchAll, ports: [80, 81], from: ["cart"] }).length; // 2, of two conditions each
 * ```
 */
export function ruleRows(match: Match): readonly (readonly Condition[])[] {
  let rows = known.get(match);
  if (rows === undefined) {
    rows = rowsOf(match);
    known.set(match, rows);
  }
  return rows;
}

function rowsOf(match: Match): readonly (readonly Condition[])[] {
  const { hosts, paths, methods, headers, from, sources, ports } = match;
  if (rowCount(match) > mostRowsOfRule)
    throw new MitsuError(`a rule became ${rowCount(match)} rows`, { code: "ERR_RULES_ROWS", hint: "split its lists over several rules" });
  const parts: (readonly Condition[])[] = [
    hosts.map((host) =>
      host.startsWith("*.")
        ? { kind: "host-labels", argument: lastLabelsCount(host), text: host.slice(2) }
        : { kind: "host", argument: 0, text: host },
    ),
    paths.map(({ kind, value }) =>
      kind === "exact" ? { kind: "path", argument: 0, text: value } : { kind: "path-steps", argument: stepsOf(value), text: value },
    ),
    methods.map((method) => ({ kind: "method", argument: 0, text: method })),
    from.map((who) => ({ kind: who.startsWith("spiffe://") ? "spiffe" : "service", argument: 0, text: who })),
    sources.map(({ bytes, length }) => ({
      kind: bytes.length === 4 ? "source4" : "source6",
      argument: length,
      text: String.fromCharCode(...bytes),
    })),
    ports.map((port) => ({ kind: "port", argument: 0, text: String.fromCharCode(port & 0xff, port >> 8) })),
    ...headers.map(({ name, value }): readonly Condition[] => [
      value === null ? { kind: "header", argument: name, text: "" } : { kind: "header-value", argument: name, text: value },
    ]),
  ];
  return parts
    .filter(({ length }) => length > 0)
    .reduce<(readonly Condition[])[]>((rows, part) => rows.flatMap((row) => part.map((condition) => [...row, condition])), [[]]);
}
