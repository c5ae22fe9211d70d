/** Twin of rtl/match_action.sv. @module */
import { MitsuError } from "@mitsu/cli/error";

/** An entry of the table. */
export interface MatchActionEntry {
  /** `keyBits` bits, unsigned. */
  readonly key: bigint;
  /** How many bits of the key count, from the highest: `keyBits` is an exact match, 0 matches every key. */
  readonly prefix: number;
  readonly action: number;
}

/** What a lookup found. */
export interface MatchActionResult {
  readonly slot: number;
  readonly action: number;
}

/**
 * The table, with keys as texts of binary digits.
 *
 * @example
 * ```ts
 * const table = new MatchActionTwin(64, 64);
 * table.install(0, { key: 0x0a00_0000_0000_0000n, prefix: 8, action: 7 });
 * table.lookup(0x0a01_0203_0000_0000n); // { slot: 0, action: 7 }
 * table.count(0); // 1
 * ```
 */
export class MatchActionTwin {
  readonly entries: number;
  readonly keyBits: number;
  readonly #table = new Map<number, { prefix: string; action: number; count: number }>();

  constructor(entries: number, keyBits: number) {
    this.entries = entries;
    this.keyBits = keyBits;
  }

  #digits(key: bigint): string {
    return key.toString(2).padStart(this.keyBits, "0");
  }

  /** @throws {MitsuError} `ERR_RTL_SLOT` when there is no such slot. */
  install(slot: number, { key, prefix, action }: MatchActionEntry): void {
    this.#check(slot);
    this.#table.set(slot, { prefix: this.#digits(key).slice(0, prefix), action, count: 0 });
  }

  /** @throws {MitsuError} `ERR_RTL_SLOT` when there is no such slot. */
  remove(slot: number): void {
    this.#check(slot);
    this.#table.delete(slot);
  }

  /** The match with the longest prefix, of equal ones in the lowest slot; it is counted. Undefined when nothing matches. */
  lookup(key: bigint): MatchActionResult | undefined {
    const digits = this.#digits(key);
    const found = [...this.#table]
      .filter(([, { prefix }]) => digits.startsWith(prefix))
      .sort(([slot, entry], [otherSlot, other]) => other.prefix.length - entry.prefix.length || slot - otherSlot)[0];
    if (!found) return undefined;
    const [slot, entry] = found;
    entry.count++;
    return { slot, action: entry.action };
  }

  /** Hits since the slot's entry was installed; undefined for an empty slot. */
  count(slot: number): number | undefined {
    return this.#table.get(slot)?.count;
  }

  #check(slot: number): void {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.entries)
      throw new MitsuError(`there is no slot ${slot} in a table of ${this.entries}`, {
        code: "ERR_RTL_SLOT",
        hint: `use a slot from 0 to ${this.entries - 1}`,
      });
  }
}
