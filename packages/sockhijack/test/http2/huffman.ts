/** HPACK's Huffman code (RFC 7541, appendix B), which is canonical: the lengths of its codes are all there is to know. @module */

/** Of each byte's code, in bits; the last is EOS. */
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10,
  12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7,
  7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22,
  23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22,
  23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20,
  24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const codes: number[] = [];
/** length × 2^30 + code → byte */
const bytes = new Map<number, number>();
for (let length = 1, code = 0; length <= 30; length++, code *= 2)
  for (const [byte, bits] of lengths.entries())
    if (bits === length) {
      codes[byte] = code;
      bytes.set(length * 2 ** 30 + code, byte);
      code++;
    }

const known = new Map<string, number[]>();

/** The code of a latin1 string, padded with ones. */
export function encodeHuffman(text: string): number[] {
  const seen = known.get(text);
  if (seen) return seen;
  const out: number[] = [];
  let [bits, held] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    // At most 7 + 30 bits are held: more than | and << take.
    bits = bits * 2 ** lengths[byte]! + codes[byte]!;
    held += lengths[byte]!;
    while (held >= 8) {
      held -= 8;
      const high = Math.floor(bits / 2 ** held);
      out.push(high);
      bits -= high * 2 ** held;
    }
  }
  if (held > 0) out.push(((bits << (8 - held)) | (2 ** (8 - held) - 1)) & 255);
  if (known.size < 20_000) known.set(text, out);
  return out;
}

/** The latin1 string that `from` encodes, or undefined when it is no code. */
export function decodeHuffman(from: Buffer): string | undefined {
  let text = "";
  let [code, length] = [0, 0];
  for (const byte of from)
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      if (++length > 30) return undefined;
      const found = bytes.get(length * 2 ** 30 + code);
      if (found === undefined) continue;
      if (found === 256) return undefined;
      text += String.fromCharCode(found);
      [code, length] = [0, 0];
    }
  return length < 8 && code === 2 ** length - 1 ? text : undefined;
}
