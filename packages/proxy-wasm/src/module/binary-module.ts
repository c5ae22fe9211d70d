/** What a module declares: types, imports, functions, tables, memories, exports. Source: WebAssembly 2.0 §5.5. @module */
import type { ByteReader } from "./byte-reader.ts";
import { filterError, place } from "./filter-error.ts";
import { readFunctionType, readValueType, type Signature } from "./function-type.ts";
import { readerOf, readSections, type Section, sectionId } from "./sections.ts";

/** Bounds of a table (entries) or a memory (pages of 64 KiB). */
export interface Bounds {
  /** Offset in the file. */
  readonly at: number;
  readonly initial: number;
  readonly maximum: number | null;
}

/** A table. */
export interface Table extends Bounds {
  /** `0x70` funcref or `0x6f` externref. */
  readonly elementType: number;
}

/** What an import or export is. */
export type ExternalKind = "function" | "table" | "memory" | "global";

/** One import. */
export interface Import {
  readonly at: number;
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of a function. */
  readonly signature: Signature | null;
}

/** One export. */
export interface Export {
  readonly at: number;
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
  /** Of a function. */
  readonly signature: Signature | null;
}

/** A function's body. */
export interface Body {
  /** Offset of the list of locals. */
  readonly start: number;
  readonly end: number;
}

/** All that is needed to check and to meter a module. What else is in it (initial values, elements, data, types of operands) is the engine's to check. */
export interface BinaryModule {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  readonly types: readonly Signature[];
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** Signatures of all functions by index, imported ones first. */
  readonly functions: readonly Signature[];
  readonly importedFunctions: number;
  readonly tables: readonly Table[];
  readonly memories: readonly Bounds[];
  /** Imported ones too. */
  readonly globalCount: number;
  readonly bodies: readonly Body[];
}

const kinds: readonly ExternalKind[] = ["function", "table", "memory", "global"];

function readBounds(reader: ByteReader): Bounds {
  const at = reader.at;
  const flags = reader.byte();
  if (flags === 2 || flags === 3) throw reader.error("shared memory (threads)", at, "unsupported");
  if (flags >= 4 && flags <= 7) throw reader.error("memory or table of 64 bits", at, "unsupported");
  if (flags > 1) throw reader.error(`there are no bounds of kind ${flags}`, at);
  const initial = reader.u32();
  const maximum = flags === 1 ? reader.u32() : null;
  if (maximum !== null && maximum < initial) throw reader.error(`the maximum, ${maximum}, is less than the initial size, ${initial}`, at);
  return { at, initial, maximum };
}

function readTable(reader: ByteReader): Table {
  const at = reader.at;
  const elementType = reader.byte();
  if (elementType === 0x40 || elementType === 0x63 || elementType === 0x64)
    throw reader.error("a table of typed references", at, "unsupported");
  if (elementType !== 0x70 && elementType !== 0x6f) throw reader.error(`there are no tables of type 0x${elementType.toString(16)}`, at);
  return { elementType, ...readBounds(reader) };
}

function indexed<T>(list: readonly T[], index: number, what: string, reader: ByteReader, at: number): T {
  const found = list[index];
  if (found === undefined) throw reader.error(`there is no ${what} ${index}, there are ${list.length}`, at);
  return found;
}

function readImports(reader: ByteReader, types: readonly Signature[], tables: Table[], memories: Bounds[]): Import[] {
  const imports: Import[] = [];
  for (let left = reader.count("imports"); left > 0; left--) {
    const at = reader.at;
    const [module, name] = [reader.name(), reader.name()];
    const kind = reader.byte();
    let signature: Signature | null = null;
    if (kind === 0) {
      const typeAt = reader.at;
      signature = indexed(types, reader.u32(), "type", reader, typeAt);
    } else if (kind === 1) tables.push(readTable(reader));
    else if (kind === 2) memories.push(readBounds(reader));
    else if (kind === 3) {
      readValueType(reader);
      reader.byte();
    } else if (kind === 4) throw reader.error("exception handling (an imported tag)", at, "unsupported");
    else throw reader.error(`there are no imports of kind ${kind}`, reader.at - 1);
    imports.push({ at, module, name, kind: kinds[kind]!, signature });
  }
  return imports;
}

function readExports(reader: ByteReader, functions: readonly Signature[]): Export[] {
  const exports: Export[] = [];
  const seen = new Set<string>();
  for (let left = reader.count("exports"); left > 0; left--) {
    const at = reader.at;
    const name = reader.name();
    if (seen.has(name)) throw reader.error(`export ${JSON.stringify(name)} is there twice`, at);
    seen.add(name);
    const kind = kinds[reader.byte()];
    if (kind === undefined) throw reader.error(`there are no exports of kind ${reader.bytes[reader.at - 1]}`, reader.at - 1);
    const index = reader.u32();
    exports.push({ at, name, kind, index, signature: kind === "function" ? indexed(functions, index, "function", reader, at) : null });
  }
  return exports;
}

function readBodies(reader: ByteReader, expected: number): Body[] {
  const at = reader.at;
  const count = reader.count("functions");
  if (count !== expected) throw reader.error(`there are ${count} bodies of ${expected} functions`, at);
  const bodies: Body[] = [];
  for (let index = 0; index < count; index++) {
    const size = reader.u32();
    const start = reader.at;
    reader.skip(size);
    bodies.push({ start, end: reader.at });
  }
  return bodies;
}

/**
 * Reads a module's declarations.
 *
 * @throws {MitsuError} `ERR_FILTER_MALFORMED` or `ERR_FILTER_UNSUPPORTED`, with the byte and the section.
 */
export function readModule(bytes: Uint8Array): BinaryModule {
  const sections = readSections(bytes);
  const types: Signature[] = [];
  const tables: Table[] = [];
  const memories: Bounds[] = [];
  let imports: Import[] = [];
  let exports: Export[] = [];
  let functions: Signature[] = [];
  let importedFunctions = 0;
  let globalCount = 0;
  let bodies: Body[] = [];
  for (const section of sections) {
    const reader = readerOf(bytes, section);
    if (section.id === sectionId.type) for (let left = reader.count("types"); left > 0; left--) types.push(readFunctionType(reader));
    else if (section.id === sectionId.import) {
      imports = readImports(reader, types, tables, memories);
      functions = imports.flatMap(({ signature }) => (signature === null ? [] : [signature]));
      importedFunctions = functions.length;
      globalCount = imports.filter(({ kind }) => kind === "global").length;
    } else if (section.id === sectionId.function) {
      for (let left = reader.count("functions"); left > 0; left--)
        functions.push(indexed(types, reader.u32(), "type", reader, reader.at - 1));
    } else if (section.id === sectionId.table) for (let left = reader.count("tables"); left > 0; left--) tables.push(readTable(reader));
    else if (section.id === sectionId.memory) for (let left = reader.count("memories"); left > 0; left--) memories.push(readBounds(reader));
    else if (section.id === sectionId.global) {
      globalCount += reader.count("globals");
      continue;
    } else if (section.id === sectionId.export) exports = readExports(reader, functions);
    else if (section.id === sectionId.code) bodies = readBodies(reader, functions.length - importedFunctions);
    else continue;
    reader.finish();
  }
  if (memories.length > 1)
    throw filterError(
      "unsupported",
      `more than one memory ${place(memories[1]!.at, "section memory")}`,
      "build the filter without this extension",
    );
  if (bodies.length < functions.length - importedFunctions)
    throw filterError("malformed", `functions without bodies ${place(bytes.length, "the end of the file")}`, "copy or build it again");
  return { bytes, sections, types, imports, exports, functions, importedFunctions, tables, memories, globalCount, bodies };
}
