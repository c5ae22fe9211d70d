/** Puts modules together from parts, for tests: no text format, no tool. @module */
import { ByteWriter } from "../../src/module/byte-writer.ts";
import { customSection, preamble, sectionId } from "../../src/module/sections.ts";

/** A function; types are letters as in `Signature`. */
export interface FunctionSpec {
  readonly type: string;
  /** Types of locals beside the parameters. */
  readonly locals?: string;
  /** Instructions, the last `end` too. */
  readonly code: readonly number[];
  readonly export?: string;
}

/** A module. */
export interface ModuleSpec {
  readonly imports?: readonly { readonly module: string; readonly name: string; readonly type: string }[];
  readonly functions?: readonly FunctionSpec[];
  readonly memory?: { readonly initial: number; readonly maximum?: number; readonly export?: string };
  /** Entries of a table of functions, filled with these from 0. */
  readonly table?: { readonly initial: number; readonly maximum?: number; readonly functions?: readonly number[] };
  /** Initial values of mutable i32 globals. */
  readonly globals?: readonly number[];
  readonly start?: number;
  /** A passive segment of data. */
  readonly data?: readonly number[];
  readonly customs?: readonly { readonly name: string; readonly content: Uint8Array }[];
}

const codes: Readonly<Record<string, number>> = { i: 0x7f, I: 0x7e, f: 0x7d, F: 0x7c, v: 0x7b, r: 0x70, x: 0x6f };

/** LEB128 of a signed number, for code. */
export const s32 = (value: number): number[] => [...new ByteWriter().s32(value).view()];
/** LEB128 of an unsigned number, for code. */
export const u32 = (value: number): number[] => [...new ByteWriter().u32(value).view()];

function bounds(writer: ByteWriter, initial: number, maximum: number | undefined): void {
  writer.byte(maximum === undefined ? 0 : 1).u32(initial);
  if (maximum !== undefined) writer.u32(maximum);
}

/** The module's bytes. */
export function buildModule(spec: ModuleSpec): Uint8Array<ArrayBuffer> {
  const { imports = [], functions = [], memory, table, globals = [], customs = [] } = spec;
  const types = [...new Set([...imports, ...functions].map(({ type }) => type))];
  const out = new ByteWriter(1024).bytes(preamble);
  const section = (id: number, count: number, write: (writer: ByteWriter) => void) => {
    if (count === 0) return;
    const writer = new ByteWriter().u32(count);
    write(writer);
    out.byte(id).sized(writer.view());
  };
  section(sectionId.type, types.length, (writer) => {
    for (const type of types) {
      writer.byte(0x60);
      for (const list of type.split(":")) writer.u32(list.length).byte(...[...list].map((letter) => codes[letter]!));
    }
  });
  section(sectionId.import, imports.length, (writer) => {
    for (const { module, name, type } of imports) writer.name(module).name(name).byte(0).u32(types.indexOf(type));
  });
  section(sectionId.function, functions.length, (writer) => {
    for (const { type } of functions) writer.u32(types.indexOf(type));
  });
  section(sectionId.table, table ? 1 : 0, (writer) => bounds(writer.byte(0x70), table!.initial, table!.maximum));
  section(sectionId.memory, memory ? 1 : 0, (writer) => bounds(writer, memory!.initial, memory!.maximum));
  section(sectionId.global, globals.length, (writer) => {
    for (const value of globals) writer.byte(0x7f, 1, 0x41).s32(value).byte(0x0b);
  });
  const exported = functions.flatMap((one, index) =>
    one.export === undefined ? [] : [{ name: one.export, index: imports.length + index }],
  );
  section(sectionId.export, exported.length + (memory?.export ? 1 : 0) + globals.length, (writer) => {
    for (const { name, index } of exported) writer.name(name).byte(0).u32(index);
    if (memory?.export) writer.name(memory.export).byte(2, 0);
    for (const index of globals.keys()) writer.name(`global${index}`).byte(3).u32(index);
  });
  if (spec.start !== undefined) out.byte(sectionId.start).sized(new ByteWriter().u32(spec.start).view());
  section(sectionId.element, table?.functions ? 1 : 0, (writer) => {
    writer.byte(0, 0x41, 0, 0x0b).u32(table!.functions!.length);
    for (const index of table!.functions!) writer.u32(index);
  });
  if (spec.data) out.byte(sectionId.dataCount, 1, 1);
  section(sectionId.code, functions.length, (writer) => {
    for (const { locals = "", code } of functions) {
      const body = new ByteWriter().u32(locals.length);
      for (const letter of locals) body.byte(1, codes[letter]!);
      writer.sized(body.bytes(Uint8Array.from(code)).view());
    }
  });
  section(sectionId.data, spec.data ? 1 : 0, (writer) => writer.byte(1).sized(Uint8Array.from(spec.data!)));
  for (const { name, content } of customs) out.bytes(customSection(name, content));
  return out.take();
}

/** A filter with all that the ABI wants, and what is given beside it. */
export function buildFilter(spec: ModuleSpec = {}, version = "0_2_1"): Uint8Array<ArrayBuffer> {
  return buildModule({
    memory: { initial: 1, export: "memory" },
    ...spec,
    functions: [
      { type: ":", code: [0x0b], export: `proxy_abi_version_${version}` },
      { type: "i:i", code: [0x41, 0, 0x0b], export: "proxy_on_memory_allocate" },
      ...(spec.functions ?? []),
    ],
  });
}
