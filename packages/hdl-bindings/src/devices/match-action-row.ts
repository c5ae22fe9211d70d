/** What a row of a match-action table may be. @module */
import type { MatchActionSpec } from "@mitsu/hal";

/**
 * What keeps a row out of a table of this spec; undefined where nothing does.
 *
 * @example
 * ```ts
 * rowFault({ entries: 1, keyBits: 8, match: "exact" }, 256n, 8, 0); // "key 256 is not one of 8 bits"
 * ```
 */
export function rowFault({ keyBits, match }: MatchActionSpec, key: bigint, prefixBits: number, action: number): string | undefined {
  if (key < 0n || key >> BigInt(keyBits) !== 0n) return `key ${key} is not one of ${keyBits} bits`;
  if (!Number.isInteger(prefixBits) || prefixBits < 0 || prefixBits > keyBits)
    return `a prefix has 0 to ${keyBits} bits, not ${prefixBits}`;
  if (match === "exact" && prefixBits !== keyBits) return `an exact table takes keys of ${keyBits} bits, not prefixes of ${prefixBits}`;
  if (BigInt.asUintN(keyBits - prefixBits, key) !== 0n) return `key ${key} has bits below its prefix of ${prefixBits}`;
  if (!Number.isInteger(action) || action < 0 || action > 0xffff) return `action ${action} is not one of 0 to 65535`;
  return undefined;
}
