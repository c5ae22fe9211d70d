/** A match-action table in software: exact by a map, the longest prefix by a map for each length. @module */
import { type MatchAction, type MatchActionRow, type MatchActionSpec, matchAction } from "../capabilities/match-action.ts";
import { fullError } from "../capability.ts";
import { type Opened, type Provider, ProviderDevice } from "../provider-device.ts";

/** The table as a provider. */
export function matchActionProvider(
  entries: number = Number.POSITIVE_INFINITY,
): Provider<MatchActionSpec, MatchAction, readonly MatchActionRow[]> {
  const counts = { lookups: 0, misses: 0 };
  return {
    capability: matchAction,
    entries,
    limits: { keyBits: 128 },
    // A look-up among 4000 rows, of prefixes of 17 lengths, as test/costs.ts measures it on a slow core.
    cost: (spec) => ({ ns: spec?.match === "prefix" ? 700 : 200 }),
    refuses: (spec, state) => {
      const bad = state.find(({ key, prefixBits, action }) => rowFault(spec, key, prefixBits, action) !== undefined);
      return bad && rowFault(spec, bad.key, bad.prefixBits, bad.action);
    },
    open: (spec, state) => openTable(spec, state, counts),
    counters: () => ({ ...counts }),
  };
}

/** The table as a device. */
export function softwareMatchAction(entries: number = Number.POSITIVE_INFINITY, name = "software-match-action"): ProviderDevice {
  return new ProviderDevice({ name, kind: "software", version: "1" }, [matchActionProvider(entries)]);
}

interface Row {
  action: number;
  hits: number;
}

function openTable(
  spec: MatchActionSpec,
  state: readonly MatchActionRow[],
  counts: { lookups: number; misses: number },
): Opened<MatchAction, readonly MatchActionRow[]> {
  /** By prefix length; rows by their key without the bits below the prefix. */
  const byLength = new Map<number, Map<bigint, Row>>();
  /** Lengths in use, the longest first. */
  let lengths: readonly number[] = [];
  let rows = 0;
  const short = (key: bigint, prefixBits: number): bigint => key >> BigInt(spec.keyBits - prefixBits);
  const find = (key: bigint, prefixBits: number): Row | undefined => byLength.get(prefixBits)?.get(short(key, prefixBits));
  const put = (key: bigint, prefixBits: number, row: Row): void => {
    let ofLength = byLength.get(prefixBits);
    if (ofLength === undefined) {
      ofLength = new Map();
      byLength.set(prefixBits, ofLength);
      lengths = [...byLength.keys()].sort((one, other) => other - one);
    }
    ofLength.set(short(key, prefixBits), row);
    rows++;
  };
  const check = (key: bigint, prefixBits: number, action: number): void => {
    const fault = rowFault(spec, key, prefixBits, action);
    if (fault !== undefined) throw new RangeError(fault);
  };
  for (const { key, prefixBits, action, hits } of state) put(key, prefixBits, { action, hits });
  return {
    operations: {
      add(key, prefixBits, action) {
        check(key, prefixBits, action);
        const row = find(key, prefixBits);
        if (row !== undefined) row.action = action;
        else if (rows >= spec.entries) throw fullError("match-action");
        else put(key, prefixBits, { action, hits: 0 });
      },
      remove(key, prefixBits) {
        check(key, prefixBits, 0);
        const ofLength = byLength.get(prefixBits);
        if (!ofLength?.delete(short(key, prefixBits))) return false;
        rows--;
        if (ofLength.size === 0) {
          byLength.delete(prefixBits);
          lengths = lengths.filter((length) => length !== prefixBits);
        }
        return true;
      },
      lookup(key) {
        check(key, spec.keyBits, 0);
        counts.lookups++;
        for (const length of lengths) {
          const row = find(key, length);
          if (row === undefined) continue;
          row.hits++;
          return row.action;
        }
        counts.misses++;
        return undefined;
      },
      hits: (key, prefixBits) => {
        check(key, prefixBits, 0);
        return find(key, prefixBits)?.hits;
      },
    },
    export: () =>
      [...byLength].flatMap(([prefixBits, ofLength]) =>
        [...ofLength].map(([key, row]) => ({ key: key << BigInt(spec.keyBits - prefixBits), prefixBits, ...row })),
      ),
  };
}

/** What keeps a row out of such a table. */
function rowFault({ keyBits, match }: MatchActionSpec, key: bigint, prefixBits: number, action: number): string | undefined {
  if (key < 0n || key >> BigInt(keyBits) !== 0n) return `key ${key} is not one of ${keyBits} bits`;
  if (!Number.isInteger(prefixBits) || prefixBits < 0 || prefixBits > keyBits)
    return `a prefix has 0 to ${keyBits} bits, not ${prefixBits}`;
  if (match === "exact" && prefixBits !== keyBits) return `an exact table takes keys of ${keyBits} bits, not prefixes of ${prefixBits}`;
  if (BigInt.asUintN(keyBits - prefixBits, key) !== 0n) return `key ${key} has bits below its prefix of ${prefixBits}`;
  if (!Number.isInteger(action) || action < 0 || action > 0xffff) return `action ${action} is not one of 0 to 65535`;
  return undefined;
}
