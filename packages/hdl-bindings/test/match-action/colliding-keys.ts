/** Keys that an adversary would choose who knows the seed: they share their row in every way. @module */

/**
 * The differences between such keys: a basis of those keys whose Toeplitz hash is 0. Gauss' elimination, over bits.
 *
 * @param hashBits `ways × log2(rows)`.
 */
export function collidingDifferences(seed: bigint, keyBits: number, hashBits: number): readonly bigint[] {
  // What a single bit of a key hashes to, and the bit beside it: what is added to a row is added to both.
  const rows = Array.from({ length: keyBits }, (_, bit) => ({
    hash: BigInt.asUintN(hashBits, seed >> BigInt(bit)),
    key: 1n << BigInt(bit),
  }));
  for (let at = 0n, done = 0; at < BigInt(hashBits); at++) {
    const pivot = rows.findIndex(({ hash }, nth) => nth >= done && (hash >> at) & 1n);
    if (pivot < 0) continue;
    const [row] = rows.splice(pivot, 1);
    for (const other of rows) {
      if (!((other.hash >> at) & 1n)) continue;
      other.hash ^= row!.hash;
      other.key ^= row!.key;
    }
    rows.splice(done++, 0, row!);
  }
  return rows.filter(({ hash }) => hash === 0n).map(({ key }) => key);
}
