/** Checks bytes from outside before they are decoded: a decoder trusts the lengths it reads and allocates by them. Source: MessagePack specification, "Formats". @module */

/** Deeper nesting is refused; our deepest message has 6 levels. */
const maxDepth = 64;

/** Bytes of the value for the fixed-size codes 0xca to 0xd3: float 32/64, uint 8 to 64, int 8 to 64. */
const fixedBytes = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8] as const;

/**
 * Why `bytes` is not exactly one MessagePack value that we take, or undefined when it is one.
 * Extensions are refused: msgpackr would build records, sets and errors from them, and we send none.
 */
export function structureFault(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length;
  /** Values still to come on each open level. */
  const open: number[] = [1];
  let at = 0;
  const width = (code: number, first: number): number => {
    const bytesOfLength = 2 ** (code - first);
    const from = at;
    at += bytesOfLength;
    if (at > size) return Number.POSITIVE_INFINITY;
    return bytesOfLength === 1 ? view.getUint8(from) : bytesOfLength === 2 ? view.getUint16(from) : view.getUint32(from);
  };
  while (open.length) {
    if (open[open.length - 1] === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]!--;
    if (at >= size) return "it ends in the middle of a value";
    const code = bytes[at++]!;
    let children = 0;
    let skip = 0; // apart from `at`, which reading a width moves as well
    if (code <= 0x7f || code >= 0xe0 || code === 0xc0 || code === 0xc2 || code === 0xc3) continue;
    if (code <= 0x8f) children = 2 * (code & 0x0f);
    else if (code <= 0x9f) children = code & 0x0f;
    else if (code <= 0xbf) skip = code & 0x1f;
    else if (code >= 0xc4 && code <= 0xc6) skip = width(code, 0xc4);
    else if (code >= 0xca && code <= 0xd3) skip = fixedBytes[code - 0xca]!;
    else if (code >= 0xd9 && code <= 0xdb) skip = width(code, 0xd9);
    else if (code === 0xdc || code === 0xdd) children = width(code, 0xdb);
    else if (code === 0xde || code === 0xdf) children = 2 * width(code, 0xdd);
    else return `it holds code 0x${code.toString(16)}, which we do not take`;
    at += skip;
    if (at > size) return "it ends in the middle of a value";
    if (children > size - at) return "a list claims more elements than there are bytes";
    if (children > 0 && open.push(children) > maxDepth) return `it nests deeper than ${maxDepth} levels`;
  }
  return at === size ? undefined : `${size - at} bytes follow the value`;
}
