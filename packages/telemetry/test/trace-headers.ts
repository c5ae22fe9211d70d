/** Ids and texts for the tests of trace headers. @module */
import fc from "fast-check";

/** The ids of W3C's own examples. */
export const trace = "0af7651916cd43dd8448eb211c80319c";
/** A span's. */
export const span = "b7ad6b7169203331";

/** A trace's id and a span's, as bytes. */
export interface Ids {
  readonly traceId: Uint8Array;
  readonly parentId: Uint8Array;
}

/** Where readers put ids; a value that no test sends tells what was not touched. */
export function untouched(): Ids {
  return { traceId: new Uint8Array(16).fill(0xee), parentId: new Uint8Array(8).fill(0xee) };
}

/** Ids as hexadecimal digits. */
export interface IdTexts {
  readonly traceId: string;
  readonly parentId: string;
}

/** Makes texts of ids. */
export function idTexts({ traceId, parentId }: Ids): IdTexts {
  return { traceId: Buffer.from(traceId).toString("hex"), parentId: Buffer.from(parentId).toString("hex") };
}

/** As they were made. */
export const untouchedText: IdTexts = idTexts(untouched());

/** Bytes from 1 to 255 each, in hexadecimal digits: never all zero. */
export function hexOf(bytes: number): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: bytes, maxLength: bytes, min: 1 }).map((id) => Buffer.from(id).toString("hex"));
}

/** A text and what an attacker or a broken program makes of it: a character is replaced, taken out or put in, or its end is cut off. */
export function damaged(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const letter = fc.constantFrom(..."0123456789abcdefABgd-- \t\n\0é");
  return fc
    .tuple(text, fc.nat(100), letter, fc.constantFrom("keep", "replace", "remove", "insert", "cut"))
    .map(([whole, place, one, how]) => {
      const at = place % (whole.length + 1);
      if (how === "keep") return whole;
      if (how === "cut") return whole.slice(0, at);
      return whole.slice(0, at) + (how === "remove" ? "" : one) + whole.slice(how === "insert" ? at : at + 1);
    });
}
