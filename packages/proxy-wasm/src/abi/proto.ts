/** As much of protobuf's wire format as the ABI's messages need. Source: protobuf.dev, "Encoding". @module */

/** A field of a message, in the order in which it came. */
export interface ProtoField {
  readonly number: number;
  /** A varint, or the bytes of what has a length; null for numbers of fixed size. */
  readonly value: bigint | Uint8Array | null;
}

const mostFields = 256;

/** A varint at a place; null when it does not end within 10 bytes. */
function varint(bytes: Uint8Array, at: number): { readonly value: bigint; readonly next: number } | null {
  let value = 0n;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return null;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value, next: at + index + 1 };
  }
  return null;
}

/** The fields of a message; null for bytes that are none. */
export function readProto(bytes: Uint8Array): ProtoField[] | null {
  const fields: ProtoField[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = varint(bytes, at);
    if (tag === null || tag.value < 8n || tag.value > 0xffff_ffffn || fields.length === mostFields) return null;
    const number = Number(tag.value >> 3n);
    at = tag.next;
    const wire = Number(tag.value & 7n);
    if (wire === 0) {
      const value = varint(bytes, at);
      if (value === null) return null;
      fields.push({ number, value: value.value });
      at = value.next;
    } else if (wire === 2) {
      const size = varint(bytes, at);
      if (size === null || size.value > BigInt(bytes.length - size.next)) return null;
      at = size.next + Number(size.value);
      fields.push({ number, value: bytes.subarray(size.next, at) });
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4;
      if (at > bytes.length) return null;
      fields.push({ number, value: null });
    } else return null;
  }
  return fields;
}
