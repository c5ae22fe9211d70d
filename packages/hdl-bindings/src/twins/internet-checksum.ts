/** Twin of rtl/internet_checksum.sv. @module */

/**
 * The Internet checksum of `bytes`, 16 bits: the complement of the ones' complement sum of its big-endian words; an odd byte is followed by a zero.
 * 0 for bytes that have their checksum in them. [RFC 1071]
 *
 * @example
 * ```ts
 * internetChecksum(Buffer.from("0001f203f4f5f6f7", "hex")).toString(16); // "220d"
 * ```
 */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += 2) sum += BigInt(bytes[at]! * 256 + (bytes[at + 1] ?? 0));
  // Modulo ffff, where ffff stands for 0 unless there was nothing to add.
  const folded = sum === 0n ? 0n : ((sum - 1n) % 0xffffn) + 1n;
  return Number(0xffffn - folded);
}
