/** A table from keys to actions, as packets and connections are sorted by. @module */
import { type Capability, defineCapability } from "../capability.ts";
import { integer, oneOf } from "../field-rule.ts";

/** A table. */
export interface MatchActionSpec {
  /** Rows. */
  readonly entries: number;
  /** Width of a key, 1 to 128 bits. */
  readonly keyBits: number;
  /** Whole keys only, or the longest prefix that fits. */
  readonly match: "exact" | "prefix";
}

/** One row. */
export interface MatchActionRow {
  /** Bits below the prefix are 0. */
  readonly key: bigint;
  /** How many of the key's leading bits count: all of them in an exact table. */
  readonly prefixBits: number;
  /** 0 to 65 535; what it means is the caller's. */
  readonly action: number;
  /** Look-ups that it answered. */
  readonly hits: number;
}

/** What it does. */
export interface MatchAction {
  /**
   * Adds a row, or gives one that is there a new action; its hits stay.
   *
   * @throws {MitsuError} `ERR_HAL_FULL`. @throws {RangeError} For a key, prefix or action that is out of range.
   */
  add(key: bigint, prefixBits: number, action: number): void;
  /** @returns Whether it was there. */
  remove(key: bigint, prefixBits: number): boolean;
  /** The action of the row that fits; of prefixes the longest. Undefined for none. */
  lookup(key: bigint): number | undefined;
  /** Look-ups that a row answered; undefined without that row. */
  hits(key: bigint, prefixBits: number): number | undefined;
}

/** Keys to actions. */
export const matchAction: Capability<MatchActionSpec, MatchAction, readonly MatchActionRow[]> = defineCapability<
  MatchActionSpec,
  MatchAction,
  readonly MatchActionRow[]
>({
  name: "match-action",
  version: 1,
  about: "finds the action of a key, exact or by longest prefix",
  fields: { entries: integer(1, 2 ** 24), keyBits: integer(1, 128), match: oneOf("exact", "prefix") },
  operations: ["add", "remove", "lookup", "hits"],
  empty: [],
  count: (state) => state.length,
});
