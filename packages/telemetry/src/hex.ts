/** Ids between bytes and their hexadecimal digits, without making texts. @module */

const notHex = 0xff;
const letters = Buffer.from("0123456789abcdef");
/** Value of a digit by its character; capitals are none, neither for W3C's nor for B3's ids. */
const digits = new Uint8Array(256).fill(notHex);
for (const [value, letter] of letters.entries()) digits[letter] = value;

/**
 * Reads `bytes` bytes from twice as many digits at `start` into `into[at, at + bytes)`.
 *
 * @returns 0 when all of them are zero, -1 when a character is no digit, else more than 0. `into` is changed in any case.
 */
export function readHex(buffer: Uint8Array, start: number, into: Uint8Array, at: number, bytes: number): number {
  let seen = 0;
  for (let n = 0; n < bytes; n++) {
    const high = digits[buffer[start + 2 * n]!]!;
    const low = digits[buffer[start + 2 * n + 1]!]!;
    // Only a character that is no digit has a bit above the lowest four.
    if ((high | low) > 15) return -1;
    const byte = (high << 4) | low;
    into[at + n] = byte;
    seen |= byte;
  }
  return seen;
}

/** Writes every byte as two digits. @returns Where the digits end. */
export function writeHex(into: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let n = 0; n < bytes.length; n++) {
    const byte = bytes[n]!;
    into[at++] = letters[byte >> 4]!;
    into[at++] = letters[byte & 15]!;
  }
  return at;
}
