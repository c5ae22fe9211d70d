/** Hashes keys, the same in every program. @module */

/**
 * 32 bits of a text, not negative, without garbage. Every bit depends on every character: FNV-1a over UTF-16 units (both bytes at once), then a mixer. Who knows it can
 * make keys that meet; what that does to one replica, the load bound limits.
 *
 * Sources: Fowler, Noll, Vo; C. Wellons, "Prospecting for Hash Functions", 2018 (`lowbias32` with the constants found since).
 *
 * @param seed Different ones give unrelated hashes.
 */
export function keyHash(key: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x21f0aaad);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}
