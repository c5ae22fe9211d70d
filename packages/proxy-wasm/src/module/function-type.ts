/** Types of values and functions. Source: WebAssembly 2.0 §5.3. @module */
import type { ByteReader } from "./byte-reader.ts";

/** Letters that stand for types in a signature's text. */
const letters: Readonly<Record<number, string>> = { 127: "i", 126: "I", 125: "f", 124: "F", 123: "v", 112: "r", 111: "x" };

/** Parameters and results, each a letter: `i` i32, `I` i64, `f` f32, `F` f64, `v` v128, `r` funcref, `x` externref; `iiI:i` is (i32, i32, i64) → i32. */
export type Signature = string;

/** How many parameters; they are the first locals. */
export const parameterCount = (signature: Signature): number => signature.indexOf(":");

/** Reads a value's type. @returns Its letter. */
export function readValueType(reader: ByteReader): string {
  const at = reader.at;
  const byte = reader.byte();
  const letter = letters[byte];
  if (letter !== undefined) return letter;
  if (byte >= 0x63 && byte <= 0x74)
    throw reader.error(`type 0x${byte.toString(16)} of garbage collection or exceptions`, at, "unsupported");
  throw reader.error(`there is no type 0x${byte.toString(16)}`, at);
}

function readTypes(reader: ByteReader): string {
  let types = "";
  for (let left = reader.count("types"); left > 0; left--) types += readValueType(reader);
  return types;
}

/** Reads an entry of the type section. */
export function readFunctionType(reader: ByteReader): Signature {
  const at = reader.at;
  const form = reader.byte();
  if (form >= 0x4e && form <= 0x5f) throw reader.error(`type 0x${form.toString(16)} of garbage collection`, at, "unsupported");
  if (form !== 0x60) throw reader.error(`0x${form.toString(16)} is no function type`, at);
  const parameters = readTypes(reader);
  return `${parameters}:${readTypes(reader)}`;
}

/** For messages: `(i32, i64) → i32`. */
export function describeSignature(signature: Signature): string {
  const full: Readonly<Record<string, string>> = { i: "i32", I: "i64", f: "f32", F: "f64", v: "v128", r: "funcref", x: "externref" };
  const [parameters = "", results = ""] = signature.split(":");
  const list = (types: string) => [...types].map((type) => full[type]).join(", ");
  return `(${list(parameters)}) → ${results.length === 1 ? list(results) : `(${list(results)})`}`;
}
