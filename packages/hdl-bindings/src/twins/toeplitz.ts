/** Twin of rtl/toeplitz.sv: the hash bit by bit. @module */

/** The key of Microsoft's test vectors, 40 bytes. [Microsoft, Verifying the RSS hash calculation] */
export const rssKey: Uint8Array = Uint8Array.from(
  Buffer.from("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa", "hex"),
);

/**
 * The Toeplitz hash of `input`, 32 bits. For each set bit of the input, highest first, the 32 bits of the key that begin there are XORed. Bytes for which
 * there is no key, past `key.length - 4`, are not hashed. [Microsoft, RSS hashing functions]
 *
 * @example
 * ```ts
 * // 66.9.149.187:2794 → 161.142.100.80:1766
 * toeplitz(rssKey, Buffer.from("420995bba18e64500aea06e6", "hex")).toString(16); // "51ccc178"
 * ```
 */
export function toeplitz(key: Uint8Array, input: Uint8Array): number {
  const bit = (bytes: Uint8Array, at: number) => (bytes[at >> 3]! >> (7 - (at & 7))) & 1;
  let window = 0;
  for (let at = 0; at < 32; at++) window = (window << 1) | bit(key, at);
  let hash = 0;
  for (let at = 0; at < Math.min(input.length, key.length - 4) * 8; at++) {
    if (bit(input, at)) hash ^= window;
    window = (window << 1) | bit(key, at + 32);
  }
  return hash >>> 0;
}
