/** How `match-action` is tried: against a list that is looked through from end to end. @module */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type MatchAction, type MatchActionRow, type MatchActionSpec, matchAction } from "../../src/capabilities/match-action.ts";
import type { ConformanceCase } from "../conformance.ts";
import { seededNumbers } from "./seeded-bytes.ts";

/** How many look-ups a use makes. */
const steps = 200;

/**
 * Tables of such widths and kinds; both kinds, 8 to 128 bits, unless told, for devices with less.
 *
 * @example
 * ```ts
 * conformance("match_action.sv", open, [matchActionCaseOf([32], ["exact"])]);
 * ```
 */
export function matchActionCaseOf(
  widths: readonly number[],
  kinds: readonly MatchActionSpec["match"][],
): ConformanceCase<MatchActionSpec, MatchAction, readonly MatchActionRow[]> {
  return {
    capability: matchAction,
    specs: fc.record({ entries: fc.integer({ min: 1, max: 32 }), keyBits: fc.constantFrom(...widths), match: fc.constantFrom(...kinds) }),
    use,
    fill(operations, { keyBits }, entries) {
      for (let at = 0; at < entries; at++) operations.add(BigInt(at), keyBits, at);
    },
    filled(operations, { keyBits }, entries) {
      for (let at = 0; at <= entries; at++) {
        assert.equal(operations.hits(BigInt(at), keyBits), at < entries ? 0 : undefined);
        assert.equal(operations.lookup(BigInt(at)), at < entries ? at : undefined);
      }
    },
  };
}

/** All of it. */
export const matchActionCase: ConformanceCase<MatchActionSpec, MatchAction, readonly MatchActionRow[]> = matchActionCaseOf(
  [8, 13, 32, 64, 128],
  ["exact", "prefix"],
);

function use(operations: MatchAction, { entries, keyBits, match }: MatchActionSpec, seed: number): void {
  const next = seededNumbers(seed);
  /** Few different keys, so that rows meet: some top bits, and some low ones. */
  const key = (): bigint => BigInt.asUintN(keyBits, (BigInt(next() % 4) << BigInt(keyBits - 2)) | BigInt(next() % 8));
  const lengths = match === "exact" ? [keyBits] : [0, 1, 2, 3, keyBits - 2, keyBits];
  const rows = new Map<string, { key: bigint; prefixBits: number; action: number; hits: number }>();
  const cut = (whole: bigint, prefixBits: number): bigint => (whole >> BigInt(keyBits - prefixBits)) << BigInt(keyBits - prefixBits);
  for (let step = 0; step < steps; step++) {
    const prefixBits = lengths[next() % lengths.length]!;
    const whole = key();
    const short = cut(whole, prefixBits);
    const id = `${short}/${prefixBits}`;
    const row = rows.get(id);
    const what = next() % 4;
    if (what === 0) {
      const action = next() % 65_536;
      if (row === undefined && rows.size >= entries)
        assert.throws(() => operations.add(short, prefixBits, action), { code: "ERR_HAL_FULL" });
      else {
        operations.add(short, prefixBits, action);
        rows.set(id, { key: short, prefixBits, action, hits: row?.hits ?? 0 });
      }
    } else if (what === 1 && next() % 2 === 0) assert.equal(operations.remove(short, prefixBits), rows.delete(id));
    else {
      const [best] = [...rows.values()]
        .filter((one) => cut(whole, one.prefixBits) === one.key)
        .sort((one, other) => other.prefixBits - one.prefixBits);
      if (best !== undefined) best.hits++;
      assert.equal(operations.lookup(whole), best?.action, `look-up of ${whole}`);
    }
    assert.equal(operations.hits(short, prefixBits), rows.get(id)?.hits, `hits of ${id}`);
  }
  assert.throws(() => operations.lookup(1n << BigInt(keyBits)), RangeError);
  assert.throws(() => operations.add(0n, keyBits + 1, 0), RangeError);
  assert.throws(() => operations.add(0n, keyBits, 65_536), RangeError);
}
