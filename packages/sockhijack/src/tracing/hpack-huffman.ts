/** The Huffman code of HPACK, decoded four bits at a time. Source: RFC 7541 §5.2 and appendix B. @module */

/**
 * Length in bits of each byte's code, and of EOS's at 256. The code is canonical: codes of one length are in the order of their symbols,
 * so that the lengths say it all.
 */
// biome-ignore format: sixteen a row, as bytes are counted
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const eos = 256;
/** More than these bits of ones at the end are no padding. */
const maxPaddingBits = 7;

/** In a step: the symbol stands above the next state's 8 bits. No code is shorter than 5 bits, so four bits end one at most. */
const emits = 1 << 16;
/** In a step: these bits are no code, or EOS's, which must not occur. */
const fails = 1 << 17;

interface Automaton {
  /** By state × 16 + the next four bits. */
  readonly steps: Uint32Array;
  /** 1 for states in which a string may end: all bits since its last symbol are ones, and there are 7 at most. */
  readonly mayEnd: Uint8Array;
}

/** States are the inner nodes of the code's tree; a child is a node's number, or ~symbol. */
function automaton(): Automaton {
  const tree: [number, number][] = [[0, 0]];
  const symbols = codeLengths.map((_, symbol) => symbol).sort((a, b) => codeLengths[a]! - codeLengths[b]! || a - b);
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    code <<= codeLengths[symbol]! - length;
    length = codeLengths[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const side = (code >>> bit) & 1;
      if (tree[node]![side] === 0) tree[node]![side] = tree.push([0, 0]) - 1;
      node = tree[node]![side]!;
    }
    tree[node]![code & 1] = ~symbol;
    code++;
  }
  const steps = new Uint32Array(tree.length * 16);
  for (let at = 0; at < steps.length; at++) {
    let node = at >>> 4;
    let found = 0;
    for (let bit = 3; bit >= 0; bit--) {
      node = tree[node]![(at >>> bit) & 1]!;
      if (node >= 0) continue;
      found |= ~node === eos ? fails : emits | (~node << 8);
      node = 0;
    }
    steps[at] = node | found;
  }
  const mayEnd = new Uint8Array(tree.length);
  for (let node = 0, bits = 0; bits <= maxPaddingBits; bits++, node = tree[node]![1]) mayEnd[node] = 1;
  return { steps, mayEnd };
}

const { steps, mayEnd } = automaton();

/** Decoded bytes of so many encoded ones, at most. */
export function huffmanRoom(bytes: number): number {
  return Math.ceil((bytes * 8) / 5);
}

/**
 * Decodes `bytes` from `from` to `to` into `out`, which has room for {@link huffmanRoom}.
 *
 * @returns how many bytes were decoded; -1 when they are not in this code.
 * @example
 * ```ts
 * decodeHuffman(Buffer.from("f1e3c2e5f23a6ba0ab90f4ff", "hex"), 0, 12, out); // 15: "www.example.com"
 * ```
 */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    let step = steps[(state << 4) | (byte >>> 4)]!;
    if (step >= emits) {
      if (step >= fails) return -1;
      out[length++] = step >>> 8; // the symbol: an Uint8Array takes the lowest 8 bits
    }
    step = steps[((step & 255) << 4) | (byte & 15)]!;
    if (step >= emits) {
      if (step >= fails) return -1;
      out[length++] = step >>> 8;
    }
    state = step & 255;
  }
  return mayEnd[state] === 1 ? length : -1;
}
