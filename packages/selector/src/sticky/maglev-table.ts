/** Maps hashes of keys to replicas, so that a change of the set moves few keys. @module */
import { keyHash } from "./key-hash.ts";

/** Seed of the hash that says where a replica begins. */
export const offsetSeed = 0x6d61676c;
/** Seed of the hash that says how far apart its entries are. */
export const skipSeed = 0x65762d32;

/** What the table needs of a replica. */
export interface MaglevMember {
  readonly key: string;
  readonly weight: number;
}

/**
 * A table of replicas: `Int32Array[size]`, each entry an index into the members. Each member goes through all entries in an order of its own (offset + n × skip) and in
 * turn takes the next free one, until none is left. Weights: a member takes part in as many rounds as it weighs against the heaviest, in the first one always.
 * The order of the members does not matter, so programs that know the same ones send a key to the same one.
 *
 * Source: D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, §3.4, Pseudocode 1; for weights, which it leaves open, Envoy's
 * `OriginalMaglevTable` (turns as often as weight / heaviest weight).
 *
 * @example
 * ```ts
 * const table = new MaglevTable([{ key: "10.0.0.1:80", weight: 1 }, { key: "10.0.0.2:80", weight: 1 }], 251);
 * table.at(keyHash("cart-17")); // 0 or 1, every time
 * ```
 */
export class MaglevTable {
  readonly size: number;
  readonly #entries: Int32Array;

  /** @param size A prime, 100 times as many as there are members or more; trusted. */
  constructor(members: readonly MaglevMember[], size: number) {
    this.size = size;
    this.#entries = fill(members, size);
  }

  /** Index of the member that a hash belongs to, or the one `further` entries on. */
  at(hash: number, further = 0): number {
    return this.#entries[(hash + further) % this.size]!;
  }
}

function fill(members: readonly MaglevMember[], size: number): Int32Array {
  const count = members.length;
  const order = Int32Array.from(members.keys()).sort((a, b) => (members[a]!.key < members[b]!.key ? -1 : 1));
  const entries = new Int32Array(size).fill(-1);
  const place = order.map((member) => keyHash(members[member]!.key, offsetSeed) % size);
  const skip = order.map((member) => (keyHash(members[member]!.key, skipSeed) % (size - 1)) + 1);
  let heaviest = 0;
  for (const { weight } of members) heaviest = Math.max(heaviest, weight);
  const rate = Float64Array.from(order, (member) => (heaviest > 0 ? members[member]!.weight / heaviest : 1));
  // What of a turn has come together; after the first addition everyone has one.
  const turn = rate.map((rate) => 1 - rate);
  for (let free = size; ; ) {
    for (let nth = 0; nth < count; nth++) {
      turn[nth]! += rate[nth]!;
      if (turn[nth]! < 1) continue;
      turn[nth]! -= 1;
      const step = skip[nth]!;
      let at = place[nth]!;
      while (entries[at]! >= 0) {
        at += step;
        if (at >= size) at -= size;
      }
      entries[at] = order[nth]!;
      place[nth] = at;
      if (--free === 0) return entries;
    }
  }
}
