/**
 * Puts fuel and bounds into a module, in its binary form.
 *
 * The counter is a mutable i32 global, exported as {@link fuelExport} and the last of all globals, so that no index changes; nothing else in the
 * filter can reach it. Charges are put into the code (see `charge-points.ts`), and the filter traps with `unreachable` as soon as the counter is below 0.
 * Names of functions stay; debug information does not, as its offsets would be wrong.
 *
 * Source: WebAssembly 2.0 §5.5.
 *
 * @module
 */
import { webAssembly } from "../host/web-assembly.ts";
import { type BinaryModule, type Bounds, readModule } from "./binary-module.ts";
import { ByteWriter } from "./byte-writer.ts";
import { planFunction } from "./charge-points.ts";
import { filterError, place } from "./filter-error.ts";
import { bulkUnitsShift, entryUnitsShift, growCallUnits, growUnitsShift } from "./instruction-cost.ts";
import { opcode } from "./instruction-reader.ts";
import { chargers, type Meter, writeMeteredBody } from "./metered-body.ts";
import { ownSections } from "./own-sections.ts";
import { preamble, readerOf, type Section, sectionId, sectionRank } from "./sections.ts";
import { calleeUnits, indexSpaces, instructionsOf } from "./unmetered-functions.ts";

/** The name by which the host reads and sets the counter. No compiler makes a name with a colon. */
export const fuelExport = "mitsu:fuel";
/** Entries of a table, 16 bytes of the engine's memory each. */
export const largestTableEntries = 100_000;
const pageBytes = 2 ** 16;
/** V8's limit of one body. */
const largestBodyBytes = 7_654_321;
const i32 = 0x7f;
const chargerSignature = "i:i";

/** What a module is bounded to. */
export interface InstrumentOptions {
  /** Bytes of linear memory, rounded down to pages of 64 KiB. */
  readonly memoryBytes: number;
  /** Units that the counter begins with: what a start section may take before the host can set it. */
  readonly startFuel?: number;
}

function bounded(out: ByteWriter, { initial, maximum }: Bounds, most: number): void {
  out
    .byte(1)
    .u32(initial)
    .u32(Math.min(maximum ?? most, most));
}

/** Refuses what cannot be bounded. */
function checkBounds(module: BinaryModule, pages: number): void {
  for (const { kind, module: from, name, at } of module.imports)
    if (kind !== "function")
      throw filterError(
        "import",
        `it imports ${kind} ${from}.${name} ${place(at, "section import")}`,
        `let the filter have its own ${kind}`,
      );
  for (const { initial, at } of module.memories)
    if (initial > pages)
      throw filterError(
        "memory",
        `it begins with ${initial} pages of memory, ${pages} are allowed ${place(at, "section memory")}`,
        "raise limits.memory, or build the filter with a smaller stack and less static data",
      );
  for (const { initial, at } of module.tables)
    if (initial > largestTableEntries)
      throw filterError(
        "memory",
        `it begins with a table of ${initial} entries, ${largestTableEntries} are allowed ${place(at, "section table")}`,
        "split the filter",
      );
  const taken = module.exports.find(({ name }) => name === fuelExport);
  if (taken)
    throw filterError("export", `it exports ${fuelExport} itself ${place(taken.at, "section export")}`, "give the module as it was built");
}

/** Bodies of the functions that take units for an operand; the counter is checked in each. */
function writeChargers(out: ByteWriter, global: number): void {
  const body = (units: (writer: ByteWriter) => void) => {
    const writer = new ByteWriter().byte(0, opcode.globalGet).u32(global);
    units(writer);
    writer.byte(opcode.i32Sub, opcode.globalSet).u32(global).byte(opcode.globalGet).u32(global);
    writer.byte(opcode.i32Const, 0, opcode.i32LtS, opcode.if, 0x40, opcode.unreachable, opcode.end, opcode.localGet, 0, opcode.end);
    out.sized(writer.view());
  };
  /** The operand, or the bound if it is more: with that the operation fails anyway, and the counter does not wrap. */
  const atMost = (writer: ByteWriter, bound: number) =>
    writer
      .byte(opcode.localGet, 0, opcode.i32Const)
      .s32(bound)
      .byte(opcode.localGet, 0, opcode.i32Const)
      .s32(bound)
      .byte(opcode.i32LtU, opcode.select);
  body((writer) => writer.byte(opcode.localGet, 0, opcode.i32Const).s32(bulkUnitsShift).byte(opcode.i32ShrU));
  body((writer) => {
    atMost(writer, 2 ** 16)
      .byte(opcode.i32Const)
      .s32(growUnitsShift)
      .byte(opcode.i32Shl);
    writer.byte(opcode.i32Const).s32(growCallUnits).byte(opcode.i32Add);
  });
  const entries = (writer: ByteWriter) =>
    atMost(writer, 2 ** 23)
      .byte(opcode.i32Const)
      .s32(entryUnitsShift)
      .byte(opcode.i32Shl);
  body(entries);
  body((writer) => entries(writer).byte(opcode.i32Const).s32(growCallUnits).byte(opcode.i32Add));
}
const chargerCount = Object.keys(chargers).length;

/** The code section; says whether there are bulk operations, which need the chargers. */
function writeCode(module: BinaryModule, meter: Meter): { readonly code: ByteWriter; readonly hasBulk: boolean } {
  const { units, unmetered } = calleeUnits(module);
  const spaces = indexSpaces(module);
  const bodies = new ByteWriter(module.bytes.length * 2);
  const scratch = new ByteWriter(4096);
  let hasBulk = false;
  for (let body = 0; body < module.bodies.length; body++) {
    const { start, end } = module.bodies[body]!;
    if (unmetered[module.importedFunctions + body]) {
      bodies.sized(module.bytes.subarray(start, end));
      continue;
    }
    const instructions = instructionsOf(module, body, spaces);
    const plan = planFunction(instructions, units, unmetered);
    hasBulk ||= plan.stops.some(({ kind }) => kind === "bulk");
    writeMeteredBody(scratch.clear(), instructions, plan, meter);
    if (scratch.length > largestBodyBytes) throw instructions.reader.error("the function is too long to be metered", start, "unsupported");
    bodies.sized(scratch.view());
  }
  if (hasBulk) writeChargers(bodies, meter.global);
  const code = new ByteWriter(bodies.length + 5).u32(module.bodies.length + (hasBulk ? chargerCount : 0)).bytes(bodies.view());
  return { code, hasBulk };
}

/**
 * Meters and bounds a module that was read. Its own checks come first, as they name the byte; whether types fit is for {@link checkValid} to say of the
 * original: an index just past the end would otherwise be that of the counter.
 *
 * @throws {MitsuError} `ERR_FILTER_*`, see {@link instrument}.
 */
export function instrumentModule(module: BinaryModule, options: InstrumentOptions): Uint8Array<ArrayBuffer> {
  const pages = Math.min(Math.floor(options.memoryBytes / pageBytes), 2 ** 16);
  checkBounds(module, pages);
  const meter: Meter = { global: module.globalCount, firstCharger: module.functions.length };
  const { code, hasBulk } = writeCode(module, meter);
  const out = new ByteWriter(module.bytes.length * 2).bytes(preamble);
  const known = module.types.indexOf(chargerSignature);
  const chargerTypes = new ByteWriter();
  for (let left = chargerCount; left > 0; left--) chargerTypes.u32(known < 0 ? module.types.length : known);

  /** Copies a section with entries added at its end. */
  const extended = (section: Section | undefined, added: number, entries: ByteWriter): ByteWriter => {
    const reader = section && readerOf(module.bytes, section);
    const writer = new ByteWriter().u32((reader?.u32() ?? 0) + added);
    if (reader) writer.bytes(module.bytes.subarray(reader.at, reader.end));
    return writer.bytes(entries.view());
  };
  const rewrite: Readonly<Record<number, (section: Section | undefined) => ByteWriter | undefined>> = {
    [sectionId.type]: (section) => (hasBulk && known < 0 ? extended(section, 1, new ByteWriter().byte(0x60, 1, i32, 1, i32)) : undefined),
    [sectionId.function]: (section) => (hasBulk ? extended(section, chargerCount, chargerTypes) : undefined),
    [sectionId.table]: (section) => {
      if (!section) return undefined;
      const writer = new ByteWriter().u32(module.tables.length);
      for (const table of module.tables) bounded(writer.byte(table.elementType), table, largestTableEntries);
      return writer;
    },
    [sectionId.memory]: (section) => {
      if (!section) return undefined;
      const writer = new ByteWriter().u32(module.memories.length);
      for (const memory of module.memories) bounded(writer, memory, pages);
      return writer;
    },
    [sectionId.global]: (section) =>
      extended(
        section,
        1,
        new ByteWriter()
          .byte(i32, 1, opcode.i32Const)
          .s32(options.startFuel ?? 0)
          .byte(opcode.end),
      ),
    [sectionId.export]: (section) => extended(section, 1, new ByteWriter().name(fuelExport).byte(3).u32(meter.global)),
    [sectionId.code]: (section) => (section ? code : undefined),
  };

  const sections = module.sections.filter(({ id }) => id !== sectionId.custom);
  for (const id of Object.values(sectionId).sort((one, other) => sectionRank(one) - sectionRank(other))) {
    if (id === sectionId.custom) continue;
    const section = sections.find((one) => one.id === id);
    const content = rewrite[id]?.(section)?.view() ?? (section && module.bytes.subarray(section.content, section.end));
    if (content) out.byte(id).sized(content);
  }
  for (const { id, name, start, end } of module.sections)
    if (id === sectionId.custom && (name === "name" || ownSections.includes(name))) out.bytes(module.bytes.subarray(start, end));
  return out.take();
}

/** Lets the engine check a module. @throws {MitsuError} `ERR_FILTER_INVALID` with the engine's own words and its offset. */
export function checkValid(bytes: Uint8Array<ArrayBuffer>): void {
  if (webAssembly.validate(bytes)) return;
  let cause: unknown;
  try {
    new webAssembly.Module(bytes);
  } catch (error) {
    cause = error;
  }
  const reason = cause instanceof Error ? cause.message.replace(/^WebAssembly\.Module\(\): /, "") : "the engine refuses it";
  throw filterError(
    "invalid",
    reason,
    "build the filter again; if a compiler made it like this, it uses an extension that is not supported",
    cause,
  );
}

/**
 * Checks a module, puts fuel into it and bounds its memory and tables.
 *
 * @param bytes A binary module. Not changed.
 * @returns A valid module with the same functions, exports and behaviour, and the export {@link fuelExport}.
 * @throws {MitsuError} `ERR_FILTER_MALFORMED`, `ERR_FILTER_INVALID`, `ERR_FILTER_UNSUPPORTED` with byte and section; `ERR_FILTER_MEMORY` if it begins
 *   with more than it may have; `ERR_FILTER_IMPORT` if memory, tables or globals are imported; `ERR_FILTER_EXPORT` if it is metered already.
 * @example
 * ```ts
 * const metered = instrument(await readFile("filter.wasm"), { memoryBytes: 32 * 2 ** 20 });
 * const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(metered), imports);
 * exports["mitsu:fuel"].value = 2_000_000;
 * exports.proxy_on_request_headers(2, 10, 1); // throws RuntimeError, with the counter below 0, if that is not enough
 * ```
 */
export function instrument(bytes: Uint8Array<ArrayBuffer>, options: InstrumentOptions): Uint8Array<ArrayBuffer> {
  const metered = instrumentModule(readModule(bytes), options);
  checkValid(bytes);
  return metered;
}
