/** Values of ports, checked against their widths. @module */
import type { Field } from "./layout.ts";

/** What a port can be: `number` up to 32 bits, `bigint` up to 64, words above. */
export type Value = number | bigint | Uint32Array;

/** Values by field: of a handshake's payload without its prefix (`data`, `last`), or of a cycle's ports. */
export type Beat = Readonly<Record<string, Value>>;

function shown(value: unknown): string {
  if (typeof value === "bigint") return `0x${value.toString(16)}`;
  return value instanceof Uint32Array ? `[${[...value].map((word) => `0x${word.toString(16)}`).join(", ")}]` : String(value);
}

/** Says that a port cannot take a value. */
export function outOfRange(module: string, port: string, width: number, value: unknown): RangeError {
  return new RangeError(`${module}.${port} has ${width} ${width === 1 ? "bit" : "bits"}, it cannot be ${shown(value)}`);
}

/**
 * Writes a value of any width as words of 32 bits, least first.
 *
 * @throws {RangeError} with the port's name when it does not fit.
 */
export function putWide(words: Uint32Array, at: number, module: string, port: string, width: number, value: Uint32Array | bigint): void {
  const count = Math.ceil(width / 32);
  if (typeof value === "bigint") {
    if (value < 0n || value >> BigInt(width) !== 0n) throw outOfRange(module, port, width, value);
    for (let word = 0, rest = value; word < count; word++, rest >>= 32n) words[at + word] = Number(rest & 0xffff_ffffn);
    return;
  }
  const spare = width % 32;
  if (value.length !== count || (spare !== 0 && value[count - 1]! >>> spare !== 0)) throw outOfRange(module, port, width, value);
  words.set(value, at);
}

/**
 * Writes a value of a field.
 *
 * @throws {RangeError} with the port's name when it does not fit.
 */
export function putValue(words: Uint32Array, at: number, module: string, { name, width, kind }: Field, value: Value): void {
  if (typeof value !== "number") {
    putWide(words, at, module, name, width, value);
    return;
  }
  if (kind === "number" ? value >>> 0 !== value || (width < 32 && value >= 2 ** width) : !Number.isSafeInteger(value) || value < 0) {
    throw outOfRange(module, name, width, value);
  }
  if (kind === "number") words[at] = value;
  else putWide(words, at, module, name, width, BigInt(value));
}

/** Reads a value of a field, in the form that the class' accessor gives. */
export function getValue(words: Uint32Array, at: number, { kind, words: count }: Field): Value {
  if (kind === "number") return words[at]!;
  if (kind === "bigint") return (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!);
  return words.slice(at, at + count);
}
