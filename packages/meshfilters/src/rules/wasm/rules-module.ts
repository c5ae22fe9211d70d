/** Rules as one proxy-wasm module (ABI 0.2.1): the compiled engine with tables put in. @module */
import type { Rule } from "../ir.ts";
import { engineBase64 } from "./engine-module.ts";
import { type RuleTables, ruleTables, tablesAt } from "./rule-tables.ts";

const memorySection = 5;
const codeSection = 10;
const pageBytes = 65_536;
/** Room for the heads of one request; the module's memory grows beyond. */
const arenaBytes = 65_536;

/** A module and what is in it. */
export interface RulesModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tables: RuleTables;
}

/**
 * Makes the module: always the same bytes of the same rules.
 *
 * @param rules The last one matches everything.
 */
export function rulesModule(rules: readonly Rule[]): RulesModule {
  const tables = ruleTables(rules);
  const engine = Buffer.from(engineBase64, "base64");
  const pages = Math.ceil((tables.end + arenaBytes) / pageBytes);
  const out: Uint8Array[] = [engine.subarray(0, 8)];
  // WebAssembly 2.0 §5.5: sections as id, size, contents; the data section comes behind the code.
  for (let at = 8; at < engine.length; ) {
    const id = engine[at]!;
    const [size, start] = readUnsigned(engine, at + 1);
    const end = start + size;
    out.push(id === memorySection ? section(memorySection, [unsigned(1), Uint8Array.of(0), unsigned(pages)]) : engine.subarray(at, end));
    if (id === codeSection) out.push(dataSection(tables.bytes));
    at = end;
  }
  return { bytes: new Uint8Array(Buffer.concat(out)), tables };
}

/** One active segment at {@link tablesAt}. */
function dataSection(bytes: Uint8Array): Uint8Array {
  const [constant, end] = [0x41, 0x0b];
  return section(11, [
    unsigned(1),
    unsigned(0),
    Uint8Array.of(constant),
    signed(tablesAt),
    Uint8Array.of(end),
    unsigned(bytes.length),
    bytes,
  ]);
}

function section(id: number, parts: readonly Uint8Array[]): Uint8Array {
  const contents = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.of(id), unsigned(contents.length), contents]);
}

/** LEB128. */
function unsigned(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

/** LEB128 of a number from 0 on: the bit below the last byte's top is a sign. */
function signed(value: number): Uint8Array {
  const bytes = unsigned(value);
  return bytes.at(-1)! & 0x40 ? Uint8Array.from([...bytes.subarray(0, -1), bytes.at(-1)! | 0x80, 0]) : bytes;
}

function readUnsigned(bytes: Uint8Array, at: number): readonly [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}
